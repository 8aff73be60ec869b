//! The files that run one after the other, with the words in each file and the effects of all files.
//!
//! Input: the texts of several files, in the order in which they run. Output: the files that contain a word, and the
//! effects of all files. The words and the effects are computed only when they are needed, because a run with a single
//! file needs neither.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::effects::Effects;
use super::read::read;

/// Files in the order in which they run.
pub(super) struct Run<'t> {
    texts: Vec<&'t str>,
    /// The texts in lower case.
    lower: OnceCell<Vec<String>>,
    /// For each word, the first and the last file in which the word occurs.
    words: OnceCell<HashMap<String, (usize, usize)>>,
    effects: Vec<OnceCell<Effects>>,
}

impl<'t> Run<'t> {
    pub(super) fn of(texts: impl IntoIterator<Item = &'t str>) -> Run<'t> {
        let texts: Vec<&str> = texts.into_iter().collect();
        let effects = texts.iter().map(|_| OnceCell::new()).collect();
        Run { texts, lower: OnceCell::new(), words: OnceCell::new(), effects }
    }

    /// Returns the effects of a file.
    pub(super) fn effects(&self, file: usize) -> Option<&Effects> {
        let text = self.texts.get(file)?;
        Some(self.effects.get(file)?.get_or_init(|| {
            let (parsed, errors) = read(text);
            Effects::of(&parsed, errors.is_empty())
        }))
    }

    /// Returns the effects of all files; for the file with the index `file`, uses the effects in `own`.
    pub(super) fn effects_with(&self, file: usize, own: &Effects) -> Effects {
        let mut all = Effects::default();
        all.extend(own);
        let others = (0..self.texts.len()).filter(|at| *at != file).filter_map(|at| self.effects(at));
        others.for_each(|other| all.extend(other));
        all
    }

    /// Whether a literal of this file may end at another position because of an earlier file.
    pub(super) fn changes_strings_before(&self, file: usize) -> bool {
        (0..file).filter_map(|at| self.effects(at)).any(|it| it.changes_strings)
    }

    /// Whether the run contains a file after the file with this index.
    pub(super) fn has_any_after(&self, file: usize) -> bool {
        file + 1 < self.texts.len()
    }

    /// Whether the run has more than one file.
    pub(super) fn has_others(&self) -> bool {
        self.texts.len() > 1
    }

    /// Whether an earlier file contains these words.
    pub(super) fn has_before(&self, file: usize, words: &str) -> bool {
        file > 0 && self.has(words, 0..file, |(first, _)| first < file)
    }

    /// Whether one of the later files contains these words.
    pub(super) fn has_after(&self, file: usize, words: &str) -> bool {
        self.has_any_after(file) && self.has(words, file + 1..self.texts.len(), |(_, last)| last > file)
    }

    fn has(
        &self,
        words: &str,
        files: std::ops::Range<usize>,
        is_there: impl Fn((usize, usize)) -> bool,
    ) -> bool {
        let words = words.to_ascii_lowercase();
        let lower = self.lower.get_or_init(|| self.texts.iter().map(|it| it.to_ascii_lowercase()).collect());
        if words.chars().all(is_part) {
            let known = self.words.get_or_init(|| places_of_each_word(lower));
            return known.get(&words).is_some_and(|places| is_there(*places));
        }
        lower.get(files).unwrap_or_default().iter().any(|text| {
            text.match_indices(&words).any(|(at, _)| {
                let (before, after) = (text.get(..at), text.get(at + words.len()..));
                !before.is_some_and(|it| it.ends_with(is_part))
                    && !after.is_some_and(|it| it.starts_with(is_part))
            })
        })
    }
}

/// Returns, for each word, the first and the last file in which the word occurs. A word that ends with a number is also
/// listed without the number, because PostgreSQL appends a number to a name that is taken.
fn places_of_each_word(texts: &[String]) -> HashMap<String, (usize, usize)> {
    let mut places: HashMap<String, (usize, usize)> = HashMap::new();
    for (at, text) in texts.iter().enumerate() {
        for word in text.split(|it| !is_part(it)).filter(|word| !word.is_empty()) {
            for word in [word, without_number(word)] {
                match places.get_mut(word) {
                    Some((_, last)) => *last = at,
                    None => _ = places.insert(word.to_owned(), (at, at)),
                }
            }
        }
    }
    places
}

/// Returns the name of a generated sequence without the number that makes it unique: `t_id_seq1`.
pub(super) fn without_number(name: &str) -> &str {
    let without = name.trim_end_matches(|it: char| it.is_ascii_digit());
    if without.ends_with("_seq") { without } else { name }
}

fn is_part(it: char) -> bool {
    it.is_alphanumeric() || it == '_'
}
