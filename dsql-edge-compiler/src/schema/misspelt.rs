//! Finds misspelled directives: comments that are probably meant as directives, but have no effect, such as `--
//! dsql-egde: in batches of 1000`.
//!
//! Input: the text of a file. Output: an error for each such comment, with the right directive.
//!
//! A comment is reported only if it resembles a directive. Two conditions must be true: the beginning of the comment is
//! at most two edits from `dsql-edge:`, and the words after this beginning become a directive with at most two edits in
//! each word. So an ordinary comment that contains the word dsql-edge is not reported. Only a directive begins with
//! exactly `-- dsql-edge:`, so an unknown word after this beginning is an error. If the comment follows SQL in its
//! line, the word is an error only if it is probably a misspelled directive.

use super::directive::{DIRECTIVE, begins_comment};
use crate::diagnostic::suggestion::distance_within;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, Span};
use crate::syntax::lex;

/// The first word of a directive, before the colon.
const NAME: &str = "dsql-edge";

/// The directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Allow,
    Batches,
    Dialect,
    SearchPath,
    Type,
}

/// The mistake in a comment.
#[derive(PartialEq)]
enum Mistake {
    /// The comment begins with something similar to `-- dsql-edge:`.
    Beginning,
    /// The comment begins with `-- dsql-edge:`, but the next word is not the name of a directive.
    Word,
    /// The comment is a directive, but it follows SQL in its line, where it has no effect.
    Place,
}

/// A comment that is probably meant as a directive.
struct Found {
    form: Option<Form>,
    mistake: Mistake,
    error: Diagnostic,
}

/// Returns an error for each comment that is probably meant as a directive, but has no effect. `is_rule` returns
/// whether a word is the name of a rule or an error code.
pub fn misspelt_directives(sql: &str, is_rule: &dyn Fn(&str) -> bool) -> Vec<Diagnostic> {
    found(sql, is_rule).into_iter().map(|found| found.error).collect()
}

/// Returns the errors in those directives that a snapshot can contain: `dialect`, `search_path` and `type`.
pub(super) fn of_schema(sql: &str) -> Vec<Diagnostic> {
    let is_of_schema = |it: &Found| {
        // `directive::read` reports the words.
        it.mistake != Mistake::Word && matches!(it.form, Some(Form::Dialect | Form::SearchPath | Form::Type))
    };
    found(sql, &|_| false).into_iter().filter(is_of_schema).map(|found| found.error).collect()
}

fn found(sql: &str, is_rule: &dyn Fn(&str) -> bool) -> Vec<Found> {
    let mut candidates = Vec::new();
    let mut offset = 0;
    for line in sql.split_inclusive('\n') {
        candidates.extend(candidate(line.trim_end(), offset, is_rule));
        offset += line.len();
    }
    if candidates.is_empty() {
        return Vec::new();
    }
    let lexed = lex(&Source::script(sql));
    candidates.retain(|it: &Found| begins_comment(&lexed, sql, it.error.span));
    candidates
}

/// Returns the error of a line, if its first `--` or `/*` begins a comment that is probably meant as a directive. The
/// caller checks that the `--` or `/*` begins a comment and is not inside a string.
fn candidate(line: &str, offset: usize, is_rule: &dyn Fn(&str) -> bool) -> Option<Found> {
    let dashes = line.find("--");
    let at = dashes.into_iter().chain(line.find("/*")).min()?;
    let is_block = dashes != Some(at);
    let rest = line.get(at + 2..)?;
    let (comment, end) = match rest.find("*/").filter(|_| is_block) {
        Some(end) => (rest.get(..end)?.trim(), at + 2 + end + 2),
        None => (rest.trim(), line.len()),
    };
    let span = Span::new(offset + at, offset + end);
    let is_behind_sql = !line.get(..at)?.trim_start_matches('\u{feff}').trim().is_empty();
    let (name, rest, has_colon) = split(comment)?;
    let is_exact = has_colon && name == NAME && !is_block && comment.starts_with(DIRECTIVE);
    let words: Vec<&str> = rest.split_whitespace().collect();
    let form = form_of(rest, &words, is_rule);
    if is_exact {
        return exact(&words, form, is_behind_sql, span);
    }
    let (form, corrected) = form?;
    // If the colon is missing, the comment counts as a directive only if its other words are exactly those of a
    // directive.
    let is_meant = has_colon || name == NAME && corrected == rest;
    let is_near = name == NAME || distance_within(&name, NAME).is_some() || name.eq_ignore_ascii_case(NAME);
    (is_meant && is_near).then(|| {
        let message = format!("this comment is not a directive: a directive begins with `-- {DIRECTIVE}`");
        let hint = format!("did you mean -- {DIRECTIVE} {corrected}?");
        let error = Diagnostic::error(Code::InvalidDefinition, span, message).with_hint(hint);
        Found { form: Some(form), mistake: Mistake::Beginning, error }
    })
}

/// Returns the error of a comment that begins with exactly `-- dsql-edge:`. The words after `-- dsql-edge:` determine
/// the error.
fn exact(words: &[&str], form: Option<(Form, String)>, is_behind_sql: bool, span: Span) -> Option<Found> {
    let first = words.first().copied().unwrap_or_default();
    let (form, corrected) = form.unzip();
    let found = |mistake: Mistake, message: String, hint: String| {
        let error = Diagnostic::error(Code::InvalidDefinition, span, message).with_hint(hint);
        Some(Found { form, mistake, error })
    };
    match (first, corrected) {
        // Other modules read these directives, and report errors in the words after the first.
        ("allow" | "in" | "batch" | "batches", _) => None,
        ("dialect" | "search_path" | "type", Some(_)) if is_behind_sql => {
            let hint = "move it to a line of its own, above the first statement of the file";
            let message = "a directive has no effect after a statement";
            found(Mistake::Place, message.to_owned(), hint.to_owned())
        }
        ("dialect" | "search_path" | "type", _) => None,
        (_, Some(corrected)) => {
            let hint = format!("did you mean -- {DIRECTIVE} {corrected}?");
            found(Mistake::Word, unknown(first), hint)
        }
        // A comment that follows SQL in the same line may be an ordinary comment.
        (_, None) if is_behind_sql => None,
        (_, None) => found(Mistake::Word, unknown(first), DIRECTIVES.to_owned()),
    }
}

const DIRECTIVES: &str = "the directives are `allow RULE`, `in batches of ROWS`, `dialect dsql|postgres`, `search_path a, b` and \
                          `type table.column = rust::Path`";

fn unknown(word: &str) -> String {
    format!("unknown directive \"{word}\"")
}

/// Divides a comment into a name and the rest: the name ends at the colon, or after the first word if the comment has
/// no colon near its beginning. The spellings `dsql edge` and `dsql_edge` also count as the name.
fn split(comment: &str) -> Option<(String, &str, bool)> {
    const LONGEST: usize = 14;
    let is_of_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | ' ');
    if let Some((name, rest)) = comment.split_once(':')
        && name.len() <= LONGEST
        && name.chars().all(is_of_name)
    {
        return Some((name.trim().replace(['_', ' '], "-"), rest.trim(), true));
    }
    let (name, rest) = comment.split_once(char::is_whitespace)?;
    (name.len() <= LONGEST && name.chars().all(is_of_name)).then(|| (name.to_owned(), rest.trim(), false))
}

/// Returns the kind of the directive that the comment is probably meant as, and the directive with correct spelling.
fn form_of(rest: &str, words: &[&str], is_rule: &dyn Fn(&str) -> bool) -> Option<(Form, String)> {
    let is = |word: &str, right: &str| word == right || distance_within(word, right).is_some();
    let after = |count: usize| words.get(count..).unwrap_or_default().join(" ");
    match words {
        ["in", batches, ..] if is(batches, "batches") || is(batches, "batch") => {
            Some((Form::Batches, batches_of(words.get(2..)?)))
        }
        [batches, more @ ..] if (is(batches, "batches") || is(batches, "batch")) && more.len() <= 2 => {
            Some((Form::Batches, batches_of(more)))
        }
        [dialect, name] if is(dialect, "dialect") => {
            let names = ["dsql", "postgres", "postgresql"];
            let near = names.into_iter().find(|right| *right == *name);
            let near = near.or_else(|| names.into_iter().find(|right| is(name, right)))?;
            Some((Form::Dialect, format!("dialect {}", if near == "dsql" { near } else { "postgres" })))
        }
        [path, ..] if is(path, "search_path") && words.len() > 1 => {
            let is_name = |name: &str| {
                let name = name.trim().trim_matches('"');
                !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '$'))
            };
            let names = after(1);
            names.split(',').all(is_name).then(|| (Form::SearchPath, format!("search_path {names}")))
        }
        [kind, ..] if (*kind == "type" || is(kind, "type")) && rest.contains('=') => {
            Some((Form::Type, format!("type {}", after(1))))
        }
        [allow, rule, ..] if is(allow, "allow") && is_rule(rule.trim_end_matches(',')) => {
            Some((Form::Allow, format!("allow {}", after(1))))
        }
        _ => None,
    }
}

/// Returns the correct form of a directive for batches; `words` are the words after `in batches`.
fn batches_of(words: &[&str]) -> String {
    let rows = words.iter().find(|word| word.replace('_', "").parse::<u32>().is_ok());
    format!("in batches of {}", rows.copied().unwrap_or("1000"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sql: &str) -> Vec<String> {
        let is_rule = |name: &str| matches!(name, "truncate" | "syntax-error");
        let of = |error: Diagnostic| format!("{}: {}", error.message, error.hint.unwrap_or_default());
        misspelt_directives(sql, &is_rule).into_iter().map(of).collect()
    }

    #[test]
    fn misspelt_directive_is_reported_with_the_right_one() {
        for (comment, right) in [
            ("-- dsql-egde: batch", "in batches of 1000"),
            ("-- dsql-egde: in batches of 50", "in batches of 50"),
            ("--dsql-egde: in batchs of 50", "in batches of 50"),
            ("-- dsqledge: dialect postgres", "dialect postgres"),
            ("-- dsql_edge: dialect postgresql", "dialect postgres"),
            ("-- dsql edge: dialect dsql", "dialect dsql"),
            ("-- DSQL-EDGE: search_path app, public", "search_path app, public"),
            ("-- dsql-edg: type users.id = crate::UserId", "type users.id = crate::UserId"),
            ("-- dqsl-edge: allow truncate", "allow truncate"),
            ("TRUNCATE t; -- dsql-egde: allow truncate", "allow truncate"),
            ("-- dsql-edge in batches of 1000", "in batches of 1000"),
            ("-- dsql-edge : in batches of 1000", "in batches of 1000"),
            ("/* dsql-edge: in batches of 1000 */", "in batches of 1000"),
            ("-- dsql-edge: alow truncate", "allow truncate"),
            ("TRUNCATE t; -- dsql-edge: alow truncate", "allow truncate"),
            ("-- dsql-edge: dialekt postgres", "dialect postgres"),
            ("-- dsql-edge: serach_path app", "search_path app"),
        ] {
            let found = shown(comment);
            assert_eq!(found.len(), 1, "{comment}: {found:?}");
            assert!(found[0].ends_with(&format!("did you mean -- dsql-edge: {right}?")), "{found:?}");
        }
        let unknown = shown("-- dsql-edge: nothing");
        assert!(unknown[0].contains("unknown directive \"nothing\": the directives are"), "{unknown:?}");
        let behind = shown("SELECT 1; -- dsql-edge: dialect postgres");
        assert!(behind[0].contains("no effect after a statement"), "{behind:?}");
    }

    #[test]
    fn ordinary_comment_and_right_directive_are_not_reported() {
        for text in [
            "-- dsql-edge: in batches of 1000\nDELETE FROM t;",
            "TRUNCATE t; -- dsql-edge: allow truncate, vacuum",
            "-- dsql-edge: dialect postgres\n--dsql-edge: search_path app\n-- dsql-edge: type t.a = A",
            "-- dsql-edge reads this file in batches of 1000 rows",
            "-- dsql-edge allows batches of 1000 rows",
            "-- dsql-edge: allow whatever",
            "-- dsql edge: in this file, types = names",
            "-- dsql edge: allow users to delete rows",
            "-- dsql: in batches of 1000",
            "-- edge: in batches of 1000",
            "-- the comment -- dsql-egde: batch is wrong",
            "-- TODO: delete in batches of 1000",
            "-- type: a = b",
            "-- note: dialect postgres",
            "SELECT '\n-- dsql-egde: batch\n';",
            "/* a\n-- dsql-egde: batch\n*/",
            "COPY t FROM stdin;\n-- dsql-egde: batch\n\\.\n",
            "CREATE TABLE t (a text DEFAULT '-- dsql-egde: batch');",
        ] {
            assert_eq!(shown(text), [""; 0], "{text}");
        }
    }
}
