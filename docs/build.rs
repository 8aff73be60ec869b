//! Generates Rust code from the guide's blocks. The chapter `src/testing.md` becomes the module `testing`. A block that
//! begins in line 12 of this chapter becomes the module `testing::line_12`, which imports the items of the earlier
//! blocks.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations");
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=fixtures");
    let mut chapters: Vec<PathBuf> =
        fs::read_dir("src")?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    chapters.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    chapters.sort();
    let mut out = String::new();
    for chapter in chapters {
        let name = chapter.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
        let text = fs::read_to_string(&chapter)?;
        let module = module(&chapter, &text)?;
        if !module.is_empty() {
            let _ = write!(out, "mod {name} {{\n{module}}}\n");
        }
    }
    let folder =
        env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| io::Error::other("OUT_DIR is not set"))?;
    // A test finds its fixtures next to its source file.
    fs::create_dir_all(folder.join("fixtures"))?;
    for fixture in fs::read_dir("fixtures")? {
        let fixture = fixture?;
        fs::copy(fixture.path(), folder.join("fixtures").join(fixture.file_name()))?;
    }
    fs::write(folder.join("chapters.rs"), out)
}

fn module(chapter: &Path, text: &str) -> io::Result<String> {
    let mut out = String::new();
    let mut earlier: Vec<String> = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let code: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim_start() != "```").collect();
        match info {
            "rust" => {}
            // Only blocks with exactly ```rust are compiled, so any other Rust block (```rust,ignore) is an error.
            _ if info.starts_with("rust") => {
                return Err(io::Error::other(format!("{}:{number}: write ```rust", chapter.display())));
            }
            _ => continue,
        }
        let imports: String = earlier.iter().map(|block| format!("use super::{block}::*; ")).collect();
        let tests: String = code.iter().filter_map(|line| test_of(line)).collect();
        let code: String = code.iter().map(|line| format!("{}\n", public(line))).collect();
        let name = format!("line_{number}");
        let _ = write!(out, "pub(crate) mod {name} {{ use crate::prelude::*; {imports}\n{code}{tests}}}\n");
        earlier.push(name);
    }
    Ok(out)
}

/// A later block can use the items of an earlier one.
fn public(line: &str) -> String {
    let is_item = ["async fn ", "fn ", "struct ", "enum "].iter().any(|start| line.starts_with(start));
    if is_item { format!("pub(crate) {line}") } else { line.to_owned() }
}

/// A function that takes only a `Dsql` runs as a test.
fn test_of(line: &str) -> Option<String> {
    let (name, error) =
        line.strip_prefix("async fn ")?.strip_suffix("> {")?.split_once("(dsql: &Dsql) -> Result<(), ")?;
    Some(format!(
        "#[cfg(test)] #[dsql_edge::test] async fn {name}_runs(dsql: Dsql) -> Result<(), {error}> {{ {name}(&dsql).await }}\n"
    ))
}
