//! Gives advice on operators and expressions.
//!
//! Input: the place. Output: advice.

use super::super::super::keyword::Keyword as K;
use super::super::super::token::{Token, TokenKind};
use super::place::{Place, is_constant, is_name, keyword};

pub(super) fn advice(place: &Place<'_>) -> Option<String> {
    comparison(place).or_else(|| logic(place)).or_else(|| case(place)).or_else(|| call(place))
}

/// `IS 'a'`, `NOT =`, `=>`, `a = 1 && b = 2`.
fn comparison(place: &Place<'_>) -> Option<String> {
    if matches!(place.command(), Some(K::Create | K::Alter)) {
        return None;
    }
    let (here, last, second) = (place.here(), place.word_back(1), place.word_back(2));
    let is_operand = is_constant(place.token()) || is_name(place.token());
    let advice = match (last.as_str(), here.as_str()) {
        ("is", "like" | "in") => "write it without IS",
        ("is", _) => "IS is for NULL, TRUE, FALSE and DISTINCT FROM; to compare values write =",
        ("not", _) if second == "is" && is_operand => {
            "IS NOT is for NULL, TRUE, FALSE and DISTINCT FROM; to compare values write <>"
        }
        ("not", "=") => "write <>",
        ("not", "null") | (_, "not") if here == "null" || place.word(place.next(1)) == "null" => {
            "write IS NOT NULL"
        }
        (_, "not") if place.word(place.next(1)) == "=" => "write <>",
        (_, "null") if is_name(place.back(1)?) => "write IS NULL",
        (_, "=>") => "write >=",
        (_, "=" | "<" | ">" | "<=" | ">=" | "<>" | "!=" | "==") => return chained(place),
        _ => return None,
    };
    Some(advice.to_owned())
}

/// `a = 1 && b = 2`: `&&` and `||` bind more tightly than a comparison, so PostgreSQL reads `a = (1 && b) = 2`, and the
/// second comparison is the error.
fn chained(place: &Place<'_>) -> Option<String> {
    let level = place.level();
    let is_comparison = |token: &&Token| {
        matches!(
            token.kind,
            TokenKind::Symbol(b'=' | b'<' | b'>')
                | TokenKind::NotEquals
                | TokenKind::LessEquals
                | TokenKind::GreaterEquals
        )
    };
    let first = level.iter().rposition(is_comparison)?;
    level.iter().skip(first).find_map(|token| match &token.kind {
        TokenKind::Operator(name) if name == "&&" => Some("write AND, not &&".to_owned()),
        TokenKind::Operator(name) if name == "||" => Some("write OR, not ||".to_owned()),
        _ => None,
    })
}

/// `OR OR`, `WHERE AND`
fn logic(place: &Place<'_>) -> Option<String> {
    let joins = matches!(keyword(place.token()), Some(K::And | K::Or));
    let waits = matches!(
        place.back(1).and_then(keyword),
        Some(K::And | K::Or | K::Where | K::On | K::Having | K::Not | K::When)
    );
    (joins && waits).then(|| {
        format!(
            "a condition is missing between {} and {}",
            place.word_back(1).to_uppercase(),
            place.here().to_uppercase()
        )
    })
}

/// `CASE` without WHEN, THEN or END.
fn case(place: &Place<'_>) -> Option<String> {
    let open = place.keywords().into_iter().fold(Vec::new(), |mut open, word| {
        match word {
            K::Case => open.push(word),
            K::When | K::Then | K::Else if !open.is_empty() => open.push(word),
            K::End => while open.pop().is_some_and(|word| word != K::Case) {},
            _ => {}
        }
        open
    });
    let last = open.last()?;
    let closes = place.ends_clause()
        || matches!(place.token().kind, TokenKind::Symbol(b')' | b',') | TokenKind::Keyword(K::As));
    let after_value = place.back(1).is_some_and(|token| is_constant(token) || is_name(token));
    Some(match (last, keyword(place.token())) {
        (K::Then | K::Else, _) if closes && after_value => "close the CASE with END".to_owned(),
        (K::Case, Some(K::Then)) => "CASE takes WHEN before THEN: CASE WHEN … THEN … END".to_owned(),
        (K::When, None) if is_constant(place.token()) && after_value => {
            format!("THEN is missing before {}", place.written(place.token()))
        }
        _ => return None,
    })
}

/// `CAST(a, int)`, `EXTRACT(year, a)`, `ANY (1, 2)`, `IN ()`, `BETWEEN 1, 2`.
fn call(place: &Place<'_>) -> Option<String> {
    let open = place.open();
    let before = open.last().and_then(|at| at.checked_sub(1)).and_then(|at| place.tokens.get(at));
    let here = place.here();
    let advice = match before.and_then(keyword) {
        Some(K::Cast) if here == "," || is_name(place.token()) => "write CAST(value AS type), or value::type",
        Some(K::Extract) if here == "," => "write EXTRACT(field FROM time)",
        Some(K::Any | K::All | K::Some)
            if matches!(here.as_str(), "," | ")") && place.word_back(1) != "(" =>
        {
            "write IN (…) for a list, or = ANY (…) with one array"
        }
        Some(K::In) if here == ")" && place.word_back(1) == "(" => {
            "a list cannot be empty: for values of which there may be none, write = ANY ($values) with an array"
        }
        _ if here == "*" && place.word_back(1) == "distinct" && place.word_back(2) == "(" => {
            "write count(*) for all rows, or count(DISTINCT column) for the different values of a column"
        }
        _ if here == "," && between(place) => "BETWEEN takes two bounds: BETWEEN … AND …",
        _ => return None,
    };
    Some(advice.to_owned())
}

/// Whether the last construct is a BETWEEN without its second bound.
fn between(place: &Place<'_>) -> bool {
    let mut words = place.keywords().into_iter().rev();
    matches!(
        words.find(|it| matches!(it, K::Between | K::And | K::Where | K::From | K::On | K::Select)),
        Some(K::Between)
    )
}
