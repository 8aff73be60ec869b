//! The procedural macros: `sql!`, `sql_file!`, `sql_unchecked!`, `derive(Type)` and the attribute `test`.
//!
//! Input: tokens. Output: tokens. No other crate uses `proc_macro`, and at build time, no other crate reads the schema
//! and SQL files. `dsql_edge_compiler` checks the SQL.

mod arguments;
mod check;
mod derive;
mod directive;
mod expand;
mod functions;
mod record;
mod rename_all;
mod respan;
mod row_attributes;
mod row_input;
mod snapshot;
mod source_map;
mod target;
mod test_attribute;
mod text;
mod unchecked;
mod warnings;

use proc_macro::TokenStream;

// The documentation of each macro is in `dsql_edge`, where users find it.

/// Compiles a query, or query functions, and checks the SQL at build time.
#[proc_macro]
pub fn sql(tokens: TokenStream) -> TokenStream {
    expanded("sql", tokens, expand::sql)
}

/// Compiles a query whose SQL is in a file.
#[proc_macro]
pub fn sql_file(tokens: TokenStream) -> TokenStream {
    expanded("sql_file", tokens, expand::sql_file)
}

/// Compiles a query of which only the syntax and the parameters are checked.
#[proc_macro]
pub fn sql_unchecked(tokens: TokenStream) -> TokenStream {
    expanded("sql_unchecked", tokens, unchecked::sql_unchecked)
}

/// Derives the traits with which a type that the user defines can be used for columns and parameters.
#[proc_macro_derive(Type, attributes(dsql))]
pub fn derive_type(tokens: TokenStream) -> TokenStream {
    derive::derive(tokens.into()).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Makes a test that runs with a separate cluster.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    let expanded = test_attribute::test(arguments.into(), function.clone().into());
    // The expansion keeps the user's function, so that rustc does not warn about imports that only this function uses.
    let with_error = |error: syn::Error| {
        let function = proc_macro2::TokenStream::from(function);
        let error = error.to_compile_error();
        quote::quote!(#error #[allow(unused)] #function).into()
    };
    expanded.map_or_else(with_error, Into::into)
}

fn expanded(
    name: &str,
    tokens: TokenStream,
    expand: fn(proc_macro2::TokenStream) -> proc_macro2::TokenStream,
) -> TokenStream {
    let span = proc_macro::Span::call_site();
    let place = record::Place { file: span.local_file(), line: span.line() };
    let tokens = tokens.into();
    record::invocation(name, &place, &tokens);
    expand(tokens).into()
}
