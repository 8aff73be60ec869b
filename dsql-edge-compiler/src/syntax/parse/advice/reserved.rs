//! Gives advice on reserved words as names, and on ORDER, GROUP and PARTITION without BY.
//!
//! Input: the place. Output: advice. `certain` parses the statement again with the word in quotes: if the parser then
//! reads the statement to its end, the word was meant as a name.

use super::super::super::keyword::{Class, Keyword as K};
use super::super::super::token::{Token, TokenKind};
use super::definition::defines_columns;
use super::place::{Place, is_constant, is_name, keyword};
use super::typo::LONGEST;

/// The reserved words of queries that are also common names of columns. Any other reserved word probably begins a
/// clause: in `FROM a, LEFT JOIN b`, the mistake is the comma, and LEFT is not meant as a name.
const NOUNS: [K; 22] = [
    K::All,
    K::Asc,
    K::Check,
    K::Column,
    K::Constraint,
    K::Default,
    K::Desc,
    K::End,
    K::Fetch,
    K::Foreign,
    K::Grant,
    K::Group,
    K::Limit,
    K::Offset,
    K::Order,
    K::Primary,
    K::References,
    K::Table,
    K::To,
    K::Unique,
    K::User,
    K::Window,
];

/// Returns the advice for a reserved word in `order int` or `SELECT limit FROM t`: the parser can read the statement if
/// this word is in quotes.
pub(super) fn certain(place: &Place<'_>, read: &dyn Fn(Vec<Token>) -> usize) -> Option<String> {
    let rest = place.tokens.get(place.start..)?;
    let end = rest.iter().position(|token| token.kind == TokenKind::Symbol(b';'));
    let own = rest.get(..end.unwrap_or(rest.len())).filter(|own| own.len() <= LONGEST)?;
    let reported = place.at - place.start;
    let in_columns = defines_columns(place);
    // The error can be at the token after the reserved word: for `SELECT order FROM t`, PostgreSQL reports FROM,
    // because the grammar expects BY after ORDER.
    for at in (reported.saturating_sub(1)..=reported).rev() {
        let Some(word) = own.get(at).and_then(keyword) else { continue };
        let before = at.checked_sub(1).and_then(|before| own.get(before));
        // After a name or a constant, PostgreSQL would read the quoted word as an alias.
        let takes_name = |it: &Token| matches!(keyword(it), Some(K::Set | K::By));
        let is_name_place =
            in_columns || before.is_some_and(|it| takes_name(it) || (!is_name(it) && !is_constant(it)));
        let is_candidate = is_reserved(word) && (in_columns || NOUNS.contains(&word));
        if !(is_candidate && is_name_place) {
            continue;
        }
        let mut tokens = own.to_vec();
        tokens[at].kind = TokenKind::Identifier(word.text().to_owned());
        let reached = read(tokens);
        // In a list of columns, the parser only has to read at least two tokens more than before, because the columns
        // after the word may have other errors.
        if reached == own.len() || (in_columns && reached > reported + 1) {
            return quoted(place, &own[at]);
        }
    }
    None
}

/// `ORDER label`: BY is missing.
pub(super) fn by_is_missing(place: &Place<'_>) -> Option<String> {
    let (token, previous) = (place.token(), place.back(1)?);
    let is_operand = is_name(token) || is_constant(token) || token.kind == TokenKind::Symbol(b'(');
    let takes_by = matches!(keyword(previous)?, K::Order | K::Group | K::Partition);
    (takes_by && is_operand && !defines_columns(place)).then(|| {
        let word = place.word(previous).to_uppercase();
        format!("BY is missing: write {word} BY {}", place.written(token))
    })
}

/// Returns the advice for a reserved word in a position where the grammar expects a name.
pub(super) fn probable(place: &Place<'_>) -> Option<String> {
    let (token, previous) = (place.token(), place.back(1)?);
    // `SELECT order FROM t`: the grammar expects BY here. `user.name`: a reserved word cannot precede the dot.
    let expects_other = matches!(previous.kind, TokenKind::Keyword(K::Order | K::Group));
    let is_qualifier = token.kind == TokenKind::Symbol(b'.')
        && keyword(previous).is_some_and(|keyword| keyword.class() == Class::Reserved);
    if expects_other || is_qualifier {
        return quoted(place, previous);
    }
    let reserved = keyword(token)?;
    let name_expected = matches!(
        previous.kind,
        TokenKind::Symbol(b',' | b'.' | b'(')
            | TokenKind::Keyword(
                K::Select | K::From | K::Join | K::Into | K::Update | K::Set | K::By | K::As | K::Table
            )
    );
    let is_reserved = reserved.class() == Class::Reserved;
    (name_expected && is_reserved && !matches!(reserved, K::From | K::Where | K::Select))
        .then(|| quoted(place, token))?
}

fn is_reserved(word: K) -> bool {
    matches!(word.class(), Class::Reserved | Class::TypeOrFunctionName)
}

fn quoted(place: &Place<'_>, token: &Token) -> Option<String> {
    let written = place.written(token);
    Some(format!("{written} is a reserved word: as a name it is written \"{}\"", written.to_lowercase()))
}
