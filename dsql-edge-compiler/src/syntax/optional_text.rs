//! Handles optional text such as `{? AND author = $author }`, which is sent only if its parameters are given.
//!
//! Input: [`Lexed`] with its pieces. Output: the parameters on which each piece depends, and the tokens of one
//! combination; each token has its span in the original text.
//!
//! A piece depends on those of its parameters that are used only in optional text. The piece is sent if all of these
//! parameters are given: `{? AND (created_at, id) < ($at, $id) }` needs both. A value that is given is always sent: if
//! `$at` is given without `$id`, no combination is right, and the query is an error at run time. Leaving the piece out
//! would ignore the value of `$at` silently, and return the first page again.

use super::lexer::Lexed;
use super::token::{Piece, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// The maximum number of combinations of optional text. Six pieces, each with its own parameter, have 64 combinations.
pub const MAX_COMBINATIONS: usize = 64;

/// The maximum number of parameters that decide on optional text, so that the combinations can be counted.
const MAX_DECIDING: usize = 12;

/// The parameters that decide which pieces of optional text are sent.
#[derive(Debug, Default)]
pub struct Deciding {
    /// For each piece, the numbers of the parameters that the piece depends on, in ascending order.
    pub pieces: Vec<Vec<u32>>,
    /// The numbers of all parameters that decide on optional text, in ascending order.
    pub numbers: Vec<u32>,
}

impl Deciding {
    /// Returns the combinations; each combination is a list that states, for each piece, whether the combination
    /// contains the piece. The combination with all pieces comes first. A combination is left out if it would ignore a
    /// given parameter: the parameter is given, but no piece in the combination contains it.
    pub fn combinations(&self) -> impl Iterator<Item = Vec<bool>> + '_ {
        (0..1_u32 << self.numbers.len()).filter_map(|absent| {
            let is_given = |number: &u32| {
                self.numbers.iter().position(|it| it == number).is_some_and(|at| absent >> at & 1 == 0)
            };
            let is_in: Vec<bool> = self.pieces.iter().map(|piece| piece.iter().all(is_given)).collect();
            let is_sent = |number: &u32| {
                self.pieces.iter().zip(&is_in).any(|(piece, is_in)| *is_in && piece.contains(number))
            };
            self.numbers.iter().all(|number| !is_given(number) || is_sent(number)).then_some(is_in)
        })
    }
}

/// Returns the parameters on which each piece depends: the parameters of the piece that are not used outside optional
/// text.
///
/// # Errors
///
/// Returns an error if a piece has no such parameter, or if there are too many combinations.
pub fn deciding(lexed: &Lexed) -> Result<Deciding, Diagnostic> {
    let piece_of = |span: Span| {
        lexed.pieces.iter().position(|it| it.span.start <= span.start && span.end <= it.span.end)
    };
    let outside: Vec<u32> = lexed
        .placeholders
        .iter()
        .filter(|(span, _)| piece_of(*span).is_none())
        .map(|(_, number)| *number)
        .collect();
    let mut out = Deciding::default();
    for (at, piece) in lexed.pieces.iter().enumerate() {
        let mut own: Vec<u32> = lexed
            .placeholders
            .iter()
            .filter(|(span, number)| piece_of(*span) == Some(at) && !outside.contains(number))
            .map(|(_, number)| *number)
            .collect();
        own.sort_unstable();
        own.dedup();
        if own.is_empty() {
            let message = "this optional text does not depend on a parameter: it needs one that is used only in optional text";
            return Err(Diagnostic::error(Code::OptionalText, piece.span, message));
        }
        out.numbers.extend(&own);
        out.pieces.push(own);
    }
    out.numbers.sort_unstable();
    out.numbers.dedup();
    let is_countable = out.numbers.len() <= MAX_DECIDING;
    if !is_countable || out.combinations().take(MAX_COMBINATIONS + 1).count() > MAX_COMBINATIONS {
        let span = lexed.pieces.last().map_or(Span::default(), |piece| piece.span);
        let names: Vec<String> = out.numbers.iter().map(|number| shown(lexed, *number)).collect();
        let message = format!(
            "the optional text has more than {MAX_COMBINATIONS} combinations: {} decide on it",
            names.join(", ")
        );
        return Err(Diagnostic::error(Code::OptionalText, span, message)
            .with_hint("every combination is compiled; write two queries"));
    }
    Ok(out)
}

fn shown(lexed: &Lexed, number: u32) -> String {
    match lexed.captures.get((number as usize).saturating_sub(1)) {
        Some(name) => format!("${name}"),
        None => format!("${number}"),
    }
}

/// Returns the tokens of one combination of optional text: for each piece, `is_in` states whether the combination
/// contains the piece. The parameters of the combination are numbered again without gaps; the second result has the
/// original numbers.
pub fn combination(lexed: &Lexed, is_in: &[bool]) -> (Lexed, Vec<u32>) {
    let out_of: Vec<&Piece> =
        lexed.pieces.iter().zip(is_in).filter(|(_, is_in)| !**is_in).map(|(piece, _)| piece).collect();
    let is_out = |span: Span| out_of.iter().any(|it| it.span.start <= span.start && span.end <= it.span.end);
    let mut present: Vec<u32> =
        lexed.placeholders.iter().filter(|(span, _)| !is_out(*span)).map(|(_, number)| *number).collect();
    present.sort_unstable();
    present.dedup();
    let renumbered =
        |number: u32| present.iter().position(|known| *known == number).map_or(0, |at| at as u32 + 1);
    let mut out = Lexed {
        error: lexed.error.clone(),
        named: lexed.named,
        numbered: if lexed.numbered > 0 { present.len() as u32 } else { 0 },
        ..Lexed::default()
    };
    for (at, token) in lexed.tokens.iter().enumerate() {
        if out_of.iter().any(|piece| piece.tokens.contains(&at)) {
            continue;
        }
        let mut token = token.clone();
        if let TokenKind::Parameter(number) = &mut token.kind {
            *number = renumbered(*number);
        }
        out.tokens.push(token);
    }
    let name = |number: &u32| lexed.captures.get((*number as usize).saturating_sub(1)).cloned();
    out.captures = present.iter().filter_map(name).collect();
    out.placeholders = lexed
        .placeholders
        .iter()
        .filter(|(span, _)| !is_out(*span))
        .map(|(span, number)| (*span, renumbered(*number)))
        .collect();
    for (piece, is_in) in lexed.pieces.iter().zip(is_in) {
        let (start, end) = (piece.span.start as usize, piece.span.end as usize);
        // The blank separates the tokens on both sides of the brace.
        if *is_in {
            out.edits.push((Span::new(start, start + 2), " ".to_owned()));
            out.edits.push((Span::new(end - 1, end), " ".to_owned()));
        } else {
            out.edits.push((piece.span, " ".to_owned()));
        }
    }
    (out, present)
}
