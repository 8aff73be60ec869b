//! Emits row structs with explicit impls, and the function that decodes a row.

use super::emission::{RowTarget, RowType, WrittenTypes, field_type, marker_path, nullability, optional};
use crate::fields::{Entry, Field, Fields, Group};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};

/// A named row struct, for query functions. The struct of a group is named after the row struct and the group:
/// `PostAuthor`.
pub struct Declaration<'d> {
    /// Its name.
    pub name: Ident,
    /// The visibility of the struct and of its fields.
    pub visibility: TokenStream,
    /// The documentation of the struct, but not of its groups.
    pub docs: TokenStream,
    /// The other attributes of the struct, without the serde attributes that `serialized` applies.
    pub attributes: TokenStream,
    /// Traits that attributes already derive, by the last name of their path.
    pub derived: &'d [String],
    /// The name under which a field is serialized.
    pub serialized: &'d dyn Fn(&str) -> String,
}

/// The structs, and their impls of Debug, Clone, PartialEq and Serialize.
pub fn declaration(declared: &Declaration<'_>, fields: &Fields, types: &WrittenTypes) -> TokenStream {
    let Declaration { name, visibility, docs, attributes, derived, serialized } = declared;
    let mut out = TokenStream::new();
    each_struct(name, &fields.entries, &mut |name, entries| {
        let declarations = entries.iter().map(|entry| {
            let (field, ty) = (entry.name().ident(), entry_type(name, entry, types, &|_| quote!()));
            let doc = match entry {
                Entry::Field(field) => field.doc.clone(),
                Entry::Group(group) if group.witness.is_some() => {
                    "`None` if an outer join has no matching row.".to_owned()
                }
                Entry::Group(_) => "A group of columns.".to_owned(),
            };
            quote!(#[doc = #doc] #visibility #field: #ty)
        });
        // A type that the user wrote need not implement the traits of the row, so each impl has a bound. The bound has
        // `for`: without `for`, rustc would check the bound on a type without parameters immediately, and fail.
        let written: Vec<&TokenStream> = columns(entries).iter().filter_map(|at| types.get(at)).collect();
        let bounds = |bound: TokenStream| {
            if written.is_empty() { quote!() } else { quote!(where #(for<'t> #written: #bound),*) }
        };
        let impls = Impls::new(name, entries, serialized).all(&quote!(), &bounds);
        let ours = impls.iter().filter(|(name, _)| !derived.iter().any(|derived| derived == name));
        let impls = ours.map(|(_, tokens)| tokens);
        let docs = if name == &declared.name {
            docs.clone()
        } else {
            let doc = format!("A group of the columns of [`{}`].", declared.name);
            quote!(#[doc = #doc])
        };
        out.extend(quote! {
            #docs
            #attributes
            #visibility struct #name { #(#declarations),* }
            #(#impls)*
        });
    });
    if let [Entry::Field(field)] = fields.entries.as_slice() {
        out.extend(single_column(&quote!(#name), &quote!(), field, types.get(&field.column)));
    }
    out
}

/// The structs that [`declaration`] generates.
pub fn declared_type(name: &Ident, fields: &Fields) -> RowType {
    row_type(name, &fields.entries)
}

/// The items in the block of a query.
pub(super) fn row(fields: &Fields, target: &RowTarget, types: &WrittenTypes) -> TokenStream {
    match target {
        RowTarget::Struct(row) => decode(fields, types, &row.path, row),
        RowTarget::Anonymous => anonymous(fields, types),
    }
}

/// The struct of an anonymous row. A type that an override names becomes a type parameter of the struct, so that the
/// type need not implement the traits of the row.
fn anonymous(fields: &Fields, types: &WrittenTypes) -> TokenStream {
    let row = anonymous_name(types);
    let generic = |at: &usize| format_ident!("T{at}");
    let generics: WrittenTypes = types
        .keys()
        .map(|at| {
            let generic = generic(at);
            (*at, quote!(#generic))
        })
        .collect();
    let params = |entries: &[Entry]| {
        let own = columns(entries);
        angle(own.iter().filter(|at| types.contains_key(at)).map(|at| {
            let generic = generic(at);
            quote!(#generic)
        }))
    };
    let mut out = TokenStream::new();
    each_struct(&row, &fields.entries, &mut |name, entries| {
        let declarations = entries.iter().map(|entry| {
            let (field, ty) = (entry.name().ident(), entry_type(name, entry, &generics, &params));
            quote!(pub #field: #ty)
        });
        let own: Vec<Ident> =
            columns(entries).iter().filter(|at| types.contains_key(at)).map(generic).collect();
        let bounds =
            |bound: TokenStream| if own.is_empty() { quote!() } else { quote!(where #(#own: #bound),*) };
        let params = params(entries);
        let impls = Impls::new(name, entries, &str::to_owned).all(&params, &bounds);
        let impls = impls.iter().map(|(_, tokens)| tokens);
        out.extend(quote! {
            #[allow(dead_code)]
            pub struct #name #params { #(#declarations),* }
            #(#impls)*
        });
    });
    let params = params(&fields.entries);
    if let [Entry::Field(field)] = fields.entries.as_slice() {
        out.extend(single_column(&quote!(#row #params), &params, field, generics.get(&field.column)));
    }
    let concrete = angle(types.values().cloned());
    let decode = decode(fields, types, &quote!(#row #concrete), &row_type(&row, &fields.entries));
    quote!(#out #decode)
}

/// `Row`, or another name if a type that the user wrote begins with `Row`: in the block of the query, a generated
/// struct named `Row` would hide the user's type.
fn anonymous_name(types: &WrittenTypes) -> Ident {
    let mut name = "Row".to_owned();
    while types.values().any(|written| mentions(written.clone(), &name)) {
        name.push('_');
    }
    format_ident!("{name}")
}

/// Whether a name in these tokens begins with `start`.
fn mentions(tokens: TokenStream, start: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident.to_string().starts_with(start),
        TokenTree::Group(group) => mentions(group.stream(), start),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
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

/// The struct name of a group: `Post` and `written_by` become `PostWrittenBy`.
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

/// The columns of entries and of their groups, in order.
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

/// The type of a field of the struct `row`; `args` are the type arguments of a group's struct.
fn entry_type(
    row: &Ident,
    entry: &Entry,
    types: &WrittenTypes,
    args: &dyn Fn(&[Entry]) -> TokenStream,
) -> TokenStream {
    match entry {
        Entry::Field(field) => field_type(field, types.get(&field.column)),
        Entry::Group(group) => {
            let (name, args) = (group_name(row, group), args(&group.entries));
            optional(group.witness.is_some(), quote!(#name #args))
        }
    }
}

/// The impls of a row struct.
struct Impls<'i> {
    row: &'i Ident,
    names: Vec<Ident>,
    texts: Vec<&'i str>,
    serialized: Vec<String>,
}

impl<'i> Impls<'i> {
    fn new(row: &'i Ident, entries: &'i [Entry], serialized: &dyn Fn(&str) -> String) -> Impls<'i> {
        let texts: Vec<&str> = entries.iter().map(|entry| entry.name().text()).collect();
        Impls {
            row,
            names: entries.iter().map(|entry| entry.name().ident()).collect(),
            serialized: texts.iter().map(|text| serialized(text)).collect(),
            texts,
        }
    }

    /// The impls, each with the name of its trait.
    fn all(
        &self,
        params: &TokenStream,
        bounds: &dyn Fn(TokenStream) -> TokenStream,
    ) -> [(&'static str, TokenStream); 4] {
        let Impls { row, names, texts, serialized } = self;
        let shown = row.to_string();
        let (debug, clone, equal) = (
            bounds(quote!(::core::fmt::Debug)),
            bounds(quote!(::core::clone::Clone)),
            bounds(quote!(::core::cmp::PartialEq)),
        );
        let serialize = bounds(quote!(::dsql_edge::private::serde::Serialize));
        let debug = quote! {
            impl #params ::core::fmt::Debug for #row #params #debug {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#shown)#(.field(#texts, &self.#names))*.finish()
                }
            }
        };
        let clone = quote! {
            impl #params ::core::clone::Clone for #row #params #clone {
                fn clone(&self) -> Self {
                    #row { #(#names: ::core::clone::Clone::clone(&self.#names)),* }
                }
            }
        };
        let equality =
            if names.is_empty() { quote!(true) } else { quote!(#(self.#names == other.#names)&&*) };
        let other = if names.is_empty() { quote!(_) } else { quote!(other) };
        // `automatically_derived` prevents clippy's warning if the user also derives Hash.
        let equal = quote! {
            #[automatically_derived]
            impl #params ::core::cmp::PartialEq for #row #params #equal {
                fn eq(&self, #other: &Self) -> bool {
                    #equality
                }
            }
        };
        let serialize = quote! {
            ::dsql_edge::private::serialize! {
                [#params] #row [#params] [#serialize] { #(#names: #serialized),* }
            }
        };
        [("Debug", debug), ("Clone", clone), ("PartialEq", equal), ("Serialize", serialize)]
    }
}

/// `fn decode(row: &DataRow) -> Result<Row, Error>`
fn decode(fields: &Fields, types: &WrittenTypes, result: &TokenStream, row: &RowType) -> TokenStream {
    let value = constructed(&fields.entries, row, types);
    quote! {
        fn decode(
            row: &::dsql_edge::private::DataRow<'_>,
        ) -> ::core::result::Result<#result, ::dsql_edge::private::Error> {
            ::core::result::Result::Ok(#value)
        }
    }
}

/// `Row { field: …, … }`
fn constructed(entries: &[Entry], row: &RowType, types: &WrittenTypes) -> TokenStream {
    let path = &row.path;
    let values = entries.iter().filter_map(|entry| {
        let name = entry.name().ident();
        let value = match entry {
            Entry::Field(field) => column(field, types.get(&field.column)),
            Entry::Group(group) => {
                let (_, inner) = row.groups.iter().find(|(known, _)| known == group.name.text())?;
                let value = constructed(&group.entries, inner, types);
                match group.witness {
                    None => value,
                    Some(witness) => {
                        // If the struct's field is not an `Option`, rustc reports the error at the struct's name.
                        let named = inner.path.clone().into_iter().next();
                        let span =
                            Span::call_site().located_at(named.map_or_else(Span::call_site, |it| it.span()));
                        quote_spanned!(span=> row.group(#witness, |row| ::core::result::Result::Ok(#value))?)
                    }
                }
            }
        };
        Some(quote!(#name: #value))
    });
    quote!(#path { #(#values),* })
}

/// One field from one column. If the user wrote no Rust type, the type of the struct's field determines the Rust type.
fn column(field: &Field, written: Option<&TokenStream>) -> TokenStream {
    let marker = marker_path(&field.marker);
    let nullable = nullability(field.nullable);
    let at = field.column;
    let ty = match written {
        Some(_) => field_type(field, written),
        None => quote!(_),
    };
    quote!(row.column::<#marker, #nullable, #ty>(#at)?)
}

/// Lets `fetch_value` return the value of a row with one column.
fn single_column(
    row: &TokenStream,
    params: &TokenStream,
    field: &Field,
    written: Option<&TokenStream>,
) -> TokenStream {
    let name = field.name.ident();
    let value = field_type(field, written);
    quote! {
        impl #params ::dsql_edge::private::SingleColumn for #row {
            type Value = #value;
            fn into_value(self) -> #value {
                self.#name
            }
        }
    }
}

fn angle(items: impl Iterator<Item = TokenStream>) -> TokenStream {
    let items: Vec<TokenStream> = items.collect();
    if items.is_empty() { TokenStream::new() } else { quote!(<#(#items),*>) }
}
