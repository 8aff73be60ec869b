//! `cargo xtask release-check`: what must hold before a release, in named parts.
//!
//! Input: a clean clone. Output: a line for each part. The parts do not test the code, as `cargo xtask test --full`
//! does; they test the packages that users get.

mod api;
mod deny;
mod docs;
mod features;
mod lowest_versions;
mod members;
mod packages;
mod rust_version;
mod tools;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the public API to dsql-edge/public-api.txt instead of comparing it
    #[arg(long)]
    bless: bool,
    /// The parts to run (by default all parts): packages, features, deny, api, docs, lowest-versions, rust-version
    #[arg(value_name = "PART")]
    parts: Vec<String>,
}

struct Part {
    name: &'static str,
    about: &'static str,
    check: fn(&Options) -> Result<String>,
}

const PARTS: [Part; 7] = [
    Part {
        name: "packages",
        about: "each package builds from its .crate file, and a new Worker runs with them",
        check: |_| packages::check(),
    },
    Part {
        name: "features",
        about: "dsql-edge builds without a warning with each combination of its features that release/features.rs lists",
        check: |_| features::check(),
    },
    Part { name: "deny", about: "bans, licences and sources of the dependencies", check: |_| deny::check() },
    Part {
        name: "api",
        about: "the public API of dsql-edge is the one in public-api.txt",
        check: |options| api::check(options.bless),
    },
    Part { name: "docs", about: "the documentation as docs.rs builds it", check: |_| docs::check() },
    Part {
        name: "lowest-versions",
        about: "the packages build with the lowest versions of their dependencies",
        check: |_| lowest_versions::check(),
    },
    Part {
        name: "rust-version",
        about: "rust-version is the highest among the dependencies, and enough for our own code",
        check: |_| rust_version::check(),
    },
];

/// Runs the parts, and prints a table of the results.
pub(crate) fn release_check(options: &Options) -> Result<()> {
    if let Some(unknown) = options.parts.iter().find(|name| PARTS.iter().all(|part| part.name != *name)) {
        bail!("{unknown} is not a part: {}", PARTS.map(|part| part.name).join(", "));
    }
    let mut rows: Vec<(&Part, Result<String>, Duration)> = Vec::new();
    for part in
        PARTS.iter().filter(|part| options.parts.is_empty() || options.parts.iter().any(|it| it == part.name))
    {
        eprintln!("=> {}: {}", part.name, part.about);
        let start = Instant::now();
        let checked = (part.check)(options);
        rows.push((part, checked, start.elapsed()));
    }
    let mut failed = 0;
    println!();
    for (part, checked, time) in &rows {
        let (outcome, text) = match checked {
            Ok(text) => ("ok", text.clone()),
            Err(error) => ("FAILED", format!("{error:#}")),
        };
        failed += usize::from(checked.is_err());
        println!("{:<16} {outcome:<7} {:>6.1} s   {text}", part.name, time.as_secs_f64());
    }
    if failed > 0 {
        bail!("{failed} of {} parts failed", rows.len());
    }
    Ok(())
}
