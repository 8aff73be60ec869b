//! Known differences from PostgreSQL. These differences are counted separately and printed, but do not make the test
//! fail. No known difference is about NULL, about cardinality, or about the type of a column.

/// For each known difference: how its kind begins, and the reason why the difference is accepted.
const KNOWN: &[(&str, &str)] = &[
    ("other words [42601 trailing junk ", "minor releases of PostgreSQL quote more or less of the text"),
    ("we alone accept [42P22 ", "in PostgreSQL, a comparison without a collation fails when it runs"),
    (
        "PostgreSQL alone accepts [42883 could not identify a comparison function",
        "in PostgreSQL, GREATEST and LEAST look up the comparison when they run, and fail",
    ),
    (
        "PostgreSQL alone accepts [42804 argument of JOIN/ON",
        "in PostgreSQL, MERGE … ON accepts any type, and fails when it runs",
    ),
];

/// Returns the reason to accept finds of this kind, or `None` if the kind is not in `KNOWN`.
pub(crate) fn why(kind: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(beginning, _)| kind.starts_with(beginning)).map(|(_, why)| *why)
}
