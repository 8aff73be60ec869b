//! What is emitted: a query with the Rust types and names that it gets, and the tokens of its types.

use crate::fields::{Entry, Field, Fields, Marker, RustType};
use crate::typed::{TypedQuery, Unnest};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use std::collections::BTreeMap;

/// The Rust types that overrides and directives name, by the number of their column.
pub type WrittenTypes = BTreeMap<usize, TokenStream>;

/// An argument: the user's expression, and where an error about it is shown.
pub type Argument = (TokenStream, Span);

/// What rows become.
pub enum RowTarget {
    /// A struct made for this query.
    Anonymous,
    /// A struct that is there: the user's own, or one made by `declaration`.
    Struct(RowType),
}

/// A struct that is there, and those of its groups by name.
#[derive(Clone)]
pub struct RowType {
    /// Its path.
    pub path: TokenStream,
    /// Its groups.
    pub groups: Vec<(String, RowType)>,
}

/// `for pattern in rows`
pub struct Many {
    /// The pattern.
    pub pattern: TokenStream,
    /// What is iterated over.
    pub rows: TokenStream,
    /// The statement that takes all of them at once, if there is one.
    pub unnest: Option<Unnest>,
}

/// A query, and the Rust types and names that it gets.
pub struct Emission<'e> {
    /// The query.
    pub query: &'e TypedQuery,
    /// Its row.
    pub fields: &'e Fields,
    /// The types that the user wrote.
    pub types: &'e WrittenTypes,
    /// What rows become.
    pub row: &'e RowTarget,
    /// One for each parameter.
    pub arguments: &'e [Argument],
    /// The name of the query function, or nothing.
    pub name: &'e str,
    /// The rows it is for, if they are many.
    pub many: Option<&'e Many>,
    /// The place of the SQL, if that is not where the macro is.
    pub place: Option<Span>,
}

/// The names that arguments are bound to: no name of the user's, but shown where the argument is.
pub fn parameter_names(arguments: &[Argument]) -> Vec<Ident> {
    arguments
        .iter()
        .enumerate()
        .map(|(at, (_, span))| format_ident!("p{}", at + 1, span = Span::mixed_site().located_at(*span)))
        .collect()
}

/// A marker as a path.
pub(super) fn marker_path(marker: &Marker) -> TokenStream {
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

pub(super) fn nullability(nullable: bool) -> TokenStream {
    if nullable { quote!(::dsql_edge::private::Nullable) } else { quote!(::dsql_edge::private::NotNull) }
}

/// A type path of the tables in `fields`, which all parse.
pub(super) fn path(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}

pub(super) fn optional(nullable: bool, inner: TokenStream) -> TokenStream {
    if nullable { quote!(::core::option::Option<#inner>) } else { inner }
}

/// The name and the type of each field, to compare rows by.
pub fn field_types(fields: &Fields, types: &WrittenTypes) -> Vec<(String, String)> {
    fn collect(entries: &[Entry], types: &WrittenTypes, before: &str, out: &mut Vec<(String, String)>) {
        for entry in entries {
            let name = format!("{before}{}", entry.name().text());
            match entry {
                Entry::Field(field) => {
                    let ty = field_type(field, types.get(&field.column)).to_string();
                    out.push((name, readable(&ty)));
                }
                Entry::Group(group) => {
                    collect(&group.entries, types, &format!("{name}."), out);
                    out.push((name, if group.witness.is_some() { "Option<_>" } else { "_" }.to_owned()));
                }
            }
        }
    }
    let mut out = Vec::new();
    collect(&fields.entries, types, "", &mut out);
    out
}

/// A type as people write it.
fn readable(ty: &str) -> String {
    let mut ty: String = ty.split_whitespace().collect();
    for path in ["::core::option::", "::std::vec::", "::std::string::", "::dsql_edge::types::"] {
        ty = ty.replace(path, "");
    }
    ty
}

/// The type of a field, the `Option` included; `written` is the user's text.
pub(super) fn field_type(field: &Field, written: Option<&TokenStream>) -> TokenStream {
    let inner = match (&field.rust_type, written) {
        (_, Some(written)) => written.clone(),
        (RustType::Known(known), None) => path(known),
        (RustType::Vec { element, nullable }, None) => {
            let element = optional(*nullable, path(element));
            quote!(::std::vec::Vec<#element>)
        }
        (RustType::Written(written), None) => path(written),
        (RustType::Directive(directive), None) => path(&directive.rust),
    };
    optional(field.nullable, inner)
}
