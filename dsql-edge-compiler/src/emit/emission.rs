//! Defines the input of `emit`: a query with its Rust types and names, and the tokens of its types.

use super::rust_source::parsed;
use crate::fields::{Entry, Field, Fields, Marker, RustType};
use crate::typed::{Batches, TypedQuery, Unnest};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::format_ident;
use std::collections::BTreeMap;

/// The Rust types that overrides and directives specify, by the number of the column.
pub type WrittenTypes = BTreeMap<usize, TokenStream>;

/// An argument: the user's expression, and the span at which errors about the expression are reported.
pub type Argument = (TokenStream, Span);

/// The Rust type of the rows.
pub enum RowTarget {
    /// A struct generated for this query.
    Anonymous,
    /// A struct that the user wrote.
    Struct(RowType),
    /// A struct that `declaration` generated.
    Declared(RowType),
}

/// An existing struct, and the structs of its groups by name.
#[derive(Clone)]
pub struct RowType {
    /// Its path.
    pub path: TokenStream,
    /// Its groups.
    pub groups: Vec<(String, RowType)>,
}

impl RowType {
    /// Returns the paths of the struct and of its groups.
    pub(super) fn paths(&self) -> Box<dyn Iterator<Item = TokenStream> + '_> {
        let groups = self.groups.iter().flat_map(|(_, group)| group.paths());
        Box::new(std::iter::once(self.path.clone()).chain(groups))
    }
}

/// `for pattern in rows`
pub struct Many {
    /// The pattern.
    pub pattern: TokenStream,
    /// The user's expression after `in`, whose items are the rows.
    pub rows: TokenStream,
    /// The statement that inserts all rows at once, if there is one.
    pub unnest: Option<Unnest>,
}

/// A compiled query together with the Rust types and names that its code needs.
pub struct Emission<'e> {
    /// The query.
    pub query: &'e TypedQuery,
    /// The fields of the query's row.
    pub fields: &'e Fields,
    /// The types that the user wrote.
    pub types: &'e WrittenTypes,
    /// The Rust type into which a row is decoded.
    pub row: &'e RowTarget,
    /// One argument for each parameter.
    pub arguments: &'e [Argument],
    /// The name of the query function; empty if there is none.
    pub name: &'e str,
    /// If the statement runs once for each of many rows, the source of these rows.
    pub many: Option<&'e Many>,
    /// The batches, if the statement runs in batches. In this case, `fields` describes the columns of a batch.
    pub batches: Option<&'e Batches>,
    /// The span of the SQL, if the SQL is not where the macro is invoked.
    pub place: Option<Span>,
}

/// Returns the names of the variables to which the arguments are bound. These names do not conflict with names of the
/// user, but have the spans of the arguments.
pub fn parameter_names(arguments: &[Argument]) -> Vec<Ident> {
    arguments
        .iter()
        .enumerate()
        .map(|(at, (_, span))| format_ident!("p{}", at + 1, span = Span::mixed_site().located_at(*span)))
        .collect()
}

/// Returns the path of a marker, as tokens.
pub fn marker_tokens(marker: &Marker) -> TokenStream {
    parsed(&marker_path(marker))
}

/// Returns the path of a marker.
pub(super) fn marker_path(marker: &Marker) -> String {
    match marker {
        Marker::Scalar(name) => format!("::dsql_edge::types::sql::{name}"),
        Marker::Array(element) | Marker::ArrayOfDomain(element) => {
            format!("::dsql_edge::types::sql::{}<{}>", array_name(marker), marker_path(element))
        }
    }
}

/// Returns the name of an array's marker.
pub(super) fn array_name(marker: &Marker) -> &'static str {
    match marker {
        Marker::ArrayOfDomain(_) => "ArrayOfDomain",
        Marker::Scalar(_) | Marker::Array(_) => "Array",
    }
}

pub(super) fn nullability(nullable: bool) -> &'static str {
    if nullable { "::dsql_edge::private::Nullable" } else { "::dsql_edge::private::NotNull" }
}

pub(super) fn optional(nullable: bool, inner: String) -> String {
    if nullable { format!("::core::option::Option<{inner}>") } else { inner }
}

/// Returns the name and the type of each field; used to compare the rows of two queries.
pub fn field_types(fields: &Fields, types: &WrittenTypes) -> Vec<(String, String)> {
    fn collect(entries: &[Entry], types: &WrittenTypes, before: &str, out: &mut Vec<(String, String)>) {
        for entry in entries {
            let name = format!("{before}{}", entry.name().text());
            match entry {
                Entry::Field(field) => {
                    let ty = field_type(field, types.get(&field.column).map(ToString::to_string).as_deref());
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

/// Returns the type of a field, as Rust code usually writes it.
pub fn shown_field_type(field: &Field) -> String {
    readable(&field_type(field, None))
}

/// Returns a type without the paths of common types, and without spaces except between two words (`dyn Error`), as Rust
/// code usually writes it.
pub(super) fn readable(text: &str) -> String {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let mut ty = String::new();
    for part in text.split_whitespace() {
        if ty.ends_with(is_word) && part.starts_with(is_word) {
            ty.push(' ');
        }
        ty.push_str(part);
    }
    for path in ["::core::option::", "::std::vec::", "::std::string::", "::dsql_edge::types::"] {
        ty = ty.replace(path, "");
    }
    ty
}

/// Returns the type of a field, with its `Option`; `written` is the type that the user specified, or the placeholder of
/// this type.
pub(super) fn field_type(field: &Field, written: Option<&str>) -> String {
    let inner = match (&field.rust_type, written) {
        (_, Some(written)) => written.to_owned(),
        (RustType::Known(known), None) => (*known).to_owned(),
        (RustType::Vec { element, nullable }, None) => {
            format!("::std::vec::Vec<{}>", optional(*nullable, (*element).to_owned()))
        }
        (RustType::Written(written), None) => written.clone(),
        (RustType::Directive(directive), None) => directive.rust.clone(),
    };
    optional(field.nullable, inner)
}

/// Whether the tokens contain an identifier that begins with `start`.
pub(super) fn mentions(tokens: TokenStream, start: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident.to_string().starts_with(start),
        TokenTree::Group(group) => mentions(group.stream(), start),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn readable_type_has_only_the_spaces_between_words() {
        assert_eq!(readable("::std::vec::Vec < & 'a [u8] >"), "Vec<&'a[u8]>");
        assert_eq!(readable("Box < dyn Error >"), "Box<dyn Error>");
        assert_eq!(readable("& 'a str"), "&'a str");
    }
}
