//! Gives advice on INSERT, UPDATE and DELETE as other databases write them.
//!
//! Input: the place. Output: advice.

use super::super::super::keyword::Keyword as K;
use super::super::super::token::{Token, TokenKind};
use super::place::{Place, is_name, keyword};

pub(super) fn advice(place: &Place<'_>) -> Option<String> {
    match place.command() {
        Some(K::Insert) => insert(place),
        Some(K::Update) => update(place),
        Some(K::Delete) => delete(place),
        Some(K::Replace) if place.at == place.start => Some(UPSERT.to_owned()),
        _ => None,
    }
}

const UPSERT: &str = "write INSERT INTO … ON CONFLICT (key) DO UPDATE SET column = excluded.column";
const IGNORE: &str = "write INSERT INTO … ON CONFLICT DO NOTHING";

fn insert(place: &Place<'_>) -> Option<String> {
    let (here, previous, second) = (place.here(), place.word_back(1), place.word_back(2));
    let token = place.token();
    let advice = match (previous.as_str(), here.as_str()) {
        ("insert", "or") => match place.word(place.next(1)).as_str() {
            "replace" => UPSERT,
            _ => IGNORE,
        },
        ("insert", "ignore") => IGNORE,
        ("insert", _) if is_name(token) => {
            return Some(format!("write INSERT INTO {}", place.written(token)));
        }
        (_, "set") if second == "into" => "write INSERT INTO … (columns) VALUES (values)",
        ("on", "duplicate") => "write ON CONFLICT (key) DO UPDATE SET column = excluded.column",
        ("conflict", "update") => "write ON CONFLICT (key) DO UPDATE SET column = excluded.column",
        ("conflict", "ignore") => "write ON CONFLICT DO NOTHING",
        ("do", "ignore") => "write ON CONFLICT DO NOTHING",
        ("update", name) if second == "do" && name != "set" => {
            return Some(format!("leave out {}: write DO UPDATE SET", place.written(token)));
        }
        ("(" | ",", _) if is_name_in_quotes(place) => {
            let name = place.written(token).trim_matches('\'');
            return Some(format!("a name has double quotes, or none: \"{name}\""));
        }
        (_, "output") => "write RETURNING column, at the end of the statement",
        _ if second == "into" && is_name(token) && !is_values(token) => {
            return Some(format!("write AS {0} if {0} is an alias", place.written(token)));
        }
        _ => return None,
    };
    Some(advice.to_owned())
}

/// `INSERT INTO t ('name')`
fn is_name_in_quotes(place: &Place<'_>) -> bool {
    let before_values = !place.own().iter().any(|it| matches!(keyword(it), Some(K::Values | K::Select)));
    before_values && matches!(place.token().kind, TokenKind::String(_))
}

/// Whether the token is `VALUES`, or a word that is nearly the same.
fn is_values(token: &Token) -> bool {
    let word = token.kind.name().unwrap_or_default();
    word == "values" || crate::diagnostic::suggestion::distance_within(word, "values").is_some()
}

fn update(place: &Place<'_>) -> Option<String> {
    let (here, previous) = (place.here(), place.word_back(1));
    let table = table(place, 1);
    Some(match here.as_str() {
        "from" if previous == "update" => {
            format!("leave out FROM: write UPDATE {} SET …", place.written(place.next(1)))
        }
        "limit" | "order" => limited("UPDATE", "SET …", &table),
        "join" | "inner" | "left" | "right" | "cross" | "," if !has_set(place) => format!(
            "UPDATE names one table, and FROM the others: write UPDATE {table} SET … FROM other WHERE …"
        ),
        "=" if !has_set(place) && place.own().len() > 2 => {
            format!("SET is missing: write UPDATE {table} SET {previous} = …")
        }
        "==" if has_set(place) => "write =".to_owned(),
        operator if is_compound(operator) && has_set(place) => {
            let sign = operator.trim_end_matches('=');
            format!("write {previous} = {previous} {sign} …")
        }
        "+" | "-" if has_set(place) => format!("write {previous} = {previous} {here} 1"),
        "=" if place.word_back(2) == "(" && place.word_back(3) == "set" => {
            format!("leave out the parentheses: write SET {previous} = …")
        }
        "where" if previous == "," => "remove the comma before WHERE".to_owned(),
        _ => return None,
    })
}

fn delete(place: &Place<'_>) -> Option<String> {
    let (here, previous) = (place.here(), place.word_back(1));
    let table = table(place, 2);
    Some(match here.as_str() {
        "limit" | "order" => limited("DELETE", "", &table),
        "join" | "inner" | "left" => {
            format!(
                "DELETE names one table, and USING the others: write DELETE FROM {table} USING other WHERE …"
            )
        }
        _ if previous == "delete" && place.next(1).kind == TokenKind::Keyword(K::From) => format!(
            "leave out {}: write DELETE FROM {}",
            place.written(place.token()),
            place.written(place.next(2))
        ),
        _ if previous == "delete" && is_name(place.token()) => {
            format!("write DELETE FROM {}", place.written(place.token()))
        }
        _ => return None,
    })
}

/// `DELETE … LIMIT 10`
fn limited(command: &str, set: &str, table: &str) -> String {
    let from = if command == "DELETE" { "DELETE FROM" } else { command };
    let set = if set.is_empty() { String::new() } else { format!(" {set}") };
    format!(
        "{command} has no ORDER BY and no LIMIT: write {from} {table}{set} WHERE key IN (SELECT key FROM {table} … LIMIT …), with the primary key for key"
    )
}

/// Returns the table of the statement; `number` is the index of the table's token in the statement.
fn table(place: &Place<'_>, number: usize) -> String {
    place.own().get(number).map_or("t", |token| place.written(token)).to_owned()
}

fn has_set(place: &Place<'_>) -> bool {
    place.own().iter().any(|token| keyword(token) == Some(K::Set))
}

/// `+=`, `-=`, `*=`, `||=`
fn is_compound(operator: &str) -> bool {
    operator.len() > 1 && operator.ends_with('=') && operator.starts_with(['+', '-', '*', '/', '|', '%'])
}
