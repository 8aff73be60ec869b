//! Decides what `sql!` does with one invocation of a macro of sqlx.
//!
//! Input: an invocation, and the schema. Output: whether the invocation compiles with `sql!`, the edits of its Rust
//! source, and the reasons if it cannot compile. Only rustc has the types of the user's values, so a result that
//! depends on these types is a note.

use std::ops::Range;
use std::path::Path;

use dsql_edge_compiler::diagnostic::render::{Place, render};
use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Diagnostics};
use dsql_edge_compiler::fields::{Fields, fields};
use dsql_edge_compiler::source::line_and_column;
use dsql_edge_compiler::typed::SessionEffect;
use dsql_edge_compiler::{Schema, Source, TypedQuery, compile};
use dsql_edge_macro_input::Literal;

use super::invocation::Rows;
use super::notes;
use super::sources::Call;

/// The result for an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Only the name of the macro changes.
    AsItIs,
    /// The edits make it compile.
    Change,
    Cannot,
}

/// The verdict about an invocation.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) edits: Vec<Edit>,
    /// The reasons for [`Verdict::Cannot`], as people read them.
    pub(super) reasons: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// A change to the source: `text` replaces the bytes `at`.
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

/// A query that compiles.
struct Compiled {
    query: TypedQuery,
    fields: Fields,
}

/// Decides whether an invocation compiles with `sql!`; `name` is the name of the invocation's file in messages.
pub(super) fn judge(call: &Call, name: &str, package: &Path, schema: &Schema) -> Judged {
    let mut judging = Judging { call, name, edits: Vec::new(), reasons: Vec::new(), notes: Vec::new() };
    let text = match judging.text(package) {
        Ok(text) => text,
        Err(reason) => {
            judging.reasons.push(reason);
            return judging.judged();
        }
    };
    if let Some(compiled) = judging.compiled(text.clone(), schema) {
        for (offset, reason) in notes::misfits(&compiled.query, &compiled.fields) {
            let Place { file, line, column } = judging.place(&text, offset);
            judging.reasons.push(format!("{reason}\n --> {}:{line}:{column}", file.unwrap_or_default()));
        }
        judging.row();
        judging.chain(&compiled.query);
        judging.notes.extend(notes::of(call, &compiled.query, &compiled.fields));
    }
    judging.arguments();
    judging.judged()
}

struct Judging<'j> {
    call: &'j Call,
    name: &'j str,
    edits: Vec<Edit>,
    reasons: Vec<String>,
    notes: Vec<String>,
}

impl Judging<'_> {
    /// Returns the SQL.
    fn text(&self, package: &Path) -> Result<String, String> {
        if !self.call.kind.is_file {
            return Ok(self.call.invocation.sql.clone());
        }
        let path = package.join(&self.call.invocation.sql);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            self.at_call(&format!("{} cannot be read: {error}", self.call.invocation.sql))
        })?;
        Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
    }

    /// Compiles the SQL. If the column of a `query_scalar!` has no name, the column gets the name `value`.
    fn compiled(&mut self, text: String, schema: &Schema) -> Option<Compiled> {
        let errors = match compiled(&text, schema) {
            Ok(compiled) => {
                self.joined(text);
                return Some(compiled);
            }
            Err(errors) => errors,
        };
        if let Some(unnamed) = self.unnamed(&errors) {
            let at = unnamed.span.end as usize;
            let alias = " AS value";
            if let (Some(before), Some(after)) = (text.get(..at), text.get(at..)) {
                let named = format!("{before}{alias}{after}");
                if let Ok(compiled) = compiled(&named, schema) {
                    match self.call.invocation.literals.as_slice() {
                        [one] => {
                            let at = one.span().byte_range().start + Literal::new(one).offset(at);
                            self.edits.push(Edit { at: at..at, text: alias.to_owned() });
                        }
                        _ => self.joined(named),
                    }
                    return Some(compiled);
                }
            }
        }
        for error in errors.errors() {
            let place = self.place(&text, error.span.start as usize);
            self.reasons.push(render(error, &text, Some(place)));
        }
        None
    }

    /// Returns the error of an unnamed column, if the query is a `query_scalar!` and has no other error.
    fn unnamed<'e>(&self, errors: &'e Diagnostics) -> Option<&'e Diagnostic> {
        let mut all = errors.errors();
        let first = all.next().filter(|error| error.code == Code::UnnamedColumn)?;
        let is_scalar = self.call.kind.rows == Rows::Scalar && !self.call.kind.is_file;
        (is_scalar && all.next().is_none()).then_some(first)
    }

    /// Joins literals that sqlx joins with `+`.
    fn joined(&mut self, text: String) {
        if let [first, .., last] = self.call.invocation.literals.as_slice() {
            let at = first.span().byte_range().start..last.span().byte_range().end;
            self.edits.push(Edit { at, text: literal(&text) });
        }
    }

    /// Replaces `Self` by the name of the struct, because `Self` has no meaning in the code that `sql!` generates.
    fn row(&mut self) {
        let Some((row, at)) = &self.call.invocation.row else { return };
        if row != "Self" {
            return;
        }
        match &self.call.self_type {
            Some(name) => self.edits.push(Edit { at: at.clone(), text: name.clone() }),
            None => self.reason("`sql!` cannot fill `Self`: write the name of the struct"),
        }
    }

    /// Rewrites an argument `value as _`, whose type sqlx does not check.
    fn arguments(&mut self) {
        for at in self.call.invocation.arguments.iter().filter_map(|argument| argument.wildcard.clone()) {
            self.edits.push(Edit { at, text: String::new() });
        }
    }

    fn chain(&mut self, query: &TypedQuery) {
        if query.session == SessionEffect::Changes {
            let note = "the statement changes its session: run it on `&mut session`, with `let mut session = dsql.session()`";
            self.notes.push(note.to_owned());
        }
        let is_scalar = self.call.kind.rows == Rows::Scalar;
        let Some((before, sent)) = self.call.chain.sent() else {
            if is_scalar {
                self.notes.push(
                    "where the query is sent, `fetch_one`, `fetch_optional` and `fetch_all` become `fetch_value`, \
                     `fetch_optional_value` and `fetch_values`"
                        .to_owned(),
                );
            }
            return;
        };
        if let Some(other) = before.first() {
            let advice = match other.name.as_str() {
                "map" | "try_map" => "fetch the rows first, then map them",
                "bind" => "write the value after the SQL",
                _ => "leave it out",
            };
            self.reasons.push(
                self.at(other.line, &format!("a query of `sql!` has no method `{}`: {advice}", other.name)),
            );
        }
        let has_rows = !query.columns.is_empty();
        let scalar = match sent.name.as_str() {
            "fetch_one" => "fetch_value",
            "fetch_optional" => "fetch_optional_value",
            "fetch_all" => "fetch_values",
            other => other,
        };
        match sent.name.as_str() {
            "fetch_many" | "execute_many" => {
                let reason =
                    format!("a query of `sql!` has no method `{}`: use `fetch` or `execute`", sent.name);
                self.reasons.push(self.at(sent.line, &reason));
            }
            "execute" => self.row_count(),
            _ if !has_rows => {
                let reason =
                    format!("the statement returns no rows, so it has no `{}`: use `execute`", sent.name);
                self.reasons.push(self.at(sent.line, &reason));
            }
            "fetch" if is_scalar => {
                let reason = "`fetch` returns rows, not values: take the column of each row";
                self.reasons.push(self.at(sent.line, reason));
            }
            _ if is_scalar => self.edits.push(Edit { at: sent.name_at.clone(), text: scalar.to_owned() }),
            _ => {}
        }
    }

    /// `execute` returns the number of rows itself.
    fn row_count(&mut self) {
        let direct = self.call.chain.after().find(|step| step.name == "rows_affected");
        let places =
            direct.map(|step| step.whole.clone()).into_iter().chain(self.call.row_counts.iter().cloned());
        let before = self.edits.len();
        self.edits.extend(places.map(|at| Edit { at, text: String::new() }));
        if self.edits.len() == before && self.call.chain.is_used {
            self.notes.push("`execute` returns the number of rows, `u64`".to_owned());
        }
    }

    fn reason(&mut self, reason: &str) {
        self.reasons.push(self.at_call(reason));
    }

    fn at_call(&self, reason: &str) -> String {
        format!("{reason}\n --> {}:{}:{}", self.name, self.call.line, self.call.column)
    }

    fn at(&self, line: usize, reason: &str) -> String {
        format!("{reason}\n --> {}:{line}", self.name)
    }

    /// Returns the location of a byte of the SQL.
    fn place(&self, text: &str, offset: usize) -> Place {
        if self.call.kind.is_file {
            let (line, column) = line_and_column(text, offset);
            return Place { file: Some(self.call.invocation.sql.clone()), line, column };
        }
        let file = Some(self.name.to_owned());
        let here = (self.call.line, self.call.column);
        let (line, column) = match self.call.invocation.literals.as_slice() {
            [one] => {
                let start = one.span().start();
                Literal::new(one).place(offset, start.line, start.column + 1).unwrap_or(here)
            }
            _ => here,
        };
        Place { file, line, column }
    }

    fn judged(mut self) -> Judged {
        let verdict = match (self.reasons.is_empty(), self.edits.is_empty()) {
            (false, _) => Verdict::Cannot,
            (true, true) => Verdict::AsItIs,
            (true, false) => Verdict::Change,
        };
        let name = if self.call.kind.is_file { "sql_file" } else { "sql" };
        self.edits.push(Edit { at: self.call.path.clone(), text: format!("dsql_edge::{name}!") });
        self.edits.sort_by_key(|edit| edit.at.start);
        Judged { verdict, edits: self.edits, reasons: self.reasons, notes: self.notes }
    }
}

fn compiled(text: &str, schema: &Schema) -> Result<Compiled, Diagnostics> {
    let query = compile(&Source::of_macro(text), schema)?;
    let fields = fields(&query, schema)?;
    Ok(Compiled { query, fields })
}

/// Returns a Rust literal with this content: a raw literal if an ordinary literal would need escapes. A raw literal
/// cannot contain a carriage return.
fn literal(text: &str) -> String {
    if text.contains('\r') {
        return format!("{text:?}");
    }
    if !text.contains(['"', '\\', '\n']) {
        return format!("\"{text}\"");
    }
    // A raw literal ends at the first quotation mark that is followed by this number of `#`.
    let marks = text.split('"').skip(1).map(|rest| rest.bytes().take_while(|it| *it == b'#').count() + 1);
    let marks = "#".repeat(marks.max().unwrap_or(0));
    format!("r{marks}\"{text}\"{marks}")
}

/// Applies edits, which are sorted by their positions, to a string.
pub(super) fn applied<'e>(text: &str, edits: impl Iterator<Item = &'e Edit>) -> String {
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for Edit { at, text: new } in edits {
        // An edit that overlaps the last applied edit is not applied.
        if let Some(kept) = text.get(done..at.start) {
            out.push_str(kept);
            out.push_str(new);
            done = at.end;
        }
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn literal_has_the_text_as_its_value() {
        for text in ["SELECT 1", "SELECT \"a\"", "a\nb", "\\d", "\"#", "'\"##' \"#", "a\r\n\"b\""] {
            let written = literal(text);
            assert_eq!(syn::parse_str::<syn::LitStr>(&written).unwrap().value(), text, "{written}");
        }
    }
}
