//! The commands of a document: blocks ```` ```console ```` with `$ command` lines and the expected output.
//!
//! A line `…` in the expected output means any number of lines, and `…` in a line any text. The last line
//! `exit status N` is the expected status, which is otherwise 0. The word after `console` is the way in which a block
//! runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A block of commands.
pub struct Block {
    /// The line at which the block begins, counted from 1.
    pub line: usize,
    /// The word after `console`, or an empty text.
    pub kind: String,
    /// The commands, each with its expected output.
    pub commands: Vec<(String, Vec<String>)>,
}

/// Finds the blocks of a document.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut out = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((line, opening)) = lines.next() {
        let Some(kind) = opening.trim_start().strip_prefix("```console") else { continue };
        let mut commands: Vec<(String, Vec<String>)> = Vec::new();
        for (_, content) in lines.by_ref() {
            let content = content.trim_start();
            if content == "```" {
                break;
            }
            match content.strip_prefix("$ ") {
                Some(command) => commands.push((command.to_owned(), Vec::new())),
                None => {
                    let (_, expected) = commands.last_mut().expect("output before the first command");
                    expected.push(content.to_owned());
                }
            }
        }
        let kind = kind.trim_start_matches(',').to_owned();
        out.push(Block { line, kind, commands });
    }
    out
}

/// A shell: a working folder, a folder of programs, and a home folder.
pub struct Shell {
    /// The working folder, which `cd` changes.
    pub folder: PathBuf,
    /// The home folder.
    pub home: PathBuf,
    /// A folder that is searched for programs before `PATH`.
    pub programs: PathBuf,
}

impl Shell {
    /// Returns a command with the environment of the shell.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        crate::binary::without_shell_variables(&mut command).current_dir(&self.folder).stdin(Stdio::null());
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.programs.display()));
        command.env("NO_COLOR", "1").env("CI", "1").env_remove("CARGO_TARGET_DIR");
        command
    }

    /// Runs a command and compares its output. Returns an error that contains both the expected and the actual output.
    pub fn run(&mut self, line: &str, expected: &[String]) -> Result<(), String> {
        let place = self.home.join("working-folder");
        let script = format!("exec 2>&1\n{line}\nstatus=$?\npwd > {}\nexit $status", place.display());
        let output = self.command("sh").arg("-c").arg(script).output().map_err(|error| error.to_string())?;
        if let Ok(folder) = std::fs::read_to_string(&place) {
            self.folder = PathBuf::from(folder.trim_end());
        }
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let status = output.status.code().unwrap_or(-1);
        let (expected, wanted) = match expected.split_last() {
            Some((last, rest)) if last.starts_with("exit status ") => (rest, last.as_str()),
            _ => (expected, "exit status 0"),
        };
        let lines: Vec<&str> = printed.lines().collect();
        if wanted != format!("exit status {status}") || !matches(expected, &lines) {
            let expected = expected.join("\n");
            return Err(format!(
                "$ {line}\nexpected, with {wanted}:\n{expected}\nprinted, with {status}:\n{printed}"
            ));
        }
        Ok(())
    }
}

/// Whether the printed lines are the expected ones.
fn matches(expected: &[String], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => {
            printed.split_first().is_some_and(|(line, more)| line_matches(first, line) && matches(rest, more))
        }
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.trim_start().strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.trim_end().is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.trim_end().ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    true
}

/// Writes a program that a shell finds before the programs of `PATH`. A child process writes the file. If this process
/// wrote the file, another thread could start a program at the same time. The started program would keep the file open
/// for writing, and Linux does not run a file that is open for writing ("Text file busy").
pub fn write_program(folder: &Path, name: &str, text: &str) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(folder.join(name)).arg(text);
    assert!(shell.status().unwrap().success(), "{name}");
}
