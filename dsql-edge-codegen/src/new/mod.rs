//! `dsql-edge new`: creates the crate of a Worker that runs, with migrations, queries, tests and a workflow for CI.
//!
//! Input: a name and a template. Output: a new folder, and a report with the next steps. No existing file is changed.

mod location;
mod name;
mod template;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use crate::format::{self, Format};
use crate::write_file;
use name::Name;
use template::Template;

/// Create the crate of a Worker that runs, with migrations, queries and tests
#[derive(Args)]
#[command(
    after_help = "Templates:\n  api   requests, without a framework\n  axum  requests, with axum\n  cron  a cron \
    trigger that deletes old rows in batches\n  pool  requests, over connections that a Durable Object keeps near the \
    cluster\n\nExamples:\n  dsql-edge new shop\n  dsql-edge new apps/shop --template axum --region eu-west-1"
)]
pub struct Options {
    /// The name of the Worker, or the path of its new folder
    #[arg(value_name = "NAME")]
    folder: PathBuf,
    /// What the Worker does (see below)
    #[arg(long, value_enum, default_value = "api")]
    template: Template,
    /// The Region of the cluster, near which the Worker or its pool runs
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: String,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// Returns an error if the name is not a name of a Worker and of a crate, if the folder exists and is not empty, or if
/// a file cannot be written.
pub fn run(options: &Options) -> Result<ExitCode> {
    let name = Name::of_folder(&options.folder)?;
    check_region(&options.region)?;
    let folder = &options.folder;
    if !is_empty(folder).with_context(|| folder.display().to_string())? {
        bail!(
            "{} exists already and is not empty; to add dsql-edge to an existing crate, run `dsql-edge init` in it",
            folder.display()
        );
    }
    let files = template::files(options.template, &name, &options.region);
    for (path, text) in &files {
        write_file::create(&folder.join(path), text)?;
    }
    print(options, &files.iter().map(|(path, _)| *path).collect::<Vec<_>>())?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a folder can be created, or has no files.
fn is_empty(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Returns an error if `region` does not have the form of a Region's name: words and a number, with hyphens between
/// them. The Region's name becomes a part of several files.
fn check_region(region: &str) -> Result<()> {
    let (words, number) = region.rsplit_once('-').unwrap_or_default();
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
    if !is_number || !words.contains('-') || !words.split('-').all(is_word) {
        bail!("--region {region:?} is not the name of an AWS Region, such as us-east-1");
    }
    Ok(())
}

fn print(options: &Options, files: &[&str]) -> Result<()> {
    let folder = options.folder.display();
    let next = [
        (format!("cd {folder}"), ""),
        ("rustup target add wasm32-unknown-unknown".to_owned(), "once"),
        ("cargo install dsql-edge-local".to_owned(), "once: a local DSQL"),
        ("npm install".to_owned(), "wrangler, in a version that runs on your Node"),
        ("npm run dev".to_owned(), "the Worker, at http://localhost:8787"),
        ("cargo test".to_owned(), "the tests, each on a cluster of its own"),
    ];
    if options.format == Format::Json {
        let commands: Vec<&str> = next.iter().map(|(command, _)| command.as_str()).collect();
        let answer = json!({ "version": 1, "folder": options.folder, "files": files, "next": commands });
        return Ok(format::print(&format::json(&answer))?);
    }
    let mut text = format!("{folder}: {} files\n", files.len());
    text.extend(files.iter().map(|file| format!("  {file}\n")));
    text.push_str("\nNext:\n");
    for (command, comment) in &next {
        let line = if comment.is_empty() { command.clone() } else { format!("{command:<42}# {comment}") };
        text.push_str(&format!("  {line}\n"));
    }
    Ok(format::print(&text)?)
}

#[cfg(test)]
mod tests {
    use super::check_region;

    #[test]
    fn region_has_the_form_of_a_region() {
        for region in ["us-east-1", "ap-southeast-2", "us-gov-west-1", "eusc-de-east-1"] {
            assert!(check_region(region).is_ok(), "{region}");
        }
        for region in
            ["us-east1", "us-east", "us-1", "us--east-1", "US-east-1", "us-east-1a", "-east-1", "1", ""]
        {
            assert!(check_region(region).is_err(), "{region}");
        }
    }
}
