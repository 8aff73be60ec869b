//! What is known to differ from PostgreSQL: counted apart, printed, and no failure. Nothing here is about NULL,
//! cardinality, or the type of a column.

/// How the kind of a find begins, and why it may.
const KNOWN: &[(&str, &str)] = &[
    ("other words [42601 trailing junk ", "minor releases of PostgreSQL quote more or less of it"),
    ("we alone accept [42P22 ", "a comparison without a collation fails as it runs"),
    (
        "PostgreSQL alone accepts [42883 could not identify a comparison function",
        "GREATEST and LEAST look for a comparison as they run, and then fail",
    ),
    (
        "PostgreSQL alone accepts [42804 argument of JOIN/ON",
        "MERGE … ON takes any type in PostgreSQL, and then fails as it runs",
    ),
];

/// Why this kind of find is known.
pub(crate) fn why(kind: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(beginning, _)| kind.starts_with(beginning)).map(|(_, why)| *why)
}
