//! The row struct with its impls written out, and the function that decodes it.

use super::{RowTarget, field_type, marker_path, nullability};
use crate::fields::{Field, Fields, RustType};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

pub(super) fn row(fields: &Fields, target: &RowTarget, types: &[TokenStream]) -> TokenStream {
    match target {
        RowTarget::Struct(path) => {
            let decode = decode(fields, types, &quote!(#path), &quote!(#path));
            quote!(#decode)
        }
        RowTarget::Anonymous => anonymous(fields, types),
    }
}

/// A type that an override names is a type parameter, so that it need not have the row's own traits.
fn anonymous(fields: &Fields, types: &[TokenStream]) -> TokenStream {
    let mut generics: Vec<Ident> = Vec::new();
    let mut declarations = Vec::new();
    for field in &fields.fields {
        let generic = matches!(field.rust_type, RustType::Written(_)).then(|| {
            let generic = format_ident!("T{}", generics.len());
            generics.push(generic.clone());
            generic
        });
        let (name, ty) = (field.name.ident(), field_type(field, generic.as_ref()));
        declarations.push(quote!(pub #name: #ty));
    }
    let params = angle(generics.iter().map(|generic| quote!(#generic)));
    let bounded = |bound: TokenStream| angle(generics.iter().map(|generic| quote!(#generic: #bound)));
    let names: Vec<Ident> = fields.fields.iter().map(|field| field.name.ident()).collect();
    let texts: Vec<&str> = fields.fields.iter().map(|field| field.name.text()).collect();
    let (debug, clone, equal) = (
        bounded(quote!(::core::fmt::Debug)),
        bounded(quote!(::core::clone::Clone)),
        bounded(quote!(::core::cmp::PartialEq)),
    );
    let concrete = angle(types.iter().cloned());
    let decode = decode(fields, types, &quote!(Row #concrete), &quote!(Row));
    let single = single_column(fields, &generics);
    quote! {
        #[allow(dead_code)]
        pub struct Row #params { #(#declarations),* }

        impl #debug ::core::fmt::Debug for Row #params {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct("Row")#(.field(#texts, &self.#names))*.finish()
            }
        }
        impl #clone ::core::clone::Clone for Row #params {
            fn clone(&self) -> Self {
                Row { #(#names: ::core::clone::Clone::clone(&self.#names)),* }
            }
        }
        impl #equal ::core::cmp::PartialEq for Row #params {
            fn eq(&self, other: &Self) -> bool {
                #(self.#names == other.#names)&&*
            }
        }
        ::dsql_edge::private::serialize! { Row #params { #(#names: #texts),* } }
        #single
        #decode
    }
}

/// `fn decode(row: &DataRow) -> Result<Row, Error>`
fn decode(
    fields: &Fields,
    types: &[TokenStream],
    result: &TokenStream,
    constructor: &TokenStream,
) -> TokenStream {
    let mut written = types.iter();
    let columns = fields.fields.iter().enumerate().map(|(at, field)| {
        let name = field.name.ident();
        let value = column(field, at, &mut written);
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
fn column<'t>(field: &Field, at: usize, written: &mut impl Iterator<Item = &'t TokenStream>) -> TokenStream {
    let marker = marker_path(&field.marker);
    let nullable = nullability(field.nullable);
    let ty = match &field.rust_type {
        RustType::Written(_) => {
            let inner = written.next().cloned().unwrap_or_default();
            if field.nullable { quote!(::core::option::Option<#inner>) } else { inner }
        }
        _ => quote!(_),
    };
    quote!(row.column::<#marker, #nullable, #ty>(#at)?)
}

/// A row of one column gives its value to `fetch_value`.
fn single_column(fields: &Fields, generics: &[Ident]) -> TokenStream {
    let [field] = fields.fields.as_slice() else { return TokenStream::new() };
    let name = field.name.ident();
    let value = field_type(field, generics.first());
    let params = angle(generics.iter().map(|generic| quote!(#generic)));
    quote! {
        impl #params ::dsql_edge::private::SingleColumn for Row #params {
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
