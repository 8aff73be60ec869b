//! The static description of a statement, and the binding of its arguments.

use super::{Emission, marker_path, nullability};
use crate::fields::{Marker, rust_type};
use crate::typed::{Effect, TypedQuery};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};

/// `static STATEMENT: Statement = …;`
pub(super) fn statement(emission: &Emission<'_>) -> TokenStream {
    let Emission { query, name, .. } = emission;
    // These three tell where the tokens stand.
    let span = emission.place.unwrap_or_else(Span::call_site);
    let place = quote_spanned! {span=>
        file: ::core::file!(),
        line: ::core::line!(),
        column: ::core::column!(),
    };
    let sql = &query.sql;
    let params = query.parameters.iter().map(|parameter| parameter.sql_type.oid);
    let columns = query.columns.iter().map(|column| {
        let (name, oid, type_name) = (&column.name, column.sql_type.oid, &column.sql_type.name);
        quote!(::dsql_edge::private::ColumnDesc { name: #name, type_oid: #oid, type_name: #type_name })
    });
    let effect = match query.effect {
        Effect::Read => quote!(Read),
        Effect::Write => quote!(Write),
    };
    let tables = &query.tables;
    quote! {
        static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
            sql: #sql,
            name: #name,
            #place
            params: &[#(#params),*],
            columns: &[#(#columns),*],
            effect: ::dsql_edge::private::Effect::#effect,
            tables: &[#(#tables),*],
        };
    }
}

/// One `bind` a parameter.
pub(super) fn bind(query: &TypedQuery, names: &[Ident]) -> Vec<TokenStream> {
    let arguments = Ident::new("arguments", Span::mixed_site());
    query
        .parameters
        .iter()
        .zip(names)
        .map(|(parameter, name)| {
            // A type without a Rust type is sent as text, which the server reads.
            let marker =
                rust_type(&parameter.sql_type, false).map_or(Marker::Scalar("Unknown"), |found| found.0);
            let marker = parameter_marker(&marker, parameter.elements_nullable);
            let nullable = nullability(parameter.nullable);
            // A value that does not fit is shown where the value stands.
            let span = Span::call_site().located_at(name.span());
            quote_spanned!(span=> #arguments.bind::<#marker, #nullable, _>(#name);)
        })
        .chain(query.equal_lengths.iter().map(|group| {
            let group = group.iter().map(|number| Literal::usize_unsuffixed(*number));
            quote!(#arguments.equally_long(&[#(#group),*]);)
        }))
        .collect()
}

/// An array whose elements cannot be NULL says so.
fn parameter_marker(marker: &Marker, elements_nullable: bool) -> TokenStream {
    match marker {
        Marker::Array(element) if !elements_nullable => {
            let element = marker_path(element);
            quote!(::dsql_edge::types::sql::Array<#element, ::dsql_edge::private::NotNull>)
        }
        _ => marker_path(marker),
    }
}
