//! Emits row structs with explicit impls, and the function that decodes a row.

use super::column_names::ColumnNames;
use super::emission::{
    RowTarget, RowType, WrittenTypes, field_type, marker_path, mentions, nullability, optional,
};
use super::rust_source::{RustSource, list};
use crate::fields::{Entry, Field, Fields, Group};
use core::fmt::Write as _;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use std::collections::BTreeMap;

/// A named row struct, for query functions. The struct of a group is named after the row struct and the group:
/// `PostAuthor`.
pub struct Declaration<'d> {
    /// Its name.
    pub name: Ident,
    /// The visibility of the struct and of its fields.
    pub visibility: TokenStream,
    /// The documentation of the struct, but not of its groups.
    pub docs: TokenStream,
    /// The attributes of the struct, except its documentation and the serde attributes that `serialized` applies.
    pub attributes: TokenStream,
    /// Traits that attributes already derive, by the last name of their path.
    pub derived: &'d [String],
    /// Returns the name under which a field is serialized; the argument is the field's name.
    pub serialized: &'d dyn Fn(&str) -> String,
}

/// Emits the structs of a declared row, with their impls of Debug, Clone, PartialEq and Serialize, except those that
/// the attributes derive.
pub fn declaration(declared: &Declaration<'_>, fields: &Fields, types: &WrittenTypes) -> TokenStream {
    let Declaration { name, visibility, docs, attributes, derived, serialized } = declared;
    let mut source = RustSource::default();
    let visibility = source.placeholder(visibility.clone());
    let attributes = source.placeholder(attributes.clone());
    let types = placeholders(types, &mut source);
    let traits = list_of_traits(|known| !derived.iter().any(|derived| derived == known));
    each_struct(name, &fields.entries, &mut |ident, entries| {
        let row = source.placeholder(quote!(#ident));
        if ident == name {
            let docs = source.placeholder(docs.clone());
            source.push(format_args!("{docs} "));
        } else {
            let doc = format!("A group of the columns of [`{name}`].");
            source.push(format_args!("#[doc = {doc:?}] "));
        }
        source.push(format_args!("{attributes} {visibility} struct {row} {{"));
        for entry in entries {
            let doc = match entry {
                Entry::Field(field) => field.doc.as_str(),
                Entry::Group(group) if group.witness.is_some() => {
                    "`None` if an outer join has no matching row."
                }
                Entry::Group(_) => "A group of columns.",
            };
            let ty = match entry {
                Entry::Field(field) => written_or_own(field, &types),
                Entry::Group(group) => {
                    let group_row = group_name(ident, group);
                    optional(group.witness.is_some(), source.placeholder(quote!(#group_row)))
                }
            };
            let field = entry.name().in_rust();
            source.push(format_args!("#[doc = {doc:?}] {visibility} {field}: {ty},"));
        }
        // A type that the user specified may lack a trait of the row, so each impl of a trait has a bound for this
        // type. The bound is written with `for<'t>`: otherwise rustc would check a bound on a type without parameters
        // immediately, and report an error.
        let bounds: String = own(entries, &types).map(|written| format!("[for<'t> {written}]")).collect();
        let impls = impls(&row, &traits, "", &bounds, entries, serialized);
        source.push(format_args!("}} {impls}"));
    });
    if let [Entry::Field(field)] = fields.entries.as_slice() {
        let row = source.placeholder(quote!(#name));
        single_column(&mut source, &row, "", field, &types);
    }
    source.parse()
}

/// Returns the structs that [`declaration`] generates.
pub fn declared_type(name: &Ident, fields: &Fields) -> RowType {
    row_type(name, &fields.entries)
}

/// Emits the items for the row of a query. Returns the expression that refers to the function `decode`.
pub(super) fn row(
    fields: &Fields,
    target: &RowTarget,
    types: &WrittenTypes,
    source: &mut RustSource,
) -> TokenStream {
    let written = placeholders(types, source);
    let row = match target {
        RowTarget::Struct(row) | RowTarget::Declared(row) => Row::existing(row, source),
        RowTarget::Anonymous => anonymous(fields, types, &written, source),
    };
    let names = ColumnNames::new(fields, target, types);
    decode(fields, &written, &row, &names, source);
    names.decode()
}

/// For the number of a column, the text that replaces the type that the user specified for this column: a placeholder,
/// or the name of a type parameter.
pub(super) type WrittenText = BTreeMap<usize, String>;

/// Makes a placeholder for each Rust type that the user specified.
pub(super) fn placeholders(types: &WrittenTypes, source: &mut RustSource) -> WrittenText {
    types.iter().map(|(at, written)| (*at, source.placeholder(written.clone()))).collect()
}

/// The struct of a row, as generated code refers to it.
struct Row {
    /// Its type.
    ty: String,
    /// The path of the struct's constructor.
    path: String,
    /// The span of the struct's name, if the user named the struct.
    span: Option<Span>,
    groups: Vec<(String, Row)>,
}

impl Row {
    fn existing(row: &RowType, source: &mut RustSource) -> Row {
        let path = source.placeholder(row.path.clone());
        let span = row.path.clone().into_iter().next().map(|first| first.span());
        let groups = row.groups.iter().map(|(name, group)| (name.clone(), Row::existing(group, source)));
        Row { ty: path.clone(), path, span, groups: groups.collect() }
    }

    fn generated(name: &Ident, entries: &[Entry]) -> Row {
        let groups = entries.iter().filter_map(|entry| match entry {
            Entry::Field(_) => None,
            Entry::Group(group) => {
                let row = Row::generated(&group_name(name, group), &group.entries);
                Some((group.name.text().to_owned(), row))
            }
        });
        let path = name.to_string();
        Row { ty: path.clone(), path, span: None, groups: groups.collect() }
    }
}

/// Writes the struct of an anonymous row. A type that an override or a directive specifies becomes a type parameter of
/// the struct, so that the type need not implement the traits of the row.
fn anonymous(fields: &Fields, types: &WrittenTypes, written: &WrittenText, source: &mut RustSource) -> Row {
    let name = anonymous_name(types);
    let generics: WrittenText = types.keys().map(|at| (*at, format!("T{at}"))).collect();
    let params = |entries: &[Entry]| angle(own(entries, &generics));
    let traits = list_of_traits(|_| true);
    each_struct(&name, &fields.entries, &mut |name, entries| {
        let params = params(entries);
        source.push(format_args!("#[allow(dead_code)] pub struct {name}{params} {{"));
        for entry in entries {
            let ty = match entry {
                Entry::Field(field) => written_or_own(field, &generics),
                Entry::Group(group) => {
                    let (name, params) = (group_name(name, group), angle(own(&group.entries, &generics)));
                    optional(group.witness.is_some(), format!("{name}{params}"))
                }
            };
            let field = entry.name().in_rust();
            source.push(format_args!("pub {field}: {ty},"));
        }
        let bounds: String = own(entries, &generics).map(|generic| format!("[{generic}]")).collect();
        let impls = impls(&name.to_string(), &traits, &params, &bounds, entries, &str::to_owned);
        source.push(format_args!("}} {impls}"));
    });
    if let [Entry::Field(field)] = fields.entries.as_slice() {
        single_column(source, &name.to_string(), &params(&fields.entries), field, &generics);
    }
    let mut row = Row::generated(&name, &fields.entries);
    row.ty.push_str(&angle(written.values().map(String::as_str)));
    row
}

/// Returns `Row`, or a longer name if a type that the user specified contains an identifier that begins with `Row`.
fn anonymous_name(types: &WrittenTypes) -> Ident {
    let mut name = "Row".to_owned();
    while types.values().any(|written| mentions(written.clone(), &name)) {
        name.push('_');
    }
    format_ident!("{name}")
}

/// Calls `make` for the row and for each group in it, with the name of the struct.
fn each_struct(name: &Ident, entries: &[Entry], make: &mut dyn FnMut(&Ident, &[Entry])) {
    make(name, entries);
    for entry in entries {
        if let Entry::Group(group) = entry {
            each_struct(&group_name(name, group), &group.entries, make);
        }
    }
}

/// Returns the name of the struct for a group of columns: `Post` and `written_by` become `PostWrittenBy`.
fn group_name(row: &Ident, group: &Group) -> Ident {
    let name = row.to_string() + &group.name.pascal_case();
    Ident::new(name.trim_start_matches("r#"), row.span())
}

fn row_type(name: &Ident, entries: &[Entry]) -> RowType {
    let groups = entries.iter().filter_map(|entry| match entry {
        Entry::Field(_) => None,
        Entry::Group(group) => {
            let row = row_type(&group_name(name, group), &group.entries);
            Some((group.name.text().to_owned(), row))
        }
    });
    RowType { path: quote!(#name), groups: groups.collect() }
}

/// Returns the columns of entries, including the columns of their groups, in order.
fn columns(entries: &[Entry]) -> Vec<usize> {
    let mut out = Vec::new();
    for entry in entries {
        match entry {
            Entry::Field(field) => out.push(field.column),
            Entry::Group(group) => out.extend(columns(&group.entries)),
        }
    }
    out.sort_unstable();
    out
}

/// Returns the types that the user wrote for columns of `entries`, in the order of the columns.
fn own<'t>(entries: &[Entry], types: &'t WrittenText) -> impl Iterator<Item = &'t str> {
    columns(entries).into_iter().filter_map(|at| types.get(&at)).map(String::as_str)
}

/// Returns the type that the user wrote for the field's column; if the user wrote none, the field's own type.
fn written_or_own(field: &Field, types: &WrittenText) -> String {
    field_type(field, types.get(&field.column).map(String::as_str))
}

/// Lists the traits that every row implements, except the traits for which `wanted` returns false.
fn list_of_traits(wanted: impl Fn(&str) -> bool) -> String {
    let traits = ["Debug", "Clone", "PartialEq", "Serialize"].into_iter().filter(|name| wanted(name));
    traits.collect::<Vec<_>>().join(" ")
}

/// Implements `traits` for a row struct. `bounds` contains one bound in brackets for each type that the user specified.
fn impls(
    row: &str,
    traits: &str,
    params: &str,
    bounds: &str,
    entries: &[Entry],
    serialized: &dyn Fn(&str) -> String,
) -> String {
    let fields = list(entries.iter().map(|entry| {
        let (field, name) = (entry.name().in_rust(), entry.name().text());
        format!("{field}: {name:?} {:?}", serialized(name))
    }));
    format!(
        "::dsql_edge::private::row! {{ [{traits}] {{ [{params}] {row} [{params}] [{bounds}] {{ {fields} }} }} }}"
    )
}

/// Emits `fn decode(row: &DataRow) -> Result<Row, Error>`.
fn decode(fields: &Fields, types: &WrittenText, row: &Row, names: &ColumnNames, source: &mut RustSource) {
    let value = constructed(&fields.entries, row, types, names, source);
    let parameters = angle(names.parameters());
    source.push(format_args!(
        "fn decode{parameters}(row: &::dsql_edge::private::DataRow<'_>)
            -> ::core::result::Result<{}, ::dsql_edge::private::Error>
        {{
            ::core::result::Result::Ok({value})
        }}",
        row.ty
    ));
}

/// Returns the expression `Row { field: …, … }`.
fn constructed(
    entries: &[Entry],
    row: &Row,
    types: &WrittenText,
    names: &ColumnNames,
    source: &mut RustSource,
) -> String {
    let mut out = format!("{} {{", row.path);
    for entry in entries {
        let value = match entry {
            Entry::Field(field) => column(field, types, names),
            Entry::Group(group) => {
                let name = group.name.text();
                let Some((_, inner)) = row.groups.iter().find(|(known, _)| known == name) else { continue };
                let value = constructed(&group.entries, inner, types, names, source);
                match group.witness {
                    None => value,
                    Some(witness) => group_value(witness, &value, inner.span, source),
                }
            }
        };
        let _ = write!(out, "{}: {value},", entry.name().in_rust());
    }
    out + "}"
}

/// Returns the value of a group that can be `None`. If the field for the group in the user's struct is not an `Option`,
/// rustc reports the error at the name of the group's struct.
fn group_value(witness: usize, value: &str, name: Option<Span>, source: &mut RustSource) -> String {
    let (row, question) = match name.map(|name| Span::call_site().located_at(name)) {
        None => ("row".to_owned(), "?".to_owned()),
        Some(span) => {
            (source.placeholder(quote_spanned!(span=> row)), source.placeholder(quote_spanned!(span=> ?)))
        }
    };
    format!("{row}.group({witness}, |row| ::core::result::Result::Ok({value})){question}")
}

/// Returns the expression that decodes a field from its column. If the user specified no Rust type for the column, the
/// field's type in the struct determines the Rust type.
fn column(field: &Field, types: &WrittenText, names: &ColumnNames) -> String {
    let (marker, nullable, at) = (marker_path(&field.marker), nullability(field.nullable), field.column);
    let ty = match types.get(&at) {
        Some(written) => field_type(field, Some(written)),
        None => "_".to_owned(),
    };
    if let Some(name) = names.of(at) {
        let method = if field.nullable { "nullable_field" } else { "field" };
        return format!("row.{method}::<{name}, {marker}, {ty}>({at})?");
    }
    format!("row.column::<{marker}, {nullable}, {ty}>({at})?")
}

/// Emits the impl with which `fetch_value` can return the value of a row with one column.
fn single_column(source: &mut RustSource, row: &str, params: &str, field: &Field, types: &WrittenText) {
    let (name, value) = (field.name.in_rust(), written_or_own(field, types));
    source.push(format_args!(
        "impl{params} ::dsql_edge::private::SingleColumn for {row}{params} {{
            type Value = {value};
            fn into_value(self) -> {value} {{ self.{name} }}
        }}"
    ));
}

fn angle<'t>(items: impl Iterator<Item = &'t str>) -> String {
    let items = list(items);
    if items.is_empty() { items } else { format!("<{items}>") }
}
