//! `sql!`: input, snapshot, compiler and emission in a row.
//!
//! A query that fails becomes a block that borrows its captures and holds one `compile_error!` a
//! diagnostic, nothing else: whatever is done with the result, no other error follows from it.

use crate::input::{self, Input, Value};
use crate::snapshot;
use crate::source_map::SourceMap;
use dsql_edge_compiler::diagnostic::render::render;
use dsql_edge_compiler::diagnostic::{Diagnostic, Diagnostics};
use dsql_edge_compiler::emit::{RowTarget, emit};
use dsql_edge_compiler::fields::{Fields, RustType, fields};
use dsql_edge_compiler::{Source, TypedQuery, compile, syntax};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};

pub(crate) fn sql(tokens: TokenStream) -> TokenStream {
    let input = match syn::parse2::<Input>(tokens) {
        Ok(input) => input,
        Err(error) => return failed(&[], error.to_compile_error()),
    };
    let span = input.sql.span();
    let snapshot = match snapshot::snapshot() {
        Ok(snapshot) => snapshot,
        Err(message) => return failed(&borrowed(&input), compile_error(span, &message)),
    };
    let source = Source::named(input.sql.value());
    if let Err(error) = input::check_placeholders(&syntax::lex(&source), span) {
        return failed(&input::values(&input.arguments), error.to_compile_error());
    }
    let checked = compile(&source, &snapshot.schema).and_then(|query| Ok((fields(&query)?, query)));
    let (fields, query) = match checked {
        Ok(checked) => checked,
        Err(diagnostics) => {
            let errors = diagnostics.errors();
            let errors: TokenStream = render_all(errors, &source, &input).collect();
            return failed(&borrowed(&input), errors);
        }
    };
    match expression(&input, &source, &query, &fields) {
        Ok(expression) => {
            let tracked = tracked(&snapshot.path);
            let warnings = warnings(&query, &fields, &source, &input);
            if tracked.is_empty() && warnings.is_empty() {
                return expression;
            }
            quote!({ #tracked #warnings #expression })
        }
        Err(errors) => failed(&borrowed(&input), errors),
    }
}

fn expression(
    input: &Input,
    source: &Source,
    query: &TypedQuery,
    fields: &Fields,
) -> Result<TokenStream, TokenStream> {
    let arguments = input::match_arguments(&syntax::lex(source), &input.arguments, input.sql.span())
        .map_err(|errors| errors.iter().map(syn::Error::to_compile_error).collect::<TokenStream>())?;
    let types = written_types(fields, input.sql.span())?;
    let target = match &input.row {
        Some(path) => RowTarget::Struct(path.to_token_stream()),
        None => RowTarget::Anonymous,
    };
    if input.row.is_some() && query.columns.is_empty() {
        let message = "the statement returns no columns, so there is no row to fill: add RETURNING, or leave the struct out";
        return Err(compile_error(input.sql.span(), message));
    }
    Ok(emit(query, fields, &target, &arguments, &types))
}

/// The types of `"x: T"`, read at the place of the literal.
fn written_types(fields: &Fields, span: Span) -> Result<Vec<TokenStream>, TokenStream> {
    let mut out = Vec::new();
    for field in &fields.fields {
        let RustType::Written(written) = &field.rust_type else { continue };
        match syn::parse_str::<syn::Type>(written) {
            Ok(ty) => out.push(respan(ty.to_token_stream(), span)),
            Err(_) => {
                let message = format!(
                    "`{written}`, in the override of column `{}`, is no Rust type",
                    field.name.text()
                );
                return Err(compile_error(span, &message));
            }
        }
    }
    Ok(out)
}

/// Errors in a type that stands inside the SQL are shown at the SQL.
fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let proc_macro2::TokenTree::Group(group) = &token {
                let mut inner = proc_macro2::Group::new(group.delimiter(), respan(group.stream(), span));
                inner.set_span(span);
                return proc_macro2::TokenTree::Group(inner);
            }
            token.set_span(span);
            token
        })
        .collect()
}

/// Cargo learns of the snapshot once a process, not once a query.
fn tracked(path: &std::path::Path) -> TokenStream {
    match path.to_str() {
        Some(text) if snapshot::first_use(path) => quote!(
            const _: &[u8] = ::core::include_bytes!(#text);
        ),
        _ => TokenStream::new(),
    }
}

/// A warning is the use of something deprecated, whose note is the message.
fn warnings(query: &TypedQuery, fields: &Fields, source: &Source, input: &Input) -> TokenStream {
    let map = SourceMap::new(&input.sql);
    let span = input.sql.span();
    query
        .warnings
        .iter()
        .chain(&fields.warnings)
        .map(|warning| {
            let note = render(warning, &source.text, map.place(warning.span.start as usize));
            quote_spanned! {span=>
                {
                    #[deprecated(note = #note)]
                    const fn sql_warning() {}
                    sql_warning();
                }
            }
        })
        .collect()
}

fn render_all<'d>(
    errors: impl Iterator<Item = &'d Diagnostic> + 'd,
    source: &'d Source,
    input: &'d Input,
) -> impl Iterator<Item = TokenStream> + 'd {
    let map = SourceMap::new(&input.sql);
    let span = input.sql.span();
    errors.map(move |error| {
        let text = render(error, &source.text, map.place(error.span.start as usize));
        compile_error(span, &text)
    })
}

/// The syntax of a statement, for `sql_unchecked!`.
pub(crate) fn syntax_errors(source: &Source, literal: &syn::LitStr) -> Option<TokenStream> {
    let lexed = syntax::lex(source);
    let diagnostics = Diagnostics::from(syntax::parse_statement(&source.text, &lexed).err()?);
    let map = SourceMap::new(literal);
    let errors = diagnostics.errors().map(|error| {
        let text = render(error, &source.text, map.place(error.span.start as usize));
        compile_error(literal.span(), &text)
    });
    Some(errors.collect())
}

pub(crate) fn compile_error(span: Span, message: &str) -> TokenStream {
    quote_spanned!(span=> ::core::compile_error! { #message })
}

/// What a query that failed still borrows: its captures and its arguments.
fn borrowed(input: &Input) -> Vec<Value> {
    let lexed = syntax::lex(&Source::named(input.sql.value()));
    input::match_arguments(&lexed, &input.arguments, input.sql.span())
        .unwrap_or_else(|_| input::values(&input.arguments))
}

/// The arguments are used, so that nobody warns of unused variables, and the errors stand alone.
pub(crate) fn failed(values: &[Value], errors: TokenStream) -> TokenStream {
    let values = values.iter().map(|(value, _)| value);
    quote!({ #(let _ = &(#values);)* #errors })
}
