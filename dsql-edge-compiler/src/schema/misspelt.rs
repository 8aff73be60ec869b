//! Finds comments that are meant as directives, and that no reader accepts: `-- dsql-egde: in batches of 1000`.
//!
//! Input: the text of a file. Output: an error for each such comment, with the right directive.
//!
//! A comment is reported only if it has the form of a directive: its beginning is at most two edits from `dsql-edge:`, and the
//! text after it reads as one of the directives, with at most two edits in each of its words. So an ordinary comment about
//! dsql-edge is not reported. The exact beginning `dsql-edge:` is that of a directive only, so every other word after it is an
//! error.

use super::directive::{DIRECTIVE, begins_comment};
use crate::diagnostic::suggestion::distance_within;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, Span};
use crate::syntax::lex;

/// The name that a directive begins with.
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

/// Returns an error for each comment that is meant as a directive and is not one. `is_rule`: whether a name is that of a rule
/// or of an error code.
pub fn misspelt_directives(sql: &str, is_rule: &dyn Fn(&str) -> bool) -> Vec<Diagnostic> {
    found(sql, is_rule).into_iter().map(|(_, error)| error).collect()
}

/// Returns the errors about directives that a schema reads.
pub(super) fn of_schema(sql: &str) -> Vec<Diagnostic> {
    let of_schema = |form: Form| matches!(form, Form::Dialect | Form::SearchPath | Form::Type);
    let found = found(sql, &|_| false).into_iter();
    // `directive::read` reports the lines with the exact name.
    let is_misspelt = |error: &Diagnostic| !error.message.starts_with("unknown directive");
    found.filter(|(form, error)| form.is_some_and(of_schema) && is_misspelt(error)).map(|it| it.1).collect()
}

fn found(sql: &str, is_rule: &dyn Fn(&str) -> bool) -> Vec<(Option<Form>, Diagnostic)> {
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
    candidates.retain(|(_, error)| begins_comment(&lexed, sql, error.span));
    candidates
}

/// Returns the error of a line, if the first comment in it is meant as a directive. Whether it is a comment is not known yet.
fn candidate(
    line: &str,
    offset: usize,
    is_rule: &dyn Fn(&str) -> bool,
) -> Option<(Option<Form>, Diagnostic)> {
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
        let kind = form.as_ref().map(|it| it.0);
        return exact(&words, form, is_behind_sql).map(|error| (kind, error.at(span)));
    }
    let (form, corrected) = form?;
    // Without the colon, only words that are exactly a directive show that it is meant as one.
    let is_meant = has_colon || name == NAME && corrected == rest;
    let is_near = name == NAME || distance_within(&name, NAME).is_some() || name.eq_ignore_ascii_case(NAME);
    (is_meant && is_near).then(|| {
        let message = format!("this comment is not a directive, which begins with `-- {DIRECTIVE}`");
        let hint = format!("did you mean -- {DIRECTIVE} {corrected}?");
        (Some(form), Diagnostic::error(Code::InvalidDefinition, span, message).with_hint(hint))
    })
}

/// An error without its place.
struct Problem(String, String);

impl Problem {
    fn at(self, span: Span) -> Diagnostic {
        Diagnostic::error(Code::InvalidDefinition, span, self.0).with_hint(self.1)
    }
}

/// Returns the error of a comment that begins with the exact name, by the words after it.
fn exact(words: &[&str], form: Option<(Form, String)>, is_behind_sql: bool) -> Option<Problem> {
    let first = words.first().copied().unwrap_or_default();
    match first {
        // The readers of these directives report what is wrong with the words after them.
        "allow" => return None,
        "in" | "batch" | "batches" => return None,
        "dialect" | "search_path" | "type" if !is_behind_sql => return None,
        "dialect" | "search_path" | "type" => {
            return form.map(|_| {
                let message = "a directive has no effect behind a statement".to_owned();
                Problem(
                    message,
                    "move it to a line of its own, above the first statement of the file".to_owned(),
                )
            });
        }
        _ => {}
    }
    let hint = match form {
        Some((_, corrected)) => format!("did you mean -- {DIRECTIVE} {corrected}?"),
        // Behind a statement, it may be an ordinary comment.
        None if is_behind_sql => return None,
        None => "the directives are `allow RULE`, `in batches of ROWS`, `dialect dsql|postgres`, `search_path a, b` and \
                 `type table.column = rust::Path`"
            .to_owned(),
    };
    Some(Problem(format!("unknown directive \"{first}\""), hint))
}

/// Divides a comment into the name before the colon, or the first word if no colon is near, and the rest. `dsql edge`
/// and `dsql_edge` are names, too.
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

/// Returns the directive that a text is meant as, and the right text of it.
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

/// The right directive for batches, by the words after `in batches`.
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
        assert!(behind[0].contains("no effect behind a statement"), "{behind:?}");
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
