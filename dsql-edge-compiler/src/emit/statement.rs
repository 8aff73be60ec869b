//! Emits the static description of a statement, and the binding of its arguments.

use super::emission::{Emission, marker_path, nullability};
use crate::fields::{Marker, rust_type};
use crate::sql_type::SqlType;
use crate::typed::{Effect, IdempotencyKey, SessionEffect, TypedQuery};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

/// `static STATEMENT: Statement = …;`, or one for each combination of optional text.
pub(super) fn statements(emission: &Emission<'_>) -> TokenStream {
    let query = emission.query;
    if query.combinations.is_empty() {
        let columns = columns(query);
        let statement = match emission.many.and_then(|many| many.unnest.as_ref()) {
            Some(unnest) => {
                let arrays = unnest.types.iter().map(|(_, array)| *array).collect::<Vec<_>>();
                statement(emission, &unnest.sql, &arrays, &columns)
            }
            None => statement(emission, &query.sql, &oids(query, 0..query.parameters.len()), &columns),
        };
        return quote!(static STATEMENT: ::dsql_edge::private::Statement = #statement;);
    }
    let columns = columns(query);
    let statements = query.combinations.iter().enumerate().map(|(at, combination)| {
        let name = numbered(at);
        let statement = statement(
            emission,
            &combination.sql,
            &oids(query, combination.parameters.iter().copied()),
            &quote!(COLUMNS),
        );
        quote!(static #name: ::dsql_edge::private::Statement = #statement;)
    });
    quote! {
        const COLUMNS: &[::dsql_edge::private::ColumnDesc] = #columns;
        #(#statements)*
    }
}

/// The variant of `Effect`.
pub fn effect_path(effect: Effect) -> TokenStream {
    match effect {
        Effect::Read => quote!(::dsql_edge::private::Effect::Read),
        Effect::MayWrite => quote!(::dsql_edge::private::Effect::MayWrite),
        Effect::Write => quote!(::dsql_edge::private::Effect::Write),
    }
}

/// The variant of `SessionEffect`.
pub fn session_path(session: SessionEffect) -> TokenStream {
    match session {
        SessionEffect::Keeps => quote!(::dsql_edge::private::SessionEffect::Keeps),
        SessionEffect::MayChange => quote!(::dsql_edge::private::SessionEffect::MayChange),
        SessionEffect::Changes => quote!(::dsql_edge::private::SessionEffect::Changes),
    }
}

/// `static KEY: KeyConstraints = …;`
pub(super) fn constraints(key: &IdempotencyKey) -> TokenStream {
    let IdempotencyKey { constraints, all, does_nothing } = key;
    quote! {
        static KEY: ::dsql_edge::private::KeyConstraints = ::dsql_edge::private::KeyConstraints {
            names: &[#(#constraints),*],
            all: #all,
            does_nothing: #does_nothing,
        };
    }
}

/// The expression that selects the statement to send.
pub(super) fn chosen(query: &TypedQuery, names: &[Ident]) -> TokenStream {
    if query.combinations.is_empty() {
        return quote!(&STATEMENT);
    }
    let deciding: Vec<usize> = (0..query.parameters.len())
        .filter(|at| query.parameters.get(*at).is_some_and(|it| it.optional))
        .collect();
    let given = deciding.iter().filter_map(|at| names.get(*at)).map(|name| quote!(#name.is_some()));
    let arms = query.combinations.iter().enumerate().map(|(at, combination)| {
        let name = numbered(at);
        let given = deciding.iter().map(|at| combination.parameters.contains(at));
        quote!((#(#given,)*) => &#name)
    });
    quote!(match (#(#given,)*) { #(#arms),* })
}

fn oids(query: &TypedQuery, parameters: impl Iterator<Item = usize>) -> Vec<u32> {
    parameters.filter_map(|at| query.parameters.get(at)).map(|it| it.sql_type.oid).collect()
}

fn numbered(at: usize) -> Ident {
    format_ident!("STATEMENT_{at}")
}

fn columns(query: &TypedQuery) -> TokenStream {
    let columns = query.columns.iter().map(|column| {
        let (name, oid, type_name) = (&column.name, column.sql_type.oid, &column.sql_type.name);
        quote!(::dsql_edge::private::ColumnDesc { name: #name, type_oid: #oid, type_name: #type_name })
    });
    quote!(&[#(#columns),*])
}

/// The formats that Bind requests: nothing without columns, `1` if all columns are binary, else one for each column.
///
/// The macro computes the formats because rustc takes longer to evaluate a constant than to check all other fields of
/// the static.
fn formats(query: &TypedQuery) -> Vec<Literal> {
    let binary: Vec<bool> = query.columns.iter().map(|column| is_binary(&column.sql_type)).collect();
    let all_binary = !binary.contains(&false);
    let codes = if all_binary { binary.get(..1).unwrap_or_default() } else { &binary };
    codes.iter().map(|binary| Literal::i16_unsuffixed(i16::from(*binary))).collect()
}

/// Whether the values of a type are received in binary. The OID 0 is a user-defined type: a domain is sent as its base
/// type and an enum as its label, both in binary. A built-in type without a Rust type has no decoder and is sent as
/// text.
fn is_binary(sql_type: &SqlType) -> bool {
    sql_type.oid == 0 || rust_type(sql_type, false).is_some()
}

fn statement(emission: &Emission<'_>, sql: &str, params: &[u32], columns: &TokenStream) -> TokenStream {
    let Emission { query, name, .. } = emission;
    // The spans of these three macros determine the place that the runtime reports.
    let span = emission.place.unwrap_or_else(Span::call_site);
    let place = quote_spanned! {span=>
        file: ::core::file!(),
        line: ::core::line!(),
        column: ::core::column!(),
    };
    let (effect, session) = (effect_path(query.effect), session_path(query.session));
    let (tables, search_path) = (&query.tables, &query.search_path);
    let formats = formats(query);
    quote! {
        ::dsql_edge::private::Statement {
            sql: #sql,
            name: #name,
            #place
            params: &[#(#params),*],
            columns: #columns,
            formats: &[#(#formats),*],
            effect: #effect,
            session: #session,
            tables: &[#(#tables),*],
            search_path: #search_path,
        }
    }
}

/// One `bind` per parameter. A parameter that decides on optional text is bound only if its argument is given.
pub(super) fn bind(query: &TypedQuery, names: &[Ident]) -> Vec<TokenStream> {
    let arguments = Ident::new("arguments", Span::mixed_site());
    query
        .parameters
        .iter()
        .zip(names)
        .map(|(parameter, name)| {
            // A type without a Rust type is sent as text, which the server parses.
            let marker =
                rust_type(&parameter.sql_type, false).map_or(Marker::Scalar("Unknown"), |found| found.0);
            let marker = parameter_marker(&marker, parameter.elements_nullable);
            let nullable = nullability(parameter.nullable);
            // If a value has the wrong type, rustc reports the error at the value.
            let span = Span::call_site().located_at(name.span());
            if parameter.optional {
                return quote_spanned! {span=>
                    let #name = ::dsql_edge::private::given(#name);
                    if let ::core::option::Option::Some(#name) = #name {
                        #arguments.bind::<#marker, #nullable, _>(#name);
                    }
                };
            }
            quote_spanned!(span=> #arguments.bind::<#marker, #nullable, _>(#name);)
        })
        .chain(query.equal_lengths.iter().map(|group| {
            let group = group.iter().map(|number| Literal::usize_unsuffixed(*number));
            quote!(#arguments.equally_long(&[#(#group),*]);)
        }))
        .collect()
}

/// Binds one element per parameter to the arrays in `rows`.
pub(super) fn bind_elements(query: &TypedQuery, names: &[Ident], rows: &Ident) -> Vec<TokenStream> {
    let each = query.parameters.iter().zip(names).enumerate().map(|(at, (parameter, name))| {
        let marker = rust_type(&parameter.sql_type, false).map_or(Marker::Scalar("Unknown"), |found| found.0);
        let (marker, nullable) = (marker_path(&marker), nullability(parameter.nullable));
        let span = Span::call_site().located_at(name.span());
        quote_spanned!(span=> #rows.bind::<#marker, #nullable, _>(#at, #name);)
    });
    each.collect()
}

/// The marker of a parameter; an array whose elements cannot be NULL has a different marker.
fn parameter_marker(marker: &Marker, elements_nullable: bool) -> TokenStream {
    match marker {
        Marker::Array(element) if !elements_nullable => {
            let element = marker_path(element);
            quote!(::dsql_edge::types::sql::Array<#element, ::dsql_edge::private::NotNull>)
        }
        _ => marker_path(marker),
    }
}
