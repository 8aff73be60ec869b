//! Runs checks, counts their tests, and prints a summary.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::doc_tests::DocTests;
use super::parts::{Step, Work};
use super::programs::{self, Program};

const DOC_TESTS: &str = "doc tests";

pub(super) struct Verdict {
    part: &'static str,
    name: String,
    time: Duration,
    counts: Counts,
    outcome: Outcome,
}

enum Outcome {
    Ok,
    Failed,
    /// The check did not run; the text states the reason.
    NotRun(&'static str),
}

/// The numbers of tests that the test programs report.
#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

pub(super) fn check(part: &'static str, step: Step) -> Verdict {
    let Step { name, work } = step;
    eprintln!("\n=> {name}");
    let start = Instant::now();
    let mut counts = Counts::default();
    let ended = match work {
        Work::Nothing(why) => {
            return Verdict { part, name, time: start.elapsed(), counts, outcome: Outcome::NotRun(why) };
        }
        Work::Command(mut command) => run_counting(&mut command, &mut counts),
        Work::Programs { tests, besides } => {
            run_programs(tests, besides.map(|besides| *besides), &mut counts)
        }
    };
    let outcome = match ended {
        Ok(()) => Outcome::Ok,
        Err(error) => {
            eprintln!("{error:#}");
            Outcome::Failed
        }
    };
    Verdict { part, name, time: start.elapsed(), counts, outcome }
}

/// Runs a command to completion, with its output on standard error, and counts its tests.
fn run_counting(command: &mut Command, counts: &mut Counts) -> Result<()> {
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = process.stdout.take().context("the output is piped")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        counts.add(&line);
    }
    let status = process.wait()?;
    if status.success() { Ok(()) } else { Err(anyhow!("failed ({status})")) }
}

/// Runs several test programs at once, and prints the output of each when it has ended.
fn run_programs(tests: Command, besides: Option<(Command, DocTests)>, counts: &mut Counts) -> Result<()> {
    let mut all: Vec<Program> = Vec::new();
    let (command, doc_tests) = besides.unzip();
    all.extend(command.map(|command| Program { name: DOC_TESTS.to_owned(), command }));
    all.extend(programs::find(tests)?);
    let results = Mutex::new((counts, Vec::new()));
    programs::run(all, |ended| {
        let Ok(mut results) = results.lock() else { return };
        eprintln!("\n{} ({:.1} s)\n{}", ended.name, ended.time.as_secs_f64(), ended.output);
        ended.output.lines().for_each(|line| results.0.add(line));
        match ended.status {
            Some(status) if status.success() => {
                if let Some(doc_tests) = doc_tests.as_ref().filter(|_| ended.name == DOC_TESTS)
                    && let Err(error) = doc_tests.have_passed()
                {
                    results.1.push(format!("{DOC_TESTS} ({error:#})"));
                }
            }
            Some(_) => results.1.push(ended.name),
            None => {
                let minutes = programs::LIMIT.as_secs() / 60;
                results.1.push(format!("{} (killed after {minutes} minutes)", ended.name));
            }
        }
    })?;
    let failed = results.into_inner().map_err(|_| anyhow!("a thread that runs checks failed"))?.1;
    if failed.is_empty() { Ok(()) } else { Err(anyhow!("failed: {}", failed.join(", "))) }
}

impl Counts {
    /// Adds the numbers of a line such as `test result: ok. 17 passed; 0 failed; 2 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, rest)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for part in rest.split("; ") {
            let Some((count, what)) = part.split_once(' ') else { continue };
            let count = count.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

pub(super) fn summary(results: &[Verdict]) -> Result<()> {
    println!();
    let mut part = "";
    for result in results {
        if result.part != part {
            part = result.part;
            let times = results.iter().filter(|result| result.part == part).map(|result| result.time);
            println!("{part:<45} {:6.1} s", times.sum::<Duration>().as_secs_f64());
        }
        let Verdict { name, time, counts, outcome, .. } = result;
        let verdict = match outcome {
            Outcome::Ok => "ok",
            Outcome::Failed => "FAILED",
            Outcome::NotRun(why) => {
                println!("  {name:<36} not run: {why}");
                continue;
            }
        };
        print!("  {name:<36} {verdict:<6} {:6.1} s", time.as_secs_f64());
        if counts.passed + counts.failed > 0 {
            print!("   {} passed, {} failed, {} ignored", counts.passed, counts.failed, counts.ignored);
        }
        println!();
    }
    let failed = |result: &&Verdict| matches!(result.outcome, Outcome::Failed);
    let failed: Vec<&str> = results.iter().filter(failed).map(|result| result.name.as_str()).collect();
    if failed.is_empty() { Ok(()) } else { Err(anyhow!("failed: {}", failed.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_programs_add_up() {
        let mut counts = Counts::default();
        for line in [
            "test result: ok. 17 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.04s",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 60.01s",
            "test other ... ok",
        ] {
            counts.add(line);
        }
        assert_eq!((counts.passed, counts.failed, counts.ignored), (20, 1, 2));
    }
}
