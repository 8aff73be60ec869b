//! Finds the statements of a folder that DSQL rejects, whatever the schema is.
//!
//! Input: the texts of the files. Output: for each file with such a statement, its errors, with DSQL's words. The endpoint
//! finds everything else when the statement is sent; these errors are found before, because `TRUNCATE` and others have no
//! place in a migration, either, and DSQL's words are clearer than that.

use std::collections::BTreeMap;

use dsql_edge_compiler::Source;
use dsql_edge_compiler::diagnostic::Diagnostic;
use dsql_edge_compiler::dsql;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::{Parsed, lex};
use dsql_edge_migrations::allow_comment::is_allowed;
use dsql_edge_migrations::folder::shown;
use dsql_edge_migrations::steps;

/// Returns the errors of each file, as they are shown to people.
pub(super) fn problems(texts: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let of_file = |(path, text): (String, String)| {
        let errors = errors(&text);
        let shown = errors.iter().map(|error| shown(error, &path, &text)).collect::<Vec<_>>();
        (!shown.is_empty()).then_some((path, shown))
    };
    texts.into_iter().filter_map(of_file).collect()
}

fn errors(text: &str) -> Vec<Diagnostic> {
    let (parsed, unread) = Parsed::readable(text, lex(&Source::script(text)));
    let mut rejected: Vec<(Span, Diagnostic)> = Vec::new();
    for statement in parsed.iter() {
        let findings = dsql::findings(statement, None).into_iter().filter(|finding| {
            let places = [finding.diagnostic.span.start, statement.span.start];
            finding.whole && finding.diagnostic.is_error() && !is_allowed(text, finding.rule.id, places)
        });
        rejected.extend(findings.map(|finding| (statement.span, finding.diagnostic)));
    }
    if rejected.is_empty() {
        return Vec::new();
    }
    // The file is not divided, so its other errors are listed here.
    let is_rejected = |error: &Diagnostic| {
        rejected.iter().any(|(span, _)| span.start < error.span.end && error.span.start < span.end)
    };
    let misplaced = steps::misplaced(&parsed).into_iter().filter(|error| !is_rejected(error));
    let mut errors: Vec<Diagnostic> = misplaced.chain(unread.into_iter().map(|(error, _)| error)).collect();
    errors.extend(rejected.into_iter().map(|(_, error)| error));
    errors.sort_by_key(|error| error.span);
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_statement_has_dsqls_words_and_hides_no_other_error() {
        for (text, expected) in [
            ("CREATE TABLE t (id int PRIMARY KEY); SELECT 1;", vec![]),
            ("SET a = 1;", vec![]),
            ("TRUNCATE t;", vec!["unsupported statement: Truncate"]),
            (
                "SET a = 1; TRUNCATE t; SELEC 1;",
                vec!["SET has no place", "unsupported statement: Truncate", "syntax error"],
            ),
            ("-- dsql-edge: allow truncate\nTRUNCATE t;", vec![]),
        ] {
            let found: Vec<String> = errors(text).into_iter().map(|error| error.message).collect();
            assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
            for (found, expected) in found.iter().zip(&expected) {
                assert!(found.contains(expected) && !found.contains("TRUNCATE has no place"), "{found}");
            }
        }
    }
}
