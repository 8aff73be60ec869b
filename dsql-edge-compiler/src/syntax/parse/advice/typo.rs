//! Finds a misspelled keyword.
//!
//! Input: the place. Output: the keyword that was probably meant. A word is a misspelled keyword if the statement
//! parses, or parses further, with the keyword in place of the word. So this module never reports an alias that
//! resembles a keyword (`SELECT t.id form FROM t`).

use super::super::super::keyword::{Class, Keyword as K};
use super::super::super::token::{Token, TokenKind};
use super::place::Place;
use crate::diagnostic::suggestion;

/// The keywords for which a misspelling is searched: those that join the parts of a statement.
const KEYWORDS: [K; 45] = [
    K::All,
    K::And,
    K::As,
    K::Asc,
    K::Between,
    K::By,
    K::Case,
    K::Conflict,
    K::Create,
    K::Cross,
    K::Delete,
    K::Desc,
    K::Distinct,
    K::Else,
    K::End,
    K::Exists,
    K::From,
    K::Group,
    K::Having,
    K::Ilike,
    K::In,
    K::Inner,
    K::Insert,
    K::Into,
    K::Is,
    K::Join,
    K::Left,
    K::Like,
    K::Limit,
    K::Not,
    K::Null,
    K::Offset,
    K::On,
    K::Or,
    K::Order,
    K::Returning,
    K::Select,
    K::Set,
    K::Table,
    K::Then,
    K::Union,
    K::Update,
    K::Values,
    K::When,
    K::Where,
];

/// The number of tokens before the token in PostgreSQL's message that are also examined. In `FROM posts p WERE id = 1`,
/// the message contains `WERE`, but in `FROM posts WERE id`, the message contains the next token, `id`.
const NEAR: usize = 3;

/// A statement with more tokens is not parsed again to find a misspelled keyword or a reserved word.
pub(super) const LONGEST: usize = 2_000;

/// `did you mean FROM?`
pub(super) fn misspelled(place: &Place<'_>, read: &dyn Fn(Vec<Token>) -> usize) -> Option<String> {
    let rest = place.tokens.get(place.start..)?;
    let end = rest.iter().position(|token| token.kind == TokenKind::Symbol(b';'));
    let own = rest.get(..end.unwrap_or(rest.len()))?;
    let reported = place.at - place.start;
    if own.len() > LONGEST || reported >= own.len() {
        return None;
    }
    // The first letter also counts: the edit distance of `DSC` from ASC equals that from DESC, but only DESC has the
    // same first letter.
    let first_differs = |word: &str, keyword: K| word.chars().next() != keyword.text().chars().next();
    let mut best: Option<(usize, (bool, usize), K)> = None;
    for at in reported.saturating_sub(NEAR)..=reported {
        let Some(token) = own.get(at).filter(|token| can_be_misspelled(place, token)) else { continue };
        let word = place.word(token);
        for keyword in KEYWORDS {
            let Some(distance) = suggestion::distance_within(&word, keyword.text()) else { continue };
            let reached = read(with_keyword(own, at, keyword));
            // With a wrong keyword, the parser may happen to read one more token. So the parser must read the statement
            // to its end, or at least two tokens further.
            let further = reached == own.len() || reached > reported + 1;
            let distance = (first_differs(&word, keyword), distance);
            let is_better = best.is_none_or(|(known, by, _)| (reached, by) > (known, distance));
            if further && is_better {
                best = Some((reached, distance, keyword));
            }
        }
    }
    best.map(|(_, _, keyword)| format!("did you mean {}?", keyword.text().to_uppercase()))
}

/// Whether the token is a word without quotes that is not reserved.
fn can_be_misspelled(place: &Place<'_>, token: &Token) -> bool {
    match &token.kind {
        TokenKind::Identifier(_) => place.written(token).chars().all(|it| it.is_alphanumeric() || it == '_'),
        TokenKind::Keyword(keyword) => keyword.class() != Class::Reserved,
        _ => false,
    }
}

/// Returns the tokens of a statement with `keyword` in place of the token `at`.
fn with_keyword(own: &[Token], at: usize, keyword: K) -> Vec<Token> {
    let mut tokens = own.to_vec();
    if let Some(token) = tokens.get_mut(at) {
        token.kind = TokenKind::Keyword(keyword);
    }
    tokens
}
