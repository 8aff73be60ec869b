//! Expands `sql_unchecked!`: checks syntax and parameters only; the types come from Rust.
//!
//! Input: tokens. Output: the query.

use crate::arguments::{self, Value, values};
use crate::expand::failed;
use crate::snapshot;
use crate::text::{Text, compile_error};
use dsql_edge_compiler::diagnostic::{Diagnostic, Diagnostics};
use dsql_edge_compiler::emit::{effect_path, parameter_names, session_path};
use dsql_edge_compiler::source::Edits;
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::transaction_control;
use dsql_edge_compiler::typed::{Effect, SessionEffect};
use dsql_edge_compiler::unchecked_effects;
use dsql_edge_macro_input::Unchecked;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

pub(crate) fn sql_unchecked(tokens: TokenStream) -> TokenStream {
    let input = match syn::parse2::<Unchecked>(tokens) {
        Ok(input) => input,
        Err(error) => return failed(&[], error.to_compile_error()),
    };
    let text = Text::literal(input.sql.clone());
    let (source, span) = (&text.source, text.span);
    let failed_sql = |error: Diagnostic| {
        let errors = Diagnostics::from(error).errors().map(|error| text.error(error)).collect();
        failed(&values(&input.arguments), errors)
    };
    let parsed = match Parsed::script(source) {
        Ok(parsed) => parsed,
        Err(error) => return failed_sql(error),
    };
    let statement = match parsed.only() {
        Ok(statement) => statement,
        Err(error) => return failed_sql(error),
    };
    if let Some(error) = transaction_control::error(statement) {
        return failed_sql(error);
    }
    let lexed = statement.tokens;
    if let Some(error) = lexed.mixed_placeholders(&source.text) {
        return failed_sql(error);
    }
    if !lexed.pieces.is_empty() {
        let message = "only sql! accepts optional text, {? … }: write one sql_unchecked! for each variant";
        return failed(&values(&input.arguments), compile_error(span, message));
    }
    if lexed.numbered > 65_535 {
        return failed(
            &values(&input.arguments),
            compile_error(span, "a query takes at most 65535 parameters"),
        );
    }
    let arguments = match arguments::match_arguments(lexed, &input.arguments, span) {
        Ok(arguments) => arguments,
        Err(errors) => {
            return failed(
                &values(&input.arguments),
                errors.iter().map(syn::Error::to_compile_error).collect(),
            );
        }
    };
    // A missing snapshot is not an error; without it, fewer effects of the statement are known.
    let snapshot = snapshot::snapshot().ok();
    let effects = unchecked_effects(statement.tree, source, snapshot.as_ref().map(|it| &*it.schema));
    let sql = statement.text_to_send(Edits::default());
    let expression = expression(&input, &sql, &arguments, &lexed.captures, effects);
    let tracked = snapshot.map_or_else(snapshot::tracked_variables, |snapshot| snapshot.tracked());
    if tracked.is_empty() { expression } else { quote!({ #tracked #expression }) }
}

fn expression(
    input: &Unchecked,
    sql: &str,
    values: &[Value],
    parameters: &[String],
    (effect, session): (Effect, SessionEffect),
) -> TokenStream {
    let path = |text: &str| text.parse::<TokenStream>().unwrap_or_default();
    let (effect, session) = (path(effect_path(effect)), path(session_path(session)));
    let names = parameter_names(values);
    let values = values.iter().map(|(value, _)| value);
    let arguments = Ident::new("arguments", Span::mixed_site());
    let mutable = if names.is_empty() { quote!() } else { quote!(mut) };
    let count = names.len();
    let params = names.iter().map(|_| quote!(0));
    let described = (0..count).map(|at| match parameters.get(at) {
        Some(name) => format!("parameter ${name}"),
        None => format!("parameter ${}", at + 1),
    });
    let (decode, result) = match &input.row {
        None => (quote!(), quote!(::dsql_edge::private::Command::unchecked(&STATEMENT, #arguments))),
        Some((row, fields)) => {
            let columns = fields
                .iter()
                .enumerate()
                .map(|(at, (name, ty))| quote!(#name: row.unchecked_column::<#ty>(#at)?));
            let decode = quote! {
                fn decode(
                    row: &::dsql_edge::private::DataRow<'_>,
                ) -> ::core::result::Result<#row, ::dsql_edge::private::Error> {
                    ::core::result::Result::Ok(#row { #(#columns),* })
                }
            };
            (decode, quote!(::dsql_edge::private::Query::unchecked(&STATEMENT, #arguments, decode)))
        }
    };
    let columns = input.row.iter().flat_map(|(_, fields)| fields).map(|(name, _)| {
        let name = name.to_string();
        let name = name.strip_prefix("r#").unwrap_or(&name);
        quote!(::dsql_edge::private::ColumnDesc { name: #name, type_oid: 0, type_name: "" })
    });
    quote! {
        match (#(&(#values),)*) {
            (#(#names,)*) => {
                #decode
                static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                    sql: #sql,
                    name: "",
                    file: ::core::file!(),
                    line: ::core::line!(),
                    column: ::core::column!(),
                    params: &[#(#params),*],
                    columns: &[#(#columns),*],
                    // The number and the types of the columns are not known, so one format, binary, is used for all
                    // columns.
                    formats: &[1],
                    effect: #effect,
                    session: #session,
                    tables: &[],
                    search_path: "",
                };
                let #mutable #arguments = ::dsql_edge::private::Arguments::with_capacity(#count);
                #(#arguments.bind_unchecked(#names, #described);)*
                #result
            }
        }
    }
}
