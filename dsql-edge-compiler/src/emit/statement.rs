//! Emits the static description of a statement, and the binding of its arguments.

use super::emission::{Emission, array_name, field_type, marker_path, nullability};
use super::row::{WrittenText, placeholders};
use super::rust_source::{RustSource, list, parsed};
use crate::fields::{ColumnFormat, Field, Marker, marker};
use crate::ident::FieldName;
use crate::sql_type::SqlType;
use crate::typed::{Effect, IdempotencyKey, SessionEffect, TypedParameter, TypedQuery};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

/// Emits `static STATEMENT: Statement = …;`, or one static for each combination of optional text.
pub(super) fn statements(emission: &Emission<'_>, source: &mut RustSource) {
    let query = emission.query;
    let columns = columns(query);
    if query.combinations.is_empty() {
        match emission.many.and_then(|many| many.unnest.as_ref()) {
            Some(unnest) => {
                let arrays = unnest.types.iter().map(|(_, array)| *array);
                statement(emission, source, "STATEMENT", &unnest.sql, &list(arrays), &columns);
            }
            None => {
                let oids = oids(query, 0..query.parameters.len());
                statement(emission, source, "STATEMENT", &query.sql, &oids, &columns);
            }
        }
        return;
    }
    source.push(format_args!("const COLUMNS: &[::dsql_edge::private::ColumnDesc] = {columns};"));
    for (at, combination) in query.combinations.iter().enumerate() {
        let oids = oids(query, combination.parameters.iter().copied());
        statement(emission, source, &numbered(at).to_string(), &combination.sql, &oids, "COLUMNS");
    }
}

/// Emits `static VARIABLE: Statement = …;` for a batch.
pub(super) fn batch(emission: &Emission<'_>, variable: &str, source: &mut RustSource) {
    let query = emission.query;
    let oids = oids(query, 0..query.parameters.len());
    statement(emission, source, variable, &query.sql, &oids, &columns(query));
}

/// Returns the Rust path of a variant of `Effect`.
pub fn effect_path(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "::dsql_edge::private::Effect::Read",
        Effect::MayWrite => "::dsql_edge::private::Effect::MayWrite",
        Effect::Write => "::dsql_edge::private::Effect::Write",
    }
}

/// Returns the path of the variant of `SessionEffect`.
pub fn session_path(session: SessionEffect) -> &'static str {
    match session {
        SessionEffect::Keeps => "::dsql_edge::private::SessionEffect::Keeps",
        SessionEffect::MayChange => "::dsql_edge::private::SessionEffect::MayChange",
        SessionEffect::Changes => "::dsql_edge::private::SessionEffect::Changes",
    }
}

/// Emits `static KEY: KeyConstraints = …;`.
pub(super) fn constraints(key: &IdempotencyKey, source: &mut RustSource) {
    let IdempotencyKey { constraints, all, does_nothing } = key;
    source.push(format_args!(
        "static KEY: ::dsql_edge::private::KeyConstraints = ::dsql_edge::private::KeyConstraints {{
            names: &{constraints:?}, all: {all}, does_nothing: {does_nothing},
        }};"
    ));
}

/// Emits the expression that selects, at run time, which combination to send. `arguments` is the name of the variable
/// that contains the `Arguments`. If no combination has exactly the given parameters, the expression stores an error in
/// this variable.
pub(super) fn chosen(query: &TypedQuery, names: &[Ident], arguments: &Ident) -> TokenStream {
    if query.combinations.is_empty() {
        return quote!(&STATEMENT);
    }
    let deciding: Vec<usize> = (0..query.parameters.len())
        .filter(|at| query.parameters.get(*at).is_some_and(|it| it.optional))
        .collect();
    let given = deciding.iter().filter_map(|at| names.get(*at)).map(|name| quote!(#name.is_some()));
    let given = quote!(#(#given,)*);
    let arms = query.combinations.iter().enumerate().map(|(at, combination)| {
        let name = numbered(at);
        let given = deciding.iter().map(|at| combination.parameters.contains(at));
        quote!((#(#given,)*) => &#name)
    });
    let all = 1_usize.checked_shl(u32::try_from(deciding.len()).unwrap_or(u32::MAX));
    let otherwise = (all != Some(query.combinations.len())).then(|| {
        let texts = query.optional_texts.iter().map(|text| {
            let message = needed_together(query, text);
            let needed = text.iter().filter_map(|at| deciding.iter().position(|it| it == at));
            let needed = needed.map(Literal::usize_unsuffixed);
            quote!((#message, &[#(#needed),*]))
        });
        let first = numbered(0);
        quote!(, _ => { #arguments.not_together(&[#given], &[#(#texts),*]); &#first })
    });
    quote!(match (#given) { #(#arms),* #otherwise })
}

/// Returns the message of the error at run time that occurs if only some of the parameters of a piece of optional text
/// are given.
fn needed_together(query: &TypedQuery, text: &[usize]) -> String {
    let name = |at: &usize| {
        let name = query.parameters.get(*at).and_then(|parameter| parameter.name.clone());
        format!("${}", name.unwrap_or_else(|| (at + 1).to_string()))
    };
    let names: Vec<String> = text.iter().map(name).collect();
    match names.as_slice() {
        [one, other] => format!("its optional text needs both {one} and {other}: pass both, or neither"),
        several => format!("its optional text needs all of {}: pass all, or none", several.join(", ")),
    }
}

fn oids(query: &TypedQuery, parameters: impl Iterator<Item = usize>) -> String {
    list(parameters.filter_map(|at| query.parameters.get(at)).map(|it| it.sql_type.oid))
}

fn numbered(at: usize) -> Ident {
    format_ident!("STATEMENT_{at}")
}

fn columns(query: &TypedQuery) -> String {
    let columns = query.columns.iter().map(|column| {
        let (name, oid, type_name) = (&column.name, column.sql_type.oid, &column.sql_type.name);
        format!(
            "::dsql_edge::private::ColumnDesc {{ name: {name:?}, type_oid: {oid}, type_name: {type_name:?} }}"
        )
    });
    format!("&[{}]", list(columns))
}

/// Returns the formats that Bind requests: an empty list if there are no columns, a single `1` if all columns are
/// binary, otherwise one format for each column.
///
/// The macro computes the formats because rustc takes longer to evaluate a constant than to check all other fields of
/// the static. Only a column whose format depends on a Rust type of the user gets a constant, which rustc evaluates.
fn formats(emission: &Emission<'_>, source: &mut RustSource) -> String {
    let fields = emission.fields.all();
    let is_open = fields.iter().any(|field| field.format == ColumnFormat::OfRustType);
    let types = if is_open { placeholders(emission.types, source) } else { WrittenText::new() };
    let format = |field: &Field| match field.format {
        ColumnFormat::Text => "0".to_owned(),
        ColumnFormat::Binary => "1".to_owned(),
        ColumnFormat::OfRustType => {
            let (marker, nullable) = (marker_path(&field.marker), nullability(field.nullable));
            let ty = field_type(field, types.get(&field.column).map(String::as_str));
            format!("::dsql_edge::private::format::<{marker}, {nullable}, {ty}>()")
        }
    };
    let formats: Vec<String> = fields.into_iter().map(format).collect();
    let all_binary = formats.iter().all(|format| format == "1");
    list(if all_binary { formats.get(..1).unwrap_or_default() } else { &formats })
}

/// Emits `static VARIABLE: Statement = …;`.
fn statement(
    emission: &Emission<'_>,
    source: &mut RustSource,
    variable: &str,
    sql: &str,
    params: &str,
    columns: &str,
) {
    let Emission { query, name, .. } = emission;
    let formats = formats(emission, source);
    // The spans of these three macros determine the location that the runtime reports for the statement.
    let place = "file: ::core::file!(), line: ::core::line!(), column: ::core::column!(),";
    let place = match emission.place {
        None => place.to_owned(),
        Some(span) => source.placeholder(quote_spanned! {span=>
            file: ::core::file!(),
            line: ::core::line!(),
            column: ::core::column!(),
        }),
    };
    let (effect, session) = (effect_path(query.effect), session_path(query.session));
    let (tables, search_path) = (&query.tables, &query.search_path);
    source.push(format_args!(
        "static {variable}: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {{
            sql: {sql:?}, name: {name:?}, {place} params: &[{params}], columns: {columns}, formats: &[{formats}],
            effect: {effect}, session: {session}, tables: &{tables:?}, search_path: {search_path:?},
        }};"
    ));
}

/// Returns tokens that bind each parameter, and check that the arrays of an UNNEST have equal lengths. A parameter that
/// decides on optional text is bound only if its argument is given.
///
/// `arguments` is a `&mut Arguments`.
pub(super) fn bind(query: &TypedQuery, names: &[Ident], arguments: &TokenStream) -> TokenStream {
    let given =
        query.parameters.iter().zip(names).filter(|(parameter, _)| parameter.optional).map(|(_, name)| {
            let span = Span::call_site().located_at(name.span());
            quote_spanned!(span=> let #name = ::dsql_edge::private::given(#name);)
        });
    let bound = query.parameters.iter().zip(names).enumerate().map(|(at, (parameter, name))| {
        // If a value has the wrong type, rustc reports the error at the value.
        let span = Span::call_site().located_at(name.span());
        let value = value(parameter, at, name, span, parameter.elements_nullable);
        let bound = match open_type(&parameter.sql_type) {
            None => quote_spanned!(span=> #value.bind(#arguments);),
            Some(ty) => quote_spanned!(span=> #value.bind_by_type(#arguments, #ty);),
        };
        match parameter.optional {
            true => quote_spanned!(span=> if let ::core::option::Option::Some(#name) = #name { #bound }),
            false => bound,
        }
    });
    let equal_lengths = query.equal_lengths.iter().map(|group| {
        let group = group.iter().map(|number| {
            let described = query.parameters.get(number.wrapping_sub(1)).map(|it| described(it, number - 1));
            let number = Literal::usize_unsuffixed(*number);
            quote!((#number, #described))
        });
        quote!((#arguments).equally_long(&[#(#group),*]);)
    });
    let named = named(query);
    quote!(#(#given)* { #named #(#bound)* #(#equal_lengths)* })
}

/// Emits an empty type for each parameter with a name: rustc's error about a value that does not fit contains the name.
fn named(query: &TypedQuery) -> TokenStream {
    let names = query.parameters.iter().filter_map(parameter_name);
    quote!(#(enum #names {})*)
}

fn parameter_name(parameter: &TypedParameter) -> Option<Ident> {
    parameter.name.as_deref().and_then(FieldName::new).map(|name| name.ident())
}

/// Describes a parameter for an error at run time, with the name that the query uses: `parameter $limit of type int8`.
fn described(parameter: &TypedParameter, at: usize) -> String {
    let number = (at + 1).to_string();
    let SqlType { name, display, .. } = &parameter.sql_type;
    // The name of an array's type begins with an underscore.
    let ty = if name.starts_with('_') { display } else { name };
    format!("parameter ${} of type {ty}", parameter.name.as_ref().unwrap_or(&number))
}

/// Emits the expression that passes the value of a parameter to a method that binds the value.
fn value(
    parameter: &TypedParameter,
    at: usize,
    name: &Ident,
    span: Span,
    elements_nullable: bool,
) -> TokenStream {
    let of = match parameter_name(parameter) {
        Some(name) => quote!(#name),
        None => {
            let number = Literal::usize_unsuffixed(at + 1);
            quote!(::dsql_edge::private::Dollar<#number>)
        }
    };
    let described = described(parameter, at);
    let marker = marker(&parameter.sql_type);
    let is_scalar = matches!(marker, Marker::Scalar(_)) && open_type(&parameter.sql_type).is_none();
    let marker = parsed(&parameter_marker(&marker, elements_nullable));
    if is_scalar && !parameter.nullable {
        return quote_spanned!(span=> ::dsql_edge::private::scalar::<#of, #marker, _>(#name, #described));
    }
    let nullable = parsed(nullability(parameter.nullable));
    quote_spanned!(span=> ::dsql_edge::private::argument::<#of, #marker, #nullable, _>(#name, #described))
}

/// Returns the OID and the name of a parameter's type, if the type's marker does not contain them.
fn open_type(sql_type: &SqlType) -> Option<TokenStream> {
    let base = sql_type.base();
    let (oid, name) = (Literal::u32_unsuffixed(base.oid), &base.name);
    let is_named = base.oid != 0 && !marker(base).is_open();
    (!is_named).then(|| quote!(::dsql_edge::private::TypeOf { oid: #oid, name: #name }))
}

/// Returns tokens that append the values of one row to the arrays in `rows`: one value for each parameter.
pub(super) fn bind_elements(query: &TypedQuery, names: &[Ident], rows: &Ident) -> TokenStream {
    let each = query.parameters.iter().zip(names).enumerate().map(|(at, (parameter, name))| {
        let span = Span::call_site().located_at(name.span());
        let value = value(parameter, at, name, span, true);
        let at = Literal::usize_unsuffixed(at);
        quote_spanned!(span=> #value.append(#rows, #at);)
    });
    let named = named(query);
    quote!(#named #(#each)*)
}

/// Returns the marker of a parameter's type; for an array, a special marker if its elements cannot be NULL.
fn parameter_marker(marker: &Marker, elements_nullable: bool) -> String {
    match marker {
        _ if elements_nullable => marker_path(marker),
        Marker::Scalar(_) => marker_path(marker),
        Marker::Array(element) | Marker::ArrayOfDomain(element) => {
            let (array, element) = (array_name(marker), marker_path(element));
            format!("::dsql_edge::types::sql::{array}<{element}, ::dsql_edge::private::NotNull>")
        }
    }
}
