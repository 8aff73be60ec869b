//! Derives `Type` for an enum, whose variants are labels: an enum of PostgreSQL, or the strings that a `CHECK` allows.
//!
//! Input: an enum without fields. Output: impls for every SQL type that can have labels, and the list of the labels,
//! which `sql!` compares with the snapshot where a column has this type.

use super::attributes;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Fields, ItemEnum};

pub(super) fn derive(item: &ItemEnum) -> syn::Result<TokenStream> {
    let rule = attributes::rename_all(&item.attrs)?;
    let name = &item.ident;
    if let Some(param) = item.generics.params.first() {
        return Err(syn::Error::new_spanned(param, "an enum of labels has no generic parameters"));
    }
    if item.variants.is_empty() {
        return Err(syn::Error::new_spanned(name, "an enum without variants has no labels"));
    }
    let (mut variants, mut labels) = (Vec::new(), Vec::<String>::new());
    for variant in &item.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(
                variant,
                "a label has no value: a variant cannot have fields",
            ));
        }
        let ident = &variant.ident;
        let written = ident.to_string();
        let written = written.trim_start_matches("r#");
        let label = match attributes::rename(&variant.attrs)? {
            Some(label) => label.value(),
            None => rule.map_or_else(|| written.to_owned(), |rule| rule.variant(written)),
        };
        if labels.contains(&label) {
            return Err(syn::Error::new_spanned(ident, format!("two variants have the label \"{label}\"")));
        }
        if label.contains('\0') {
            return Err(syn::Error::new_spanned(ident, "a label cannot contain the character NUL"));
        }
        variants.push(ident);
        labels.push(label);
    }
    let bytes = labels.iter().map(|label| syn::LitByteStr::new(label.as_bytes(), name.span()));
    let shown = name.to_string();
    let unknown = format!("it is not a label of `{name}`: rebuild with the current schema");
    Ok(quote! {
        impl ::dsql_edge::types::Labelled for #name {
            const NAME: &'static ::core::primitive::str = #shown;
            const LABELS: &'static [&'static ::core::primitive::str] = &[#(#labels),*];
        }

        impl<__Sql: ::dsql_edge::types::sql::LabelType>
            ::dsql_edge::types::Column<__Sql, ::dsql_edge::types::NotNull> for #name
        {
            fn decode(bytes: &[u8]) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                match ::dsql_edge::private::decode_label::<__Sql>(bytes) {
                    #(#bytes => ::core::result::Result::Ok(#name::#variants),)*
                    _ => ::core::result::Result::Err(::dsql_edge::types::ConversionError::new(#unknown)),
                }
            }
        }

        impl<__Sql: ::dsql_edge::types::sql::LabelType, __Nullability>
            ::dsql_edge::types::Param<__Sql, __Nullability> for #name
        {
            fn encode(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<::dsql_edge::types::IsNull, ::dsql_edge::types::ConversionError> {
                let label = match self {
                    #(#name::#variants => #labels,)*
                };
                out.extend_from_slice(label.as_bytes());
                ::core::result::Result::Ok(::dsql_edge::types::IsNull::No)
            }
        }

        impl ::dsql_edge::types::UncheckedColumn for #name {
            fn accepts(oid: u32) -> bool {
                ::dsql_edge::private::is_label(oid)
            }

            fn decode_as(
                oid: u32,
                bytes: &[u8],
            ) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                if oid == ::dsql_edge::private::BPCHAR {
                    return <Self as ::dsql_edge::types::Column<
                        ::dsql_edge::types::sql::Bpchar,
                        ::dsql_edge::types::NotNull,
                    >>::decode(bytes);
                }
                <Self as ::dsql_edge::types::Column<
                    ::dsql_edge::types::sql::Text,
                    ::dsql_edge::types::NotNull,
                >>::decode(bytes)
            }
        }

        impl ::dsql_edge::types::UncheckedParam for #name {
            type Sql = ::dsql_edge::types::sql::Unknown;
        }
    })
}
