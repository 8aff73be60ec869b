//! Gives advice on tokens that the lexer rejects, and on the quotation marks of other databases, such as backticks.
//!
//! Input: the tokens around the error, and the error of the lexer. Output: advice.

use super::super::super::keyword::Keyword;
use super::super::super::token::{TokenKind, optional_text_of};
use super::dialect::is_unit;
use super::place::{Place, is_name};
use crate::diagnostic::Diagnostic;

/// Returns the advice on an error that the lexer has reported.
pub(super) fn advice(place: &Place<'_>, error: &Diagnostic) -> Option<String> {
    let rest = place.text.get(error.span.start as usize..)?;
    let written = error.span.text(place.text);
    let message = error.message.as_str();
    if message.starts_with("unterminated quoted string") {
        let odd = place.own().iter().filter(|token| matches!(token.kind, TokenKind::String(_))).count() > 0;
        return Some(match odd {
            true => "this quote has no partner: close the string, and double a quote inside a string ('it''s')",
            false => "close the string with ', and double a quote inside it ('it''s')",
        }
        .to_owned());
    }
    if message.starts_with("unterminated quoted identifier") {
        return Some("close the name with \"; a string is written in single quotes".to_owned());
    }
    if message.starts_with("unterminated dollar-quoted") {
        let name = written.trim_start_matches('$').split('$').next().unwrap_or_default();
        // `$name$` is probably meant as a parameter.
        if !place.script && !name.is_empty() && written == format!("${name}$") {
            return Some(format!("a parameter is written ${name}"));
        }
        let tag = if written.starts_with("$$") { "" } else { name };
        return Some(format!("close the string with ${tag}$"));
    }
    if message.starts_with("unterminated /*") {
        return Some("close the comment with */".to_owned());
    }
    if message.starts_with("trailing junk after parameter") {
        return Some("a parameter is written $1 or $name, with a space after it".to_owned());
    }
    if message.starts_with("trailing junk") {
        let digits: String = written.chars().take_while(char::is_ascii_digit).collect();
        let unit = written.strip_prefix(digits.as_str()).unwrap_or_default();
        return Some(match is_unit(unit) {
            true => format!("write an interval: interval '{digits} {}'", unit.to_lowercase()),
            false => format!("a name that begins with a digit is quoted: \"{written}\""),
        });
    }
    optional_text(place, rest).or_else(|| braces(place, rest))
}

/// `}` without `{?`, and `{ AND a = $a }`, which lacks the question mark.
fn optional_text(place: &Place<'_>, rest: &str) -> Option<String> {
    if place.script {
        return None;
    }
    if rest.starts_with('}') {
        return Some("this } closes nothing: optional text is written {? AND author = $author }".to_owned());
    }
    let inside = rest.strip_prefix('{')?.split('}').next().unwrap_or_default();
    let inside = inside.trim().trim_start_matches('?').trim_start();
    let (first, more) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    if inside.strip_prefix('$').is_some_and(|name| !name.is_empty() && name.chars().all(is_word)) {
        return Some(format!("a parameter has no braces: {inside}"));
    }
    let is_sql = inside.contains('$')
        || first.starts_with(',')
        || !more.is_empty() && Keyword::from_word(&first.to_ascii_lowercase()).is_some();
    is_sql.then(|| format!("optional text begins with {{?: write {}", optional_text_of(inside)))
}

/// `{x}`, `${x}`, `#{x}`, `$(x)`: the placeholders of string templates.
fn braces(place: &Place<'_>, rest: &str) -> Option<String> {
    let inside = rest.trim_start_matches(['$', '#']).strip_prefix(['{', '(']);
    let Some(inside) = inside else {
        let name = rest.strip_prefix('$')?.trim_start();
        let name = name.split(|it: char| !it.is_alphanumeric() && it != '_').next().unwrap_or_default();
        let known = if name.is_empty() { "name" } else { name };
        return Some(format!("a parameter is written ${known}, without a space"));
    };
    let expression = inside.split(['}', ')']).next().unwrap_or_default().trim();
    let hash = place.back(1).is_some_and(|token| place.written(token) == "#");
    let opening = &rest[..rest.len() - inside.len()];
    let closing = if opening.ends_with('(') { ')' } else { '}' };
    let template = format!("{}{opening}{expression}{closing}", if hash { "#" } else { "" });
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    Some(match expression {
        "" => format!("a parameter is written $name, not {template}"),
        name if name.chars().all(is_word) && !name.starts_with(|it: char| it.is_ascii_digit()) => {
            format!("a parameter is written ${name}, not {template}")
        }
        _ => format!("a parameter is written $name, not {template}: add `name = {expression}` after the SQL"),
    })
}

/// `'it's'`, `` `name` ``, `[name]`.
pub(super) fn quotes(place: &Place<'_>) -> Option<String> {
    let (token, previous) = (place.token(), place.back(1)?);
    let beside = previous.span.end == token.span.start && matches!(previous.kind, TokenKind::String(_));
    if beside && is_name(token) {
        let string = place.written(previous).trim_end_matches('\'');
        return Some(format!("double a quote inside a string: {string}''{}…", place.written(token)));
    }
    let near = place.tokens.get(place.at.saturating_sub(3)..(place.at + 2).min(place.tokens.len()))?;
    if near.iter().any(|token| place.written(token).contains('`')) {
        return Some("names are quoted with \"…\", not with backticks".to_owned());
    }
    let bracketed = token.kind == TokenKind::Symbol(b'[')
        && place.next(1).kind.name().is_some()
        && place.next(2).kind == TokenKind::Symbol(b']');
    bracketed.then(|| {
        let name = place.written(place.next(1));
        format!("names are quoted with \"…\", not with brackets: \"{name}\"")
    })
}
