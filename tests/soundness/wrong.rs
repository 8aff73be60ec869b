//! Makes a statement slightly wrong: moves a part of it, removes a word, or misspells a name.

use fastrand::Rng;

use crate::tree::{Node, Part, Sort};

/// Returns a statement that may be wrong: a changed tree or, if a token was changed, a node that contains only text.
pub(crate) fn spoil(rng: &mut Rng, statement: &Node) -> Node {
    let mut wrong = statement.clone();
    match rng.u32(..10) {
        0..4 => transplant(rng, &mut wrong),
        4..7 => wrong = tokens(rng, &wrong.sql()),
        7..8 => misspell(rng, &mut wrong),
        _ => shorten(rng, &mut wrong),
    }
    wrong
}

/// Replaces an expression by another expression of any type and scope.
fn transplant(rng: &mut Rng, wrong: &mut Node) {
    let mut places = Vec::new();
    let mut sources = Vec::new();
    let mut number = 0;
    wrong.visit(&mut |node| {
        if let Sort::Expr(_) = node.sort {
            places.push(number);
            sources.push(node.clone());
        }
        number += 1;
    });
    if places.is_empty() {
        return;
    }
    let place = places[rng.usize(..places.len())];
    let source = sources.swap_remove(rng.usize(..sources.len()));
    if let Some(node) = wrong.nth_mut(place) {
        *node = source;
    }
}

/// Drops, duplicates or swaps tokens, or cuts off the rest.
fn tokens(rng: &mut Rng, sql: &str) -> Node {
    let mut tokens: Vec<String> = Vec::new();
    let mut quote = None;
    for c in sql.chars() {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let joins = quote.is_some()
            || tokens.last().and_then(|it| it.chars().last()).is_some_and(|it| word(it) && word(c));
        match quote {
            Some(open) if open == c => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        match tokens.last_mut() {
            Some(last) if joins => last.push(c),
            _ => tokens.push(c.to_string()),
        }
    }
    let real: Vec<usize> = (0..tokens.len()).filter(|at| tokens[*at] != " ").collect();
    if real.is_empty() {
        return Node::words(sql.to_owned());
    }
    let at = real[rng.usize(..real.len())];
    let other = real[rng.usize(..real.len())];
    match rng.u32(..4) {
        0 => {
            tokens.remove(at);
        }
        1 => tokens.insert(at, tokens[other].clone()),
        2 => tokens.swap(at, other),
        _ => tokens.truncate(at),
    }
    Node::new(Sort::Query, "").text(tokens.concat())
}

fn misspell(rng: &mut Rng, wrong: &mut Node) {
    let mut places = Vec::new();
    let mut number = 0;
    wrong.visit(&mut |node| {
        if node.what.contains("column") || node.what.ends_with("()") || node.what == "table" {
            places.push(number);
        }
        number += 1;
    });
    if places.is_empty() {
        return;
    }
    let place = places[rng.usize(..places.len())];
    if let Some(node) = wrong.nth_mut(place)
        && let Some(Part::Text(text)) = node.parts.iter_mut().find(|part| matches!(part, Part::Text(_)))
    {
        let at = rng.usize(..=text.len().min(3));
        if text.is_char_boundary(at) {
            text.to_mut().insert(at, 'z');
        }
    }
}

/// Removes an item from a list, even if the list is then empty.
fn shorten(rng: &mut Rng, wrong: &mut Node) {
    let count = wrong.size();
    for _ in 0..20 {
        let Some(node) = wrong.nth_mut(rng.usize(..count)) else { continue };
        for part in &mut node.parts {
            if let Part::List(list) = part
                && !list.items.is_empty()
            {
                list.items.remove(rng.usize(..list.items.len()));
                return;
            }
        }
    }
}
