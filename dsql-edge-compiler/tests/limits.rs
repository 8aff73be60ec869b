//! Tests that no input overflows the stack: an input beyond a limit gets an error that contains the limit.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use dsql_edge_compiler::{Schema, Source, compile};

/// The stack size of a thread in a pool, as in the language server and `dsql-local`; the stacks of rustc's threads are
/// four times as large.
const STACK: usize = 2 << 20;

/// Compiles a query; returns the number of its columns, or the code of the first error.
fn answers(schema: String, sql: String) -> Result<usize, String> {
    let run = move || {
        let schema = Schema::parse(&schema).map_err(|errors| {
            errors.first().map(|error| error.diagnostic.code.name()).unwrap_or("none").to_owned()
        })?;
        match compile(&Source::numbered(sql), &schema) {
            Ok(query) => Ok(query.columns.len()),
            Err(diagnostics) => {
                Err(diagnostics.iter().map(|it| it.code.name()).next().unwrap_or("none").to_owned())
            }
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap().join().unwrap()
}

/// Concatenates the results of `text` for the numbers from 1 to `count`.
fn each(count: usize, text: impl Fn(usize) -> String) -> String {
    (1..=count).map(text).collect()
}

#[test]
fn ordinary_nesting_fits() {
    for sql in [
        format!("SELECT {}1{}", "(".repeat(155), ")".repeat(155)),
        format!("SELECT 1{}", " + 1".repeat(499)),
        format!("SELECT {} AS all_of_them", vec!["true"; 5000].join(" AND ")),
        format!("SELECT 1 WHERE 1 IN ({})", vec!["1"; 5000].join(", ")),
        format!("SELECT {}1{}", "(SELECT ".repeat(100), ")".repeat(100)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(300)),
        format!("SELECT {}true", "NOT ".repeat(310)),
        format!("SELECT {}1{}", "(".repeat(155), format!("{})", " + 1".repeat(499)).repeat(155)),
    ] {
        assert_eq!(answers(String::new(), sql.clone()), Ok(1), "{}…", &sql[..40]);
    }
}

/// Puts `levels / tokens` copies of `open` before `inner`, and as many copies of `close` after it.
fn nested(levels: usize, tokens: usize, open: &str, inner: &str, close: &str) -> String {
    let times = levels / tokens;
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

/// `own_stack` runs a query with fewer than 100 levels on the caller's stack, because no level takes more than 10 kB.
/// Each token of the query and of the longest column in the schema counts as a level.
#[test]
fn short_query_fits_into_a_megabyte() {
    let run = || {
        let ddl = "CREATE TABLE t (a int PRIMARY KEY, b text)";
        let schema = Schema::parse(ddl).unwrap();
        // The query has up to 12 other tokens, and the longest part of the table's definition, up to the first comma,
        // has fewer than 9.
        let levels = 99 - 12 - 9;
        for query in [
            format!("SELECT {}", nested(levels, 2, "(", "1", ")")),
            format!("SELECT {}", nested(levels, 1, "NOT ", "true", "")),
            format!("SELECT {}", nested(levels, 1, "- ", "1", "")),
            format!("SELECT {}", nested(levels, 2, "", "1", " + 1")),
            format!("SELECT {}", nested(levels, 2, "", "1", "::int")),
            format!("SELECT {}", nested(levels, 3, "(SELECT ", "1", ")")),
            format!("SELECT {}", nested(levels, 3, "abs(", "1", ")")),
            format!("SELECT {}", nested(levels, 3, "COALESCE(", "1", ")")),
            format!("SELECT {}", nested(levels, 3, "ARRAY[", "1", "]")),
            format!("SELECT {}", nested(levels, 3, "ROW(", "1", ")")),
            format!("SELECT {}", nested(levels, 4, "(true AND ", "true", ")")),
            format!("SELECT {}", nested(levels, 5, "CASE WHEN true THEN ", "1", " END")),
            format!("SELECT {}", nested(levels, 6, "('a' LIKE ", "'a'", ")::text")),
            format!("SELECT '{}'::json", nested(levels, 1, "[", "1", "]")),
            format!("SELECT a FROM {}", nested(levels, 5, "(SELECT a FROM ", "t", ")")),
            format!("SELECT 1{}", nested(levels, 3, "", "", " UNION SELECT 1")),
            format!("SELECT 1 WHERE {}", nested(levels, 6, "EXISTS (SELECT 1 WHERE ", "true", ")")),
            nested(levels, 7, "WITH a AS (", "SELECT 1", ") SELECT 1"),
            format!("SELECT 1 GROUP BY GROUPING SETS ({})", nested(levels - 6, 2, "(", "1", ")")),
        ] {
            let compiled = compile(&Source::numbered(query.clone()), &schema);
            assert!(compiled.is_ok(), "{query}: {:?}", compiled.err());
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn long_chains_of_tables_queries_and_views_fit() {
    let table = "CREATE TABLE t (a int PRIMARY KEY);";
    let views = each(500, |at| format!("CREATE VIEW v{at} AS SELECT a FROM v{};", at - 1));
    let domains = each(31, |at| format!("CREATE DOMAIN d{at} AS d{};", at - 1));
    let joins = each(3_999, |at| format!(" JOIN t t{at} ON t{at}.a = t.a"));
    let outer_joins = each(3_999, |at| format!(" LEFT JOIN t t{at} ON t{at}.a = t{}.a", at - 1));
    let unions = " UNION ALL SELECT 1".repeat(500);
    let with = each(2000, |at| format!(", c{at} AS (SELECT a FROM c{})", at - 1));
    for (schema, sql) in [
        (table.to_owned(), format!("SELECT t.a FROM t{joins}")),
        (table.to_owned(), format!("SELECT t0.a FROM t t0{outer_joins}")),
        (String::new(), format!("SELECT 1{unions}")),
        (String::new(), format!("WITH c0 AS (SELECT 1 AS a){with} SELECT a FROM c2000")),
        (format!("{table}CREATE VIEW v0 AS SELECT a FROM t;{views}"), "SELECT a FROM v500".to_owned()),
        (format!("CREATE DOMAIN d0 AS int;{domains}CREATE TABLE t (a d31)"), "SELECT a FROM t".to_owned()),
    ] {
        assert_eq!(answers(schema, sql.clone()), Ok(1), "{}…", &sql[..15]);
    }
}

#[test]
fn views_that_read_the_next_one_twice_fit() {
    for query in [
        "SELECT x.a, y.d FROM @ x JOIN @ y ON x.a = y.a",
        "SELECT x.a, y.d FROM @ x CROSS JOIN @ y",
        "SELECT (SELECT max(a) FROM @) AS a, coalesce(d, d) AS d FROM @",
        "SELECT a, d FROM @ UNION ALL SELECT a, d FROM @",
    ] {
        let views =
            each(25, |at| format!("CREATE VIEW v{at} AS {};", query.replace('@', &format!("v{}", at - 1))));
        let schema = format!("CREATE TABLE v0 (a int PRIMARY KEY, d int[]);{views}");
        assert_eq!(answers(schema, "SELECT a, d FROM v25".to_owned()), Ok(2), "{query}");
    }
}

#[test]
fn operands_that_double_with_each_level_are_rejected() {
    for (before, after) in [
        ("(", " BETWEEN false AND true)"),
        ("(", " BETWEEN SYMMETRIC false AND true)"),
        ("(", " IN (c, NOT c))"),
        ("CASE ", " WHEN true THEN c WHEN false THEN true END"),
    ] {
        let nested = |depth| format!("SELECT {}c{} AS c FROM t", before.repeat(depth), after.repeat(depth));
        let schema = || "-- dsql-edge: dialect postgres\nCREATE TABLE t (c bool)".to_owned();
        assert_eq!(answers(schema(), nested(5)), Ok(1), "{before}…{after}");
        assert_eq!(answers(schema(), nested(100)), Err("too-complex".to_owned()), "{before}…{after}");
    }
}

#[test]
fn too_deep_nesting_is_rejected() {
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
        format!("SELECT * FROM t{}", " CROSS JOIN t".repeat(20_000)),
        format!(
            "SELECT * FROM {}t{}",
            "(".repeat(100),
            format!("{})", " CROSS JOIN t".repeat(100)).repeat(100)
        ),
        format!(
            "{}SELECT 1{}",
            "(".repeat(100),
            format!("{})", " UNION ALL SELECT 1".repeat(50)).repeat(100)
        ),
        format!("SELECT {}1", "f(".repeat(20_000)),
        format!("SELECT {}1", "CASE WHEN ".repeat(20_000)),
        format!("{}SELECT 1", "WITH a AS (".repeat(20_000)),
        format!("WITH c AS (SELECT 1){} SELECT 1", ", c AS (SELECT 1)".repeat(20_000)),
        format!("SELECT {}", vec!["(WITH c AS (SELECT 1), d AS (SELECT 1) SELECT 1)"; 6_000].join(", ")),
    ] {
        assert_eq!(answers(String::new(), sql.clone()), Err("too-complex".to_owned()), "{}…", &sql[..40]);
    }
}

#[test]
fn schema_with_too_many_levels_is_rejected() {
    let domains = each(10_000, |at| format!("CREATE DOMAIN d{at} AS d{};", at - 1));
    let domains = format!("CREATE DOMAIN d0 AS int;{domains}");
    assert_eq!(answers(domains, "SELECT 1".to_owned()), Err("too-complex".to_owned()));

    let views = each(5_000, |at| format!("CREATE VIEW v{at} AS SELECT a FROM v{};", at - 1));
    let views = format!("CREATE TABLE t (a int);CREATE VIEW v0 AS SELECT a FROM t;{views}");
    assert!(answers(views, "SELECT a FROM v5000".to_owned()).is_err());
}
