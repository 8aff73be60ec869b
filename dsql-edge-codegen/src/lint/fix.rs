//! Applies rewrites: a finding that has one safe rewrite is rewritten in its place, and everything else stays as it was
//! written, comments, blanks and line endings included.
//!
//! Input: a text. Output: the text with the rewrites, and the number of findings that they fix.

use std::collections::BTreeMap;

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::dsql::{Fix, Meaning};
use dsql_edge_compiler::source::{Edits, Span};

use super::file::lint_first;
use super::sent::Sent;
use super::words::Files;

/// A fixed statement may have a second finding that the first one hid; each round applies rewrites that do not overlap.
const MAX_ROUNDS: usize = 1_000;

/// The text with each safe rewrite applied, and the number of findings that this fixes. The caller decides which
/// rewrites are safe: those with which the script does the same, or also those with which it does the same if every
/// statement succeeds.
pub fn fixed(text: &str, schema: Option<&Schema>, sent: Sent, safe: Meaning) -> (String, usize) {
    fixed_before(text, &[], schema, sent, safe)
}

/// The same for a file before others: `later` has the texts that run after it.
pub fn fixed_before(
    text: &str,
    later: &[&str],
    schema: Option<&Schema>,
    sent: Sent,
    safe: Meaning,
) -> (String, usize) {
    let mut text = text.to_owned();
    let files = Files::of(std::iter::once("").chain(later.iter().copied()));
    let mut count = 0;
    for _ in 0..MAX_ROUNDS {
        let fixes =
            lint_first(&text, &files, schema, sent).findings.into_iter().filter_map(|finding| finding.fix);
        let fixes = fixes.filter(|fix| fix.meaning == Meaning::Same || safe == Meaning::SameIfAllSucceed);
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
    // By their starts. None overlaps another, so that the last one before a place has the greatest end.
    let mut edits: BTreeMap<u32, (Span, String)> = BTreeMap::new();
    let mut count = 0;
    for fix in fixes {
        let touches = |(a, _): &(Span, String)| {
            let before = edits.range(..=a.end).next_back();
            before.is_some_and(|(_, (b, _))| a.start <= b.end)
        };
        if !fix.edits.iter().any(touches) {
            edits.extend(fix.edits.into_iter().map(|edit| (edit.0.start, edit)));
            count += 1;
        }
    }
    (edits.into_values().collect(), count)
}

/// The text with its pieces replaced; new lines end as the first line does.
fn edited(text: &str, edits: Vec<(Span, String)>) -> String {
    let crlf = text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
    let ended = |piece: String| match crlf {
        true => piece.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => piece,
    };
    let edits: Edits = edits.into_iter().map(|(span, piece)| (span, ended(piece))).collect();
    edits.apply(text)
}
