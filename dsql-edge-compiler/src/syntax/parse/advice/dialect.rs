//! Gives advice on words and clauses of other databases.
//!
//! Input: the place. Output: advice.

use super::super::super::keyword::Keyword as K;
use super::super::super::token::{Token, TokenKind};
use super::place::{Place, is_constant, is_name, keyword};

pub(super) fn advice(place: &Place<'_>) -> Option<String> {
    interval(place).or_else(|| command(place)).or_else(|| clause(place))
}

/// Whether the word is a unit of time, such as `days`.
pub(super) fn is_unit(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let singular = word.strip_suffix('s').unwrap_or(&word);
    matches!(singular, "second" | "minute" | "hour" | "day" | "week" | "month" | "year" | "min" | "sec")
}

/// `- 7 DAYS`, `INTERVAL 7 DAY`, `interval '7' days`.
fn interval(place: &Place<'_>) -> Option<String> {
    let (token, previous) = (place.token(), place.back(1)?);
    if keyword(previous) == Some(K::Interval) && token.kind != TokenKind::End {
        let unit = place.word(place.next(1));
        let unit = if is_unit(&unit) { unit } else { "days".to_owned() };
        return Some(match token.kind {
            TokenKind::Integer(_) | TokenKind::Numeric(_) => {
                format!("the value of an interval is quoted: interval '{} {unit}'", place.written(token))
            }
            _ => "the value of an interval is quoted: interval '7 days'".to_owned(),
        });
    }
    let is_number = |token: &Token| matches!(token.kind, TokenKind::Integer(_) | TokenKind::Numeric(_));
    if is_unit(&place.here()) && is_constant(previous) {
        let (number, unit) = (place.written(previous), place.here());
        return Some(match is_number(previous) {
            true => format!("write an interval: interval '{number} {unit}'"),
            false if matches!(previous.kind, TokenKind::Parameter(_)) => {
                format!("write an interval: {number} * interval '1 {}'", unit.trim_end_matches('s'))
            }
            false => return None,
        });
    }
    // `interval '7' days` is an interval with an alias.
    let (second, third) = (place.back(2)?, place.back(3)?);
    let quoted = matches!(&second.kind, TokenKind::String(text) if text.parse::<f64>().is_ok());
    (is_unit(&place.word(previous)) && quoted && keyword(third) == Some(K::Interval)).then(|| {
        let number = place.written(second).trim_matches('\'');
        format!("the unit is inside the quotes: interval '{number} {}'", place.word(previous))
    })
}

/// Returns the advice on a first word that begins a statement of another database.
fn command(place: &Place<'_>) -> Option<String> {
    if place.at != place.start {
        return None;
    }
    let advice = match place.here().as_str() {
        "exec" | "execute" => "write SELECT function(…) for a function, CALL procedure(…) for a procedure",
        "desc" | "describe" => {
            "write SELECT column_name, data_type FROM information_schema.columns WHERE table_name = …"
        }
        "use" => "the connection determines the database; the search_path determines the schema",
        "pragma" => {
            "PostgreSQL has no PRAGMA: its catalog is in information_schema, its settings are read by SHOW"
        }
        "upsert" => "write INSERT INTO … ON CONFLICT (key) DO UPDATE SET column = excluded.column",
        "go" | "declare" => "write one statement in each sql!",
        _ => return None,
    };
    Some(advice.to_owned())
}

fn clause(place: &Place<'_>) -> Option<String> {
    let (token, here) = (place.token(), place.here());
    let (last, second) = (place.word_back(1), place.word_back(2));
    let next = place.word(place.next(1));
    let advice = match (last.as_str(), here.as_str()) {
        ("top", _) if second == "select" => "write LIMIT at the end of the query",
        (_, "contains") => "write = ANY (…) for an element of an array, LIKE '%…%' for a part of a string",
        ("like" | "ilike", "%" | "_") => "write a pattern as a string in single quotes: LIKE '%…%'",
        (_, "regexp" | "rlike") => "write ~ for a regular expression",
        (_, "match") => "write ILIKE '%…%', or to_tsvector(…) @@ to_tsquery(…)",
        (_, "glob") => "write LIKE with % and _, or ~ for a regular expression",
        (_, "with") if next == "(" && place.word(place.next(2)).contains("lock") => {
            "PostgreSQL has no table hints: leave WITH (…) out"
        }
        ("use" | "force" | "ignore", "index") => "PostgreSQL has no index hints: leave it out",
        ("minus", "select" | "(") => "write EXCEPT",
        ("first" | "next" | "fetch", _) if place.own().iter().any(|it| keyword(it) == Some(K::Fetch)) => {
            "write LIMIT, or FETCH FIRST 10 ROWS ONLY"
        }
        (_, "timezone") if last == "at" || second == "at" => "write AT TIME ZONE",
        ("timezone", _) if second == "at" => "write AT TIME ZONE",
        ("rownum", _) | (_, "rownum") => "write LIMIT at the end of the query",
        (_, "asending" | "ascending") => "write ASC",
        (_, "descending") => "write DESC",
        (_, "//" | "#") => "a comment begins with --",
        (_, "outer") if next == "join" => "write LEFT OUTER JOIN, RIGHT OUTER JOIN or FULL OUTER JOIN",
        ("full" | "left" | "right" | "inner" | "cross", _) if is_name(token) => {
            return Some(format!("write {} JOIN {}", last.to_uppercase(), place.written(token)));
        }
        ("connect" | "start", "by" | "with") => "write WITH RECURSIVE",
        ("as", "select") if place.command() == Some(K::With) => {
            "AS takes parentheses: WITH name AS (SELECT …)"
        }
        ("(", "select") if place.command() == Some(K::With) && place.open().len() == 1 => {
            "write AS before the parenthesis: WITH name AS (SELECT …)"
        }
        ("(" | "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp", _)
            if is_value_function(&last) || (here == ")" && is_value_function(&second)) =>
        {
            let name = if last == "(" { second } else { last };
            return Some(format!("write {} without parentheses", name.to_uppercase()));
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

fn is_value_function(word: &str) -> bool {
    matches!(word, "current_date" | "current_time" | "current_timestamp" | "localtime" | "localtimestamp")
}
