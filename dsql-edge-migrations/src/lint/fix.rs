//! Applies rewrites: a finding with one safe rewrite is fixed, and everything else stays unchanged, including comments,
//! blanks and line endings.
//!
//! Input: a text. Output: the text with the rewrites, and the number of findings that they fix.

use std::collections::BTreeMap;

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::dsql::{Fix, Meaning};
use dsql_edge_compiler::source::{Edits, Span};

use super::file::lint_among;
use super::meaning::ANOTHER_TRANSACTION;
use super::run::Run;
use super::sent::Sent;

/// The limit of rounds. A fixed statement may have a second finding that the first finding hid; each round applies
/// rewrites that do not overlap.
const MAX_ROUNDS: usize = 1_000;

/// Returns the text with each safe rewrite applied, and the number of findings that these rewrites fix. The caller
/// decides which rewrites are safe: only rewrites after which the script has the same effect, or also rewrites after
/// which the script has the same effect if every statement succeeds.
pub fn fixed(text: &str, schema: Option<&Schema>, sent: Sent, safe: Meaning) -> (String, usize) {
    fixed_at(text, (&Run::of([text]), 0), schema, sent, safe)
}

/// Does the same as [`fixed`] for several files that run one after the other.
pub fn fixed_all(texts: &[&str], schema: Option<&Schema>, sent: Sent, safe: Meaning) -> Vec<(String, usize)> {
    let run = Run::of(texts.iter().copied());
    let of = |(at, text): (usize, &&str)| fixed_at(text, (&run, at), schema, sent, safe);
    texts.iter().enumerate().map(of).collect()
}

fn fixed_at(
    text: &str,
    place: (&Run<'_>, usize),
    schema: Option<&Schema>,
    sent: Sent,
    safe: Meaning,
) -> (String, usize) {
    let mut text = text.to_owned();
    let mut count = 0;
    for _ in 0..MAX_ROUNDS {
        let findings = lint_among(&text, place, schema, sent).findings;
        let fixes: Vec<Fix> = findings.into_iter().filter_map(|finding| finding.fix).collect();
        let Some(first) = fixes
            .iter()
            .map(order)
            .filter(|of| *of == Order::Same || safe == Meaning::SameIfAllSucceed)
            .min()
        else {
            break;
        };
        let (edits, of) = compatible(fixes.into_iter().filter(|fix| order(fix) == first));
        count += of;
        text = edited(&text, edits);
    }
    (text, count)
}

/// The order in which rewrites are applied. A transaction is divided last, because another rewrite may move a statement
/// out of the transaction into an earlier statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Same,
    SameIfAllSucceed,
    Divides,
}

fn order(fix: &Fix) -> Order {
    match fix.meaning {
        Meaning::Same => Order::Same,
        Meaning::SameIfAllSucceed if fix.title == ANOTHER_TRANSACTION => Order::Divides,
        Meaning::SameIfAllSucceed => Order::SameIfAllSucceed,
    }
}

/// Selects fixes whose edits do not touch each other; returns the edits of these fixes, and the number of fixes.
/// Either all edits of a fix are returned, or none of them.
fn compatible(fixes: impl Iterator<Item = Fix>) -> (Vec<(Span, String)>, usize) {
    // The edits, by their starts. Edits do not overlap, so of the edits before a position, the last edit has the
    // greatest end.
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

const BREAKPOINT: &str = "--> statement-breakpoint";

/// Returns the text with the edits applied; new lines have the line ending of the first line.
fn edited(text: &str, edits: Vec<(Span, String)>) -> String {
    // drizzle-kit sends statements one by one if this comment is between them.
    let breakpoint = text.contains(BREAKPOINT).then(|| format!(";{BREAKPOINT}\n"));
    let crlf = text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r'));
    let divided = |piece: String| match &breakpoint {
        Some(breakpoint) => piece.replace(";\n", breakpoint),
        None => piece,
    };
    let ended = |piece: String| match crlf {
        true => piece.replace("\r\n", "\n").replace('\n', "\r\n"),
        false => piece,
    };
    let edits: Edits = edits.into_iter().map(|(span, piece)| (span, ended(divided(piece)))).collect();
    edits.apply(text)
}
