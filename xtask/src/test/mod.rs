//! `cargo xtask test`: the checks of every change. `cargo xtask test --full`: all checks, in named parts.
//!
//! Input: nothing, or the names of parts. Output: a summary with each check's result and time; the exit status is 1 if
//! a check failed.
//!
//! On two idle processor cores, the part `core` may take 25 minutes from a fresh clone, and 3 minutes if nothing has
//! changed. A check that takes long or rarely finds a problem belongs to a part other than `core`. A check of another
//! part may be the longer form of a check of the part `core`. Invariant: every check runs, even after another check has
//! failed. If a check is left out, the summary lists the check.

mod doc_tests;
mod memory;
mod parts;
mod programs;
mod run;

use anyhow::{Context, Result};

use parts::{CORE, PARTS, Part};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run all checks, or the parts that are named
    #[arg(long)]
    full: bool,
    /// Show the parts of --full
    #[arg(long, conflicts_with = "full")]
    list: bool,
    /// Run only these parts
    #[arg(value_name = "PART", requires = "full", conflicts_with = "list")]
    parts: Vec<String>,
}

pub(crate) fn test(options: &Options) -> Result<()> {
    if options.list {
        for Part { name, about, .. } in PARTS {
            println!("{name:<12} {about}");
        }
        return Ok(());
    }
    let chosen: Vec<&Part> = match options.parts.as_slice() {
        [] if options.full => PARTS.iter().collect(),
        [] => vec![&CORE],
        named => named.iter().map(|name| part(name)).collect::<Result<_>>()?,
    };
    parts::prepare()?;
    let mut results = Vec::new();
    for part in chosen {
        let steps = (part.steps)().with_context(|| format!("the part {} cannot begin", part.name))?;
        results.extend(steps.into_iter().map(|step| run::check(part.name, step)));
    }
    run::summary(&results)
}

fn part(name: &str) -> Result<&'static Part> {
    let names = || PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
    PARTS.iter().find(|part| part.name == name).with_context(|| format!("no part {name}: {}", names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_found_only_by_its_name() {
        for known in PARTS {
            assert_eq!(part(known.name).unwrap().name, known.name);
        }
        assert!(part("faults ").is_err_and(|error| error.to_string().contains("core, ")));
    }

    /// Tests that the list of the workflow has every part, except `core`, which a separate job runs, and `corpus`,
    /// because no job has the corpora.
    #[test]
    fn workflow_for_ci_runs_each_part() {
        let workflow = include_str!("../../../.github/workflows/ci.yml");
        let (_, list) = workflow.split_once("\n        part:\n").unwrap();
        let items = list.lines().map_while(|line| line.strip_prefix("          - "));
        let names = PARTS.iter().map(|part| part.name).filter(|name| !["core", "corpus"].contains(name));
        assert_eq!(items.collect::<std::collections::BTreeSet<_>>(), names.collect());
    }
}
