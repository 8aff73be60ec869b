//! Tests the page of each diagnostic code: its examples give the errors or warnings that the page shows, and each
//! correction compiles. `UPDATE=1` writes the answers, `CASE=name` selects pages.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dsql_edge_compiler::diagnostic::Code;
use dsql_edge_tests::case_file::{Case, CaseFile};
use dsql_edge_tests::check::{Rows, check};
use dsql_edge_tests::oracle::Oracle;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dsql-edge-compiler/errors")
}

#[test]
fn examples_of_each_page_have_the_shown_answers() {
    let only = std::env::var("CASE").ok();
    // An example that nests too deep needs a stack of the size that rustc gives a macro. The default stack of a test's
    // thread is a quarter of this size.
    let stack = std::thread::Builder::new().stack_size(8 << 20);
    let pages = move || check(&folder(), only.as_deref(), Rows::InRust, &Oracle::start().unwrap()).unwrap();
    let checked = stack.spawn(pages).unwrap().join().unwrap();
    let count = checked.failures.len();
    assert!(count == 0, "{count} of {} cases fail\n\n{}", checked.cases, checked.failures.join("\n\n"));
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let named: BTreeSet<String> = Code::ALL.iter().map(|code| code.name().to_owned()).collect();
    let written: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(named, written);
}

#[test]
fn the_index_names_every_page() {
    let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for code in Code::ALL {
        let line = format!("| [{0}]({0}.md) | {1} |", code.name(), code.sqlstate());
        assert!(index.contains(&line), "README.md lacks:\n{line}");
    }
}

/// A page begins with the mistake that its code reports, and ends with a correction.
#[test]
fn page_shows_its_own_mistake_and_the_correction() {
    for code in Code::ALL {
        let file = CaseFile::parse(code.page()).unwrap_or_else(|error| panic!("{}: {error}", code.name()));
        let cases: Vec<&Case> = file.cases().collect();
        let shown =
            |case: &&Case| case.answer.lines().any(|line| line.contains(&format!("{}]", code.name())));
        assert!(cases.first().is_some_and(shown), "{}: the first example is of another code", code.name());
        let corrected = cases.last().is_some_and(|case| !case.has_advice() && case.answer.contains("rows: "));
        assert!(corrected, "{}: the correction is an error too", code.name());
        assert!(code.page().starts_with(&format!("# {}\n", code.name())), "{}: the title", code.name());
    }
}
