//! Gives advice on the order of clauses.
//!
//! Input: the place. Output: advice, if the clause at the error must precede a clause that is before the error.

use super::super::super::keyword::Keyword as K;
use super::place::{Place, keyword};

/// `ORDER BY id WHERE id = 1`
pub(super) fn advice(place: &Place<'_>) -> Option<String> {
    let late = keyword(place.token())?;
    let rank = rank(late)?;
    let keywords = place.keywords();
    // The clauses of the query that contains the error; after UNION, EXCEPT or INTERSECT, another query begins.
    let first = keywords.iter().rposition(|it| matches!(it, K::Select | K::Union | K::Except | K::Intersect));
    let own = keywords.get(first.map_or(0, |first| first + 1)..)?;
    let (_, clause) = own
        .iter()
        .filter_map(|keyword| Some((self::rank(*keyword)?, *keyword)))
        .filter(|(known, _)| *known > rank)
        .min_by_key(|(known, _)| *known)?;
    Some(format!("{} comes before {}", name(late), name(clause)))
}

fn rank(keyword: K) -> Option<usize> {
    [K::From, K::Where, K::Group, K::Having, K::Order, K::Limit].iter().position(|it| *it == keyword)
}

fn name(keyword: K) -> String {
    match keyword {
        K::Group | K::Order => format!("{} BY", keyword.text().to_uppercase()),
        _ => keyword.text().to_uppercase(),
    }
}
