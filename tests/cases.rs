//! Checks all case files. `CASE=name` selects the files whose path contains the name, or the cases whose heading
//! contains the name; `UPDATE=1` writes the answers of the selected cases.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use dsql_edge_tests::case_file::CaseFile;
use dsql_edge_tests::check::{Rows, case_files, check};
use dsql_edge_tests::oracle::Oracle;

#[test]
fn cases() {
    let only = std::env::var("CASE").ok();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let checked = check(&folder, only.as_deref(), Rows::AsSql, &Oracle::start().unwrap()).unwrap();
    println!("{} cases, {} rows observed", checked.cases, checked.rows);
    assert!(checked.cases > 0, "no path and no heading contains {only:?}");
    let count = checked.failures.len();
    assert!(count == 0, "{count} of {} cases fail\n\n{}", checked.cases, checked.failures.join("\n\n"));
    assert!(
        only.is_some() || checked.rows > 0,
        "no query returned a row: the data that is full of NULLs is missing"
    );
}

/// `cases/mistakes` has beginners' mistakes. `UPDATE=1` writes any answer, so this test requires that each answer has
/// advice.
#[test]
fn every_beginners_mistake_gets_advice() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases/mistakes");
    let (mut count, mut silent) = (0, Vec::new());
    for path in case_files(&folder).unwrap() {
        let text = std::fs::read_to_string(&path).unwrap();
        for case in CaseFile::parse(&text).unwrap().cases() {
            count += 1;
            if !case.has_advice() {
                silent.push(format!("{}: {}\n{}", path.display(), case.query, case.answer));
            }
        }
    }
    println!("{count} mistakes");
    assert!(count > 100 && silent.is_empty(), "no advice on\n{}", silent.join("\n"));
}
