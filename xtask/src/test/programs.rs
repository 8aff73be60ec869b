//! Finds the test programs of the workspace and runs several at once.
//!
//! Input: arguments of `cargo test` that choose programs. Output: a command for each program, as `cargo test` runs the
//! program: in the folder of its package, with the variables that tests read. `cargo test` itself runs one program
//! after the other. This takes longer, because most of the programs often wait for a server.

use std::env;
use std::ffi::OsString;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;
use xtask::{project, worker};

/// The longest programs. The longest programs begin first, so that none of them runs alone at the end.
const LONGEST: [&str; 10] = [
    "package",
    "attribute",
    "ui",
    "pool",
    "from_sqlx",
    "migrate",
    "soundness",
    "transactions",
    "rewrites",
    "habits",
];

/// A test program.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) command: Command,
}

/// A line of `cargo test --no-run --message-format=json` about a target.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    executable: Option<PathBuf>,
    profile: Profile,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Returns the programs that `tests`, a `cargo test` with its arguments, would run. The programs must be built already.
pub(super) fn find(mut tests: Command) -> Result<Vec<Program>> {
    tests.args(["--no-run", "--message-format=json"]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = tests.output()?;
    ensure!(output.status.success(), "cargo cannot list the test programs");
    let libraries = library_path()?;
    let mut programs = Vec::new();
    for line in output.stdout.split(|byte| *byte == b'\n') {
        // Other kinds of messages have other fields.
        let Ok(artifact) = serde_json::from_slice::<Artifact>(line) else { continue };
        if let (true, Some(executable)) = (artifact.profile.test, &artifact.executable) {
            let mut program = program(&artifact, executable)?;
            program.command.env(LIBRARY_PATH, &libraries);
            program.command.envs(tests.get_envs().filter_map(|(name, value)| Some((name, value?))));
            programs.push(program);
        }
    }
    ensure!(!programs.is_empty(), "cargo lists no test programs");
    let place = |name: &str| LONGEST.iter().position(|long| *long == name).unwrap_or(LONGEST.len());
    programs.sort_by_key(|program| place(&program.name));
    Ok(programs)
}

fn program(artifact: &Artifact, executable: &Path) -> Result<Program> {
    let package = artifact.manifest_path.parent().context("a manifest is in a folder")?;
    let mut command = Command::new(executable);
    command.current_dir(package).env("CARGO_MANIFEST_DIR", package);
    command.env("CARGO_PKG_NAME", worker::package(package)?);
    let kind = artifact.target.kind.first().map_or("", String::as_str);
    let name = if kind == "test" {
        artifact.target.name.clone()
    } else {
        format!("{} ({kind})", artifact.target.name)
    };
    Ok(Program { name, command })
}

#[cfg(target_os = "macos")]
const LIBRARY_PATH: &str = "DYLD_FALLBACK_LIBRARY_PATH";
#[cfg(not(target_os = "macos"))]
const LIBRARY_PATH: &str = "LD_LIBRARY_PATH";

/// Returns the value of [`LIBRARY_PATH`] for the tests of a macro crate. Such a test loads rustc's standard library at
/// run time, and finds it through this variable.
fn library_path() -> Result<OsString> {
    let mut rustc = Command::new("rustc");
    let output = rustc.args(["--print", "target-libdir"]).current_dir(project::root()).output()?;
    ensure!(output.status.success(), "rustc does not print its target-libdir");
    let own = PathBuf::from(String::from_utf8(output.stdout)?.trim_end());
    let before = env::var_os(LIBRARY_PATH).unwrap_or_default();
    Ok(env::join_paths([own].into_iter().chain(env::split_paths(&before)))?)
}

/// A test program that has ended.
pub(super) struct Ended {
    pub(super) name: String,
    pub(super) time: Duration,
    /// `None` if the program was killed after [`LIMIT`].
    pub(super) status: Option<ExitStatus>,
    /// The program's standard output and standard error, in the order in which they were written.
    pub(super) output: String,
}

/// The time limit of a program, so that a program that hangs does not block the others. The longest program takes a
/// minute, or three minutes with the build of the doc tests.
pub(super) const LIMIT: Duration = Duration::from_secs(10 * 60);

/// Runs all programs, and passes each program to `done` when the program has ended. The number of programs that run at
/// the same time is the number of cores plus one, because one program is usually waiting. With the number of cores plus
/// two, the whole run would take longer.
pub(super) fn run(programs: Vec<Program>, done: impl Fn(Ended) + Sync) -> Result<()> {
    let waiting = Mutex::new(programs.into_iter());
    let lane = || -> Result<()> {
        loop {
            let next = waiting.lock().map_err(|_| anyhow!("another thread failed"))?.next();
            let Some(program) = next else { return Ok(()) };
            let name = program.name.clone();
            done(run_one(program).with_context(|| format!("{name} cannot be run"))?);
        }
    };
    let lanes = thread::available_parallelism().map_or(2, usize::from) + 1;
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes
            .into_iter()
            .try_for_each(|lane| lane.join().unwrap_or_else(|_| bail!("a thread that runs tests failed")))
    })
}

/// Runs a program with its output in a file. A pipe would stay open while a server of a killed program still runs.
fn run_one(Program { name, mut command }: Program) -> Result<Ended> {
    let start = Instant::now();
    let mut file = tempfile::tempfile()?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
    let status = wait(&mut command.spawn()?, start + LIMIT)?;
    file.rewind()?;
    let mut output = Vec::new();
    file.read_to_end(&mut output)?;
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(Ended { name, time: start.elapsed(), status, output })
}

/// Waits until a program ends, and kills it at `limit`. dsql-local and workerd end with the program that started them.
fn wait(child: &mut Child, limit: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn program_that_hangs_is_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(wait(&mut child, Instant::now()).unwrap().is_none());
    }

    #[test]
    fn output_and_status_of_a_program_are_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let ended = run_one(Program { name: "sh".to_owned(), command }).unwrap();
        assert_eq!((ended.output.as_str(), ended.status.unwrap().code()), ("one\ntwo\n", Some(3)));
    }
}
