//! Finds the statements of a script that contain a name.
//!
//! Input: the statements of a file with their tokens. Output: statements by name, from an index. Without the index,
//! `key` would read the script again for each PRIMARY KEY or UNIQUE constraint that it may move.

use std::collections::HashMap;
use std::ops::Range;

use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::token::TokenKind;

use super::run::without_number;

/// An index of the words in a script: for each name, the statements that contain the name.
pub(super) struct Names {
    /// For each identifier or keyword, as PostgreSQL folds it: the indexes of the statements that contain it, in order.
    /// The index also lists the name of a sequence without the number at its end.
    written: HashMap<String, Vec<usize>>,
    /// The statements that contain a string, by the last part of the name in the string, in lower case: `posts_id_seq`
    /// for `'public.posts_id_seq'`. The name of a sequence is also listed without the number at its end.
    in_strings: HashMap<String, Vec<usize>>,
}

impl Names {
    pub(super) fn of(parsed: &Parsed<'_>) -> Names {
        let (mut written, mut in_strings) = (HashMap::new(), HashMap::new());
        let add = |names: &mut HashMap<String, Vec<usize>>, name: &str, at: usize| match names.get_mut(name) {
            Some(places) if places.last() == Some(&at) => {}
            Some(places) => places.push(at),
            None => {
                names.insert(name.to_owned(), vec![at]);
            }
        };
        for (at, statement) in parsed.statements.iter().enumerate() {
            for token in parsed.tokens.within(statement.span) {
                match &token.kind {
                    TokenKind::Identifier(text) => {
                        add(&mut written, text, at);
                        add(&mut written, without_number(text), at);
                    }
                    TokenKind::Keyword(keyword) => add(&mut written, keyword.text(), at),
                    TokenKind::String(text) => {
                        let name = last_name(text).to_ascii_lowercase();
                        add(&mut in_strings, &name, at);
                        add(&mut in_strings, without_number(&name), at);
                    }
                    _ => {}
                }
            }
        }
        Names { written, in_strings }
    }

    /// Returns the statements of a range that contain this name, in order.
    pub(super) fn within(&self, range: Range<usize>, name: &str) -> impl Iterator<Item = usize> {
        let of = |names: &HashMap<String, Vec<usize>>, name: &str| {
            let places = names.get(name).map_or(&[][..], Vec::as_slice);
            let start = places.partition_point(|at| *at < range.start);
            let end = places.partition_point(|at| *at < range.end);
            places.get(start..end).unwrap_or_default().to_vec()
        };
        let mut found = of(&self.written, name);
        found.extend(of(&self.in_strings, &name.to_ascii_lowercase()));
        found.sort_unstable();
        found.dedup();
        found.into_iter()
    }

    /// Whether a statement contains this name.
    pub(super) fn is_in(&self, at: usize, name: &str) -> bool {
        let has = |places: &Vec<usize>| places.binary_search(&at).is_ok();
        self.written.get(name).is_some_and(has)
            || self.in_strings.get(&name.to_ascii_lowercase()).is_some_and(has)
    }
}

/// Returns the last part of the name in a string literal: `nextval('posts_id_seq')`, `'POSTS'::regclass`.
pub(super) fn last_name(text: &str) -> &str {
    text.rsplit('.').next().unwrap_or(text).trim_matches('"')
}
