//! Handles optional text such as `{? AND author = $author }`, which is sent only if its parameter is given.
//!
//! Input: [`Lexed`] with its pieces. Output: the parameter that each piece depends on, and the tokens of one
//! combination, with their places in the text as written.

use super::lexer::Lexed;
use super::token::{Piece, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// The maximum number of parameters that decide on optional text: each parameter doubles the number of compiled
/// combinations.
pub const MAX_DECIDING: usize = 6;

/// For each piece, the number of the parameter that the piece depends on: the only parameter in the piece that is not
/// used outside optional text.
///
/// # Errors
///
/// Returns an error if a piece has no such parameter or several such parameters, or if the pieces together have too
/// many.
pub fn deciding(lexed: &Lexed) -> Result<Vec<u32>, Diagnostic> {
    let piece_of = |span: Span| {
        lexed.pieces.iter().position(|it| it.span.start <= span.start && span.end <= it.span.end)
    };
    let outside: Vec<u32> = lexed
        .placeholders
        .iter()
        .filter(|(span, _)| piece_of(*span).is_none())
        .map(|(_, number)| *number)
        .collect();
    let mut out = Vec::new();
    for (at, piece) in lexed.pieces.iter().enumerate() {
        let mut own: Vec<u32> = lexed
            .placeholders
            .iter()
            .filter(|(span, number)| piece_of(*span) == Some(at) && !outside.contains(number))
            .map(|(_, number)| *number)
            .collect();
        own.sort_unstable();
        own.dedup();
        match own.as_slice() {
            [one] => out.push(*one),
            [] => {
                let message = "this optional text does not depend on a parameter: it needs one that is used only in optional text";
                return Err(Diagnostic::error(Code::OptionalText, piece.span, message));
            }
            several => {
                let names: Vec<String> = several.iter().map(|number| shown(lexed, *number)).collect();
                let message =
                    format!("this optional text depends on several parameters: {}", names.join(", "));
                return Err(Diagnostic::error(Code::OptionalText, piece.span, message).with_hint(
                    "only one parameter can decide; the others must also be used outside optional text",
                ));
            }
        }
    }
    let mut different = out.clone();
    different.sort_unstable();
    different.dedup();
    if let (Some(number), Some(piece)) = (different.get(MAX_DECIDING), lexed.pieces.last()) {
        let message =
            format!("more than {MAX_DECIDING} parameters decide on optional text: {}", shown(lexed, *number));
        return Err(Diagnostic::error(Code::OptionalText, piece.span, message)
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

/// Returns the tokens of one combination: `is_in` states for each piece whether the combination contains the piece.
/// The parameters of the combination are numbered again without gaps; the second result has the original numbers.
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
        // A blank keeps the tokens on both sides separate.
        if *is_in {
            out.edits.push((Span::new(start, start + 2), " ".to_owned()));
            out.edits.push((Span::new(end - 1, end), " ".to_owned()));
        } else {
            out.edits.push((piece.span, " ".to_owned()));
        }
    }
    (out, present)
}
