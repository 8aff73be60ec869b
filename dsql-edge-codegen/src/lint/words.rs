//! Finds the statements of a script that have a name in them, and the later files that have a word in them.
//!
//! Input: the statements of a file with their tokens; the texts of the files after it. Output: statements by name, files
//! by word. Each answer is a look-up: a search would read the whole script again for each of its keys.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::token::TokenKind;

/// The statements of a script by the names in them.
pub(super) struct Names {
    /// By an identifier or a keyword, as PostgreSQL folds it: the places of statements, in order.
    written: HashMap<String, Vec<usize>>,
    /// By the last part of a name in a string, in lower case: `'public.posts_id_seq'`.
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
                    TokenKind::Identifier(text) => add(&mut written, text, at),
                    TokenKind::Keyword(keyword) => add(&mut written, keyword.text(), at),
                    TokenKind::String(text) => {
                        add(&mut in_strings, &last_name(text).to_ascii_lowercase(), at);
                    }
                    _ => {}
                }
            }
        }
        Names { written, in_strings }
    }

    /// The statements of a range that have this name in them, in order.
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

    /// Whether a statement has this name in it.
    pub(super) fn is_in(&self, at: usize, name: &str) -> bool {
        let has = |places: &Vec<usize>| places.binary_search(&at).is_ok();
        self.written.get(name).is_some_and(has)
            || self.in_strings.get(&name.to_ascii_lowercase()).is_some_and(has)
    }
}

/// The last part of a name in a string: `nextval('posts_id_seq')`, `'POSTS'::regclass`.
pub(super) fn last_name(text: &str) -> &str {
    text.rsplit('.').next().unwrap_or(text).trim_matches('"')
}

/// The files that run one after the other.
pub(super) struct Files {
    /// Their texts in lower case.
    texts: Vec<String>,
    /// The last file that has a word in it.
    last: OnceCell<HashMap<String, usize>>,
}

impl Files {
    pub(super) fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Files {
        let texts = texts.into_iter().map(str::to_ascii_lowercase).collect();
        Files { texts, last: OnceCell::new() }
    }

    /// Whether there is a file after this one.
    pub(super) fn has_any_after(&self, file: usize) -> bool {
        file + 1 < self.texts.len()
    }

    /// Whether a file after this one has these words in it.
    pub(super) fn has_after(&self, file: usize, words: &str) -> bool {
        let words = words.to_ascii_lowercase();
        let later = self.texts.get(file + 1..).unwrap_or_default();
        if words.chars().all(is_part) {
            let last = self.last.get_or_init(|| last_of_each_word(&self.texts));
            return last.get(&words).is_some_and(|last| *last > file);
        }
        later.iter().any(|text| {
            text.match_indices(&words).any(|(at, _)| {
                let (before, after) = (text.get(..at), text.get(at + words.len()..));
                !before.is_some_and(|it| it.ends_with(is_part))
                    && !after.is_some_and(|it| it.starts_with(is_part))
            })
        })
    }
}

fn last_of_each_word(texts: &[String]) -> HashMap<String, usize> {
    let mut last = HashMap::new();
    for (at, text) in texts.iter().enumerate() {
        for word in text.split(|it| !is_part(it)).filter(|word| !word.is_empty()) {
            match last.get_mut(word) {
                Some(known) => *known = at,
                None => {
                    last.insert(word.to_owned(), at);
                }
            }
        }
    }
    last
}

fn is_part(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}
