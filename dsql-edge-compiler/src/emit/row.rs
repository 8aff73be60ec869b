//! Row structs with their impls written out, and the function that decodes a row.

use super::{RowTarget, WrittenTypes, field_type, marker_path, nullability};
use crate::fields::{Field, Fields};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// A row struct of its own, for named query functions.
pub struct Declaration<'d> {
    /// Its name.
    pub name: Ident,
    /// Its visibility, and that of its fields.
    pub visibility: TokenStream,
    /// Its attributes, without those of serde that `serialized` stands for.
    pub attributes: TokenStream,
    /// Traits that attributes derive already, by the last name of their path.
    pub derived: &'d [String],
    /// The names under which fields are serialized, in order.
    pub serialized: &'d [String],
}

/// The struct, and its impls of Debug, Clone, PartialEq and Serialize.
pub fn declaration(declared: &Declaration<'_>, fields: &Fields, types: &WrittenTypes) -> TokenStream {
    let Declaration { name, visibility, attributes, derived, serialized } = declared;
    let declarations = fields.fields.iter().enumerate().map(|(at, field)| {
        let (name, ty) = (field.name.ident(), field_type(field, types.get(&at)));
        let doc = &field.doc;
        quote!(#[doc = #doc] #visibility #name: #ty)
    });
    // A bound on a type that has no parameter is checked at once, unless `for` puts it off; and a type that the
    // user wrote need not have the traits of the row.
    let written: Vec<&TokenStream> = types.values().collect();
    let bounds = |bound: TokenStream| {
        if written.is_empty() { quote!() } else { quote!(where #(for<'t> #written: #bound),*) }
    };
    let is_derived = |name: &str| derived.iter().any(|derived| derived == name);
    let mut impls = Impls::new(name, fields, serialized).all(&quote!(), &quote!(), &bounds);
    impls.retain(|(name, _)| !is_derived(name));
    let impls = impls.iter().map(|(_, tokens)| tokens);
    let single = match fields.fields.as_slice() {
        [field] => single_column(&quote!(#name), &quote!(), field, types.get(&0)),
        _ => quote!(),
    };
    quote! {
        #attributes
        #visibility struct #name { #(#declarations),* }
        #(#impls)*
        #single
    }
}

/// What stands in the block of a query.
pub(super) fn row(fields: &Fields, target: &RowTarget, types: &WrittenTypes) -> TokenStream {
    match target {
        RowTarget::Struct(path) => decode(fields, types, path, path),
        RowTarget::Anonymous => anonymous(fields, types),
    }
}

/// A type that an override names is a type parameter, so that it need not have the row's own traits.
fn anonymous(fields: &Fields, types: &WrittenTypes) -> TokenStream {
    let row = format_ident!("Row");
    let generics: Vec<Ident> = (0..types.len()).map(|at| format_ident!("T{at}")).collect();
    let of_column: WrittenTypes =
        types.keys().zip(&generics).map(|(column, generic)| (*column, quote!(#generic))).collect();
    let declarations = fields.fields.iter().enumerate().map(|(at, field)| {
        let (name, ty) = (field.name.ident(), field_type(field, of_column.get(&at)));
        quote!(pub #name: #ty)
    });
    let params = angle(generics.iter().map(|generic| quote!(#generic)));
    let bounds = |bound: TokenStream| {
        if generics.is_empty() { quote!() } else { quote!(where #(#generics: #bound),*) }
    };
    let texts: Vec<String> = fields.fields.iter().map(|field| field.name.text().to_owned()).collect();
    let impls = Impls::new(&row, fields, &texts).all(&params, &params, &bounds);
    let impls = impls.iter().map(|(_, tokens)| tokens);
    let single = match fields.fields.as_slice() {
        [field] => single_column(&quote!(#row #params), &params, field, of_column.get(&0)),
        _ => quote!(),
    };
    let concrete = angle(types.values().cloned());
    let decode = decode(fields, types, &quote!(#row #concrete), &quote!(#row));
    quote! {
        #[allow(dead_code)]
        pub struct #row #params { #(#declarations),* }
        #(#impls)*
        #single
        #decode
    }
}

/// The impls of a row struct.
struct Impls<'i> {
    row: &'i Ident,
    names: Vec<Ident>,
    texts: Vec<&'i str>,
    serialized: &'i [String],
}

impl<'i> Impls<'i> {
    fn new(row: &'i Ident, fields: &'i Fields, serialized: &'i [String]) -> Impls<'i> {
        Impls {
            row,
            names: fields.fields.iter().map(|field| field.name.ident()).collect(),
            texts: fields.fields.iter().map(|field| field.name.text()).collect(),
            serialized,
        }
    }

    /// Each with the name of its trait.
    fn all(
        &self,
        params: &TokenStream,
        args: &TokenStream,
        bounds: &dyn Fn(TokenStream) -> TokenStream,
    ) -> Vec<(&'static str, TokenStream)> {
        let Impls { row, names, texts, serialized } = self;
        let shown = row.to_string();
        let (debug, clone, equal) = (
            bounds(quote!(::core::fmt::Debug)),
            bounds(quote!(::core::clone::Clone)),
            bounds(quote!(::core::cmp::PartialEq)),
        );
        // The bound is repeated by the macro, which is nothing without serde.
        let serialize = bounds(quote!(::dsql_edge::private::serde::Serialize));
        let debug = quote! {
            impl #params ::core::fmt::Debug for #row #args #debug {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#shown)#(.field(#texts, &self.#names))*.finish()
                }
            }
        };
        let clone = quote! {
            impl #params ::core::clone::Clone for #row #args #clone {
                fn clone(&self) -> Self {
                    #row { #(#names: ::core::clone::Clone::clone(&self.#names)),* }
                }
            }
        };
        let equality =
            if names.is_empty() { quote!(true) } else { quote!(#(self.#names == other.#names)&&*) };
        let other = if names.is_empty() { quote!(_) } else { quote!(other) };
        // So that clippy lets a user derive Hash beside it.
        let equal = quote! {
            #[automatically_derived]
            impl #params ::core::cmp::PartialEq for #row #args #equal {
                fn eq(&self, #other: &Self) -> bool {
                    #equality
                }
            }
        };
        let serialize = quote! {
            ::dsql_edge::private::serialize! {
                [#params] #row [#args] [#serialize] { #(#names: #serialized),* }
            }
        };
        vec![("Debug", debug), ("Clone", clone), ("PartialEq", equal), ("Serialize", serialize)]
    }
}

/// `fn decode(row: &DataRow) -> Result<Row, Error>`
fn decode(
    fields: &Fields,
    types: &WrittenTypes,
    result: &TokenStream,
    constructor: &TokenStream,
) -> TokenStream {
    let columns = fields.fields.iter().enumerate().map(|(at, field)| {
        let name = field.name.ident();
        let value = column(field, at, types.get(&at));
        quote!(#name: #value)
    });
    quote! {
        fn decode(
            row: &::dsql_edge::private::DataRow<'_>,
        ) -> ::core::result::Result<#result, ::dsql_edge::private::Error> {
            ::core::result::Result::Ok(#constructor { #(#columns),* })
        }
    }
}

/// One field from one column; the field's own type decides what is not written.
fn column(field: &Field, at: usize, written: Option<&TokenStream>) -> TokenStream {
    let marker = marker_path(&field.marker);
    let nullable = nullability(field.nullable);
    let ty = match written {
        Some(_) => field_type(field, written),
        None => quote!(_),
    };
    quote!(row.column::<#marker, #nullable, #ty>(#at)?)
}

/// A row of one column gives its value to `fetch_value`.
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

fn angle(items: impl ExactSizeIterator<Item = TokenStream>) -> TokenStream {
    if items.len() == 0 { TokenStream::new() } else { quote!(<#(#items),*>) }
}
