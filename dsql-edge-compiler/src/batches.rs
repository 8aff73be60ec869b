//! Divides an UPDATE or DELETE into batches, each of which is one statement.
//!
//! Input: the statement and the number of rows of a batch. Output: the statement for the first batch and the statement
//! for each later batch. `analyze/batches` decides whether the batches together have the same result as the original
//! statement.
//!
//! For example, `DELETE FROM posts WHERE views < $1` becomes
//!
//! ```sql
//! WITH dsql_edge_batch AS (
//!   SELECT posts.id AS k1 FROM posts WHERE (views < $1) AND (posts.id) > (($2::text[])[1]::uuid)
//!    ORDER BY posts.id LIMIT 1000),
//! dsql_edge_changed AS (
//!   DELETE FROM posts WHERE (views < $1) AND (posts.id) IN (SELECT k1 FROM dsql_edge_batch) RETURNING 1)
//! SELECT (SELECT ARRAY[k1::text] FROM dsql_edge_batch ORDER BY k1 DESC LIMIT 1) AS last,
//!        (SELECT count(*) FROM dsql_edge_changed) AS rows
//! ```
//!
//! `last` is the key of the last row of the batch, and NULL if no row was left. The next batch receives this key as its
//! last parameter; the parameter has the type `text[]`, so that the runtime needs no Rust type for the key. The first
//! batch has neither this parameter nor the comparison with the last key.
//!
//! DSQL's documentation does not mention an UPDATE or DELETE in WITH; `dsql-edge doctor --probe` tests whether a
//! cluster accepts it.
//!
//! `last` is not taken from the changed rows, because a batch may change none of its rows: on PostgreSQL with READ
//! COMMITTED, another transaction may change the rows after the batch was selected. The UPDATE or DELETE repeats the
//! WHERE condition for the same reason: PostgreSQL evaluates the condition again for the version of the row that the
//! other transaction has written.

use crate::analyze::{self, Batching, KeyColumn};
use crate::compile;
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::own_stack::on_stack_for;
use crate::schema::{Dialect, Schema};
use crate::source::{Edits, Source, Span};
use crate::syntax::ast::{Assignment, StatementKind};
use crate::syntax::keyword::Keyword;
use crate::syntax::token::TokenKind;
use crate::syntax::{self, Parsed, ParsedStatement};
use crate::typed::{Batches, TypedQuery};

/// The maximum number of rows that a transaction of DSQL can change.
const MAX_ROWS_OF_DSQL: u32 = 3_000;

/// Checks a statement, and divides it into batches of at most `rows` rows.
///
/// # Errors
///
/// Returns the errors of the statement, or the reason why it cannot run in batches.
///
/// ```
/// use dsql_edge_compiler::{Schema, Source, compile_in_batches};
///
/// let schema = Schema::parse("CREATE TABLE posts (id int PRIMARY KEY, views int NOT NULL)").unwrap();
/// let delete = Source::named("DELETE FROM posts WHERE views < $least");
/// assert!(compile_in_batches(&delete, &schema, 1_000).is_ok());
///
/// let update = Source::named("UPDATE posts SET views = views + 1 WHERE views < $least");
/// let error = compile_in_batches(&update, &schema, 1_000).unwrap_err();
/// assert!(error.iter().next().unwrap().message.contains("depends on \"views\""));
/// ```
pub fn compile_in_batches(source: &Source, schema: &Schema, rows: u32) -> Result<Batches, Diagnostics> {
    let statement = compile(source, schema)?;
    let tokens = syntax::lex(source);
    if let Some(piece) = tokens.pieces.first() {
        let message = "optional text, {? … }, cannot be combined with batches";
        let error = Diagnostic::error(Code::NotInBatches, piece.span, message);
        return Err(error.with_hint("write a statement for each combination").into());
    }
    let [first, next] = on_stack_for(tokens.levels().saturating_add(schema.nesting()), || {
        let parsed = Parsed::of_tokens(&source.text, tokens)?;
        let only = parsed.only()?;
        check_rows(rows, only.span, schema)?;
        check_names(only)?;
        let batching = analyze::batching(only, schema)?;
        let parts = Parts::of(only);
        let after = statement.parameters.len() + 1;
        Ok::<_, Diagnostic>([parts.batch(&batching, rows, None), parts.batch(&batching, rows, Some(after))])
    })?;
    let [first, next] = [first, next].map(|sql| compile(&Source::numbered(sql), schema));
    let (first, next) = (first.map_err(changed_by_division)?, next.map_err(changed_by_division)?);
    let types =
        |query: &TypedQuery| query.parameters.iter().map(|it| it.sql_type.clone()).collect::<Vec<_>>();
    let (own, of_first, of_next) = (types(&statement), types(&first), types(&next));
    if own != of_first || own.as_slice() != of_next.get(..own.len()).unwrap_or_default() {
        let message = "a parameter has another type in the statement than in its batches";
        let error = Diagnostic::error(Code::NotInBatches, Span::default(), message);
        return Err(error.with_hint("write a cast, $name::type").into());
    }
    Ok(Batches { statement, first, next })
}

/// Returns an error if the statement contains one of two reserved names: in the SQL of a batch, these are names of
/// queries in WITH.
fn check_names(statement: ParsedStatement<'_>) -> Result<(), Diagnostic> {
    let is_reserved = |kind: &TokenKind| match kind {
        TokenKind::Identifier(name) => matches!(name.as_str(), "dsql_edge_batch" | "dsql_edge_changed"),
        _ => false,
    };
    match statement.own_tokens().iter().find(|token| is_reserved(&token.kind)) {
        Some(token) => {
            let message = "the SQL of a batch already uses this name for a query in WITH";
            Err(Diagnostic::error(Code::NotInBatches, token.span, message))
        }
        None => Ok(()),
    }
}

fn check_rows(rows: u32, span: Span, schema: &Schema) -> Result<(), Diagnostic> {
    if rows == 0 || schema.dialect == Dialect::Dsql && rows > MAX_ROWS_OF_DSQL {
        let message = match rows {
            0 => "a batch needs at least one row".to_owned(),
            _ => format!(
                "a batch of {rows} rows exceeds the limit of DSQL: a transaction changes at most 3000 rows"
            ),
        };
        return Err(Diagnostic::error(Code::NotInBatches, span, message));
    }
    Ok(())
}

/// Returns the errors in the SQL of a batch as errors of the division, because the original statement has no errors.
fn changed_by_division(errors: Diagnostics) -> Diagnostics {
    let explained = |error: Diagnostic| {
        let message = format!("the statement cannot be divided into batches: {}", error.message);
        Diagnostic::error(Code::NotInBatches, Span::default(), message)
    };
    errors.into_iter().filter(Diagnostic::is_error).map(explained).collect()
}

/// The text of a statement in parts, with `$1` for `$name`.
struct Parts {
    /// `UPDATE posts AS p SET … FROM authors`, or `DELETE FROM posts AS p USING authors`
    head: String,
    /// `posts AS p`
    table: String,
    /// `authors`
    joined: Option<String>,
    /// The condition.
    filter: Option<String>,
}

impl Parts {
    fn of(statement: ParsedStatement<'_>) -> Parts {
        let end = statement.span.end;
        let (table, filter, begin_joined, after, before_table) = match &statement.kind {
            StatementKind::Update(it) => {
                let last = it.assignments.last().map_or(it.table.name.span(), |it| match it {
                    Assignment::Single(_, value) | Assignment::Multiple(_, value) => value.span,
                });
                let from = (!it.from.is_empty()).then_some(Keyword::From);
                (&it.table, &it.filter, from, last, Keyword::Update)
            }
            StatementKind::Delete(it) => {
                let using = (!it.using.is_empty()).then_some(Keyword::Using);
                let name = it.table.alias.as_ref().map_or(it.table.name.span(), |alias| alias.name.span);
                (&it.table, &it.filter, using, name, Keyword::From)
            }
            _ => return Parts { head: String::new(), table: String::new(), joined: None, filter: None },
        };
        let is = |keyword: Keyword| move |kind: &TokenKind| *kind == TokenKind::Keyword(keyword);
        let tokens = statement.own_tokens();
        let first_after = |keyword: Keyword, place: u32| {
            let mut later = tokens.iter().filter(|token| token.span.start >= place);
            later.find(|token| is(keyword)(&token.kind)).map(|token| token.span)
        };
        let where_ = filter.as_ref().and_then(|filter| {
            let earlier = tokens.iter().rev().filter(|token| token.span.end <= filter.span.start);
            earlier.filter(|token| is(Keyword::Where)(&token.kind)).map(|token| token.span).next()
        });
        let name_end = table.alias.as_ref().map_or(table.name.span(), |alias| alias.name.span).end;
        let table_start = first_after(before_table, statement.span.start).map_or(name_end, |it| it.end);
        let before_where = where_.map_or(end, |it| it.start);
        let joined = begin_joined.and_then(|keyword| first_after(keyword, after.end));
        let text = |start: u32, end: u32| numbered(statement, Span { start, end }).trim().to_owned();
        Parts {
            head: text(statement.span.start, before_where),
            table: text(table_start, self::end_of_table(tokens, name_end)),
            joined: joined.map(|it| text(it.end, before_where)),
            filter: where_.map(|it| text(it.end, end)),
        }
    }

    /// Returns the SQL of a batch. `after` is the number of the parameter that contains the last key of the previous
    /// batch; `None` for the first batch.
    fn batch(&self, batching: &Batching, rows: u32, after: Option<usize>) -> String {
        let Batching { key, table, has_joins } = batching;
        let list = |column: &dyn Fn(usize, &KeyColumn) -> String| {
            key.iter().enumerate().map(|(at, it)| column(at + 1, it)).collect::<Vec<_>>().join(", ")
        };
        let keys = list(&|_, column| format!("{table}.{}", column.name));
        let named = list(&|at, column| format!("{table}.{} AS k{at}", column.name));
        let names = list(&|at, _| format!("k{at}"));
        let texts = list(&|at, _| format!("k{at}::text"));
        let descending = list(&|at, _| format!("k{at} DESC"));
        let filter = self.filter.as_ref().map_or_else(|| "true".to_owned(), |it| closed(it));
        let later = after.map_or_else(String::new, |number| {
            let last = list(&|at, column| format!("(${number}::text[])[{at}]::{}", column.ty));
            format!(" AND ({keys}) > ({last})")
        });
        let distinct = if *has_joins { "DISTINCT " } else { "" };
        let from = self.joined.as_ref().map_or_else(String::new, |it| format!(", {}", closed(it)));
        let (head, written) = (closed(&self.head), &self.table);
        format!(
            "WITH dsql_edge_batch AS (SELECT {distinct}{named} FROM {written}{from} WHERE ({filter}){later} \
             ORDER BY {keys} LIMIT {rows}), \
             dsql_edge_changed AS ({head} WHERE ({filter}) AND ({keys}) IN (SELECT {names} FROM dsql_edge_batch) RETURNING 1) \
             SELECT (SELECT ARRAY[{texts}] FROM dsql_edge_batch ORDER BY {descending} LIMIT 1) AS last, \
             (SELECT count(*) FROM dsql_edge_changed) AS rows"
        )
    }
}

/// Closes a part of the SQL, so that other text can follow the part. A comment at the end of the part must not include
/// the text that follows.
fn closed(part: &str) -> String {
    format!("{part}{}", if part.contains("--") { "\n" } else { "" })
}

/// Returns the end of the table's name and alias. In `ONLY (posts)` and `posts *`, one more token follows the name.
fn end_of_table(tokens: &[syntax::token::Token], name_end: u32) -> u32 {
    let mut later = tokens.iter().filter(|token| token.span.start >= name_end);
    match later.next() {
        Some(token) if matches!(token.kind, TokenKind::Symbol(b')' | b'*')) => token.span.end,
        _ => name_end,
    }
}

/// Returns a part of the statement's SQL, with `$1` instead of `$name`.
fn numbered(statement: ParsedStatement<'_>, part: Span) -> String {
    let length = u32::try_from(statement.text.len()).unwrap_or(u32::MAX);
    let mut edits = Edits::default();
    edits.replace(Span { start: 0, end: part.start }, "");
    edits.replace(Span { start: part.end, end: length }, "");
    let inside = |span: &Span| part.start <= span.start && span.end <= part.end;
    let placeholders = statement.tokens.placeholders.iter().filter(|(span, _)| inside(span));
    edits.extend(placeholders.map(|(span, number)| (*span, format!("${number}"))));
    edits.apply(statement.text)
}
