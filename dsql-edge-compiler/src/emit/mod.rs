//! Typed queries into Rust tokens.
//!
//! In: a [`TypedQuery`], its [`Fields`], and the argument expressions of the macro. Out: tokens that read
//! like code a person wrote. They name `::dsql_edge::private` and `::dsql_edge::types` alone, and nothing
//! here can fail for the user's SQL.

mod row;
mod statement;

use crate::fields::{Field, Fields, Marker, RustType};
use crate::typed::TypedQuery;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

/// What rows become.
pub enum RowTarget {
    /// A struct made for this query.
    Anonymous,
    /// The user's own struct.
    Struct(TokenStream),
}

/// The expansion of `sql!`: an expression that is a `Query` or a `Command`.
///
/// `arguments` are the user's expressions, one a parameter, and where each stands; `types` are the Rust types that overrides
/// name, as tokens, one for each [`RustType::Written`] in order.
pub fn emit(
    query: &TypedQuery,
    fields: &Fields,
    target: &RowTarget,
    arguments: &[(TokenStream, Span)],
    types: &[TokenStream],
) -> TokenStream {
    let names = parameter_names(arguments);
    let arguments = arguments.iter().map(|(value, _)| value);
    let statement = statement::statement(query);
    let bind = statement::bind(query, &names);
    let count = names.len();
    let mutable = if count == 0 { quote!() } else { quote!(mut) };
    let arguments_name = format_ident!("arguments", span = Span::mixed_site());
    let result = if query.columns.is_empty() {
        quote!(::dsql_edge::private::Command::new(&STATEMENT, #arguments_name))
    } else {
        quote!(::dsql_edge::private::Query::new(&STATEMENT, #arguments_name, decode))
    };
    let row = if query.columns.is_empty() { TokenStream::new() } else { row::row(fields, target, types) };
    // The arguments are evaluated outside the block that holds the items, whose names they must not see.
    quote! {
        match (#(&(#arguments),)*) {
            (#(#names,)*) => {
                #row
                #statement
                let #mutable #arguments_name = ::dsql_edge::private::Arguments::with_capacity(#count);
                #(#bind)*
                #result
            }
        }
    }
}

/// The names that arguments are bound to: no name of the user's, but shown where the argument stands.
pub fn parameter_names(arguments: &[(TokenStream, Span)]) -> Vec<Ident> {
    arguments
        .iter()
        .enumerate()
        .map(|(at, (_, span))| format_ident!("p{}", at + 1, span = Span::mixed_site().located_at(*span)))
        .collect()
}

/// A marker as a path.
fn marker_path(marker: &Marker) -> TokenStream {
    match marker {
        Marker::Scalar(name) => {
            let name = format_ident!("{name}");
            quote!(::dsql_edge::types::sql::#name)
        }
        Marker::Array(element) => {
            let element = marker_path(element);
            quote!(::dsql_edge::types::sql::Array<#element>)
        }
    }
}

fn nullability(nullable: bool) -> TokenStream {
    if nullable { quote!(::dsql_edge::private::Nullable) } else { quote!(::dsql_edge::private::NotNull) }
}

/// A type path of the tables in `fields`, which all parse.
fn path(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

/// The type of a field, the `Option` included; `generic` stands for a type that the user wrote.
fn field_type(field: &Field, generic: Option<&proc_macro2::Ident>) -> TokenStream {
    let inner = match (&field.rust_type, generic) {
        (_, Some(generic)) => quote!(#generic),
        (RustType::Known(known), None) => path(known),
        (RustType::Vec { element, nullable }, None) => {
            let element = path(element);
            if *nullable {
                quote!(::std::vec::Vec<::core::option::Option<#element>>)
            } else {
                quote!(::std::vec::Vec<#element>)
            }
        }
        (RustType::Written(written), None) => path(written),
    };
    if field.nullable { quote!(::core::option::Option<#inner>) } else { inner }
}
