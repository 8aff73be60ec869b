//! The files of a test of the linter.

/// Returns the files with these texts, in their order: `0.sql`, `1.sql`, …
pub(super) fn named(texts: &[&str]) -> Vec<(String, String)> {
    texts.iter().enumerate().map(|(at, text)| (format!("{at}.sql"), (*text).to_owned())).collect()
}
