//! The project's rules that a compiler does not check: which modules a module may import, the length of a file, and
//! words that must not be in a file. ARCHITECTURE.md has the reasons.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use imports::Crate;

#[path = "tidy/idioms.rs"]
mod idioms;
#[path = "tidy/imports.rs"]
mod imports;

/// A file and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Returns the names after `crate::`, with their line numbers, in the part of the file before its tests.
    fn crate_imports(&self) -> Vec<(usize, String)> {
        let code = self.text.split("#[cfg(test)]").next().unwrap_or("");
        let mut found = Vec::new();
        for (at, line) in code.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for part in line.split("crate::").skip(1) {
                let before = line.split("crate::").next().unwrap_or("");
                if before.ends_with('$') || before.ends_with("dsql_edge_") {
                    continue;
                }
                let name: String = part.chars().take_while(|it| it.is_alphanumeric() || *it == '_').collect();
                found.push((at + 1, name));
            }
        }
        found
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of the project under a folder, except build output.
fn sources(folder: &str) -> Vec<Source> {
    files(folder, &[".rs"])
}

/// Returns the files below a folder, except build output. The name of each file has one of these endings.
fn files(folder: &str, endings: &[&str]) -> Vec<Source> {
    let mut pending = vec![root().join(folder)];
    let mut out = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !matches!(
                    name.as_str(),
                    "target" | "node_modules" | "build" | ".git" | ".dsql-local" | "corpus"
                ) {
                    pending.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                out.push(Source { path, text });
            }
        }
    }
    assert!(!out.is_empty(), "{folder} has no sources");
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

fn fail_if_any(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// Returns the imports of the files under `folder` that are not among the allowed modules of the same crate.
fn may_only_name(folder: &str, allowed: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for source in sources(folder) {
        for (line, name) in source.crate_imports() {
            if !allowed.contains(&name.as_str()) {
                problems.push(format!("{}:{line}: {folder} must not import `crate::{name}`", source.path));
            }
        }
    }
    problems
}

#[test]
fn imports_run_one_way() {
    let compiler = "dsql-edge-compiler/src";
    let syntax = ["syntax", "source", "diagnostic", "volatility", "own_stack"];
    let mut problems = may_only_name(&format!("{compiler}/syntax"), &syntax);
    problems.extend(may_only_name(&format!("{compiler}/diagnostic"), &["source", "diagnostic"]));
    problems.extend(may_only_name(&format!("{compiler}/builtin"), &["builtin", "volatility"]));
    problems.extend(may_only_name(
        &format!("{compiler}/schema"),
        &["syntax", "source", "diagnostic", "schema", "own_stack"],
    ));
    let dsql = ["dsql", "syntax", "source", "diagnostic", "schema", "builtin", "elsewhere", "Source"];
    problems.extend(may_only_name(&format!("{compiler}/dsql"), &dsql));
    problems.extend(may_only_name(&format!("{compiler}/emit"), &["typed", "sql_type", "ident", "fields"]));
    for source in sources(compiler) {
        let names: Vec<String> = source.crate_imports().into_iter().map(|(_, name)| name).collect();
        let both = names.iter().any(|name| name == "schema") && names.iter().any(|name| name == "builtin");
        if both && !source.path.contains("/analyze/") {
            problems.push(format!("{}: only analyze imports both schema and builtin", source.path));
        }
    }
    fail_if_any(problems);
}

const CRATES: [&str; 9] = [
    "dsql-edge",
    "dsql-edge-compiler",
    "dsql-edge-migrations",
    "dsql-edge-codegen",
    "dsql-edge-local",
    "dsql-edge-macros",
    "dsql-edge-macro-input",
    "bench",
    "xtask",
];

fn read_crate(name: &str) -> Crate {
    let mut all = Crate::default();
    for source in sources(&format!("{name}/src")) {
        all.add(&source.path, &source.text);
    }
    all
}

/// A file that no other file declares as a module is not compiled.
#[test]
fn every_file_is_a_module() {
    let mut problems = Vec::new();
    for name in CRATES {
        let all = sources(&format!("{name}/src"));
        for source in &all {
            let path = std::path::Path::new(&source.path);
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let folder = path.parent().unwrap();
            // `a/mod.rs` is the module `a`, and its parent is next to the folder.
            let (module, folder) = match stem {
                "main" | "lib" => continue,
                "mod" => (folder.file_name().unwrap().to_str().unwrap(), folder.parent().unwrap()),
                _ => (stem, folder),
            };
            let declares = |parent: &Source| {
                let beside = std::path::Path::new(&parent.path).parent() == Some(folder);
                let of_folder = folder.with_extension("rs") == std::path::Path::new(&parent.path);
                (beside || of_folder)
                    && parent.text.lines().any(|line| line.trim_end().ends_with(&format!("mod {module};")))
            };
            if !all.iter().any(declares) && !source.path.contains("/bin/") {
                problems.push(format!("{}: no file declares `mod {module};`", source.path));
            }
        }
    }
    fail_if_any(problems);
}

/// Two files that import each other cannot be read separately.
#[test]
fn no_file_imports_itself_through_others() {
    let mut problems = Vec::new();
    for name in CRATES {
        let cycles = read_crate(name).cycles();
        problems.extend(cycles.iter().map(|places| format!("{name}:\n  {}", places.join("\n    "))));
    }
    fail_if_any(problems);
}

/// The modules of the runtime from the lowest layer to the highest: a module imports only modules before it.
/// ARCHITECTURE.md describes the layers.
const RUNTIME: [&[&str]; 8] = [
    &["direct_tls", "macros", "millis", "seeded", "optional", "sqlstate", "statement", "types", "wire"],
    &["login_rejection", "session", "error", "retry", "credentials"],
    &["event", "settings", "arguments", "row", "many_rows", "argument", "query", "batches"],
    &["transport", "dynamic"],
    &["auth", "lease", "config", "connector", "diagnosis"],
    &["login"],
    &["client"],
    &["pool", "serialize", "testing", "private"],
];

#[test]
fn runtime_has_layers() {
    let order: Vec<&str> = RUNTIME.iter().flat_map(|layer| layer.iter().copied()).collect();
    let mut problems = Vec::new();
    for import in read_crate("dsql-edge").imports() {
        if import.to.is_empty() {
            // Apart from re-exports, the root contains only the macros that it exports, so an import of the root is
            // allowed.
            continue;
        }
        let place_of =
            |module: &[String]| order.iter().position(|name| module.first().is_some_and(|it| it == name));
        let (Some(from), to) = (place_of(&import.from), place_of(&import.to)) else {
            // These modules may import every layer: the root only re-exports, and `fuzzing` is compiled only for
            // fuzzing.
            if !matches!(import.from.first().map(String::as_str), None | Some("fuzzing")) {
                problems.push(format!("{}: the module is in no layer", import.place));
            }
            continue;
        };
        if to.is_none_or(|to| to > from) {
            problems.push(format!("{}: the module is of a higher layer", import.place));
        }
    }
    fail_if_any(problems);
}

#[test]
fn javascript_and_proc_macro_have_one_module_each() {
    let mut problems = Vec::new();
    for source in sources("dsql-edge/src") {
        let javascript = ["wasm_bindgen", "js_sys", "web_sys", "worker_sys", "JsValue"];
        for name in javascript {
            let code = source.text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if !source.path.contains("src/transport/worker")
                && code.into_iter().any(|line| line.contains(name))
            {
                problems.push(format!("{}: only transport/worker uses JavaScript ({name})", source.path));
            }
        }
    }
    for folder in [
        "dsql-edge/src",
        "dsql-edge-macro-input/src",
        "dsql-edge-compiler/src",
        "dsql-edge-migrations/src",
        "dsql-edge-codegen/src",
        "dsql-edge-local/src",
    ] {
        // `emit/rust_source.rs` may call rustc's lexer, because these calls happen only while a macro runs.
        for source in sources(folder).into_iter().filter(|it| !it.path.ends_with("emit/rust_source.rs")) {
            if source
                .text
                .lines()
                .any(|line| line.contains("proc_macro::") && !line.trim_start().starts_with("//"))
            {
                problems.push(format!(
                    "{}: only dsql-edge-macros and emit/rust_source.rs name proc_macro",
                    source.path
                ));
            }
        }
    }
    fail_if_any(problems);
}

/// Parsing URLs costs a Worker 70 kB, compressed.
#[test]
fn the_runtime_parses_no_urls() {
    let mut problems = Vec::new();
    for source in sources("dsql-edge/src") {
        let code = source.text.split("#[cfg(test)]").next().unwrap_or("");
        for (at, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            if line.contains(".url()") || words.into_iter().any(|word| matches!(word, "Url" | "idna")) {
                problems.push(format!("{}:{}: a URL is parsed", source.path, at + 1));
            }
        }
    }
    fail_if_any(problems);
}

#[test]
fn generated_code_names_only_private_and_types() {
    let mut problems = Vec::new();
    let emitting = sources("dsql-edge-compiler/src/emit").into_iter().chain(sources("dsql-edge-macros/src"));
    for source in emitting {
        for (at, line) in source.text.lines().enumerate() {
            for part in line.split("::dsql_edge::").skip(1) {
                if !part.starts_with("private")
                    && !part.starts_with("types")
                    && !line.trim_start().starts_with("//")
                {
                    problems.push(format!("{}:{}: `::dsql_edge::{part}`", source.path, at + 1));
                }
            }
        }
    }
    fail_if_any(problems);
}

#[test]
fn files_have_a_subject_and_a_limit() {
    let mut problems = Vec::new();
    for folder in [
        "dsql-edge",
        "dsql-edge-macros",
        "dsql-edge-macro-input",
        "dsql-edge-compiler",
        "dsql-edge-migrations",
        "dsql-edge-codegen",
        "dsql-edge-local",
        "tests",
        "bench",
        "xtask",
        "examples",
        "fuzz",
    ] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            if lines > 600 {
                problems.push(format!("{}: {lines} lines; split it by subject", source.path));
            }
            let ui = source.path.starts_with("tests/rustc/ui/");
            if !ui && !source.text.starts_with("//!") {
                problems
                    .push(format!("{}: begins without //!; add a sentence that names its job", source.path));
            }
            let name = Path::new(&source.path).file_stem().unwrap().to_string_lossy().into_owned();
            if ["utils", "util", "helpers", "misc", "common"].contains(&name.as_str()) {
                problems.push(format!("{}: the name does not describe the content", source.path));
            }
            let this = source.path == "tests/tidy.rs";
            for (at, line) in source.text.lines().enumerate().filter(|_| !this) {
                for left in ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "XXX:"] {
                    if line.contains(left) {
                        problems.push(format!("{}:{}: {left}", source.path, at + 1));
                    }
                }
            }
        }
    }
    fail_if_any(problems);
}

/// The files that may contain banned words: CONTRIBUTING.md, which bans them, `idioms.rs`, which lists them, and a file
/// with recorded statements.
const WITH_IDIOMS: [&str; 3] =
    ["CONTRIBUTING.md", "tests/tidy/idioms.rs", "dsql-edge/src/session/transcripts.rs"];

#[test]
fn files_have_no_conflict_markers() {
    let mut problems = Vec::new();
    for source in files("", &[".rs", ".md", ".sql", ".js", ".toml", ".json", ".yml", ".stderr", ".sarif"]) {
        let is_marker = |line: &str| ["<", ">"].iter().any(|sign| line.starts_with(&(sign.repeat(7) + " ")));
        let found = source.text.lines().enumerate().filter(|(_, line)| is_marker(line));
        problems.extend(found.map(|(at, _)| format!("{}:{}: a conflict of a merge", source.path, at + 1)));
    }
    fail_if_any(problems);
}

#[test]
fn language_is_plain() {
    let mut problems = Vec::new();
    for source in files("", &[".rs", ".md", ".sql", ".js", ".toml"]) {
        if WITH_IDIOMS.contains(&source.path.as_str()) {
            continue;
        }
        let found = idioms::find(&source.text).into_iter();
        problems.extend(found.map(|(line, idiom)| format!("{}:{line}: {idiom}", source.path)));
    }
    fail_if_any(problems);
}

/// The maximum length of a line with a comment. rustfmt does not wrap comments. A row of a table must be one line.
const COMMENT: usize = 120;

#[test]
fn comments_are_wrapped() {
    let mut problems = Vec::new();
    for source in sources("") {
        for (at, line) in source.text.lines().enumerate() {
            let comment =
                line.trim_start().strip_prefix("//").unwrap_or_default().trim_start_matches(['/', '!', ' ']);
            let is_whole = comment.starts_with('|') || comment.contains("://");
            if !comment.is_empty() && !is_whole && line.chars().count() > COMMENT {
                problems.push(format!("{}:{}: more than {COMMENT} characters", source.path, at + 1));
            }
        }
    }
    fail_if_any(problems);
}

/// The maximum length of a test's name. A longer name usually describes two tests.
const TEST_NAME: usize = 60;

#[test]
fn test_names_are_short() {
    let mut problems = Vec::new();
    for source in sources("") {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
            let is_test = attributes.into_iter().any(|line| line.contains("test"));
            let name =
                line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            if let Some(name) = name.filter(|name| is_test && name.len() > TEST_NAME) {
                problems.push(format!("{}:{}: {name} has {} characters", source.path, at + 1, name.len()));
            }
        }
    }
    fail_if_any(problems);
}

/// README's table of examples and the test of wrangler list each folder of `examples/`.
#[test]
fn each_example_is_listed_and_tested_under_wrangler() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, table) = readme.split_once("### Which example to copy\n").unwrap();
    let table = table.split("\n#").next().unwrap();
    let wrangler = std::fs::read_to_string(root().join("tests/wrangler.rs")).unwrap();
    let mut problems = Vec::new();
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !table.contains(&format!("| [`examples/{name}`](examples/{name}) |")) {
            problems.push(format!("examples/{name} is not in README.md"));
        }
        if !wrangler.contains(&format!("with_example(\"{name}\"")) {
            problems.push(format!("examples/{name} is not in tests/wrangler.rs"));
        }
    }
    fail_if_any(problems);
}
