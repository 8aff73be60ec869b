//! The check of a Worker's build: that wrangler compiles the crate, and that the build writes the file that wrangler
//! deploys.

use std::path::Path;

use serde_json::Value;
use toml_edit::{DocumentMut, Item};

use super::check::Check;
use crate::settings_file::text;

const NAME: &str = "build";

const COMMAND: &str = "cargo install --quiet worker-build@^0.8 && worker-build --release";

/// The entry file of the Worker: first the file that new versions of worker-build write, then the file that old
/// versions write. In new versions, the second file only exports the first file.
const OF_WORKER_BUILD: [&str; 2] = ["build/index.js", "build/worker/shim.mjs"];

/// Returns the check.
pub(super) fn build(package: &Path, values: &Value) -> Check {
    let command = text(values, &["build", "command"]);
    let main = text(values, &["main"]).unwrap_or_default();
    let is_file = !main.is_empty() && package.join(main).is_file();
    let is_elsewhere = values.pointer("/build/cwd").is_some();
    match command {
        Some(command) if !is_file && !is_elsewhere && is_not_written(command, main) => Check::wrong(
            NAME,
            format!("main is {main}, and `{command}` does not write this file: wrangler finds no Worker"),
            format!("set main = \"{}\" and [build] command = \"{COMMAND}\"", OF_WORKER_BUILD[0]),
        ),
        Some(command) if command.contains("worker-build") => match is_without_cdylib(package, command) {
            true => Check::wrong(
                NAME,
                "Cargo.toml has no crate-type cdylib: worker-build makes no Worker of the crate",
                "add [lib] crate-type = [\"cdylib\"] to Cargo.toml",
            ),
            false => Check::ok(NAME, format!("`{command}`")),
        },
        Some(command) => Check::warning(
            NAME,
            format!("`{command}` does not run worker-build"),
            format!("if the Worker is Rust: [build] command = \"{COMMAND}\""),
        ),
        None if is_file => Check::warning(
            NAME,
            format!("no [build]: wrangler deploys {main} as it is"),
            format!("add [build] command = \"{COMMAND}\""),
        ),
        None => Check::wrong(
            NAME,
            "no [build]: wrangler does not compile the crate",
            format!("add [build] command = \"{COMMAND}\""),
        ),
    }
}

/// Whether a command certainly does not write the file `main`. The answer is certain only if the command calls
/// `worker-build` or `wasm-pack` with options only, perhaps after `cargo install`. Any other command may write any
/// file.
fn is_not_written(command: &str, main: &str) -> bool {
    let main = main.strip_prefix("./").unwrap_or(main);
    let mut written_by = None;
    for part in command.split("&&") {
        let mut words = part.split_whitespace();
        let (program, rest) = (words.next().unwrap_or_default(), words.collect::<Vec<_>>());
        let has_options_only = |words: &[&str]| {
            let names_folder = |word: &str| word.starts_with("--out") || word.starts_with("-d");
            words.iter().all(|word| word.starts_with('-')) && !words.iter().any(|word| names_folder(word))
        };
        written_by = match (program, rest.as_slice()) {
            ("cargo", ["install", ..]) if !part.contains([';', '|', '&', '\n']) => continue,
            ("worker-build", options) if has_options_only(options) => Some(OF_WORKER_BUILD.contains(&main)),
            ("wasm-pack", ["build", options @ ..]) if has_options_only(options) => {
                Some(main.starts_with("pkg/"))
            }
            _ => return false,
        };
        if written_by == Some(true) {
            return false;
        }
    }
    !main.is_empty() && written_by == Some(false)
}

/// Whether the package is a crate that worker-build cannot build. A command may build another folder's crate.
fn is_without_cdylib(package: &Path, command: &str) -> bool {
    let text = std::fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
    let Ok(manifest) = text.parse::<DocumentMut>() else { return false };
    let types = manifest.get("lib").and_then(|lib| lib.get("crate-type").or_else(|| lib.get("crate_type")));
    let mut types = types.and_then(Item::as_array).into_iter().flatten();
    let is_here = manifest.contains_key("package") && !command.split_whitespace().any(|word| word == "cd");
    is_here && !types.any(|it| it.as_str() == Some("cdylib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_a_build_cannot_write_is_found() {
        for (command, main, expected) in [
            (COMMAND, "build/index.js", false),
            (COMMAND, "./build/worker/shim.mjs", false),
            (COMMAND, "dist/index.js", true),
            ("worker-build --release --out-dir dist", "dist/index.js", false),
            ("worker-build app", "app/build/index.js", false),
            ("worker-build && npx esbuild a.js", "dist/index.js", false),
            ("worker-build; cp build/index.js dist", "dist/index.js", false),
            ("wasm-pack build --release", "build/index.js", true),
            ("wasm-pack build --release", "pkg/links.js", false),
            ("wasm-pack build --target web", "build/index.js", false),
            ("wasm-pack build && worker-build", "build/index.js", false),
            ("npm run build", "build/index.js", false),
            ("cargo install worker-build", "build/index.js", false),
            (COMMAND, "", false),
        ] {
            assert_eq!(is_not_written(command, main), expected, "{command} {main}");
        }
    }
}
