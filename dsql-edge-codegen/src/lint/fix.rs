//! Rewrites: what has one safe rewrite is rewritten in its place, and everything else stays as it was written,
//! comments and blanks included.
//!
//! In: a text. Out: the text mended, and how many findings that were.

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::dsql::Fix;
use dsql_edge_compiler::source::Span;

use super::{Sent, lint};

/// A mended statement may show what stood behind the mistake; each round mends what does not touch.
const MAX_ROUNDS: usize = 1_000;

/// The text with everything mended that has one safe rewrite, and how many findings were.
pub fn fixed(text: &str, schema: Option<&Schema>, sent: Sent) -> (String, usize) {
    let mut text = text.to_owned();
    let mut count = 0;
    for _ in 0..MAX_ROUNDS {
        let linted = lint([(String::new(), text.clone())], schema, sent);
        let fixes = linted.into_iter().flat_map(|file| file.findings).filter_map(|finding| finding.fix);
        let (edits, of) = compatible(fixes);
        if edits.is_empty() {
            break;
        }
        count += of;
        text = edited(&text, edits);
    }
    (text, count)
}

/// Edits that do not touch each other, whole fixes only.
fn compatible(fixes: impl Iterator<Item = Fix>) -> (Vec<(Span, String)>, usize) {
    let mut edits: Vec<(Span, String)> = Vec::new();
    let mut count = 0;
    for fix in fixes {
        let touches =
            |(a, _): &(Span, String)| edits.iter().any(|(b, _)| a.start <= b.end && b.start <= a.end);
        if !fix.edits.iter().any(touches) {
            edits.extend(fix.edits);
            count += 1;
        }
    }
    (edits, count)
}

fn edited(text: &str, mut edits: Vec<(Span, String)>) -> String {
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (span, piece) in edits {
        out.push_str(text.get(at..span.start as usize).unwrap_or(""));
        out.push_str(&piece);
        at = span.end as usize;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}
