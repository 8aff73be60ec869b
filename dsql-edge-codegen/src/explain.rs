//! `dsql-edge explain CODE`: the page of a diagnostic. A code in, as an error prints it, its page out.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use dsql_edge_compiler::diagnostic::{Code, suggestion};
use serde_json::json;

use crate::format::{self, Format};

/// Explain an error or a warning by its code: what it means, an example, how to mend it
#[derive(Args)]
#[command(after_help = "Examples:\n  dsql-edge explain unknown-column\n  dsql-edge explain 42703")]
pub struct Options {
    /// As the error prints it: `unknown-column`, `42703` or `[42703 unknown-column]`; without any, all are listed
    code: Vec<String>,
    /// How the answer is printed; as JSON, a list of codes with their pages
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// A code that does not exist.
pub fn run(options: &Options) -> Result<ExitCode> {
    if options.format == Format::Json {
        let codes =
            if options.code.is_empty() { Code::ALL.to_vec() } else { meant(&options.code.join(" "))? };
        let pages = codes
            .iter()
            .map(|code| json!({ "code": code.name(), "sqlstate": code.sqlstate(), "page": code.page() }));
        let all = json!({ "version": 1, "codes": pages.collect::<Vec<_>>() });
        format::print(&format::json(&all))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut stdout = io::stdout().lock();
    if options.code.is_empty() {
        for code in Code::ALL {
            writeln!(stdout, "{}  {}", code.sqlstate(), code.name())?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let pages: Vec<&str> = meant(&options.code.join(" "))?.iter().map(|code| code.page()).collect();
    writeln!(stdout, "{}", pages.join("\n").trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// The codes that are meant: one by its name, all of a SQLSTATE.
fn meant(written: &str) -> Result<Vec<Code>> {
    let words = || {
        written.split(|it: char| it.is_whitespace() || matches!(it, '[' | ']')).filter(|it| !it.is_empty())
    };
    // In Rust's attributes a code has underscores.
    if let Some(code) = words().find_map(|word| Code::named(&word.to_lowercase().replace('_', "-"))) {
        return Ok(vec![code]);
    }
    let of_state: Vec<Code> =
        Code::ALL.iter().copied().filter(|code| words().any(|word| word == code.sqlstate())).collect();
    if !of_state.is_empty() {
        return Ok(of_state);
    }
    let nearest = suggestion::nearest(written.trim(), Code::ALL.iter().map(|code| code.name()));
    let advice = match nearest {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`dsql-edge explain` lists them".to_owned(),
    };
    Err(anyhow!("there is no code {written}: {advice}"))
}

#[cfg(test)]
mod tests {
    use super::meant;
    use dsql_edge_compiler::diagnostic::Code;

    #[test]
    fn a_code_is_found_as_an_error_prints_it() {
        for written in ["unknown-column", "[42703 unknown-column]", "unknown_column", "42703"] {
            assert_eq!(meant(written).ok(), Some(vec![Code::UnknownColumn]), "{written}");
        }
        assert_eq!(meant("42P01").ok(), Some(vec![Code::UnknownTable, Code::MissingFrom]));
        let error = meant("unknown-colum").map_err(|error| error.to_string());
        assert_eq!(error, Err("there is no code unknown-colum: did you mean unknown-column?".to_owned()));
    }
}
