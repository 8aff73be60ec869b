//! Reads one invocation of a macro, with the macros' own grammar.
//!
//! Input: the tokens of the invocation. Output: the queries of the invocation; each query maps a byte of its SQL to a
//! file, a line and a column.

use std::collections::BTreeMap;
use std::path::Path;

use dsql_edge_compiler::diagnostic::render::Place;
use dsql_edge_compiler::source::line_and_column;
use dsql_edge_macro_input::{FunctionInput, Input, Literal, RowInput, Unchecked, are_functions, functions};
use proc_macro2::{TokenStream, TokenTree};
use syn::LitStr;

use super::owner::is_punct;

/// The macros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Macro {
    Sql,
    File,
    Unchecked,
}

impl Macro {
    pub(super) fn named(name: &str) -> Option<Macro> {
        match name {
            "sql" => Some(Macro::Sql),
            "sql_file" => Some(Macro::File),
            "sql_unchecked" => Some(Macro::Unchecked),
            _ => None,
        }
    }
}

/// A query in a source.
pub(super) struct Query {
    pub(super) text: String,
    /// Whether the query comes from `sql_unchecked!`, whose types are not checked at compile time.
    pub(super) unchecked: bool,
    /// Whether the query's rows fill a struct that the user defined.
    pub(super) own_row: bool,
    /// If the query runs in batches, the number of rows of a batch.
    pub(super) batches: Option<u32>,
    origin: Origin,
}

enum Origin {
    Literal {
        literal: Literal,
        file: String,
        line: usize,
        column: usize,
    },
    File(String),
    /// An invocation that only the compiler sees; `line` is the line of the invocation.
    Expansion {
        file: String,
        line: usize,
    },
}

impl Query {
    /// Returns the location of a byte of the SQL.
    pub(super) fn place(&self, offset: usize) -> Place {
        match &self.origin {
            Origin::Literal { literal, file, line, column } => {
                let (line, column) = literal.place(offset, *line, *column).unwrap_or((*line, *column));
                Place { file: Some(file.clone()), line, column }
            }
            Origin::File(file) => {
                let (line, column) = line_and_column(&self.text, offset);
                Place { file: Some(file.clone()), line, column }
            }
            Origin::Expansion { file, line } => Place { file: Some(file.clone()), line: *line, column: 1 },
        }
    }

    /// Sets the query's location to `file` and `line`, which are the location of its invocation. Use this for an
    /// invocation that only the compiler sees. A query in an SQL file keeps its own location.
    pub(super) fn placed(self, file: &str, line: usize) -> Query {
        match self.origin {
            Origin::File(_) => self,
            _ => Query { origin: Origin::Expansion { file: file.to_owned(), line }, ..self },
        }
    }

    fn new(literal: &LitStr, file: &str, own_row: bool, unchecked: bool) -> Query {
        let start = literal.span().start();
        let origin = Origin::Literal {
            literal: Literal::new(literal),
            file: file.to_owned(),
            line: start.line,
            column: start.column + 1,
        };
        Query { text: literal.value(), unchecked, own_row, batches: None, origin }
    }
}

/// Returns the queries of an invocation.
///
/// # Errors
/// Returns an error if the macro rejects the invocation, or if an SQL file cannot be read.
pub(super) fn queries_of(
    kind: Macro,
    tokens: TokenStream,
    file: &str,
    package: &Path,
) -> Result<Vec<Query>, String> {
    let message = |error: syn::Error| error.to_string();
    match kind {
        Macro::Sql if are_functions(&tokens) => {
            let (functions, errors) = functions(tokens);
            match errors.into_iter().next() {
                Some(error) => Err(message(error)),
                None => Ok(functions.iter().map(|function| of_function(function, file)).collect()),
            }
        }
        Macro::Sql => {
            let input: Input = syn::parse2(tokens).map_err(message)?;
            let query = Query::new(&input.sql, file, input.row.is_some(), false);
            Ok(vec![Query { batches: input.batches.map(|it| it.rows), ..query }])
        }
        Macro::File => {
            let input: Input = syn::parse2(tokens).map_err(message)?;
            let path = package.join(input.sql.value());
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
            let path = path.strip_prefix(".").unwrap_or(&path).display().to_string();
            Ok(vec![Query {
                text,
                unchecked: false,
                own_row: input.row.is_some(),
                batches: input.batches.map(|it| it.rows),
                origin: Origin::File(path),
            }])
        }
        Macro::Unchecked => {
            let input: Unchecked = syn::parse2(tokens).map_err(message)?;
            Ok(vec![Query::new(&input.sql, file, input.row.is_some(), true)])
        }
    }
}

fn of_function(function: &FunctionInput, file: &str) -> Query {
    let query = Query::new(&function.sql, file, matches!(function.row, Some(RowInput::Own(_))), false);
    Query { batches: function.batches.as_ref().map(|it| it.rows), ..query }
}

/// An invocation of a macro that has the name of one of dsql-edge's macros.
pub(super) struct Invoked {
    pub(super) kind: Macro,
    pub(super) name: String,
    /// Whether `dsql_edge::` precedes the name.
    pub(super) is_qualified: bool,
    /// Whether an import gave the macro another name.
    pub(super) is_renamed: bool,
    /// The line where the path begins.
    pub(super) line: usize,
}

/// Returns the macro invocation whose path and `!` are the last tokens of `before`. The keys of `renamed` are the names
/// under which the package imports our macros with `as`.
pub(super) fn invoked(before: &[TokenTree], renamed: &BTreeMap<String, String>) -> Option<Invoked> {
    let (bang, before) = before.split_last()?;
    if !is_punct(bang, '!') {
        return None;
    }
    let (name, before) = before.split_last()?;
    let TokenTree::Ident(name) = name else { return None };
    let written = name.to_string();
    let known = Macro::named(&written);
    let is_renamed = known.is_none();
    let kind = known.or_else(|| Macro::named(renamed.get(&written)?))?;
    let at = |line, is_qualified| Invoked { kind, name: written.clone(), is_qualified, is_renamed, line };
    // `dsql_edge::sql!` is ours, `other::sql!` is not.
    match before {
        [.., TokenTree::Ident(owner), first, second] if is_punct(first, ':') && is_punct(second, ':') => {
            let line = owner.span().start().line;
            (owner == "dsql_edge" || is_renamed).then(|| at(line, !is_renamed))
        }
        _ => Some(at(name.span().start().line, false)),
    }
}
