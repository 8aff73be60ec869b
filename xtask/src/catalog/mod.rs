//! `cargo xtask catalog`: writes `dsql-edge-compiler/src/builtin/data` from a PostgreSQL 16. `--check` compares the
//! committed files with the files that would be written; `--attack` tests the reviewed file `never_null.txt`.

mod attack;
mod battery;
mod extension;
mod extract;
mod never_null;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use postgres::{Client, NoTls};

use never_null::NeverNull;

#[derive(Args)]
pub(crate) struct Options {
    /// The PostgreSQL 16 to read the catalog from.
    #[arg(long, env = "DSQL_EDGE_POSTGRES_URL")]
    postgres_url: String,
    /// Write nothing; fail if a file differs from the one that would be written.
    #[arg(long)]
    check: bool,
    /// Write nothing; call the functions of `never_null.txt` with extreme values, and fail on a NULL.
    #[arg(long, conflicts_with = "check")]
    attack: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let data = data_folder();
    let path = data.join("never_null.txt");
    let reviewed = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let never_null = NeverNull::parse(&reviewed).with_context(|| path.display().to_string())?;

    let mut client = connect(&options.postgres_url)?;
    if options.attack {
        return attack::run(&mut client, &never_null);
    }
    let mut files = extract::files(&mut client, &never_null)?;
    files.extend(extension::files(&mut client)?);
    if options.check { compare(&data, &files) } else { write(&data, &files) }
}

fn data_folder() -> PathBuf {
    xtask::project::root().join("dsql-edge-compiler/src/builtin/data")
}

fn connect(url: &str) -> Result<Client> {
    let mut client = Client::connect(url, NoTls).context("connecting to PostgreSQL")?;
    let version: String = client.query_one("SHOW server_version_num", &[])?.get(0);
    if !version.starts_with("16") {
        bail!("the catalog is PostgreSQL 16's, and this server's server_version_num is {version}");
    }
    Ok(client)
}

fn compare(data: &Path, files: &[extract::File]) -> Result<()> {
    let mut differing = Vec::new();
    for file in files {
        if fs::read_to_string(data.join(&file.name)).unwrap_or_default() != file.text {
            differing.push(file.name.as_str());
        }
    }
    if !differing.is_empty() {
        bail!("{} would change: run `cargo xtask catalog` and look at the difference", differing.join(", "));
    }
    println!("the catalog is PostgreSQL's: {} files", files.len());
    Ok(())
}

fn write(data: &Path, files: &[extract::File]) -> Result<()> {
    for file in files {
        let path = data.join(&file.name);
        fs::write(&path, &file.text).with_context(|| path.display().to_string())?;
        println!("{:>6} lines  {}", file.text.lines().count(), file.name);
    }
    Ok(())
}
