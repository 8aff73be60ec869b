//! Expands `sql!` as an expression: reads the input and the schema, compiles the query, and emits the code.
//!
//! Input: tokens. Output: the query. A query that fails becomes a block that borrows its captures and contains one
//! `compile_error!` for each diagnostic, and nothing else, so that the failed query causes no other error.

use crate::arguments::{self, Value};
use crate::check::{Checked, check, check_in_batches};
use crate::functions;
use crate::row_input::row_type;
use crate::snapshot;
use crate::text::{Text, compile_error};
use crate::warnings::warnings;
use dsql_edge_compiler::emit::{Emission, Many, RowTarget};
use dsql_edge_compiler::syntax;
use dsql_edge_compiler::typed::SessionEffect;
use dsql_edge_macro_input::{Argument, BatchSize, Each, Input, OwnRow};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};

/// Expands `sql!`: an expression, or query functions.
pub(crate) fn sql(tokens: TokenStream) -> TokenStream {
    if functions::are_functions(&tokens) {
        return functions::functions(tokens);
    }
    match syn::parse2::<Input>(tokens) {
        Ok(input) => Expression::new(Text::literal(input.sql.clone()), input).expand(),
        Err(error) => failed(&[], error.to_compile_error()),
    }
}

/// Expands `sql_file!`: an expression whose SQL is in a file.
pub(crate) fn sql_file(tokens: TokenStream) -> TokenStream {
    let input = match syn::parse2::<Input>(tokens) {
        Ok(input) => input,
        Err(error) => return failed(&[], error.to_compile_error()),
    };
    match Text::file(&input.sql) {
        Ok(text) => Expression::new(text, input).expand(),
        Err(message) => {
            failed(&arguments::values(&input.arguments), compile_error(input.sql.span(), &message))
        }
    }
}

/// A query in the input of a macro, with the rest of this input.
struct Expression {
    allowed: Vec<Ident>,
    row: Option<OwnRow>,
    text: Text,
    each: Option<Each>,
    batches: Option<BatchSize>,
    arguments: Vec<Argument>,
}

impl Expression {
    fn new(text: Text, input: Input) -> Expression {
        Expression {
            allowed: input.allowed,
            row: input.row,
            text,
            each: input.each,
            batches: input.batches,
            arguments: input.arguments,
        }
    }

    fn expand(&self) -> TokenStream {
        let (text, span) = (&self.text, self.text.span);
        let lexed = syntax::lex(&text.source);
        if let Some(error) = lexed.mixed_placeholders(&text.source.text) {
            return self.failed(&arguments::values(&self.arguments), text.error(&error));
        }
        let matched = arguments::match_arguments(&lexed, &self.arguments, span);
        let borrowed = match &matched {
            Ok(matched) => matched.clone(),
            Err(_) => arguments::values(&self.arguments),
        };
        let snapshot = match snapshot::snapshot() {
            Ok(snapshot) => snapshot,
            Err(message) => return self.failed(&borrowed, compile_error(span, &message)),
        };
        let checked = match &self.batches {
            Some(size) => check_in_batches(text, size, &snapshot),
            None => check(text, &snapshot),
        };
        let checked = match checked {
            Ok(checked) => checked,
            Err(errors) => return self.failed(&borrowed, errors),
        };
        let emitted = matched
            .map_err(|errors| errors.iter().map(syn::Error::to_compile_error).collect())
            .and_then(|matched| self.emit(&checked, &matched));
        match emitted {
            Ok(expression) => {
                let tracked: TokenStream = [snapshot.tracked(), text.tracked()].into_iter().collect();
                let warnings = warnings(&checked, text, &self.allowed);
                let directives = &checked.directives;
                if tracked.is_empty() && warnings.is_empty() && directives.is_empty() {
                    return expression;
                }
                quote!({ #tracked #warnings #directives #expression })
            }
            Err(errors) => self.failed(&borrowed, errors),
        }
    }

    fn emit(&self, checked: &Checked, matched: &[Value]) -> Result<TokenStream, TokenStream> {
        let row = match &self.row {
            Some(_) if checked.query.columns.is_empty() => {
                let message = "the statement returns no columns, and so no row to fill: add RETURNING, or leave the struct out";
                return Err(compile_error(self.text.span, message));
            }
            Some(row) => {
                let row = row_type(row, &checked.fields.entries).map_err(|error| error.to_compile_error())?;
                RowTarget::Struct(row)
            }
            None => RowTarget::Anonymous,
        };
        let many = self.each.as_ref().map(|Each { pattern, rows }| Many {
            pattern: pattern.to_token_stream(),
            rows: rows.to_token_stream(),
            unnest: checked.query.unnest.clone(),
        });
        if many.is_some() && checked.batches.is_some() {
            let message = "`for` and `in batches` cannot be combined";
            return Err(compile_error(self.text.span, message));
        }
        if many.is_some() && !checked.query.combinations.is_empty() {
            let message = "optional text, {? … }, cannot be combined with `for`: the SQL that is sent would differ from row to row";
            return Err(compile_error(self.text.span, message));
        }
        if many.is_some() && checked.query.session == SessionEffect::Changes {
            let message = "a statement that changes its session cannot be combined with `for`: execute it once for each row";
            return Err(compile_error(self.text.span, message));
        }
        let emission = Emission {
            query: &checked.query,
            fields: &checked.fields,
            types: &checked.types,
            row: &row,
            arguments: matched,
            name: "",
            many: many.as_ref(),
            batches: checked.batches.as_ref(),
            place: None,
        };
        Ok(emission.expression())
    }

    /// Expands a query that failed. If the query has a `for`, the arguments are used inside a loop, because the loop's
    /// variables are in scope only there.
    fn failed(&self, values: &[Value], errors: TokenStream) -> TokenStream {
        match &self.each {
            None => failed(values, errors),
            Some(Each { pattern, rows }) => {
                let values = values.iter().map(|(value, _)| value);
                quote!({ for #pattern in #rows { #(let _ = &(#values);)* } #errors })
            }
        }
    }
}

/// Returns the expansion of a query that failed: its errors. The expansion also uses the arguments, so that rustc does
/// not add warnings about unused variables.
pub(crate) fn failed(values: &[Value], errors: TokenStream) -> TokenStream {
    let values = values.iter().map(|(value, _)| value);
    quote!({ #(let _ = &(#values);)* #errors })
}
