//! The Worker's settings: the variables of `wrangler.toml`.
//!
//! Input: the bindings. Output: numbers, or an error with the name of the variable.

use worker::Env;

use crate::failure::Failure;

/// The settings that limit how much work one run does, and that set how often a full pass runs.
pub struct Settings {
    /// Statements that one run sends to D1.
    pub d1_statements: i32,
    /// Rows in one batch.
    pub batch_rows: usize,
    /// Hours from the beginning of a full pass to the beginning of the next.
    pub full_pass_hours: i32,
}

impl Settings {
    pub fn from_env(env: &Env) -> Result<Settings, Failure> {
        let batch_rows = number(env, "BATCH_ROWS", 1000)?;
        Ok(Settings {
            d1_statements: number(env, "D1_STATEMENTS", 900)?,
            batch_rows: usize::try_from(batch_rows).unwrap_or(1),
            full_pass_hours: number(env, "FULL_PASS_HOURS", 24)?,
        })
    }
}

fn number(env: &Env, name: &str, default: i32) -> Result<i32, Failure> {
    let Ok(text) = env.var(name).map(|value| value.to_string()) else { return Ok(default) };
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Failure::Setting(format!("{name} is {text:?}: set it to a whole number above 0"))),
    }
}
