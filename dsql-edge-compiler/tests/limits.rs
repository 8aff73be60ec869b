//! Input that nests without end is refused, never a stack overflow: a macro's stack is the compiler's.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dsql_edge_compiler::{Schema, Source, compile};

/// The stack of rustc's own threads, where the macro runs.
const STACK: usize = 8 << 20;

fn answers(sql: String) -> Result<usize, String> {
    let run = move || match compile(&Source::numbered(sql), &Schema::default()) {
        Ok(query) => Ok(query.columns.len()),
        Err(diagnostics) => {
            Err(diagnostics.iter().map(|it| it.code.name()).next().unwrap_or("none").to_owned())
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap()
}

#[test]
fn what_people_write_fits() {
    for sql in [
        format!("SELECT {}1{}", "(".repeat(120), ")".repeat(120)),
        format!("SELECT 1{}", " + 1".repeat(450)),
        format!("SELECT {} AS all_of_them", vec!["true"; 5000].join(" AND ")),
        format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 5000].join(", ")),
        format!("SELECT {}1{}", "(SELECT ".repeat(40), ")".repeat(40)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(250)),
        format!("SELECT {}true", "NOT ".repeat(250)),
    ] {
        assert_eq!(answers(sql.clone()), Ok(1), "{}…", &sql[..40]);
    }
}

#[test]
fn what_nests_without_end_is_refused() {
    for sql in [
        format!("SELECT {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT 1{}", " + 1".repeat(20_000)),
        format!("SELECT 1{}", "::int".repeat(20_000)),
        format!("SELECT {}1{}", "(SELECT ".repeat(20_000), ")".repeat(20_000)),
        format!("SELECT 1{}", " UNION SELECT 1".repeat(20_000)),
        format!("SELECT 1{}", " INTERSECT SELECT 1".repeat(20_000)),
        format!("SELECT {}true", "NOT ".repeat(20_000)),
        format!("SELECT {}1", "- ".repeat(20_000)),
        format!("SELECT ARRAY{}1", "[".repeat(20_000)),
        format!("SELECT * FROM {}t", "(".repeat(20_000)),
        format!("SELECT * FROM t{}", " JOIN t".repeat(20_000)),
        format!("SELECT {}1", "f(".repeat(20_000)),
        format!("SELECT {}1", "CASE WHEN ".repeat(20_000)),
        format!("{}SELECT 1", "WITH a AS (".repeat(20_000)),
    ] {
        assert_eq!(answers(sql.clone()), Err("too-complex".to_owned()), "{}…", &sql[..40]);
    }
}
