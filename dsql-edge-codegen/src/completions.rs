//! `dsql-edge completions`: prints the script that completes this command line in a shell.
//!
//! Input: the shell's name. Output: the script.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

/// Print the script that completes this command line in a shell
#[derive(Args)]
#[command(
    after_help = "Examples:\n  dsql-edge completions bash > ~/.local/share/bash-completion/completions/dsql-edge\n  \
    dsql-edge completions zsh > ~/.zfunc/_dsql-edge        # with ~/.zfunc in fpath\n  dsql-edge completions fish > \
    ~/.config/fish/completions/dsql-edge.fish"
)]
pub struct Options {
    /// The shell
    shell: Shell,
}

/// Prints the script for this command line.
///
/// # Errors
/// Returns an error if the output cannot be written.
pub fn run(options: &Options, mut command: Command) -> Result<ExitCode> {
    let mut script = Vec::new();
    generate(options.shell, &mut command, "dsql-edge", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
