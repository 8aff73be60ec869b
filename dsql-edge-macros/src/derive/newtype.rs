//! Derives `Type` for a newtype: `struct UserId(Uuid)`.
//!
//! Input: a struct with one field, and any number of fields of the type `PhantomData`. Output: impls that delegate to
//! the type of the field, so the newtype fits each SQL type that the field's type fits.

use super::attributes;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Field, ItemStruct, Type};

pub(super) fn derive(item: &ItemStruct) -> syn::Result<TokenStream> {
    attributes::of_newtype(&item.attrs)?;
    let (name, generics) = (&item.ident, &item.generics);
    let mut values = item.fields.iter().enumerate().filter(|(_, field)| !is_phantom(field));
    let (Some((at, field)), None) = (values.next(), values.next()) else {
        return Err(syn::Error::new_spanned(
            name,
            "a newtype has one field; for a composite type of the schema, name the fields as the type does",
        ));
    };
    let member = |at: usize, field: &Field| match &field.ident {
        Some(ident) => quote!(#ident),
        None => {
            let index = syn::Index::from(at);
            quote!(#index)
        }
    };
    let (own, inner) = (member(at, field), &field.ty);
    let made = item.fields.iter().enumerate().map(|(other, field)| {
        let member = member(other, field);
        if other == at { quote!(#member: value) } else { quote!(#member: ::core::marker::PhantomData) }
    });
    let made = quote!(#name { #(#made),* });

    let (_, own_generics, bounds) = generics.split_for_impl();
    let params: Vec<_> = generics.params.iter().map(without_default).collect();
    let predicates: Vec<_> = bounds.iter().flat_map(|bounds| &bounds.predicates).collect();
    let (lifetimes, others): (Vec<_>, Vec<_>) =
        params.iter().partition(|param| matches!(param, syn::GenericParam::Lifetime(_)));
    Ok(quote! {
        impl<#(#lifetimes,)* #(#others,)* __Sql, __Nullability>
            ::dsql_edge::types::Column<__Sql, __Nullability> for #name #own_generics
        where
            #inner: ::dsql_edge::types::Column<__Sql, __Nullability>,
            #(#predicates,)*
        {
            const FORMAT: ::core::option::Option<::dsql_edge::types::sql::Format> =
                <#inner as ::dsql_edge::types::Column<__Sql, __Nullability>>::FORMAT;
            const BY_TYPE: bool = <#inner as ::dsql_edge::types::Column<__Sql, __Nullability>>::BY_TYPE;

            fn decode_by_type(
                bytes: &[u8],
                of: ::dsql_edge::private::TypeOf,
            ) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                <#inner as ::dsql_edge::types::Column<__Sql, __Nullability>>::decode_by_type(bytes, of)
                    .map(|value| #made)
            }

            fn decode(bytes: &[u8]) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                <#inner as ::dsql_edge::types::Column<__Sql, __Nullability>>::decode(bytes).map(|value| #made)
            }

            fn null() -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                <#inner as ::dsql_edge::types::Column<__Sql, __Nullability>>::null().map(|value| #made)
            }
        }

        impl<#(#lifetimes,)* #(#others,)* __Sql, __Nullability>
            ::dsql_edge::types::Param<__Sql, __Nullability> for #name #own_generics
        where
            #inner: ::dsql_edge::types::Param<__Sql, __Nullability>,
            #(#predicates,)*
        {
            const FORMAT: ::core::option::Option<::dsql_edge::types::sql::Format> =
                <#inner as ::dsql_edge::types::Param<__Sql, __Nullability>>::FORMAT;

            fn encode_by_type(
                &self,
                of: ::dsql_edge::private::TypeOf,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<::dsql_edge::types::IsNull, ::dsql_edge::types::ConversionError> {
                <#inner as ::dsql_edge::types::Param<__Sql, __Nullability>>::encode_by_type(&self.#own, of, out)
            }

            fn encode(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<::dsql_edge::types::IsNull, ::dsql_edge::types::ConversionError> {
                <#inner as ::dsql_edge::types::Param<__Sql, __Nullability>>::encode(&self.#own, out)
            }
        }

        impl<#(#lifetimes,)* #(#others,)*> ::dsql_edge::types::UncheckedColumn for #name #own_generics
        where
            for<'__any> #inner: ::dsql_edge::types::UncheckedColumn,
            #(#predicates,)*
        {
            fn accepts(oid: u32) -> bool {
                <#inner as ::dsql_edge::types::UncheckedColumn>::accepts(oid)
            }

            fn decode_as(
                oid: u32,
                bytes: &[u8],
            ) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                <#inner as ::dsql_edge::types::UncheckedColumn>::decode_as(oid, bytes).map(|value| #made)
            }

            fn null() -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                <#inner as ::dsql_edge::types::UncheckedColumn>::null().map(|value| #made)
            }
        }

        impl<#(#lifetimes,)* #(#others,)*> ::dsql_edge::types::UncheckedParam for #name #own_generics
        where
            for<'__any> #inner: ::dsql_edge::types::UncheckedParam,
            #(#predicates,)*
        {
            type Sql = <#inner as ::dsql_edge::types::UncheckedParam>::Sql;
        }
    })
}

fn is_phantom(field: &Field) -> bool {
    match &field.ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"),
        _ => false,
    }
}

fn without_default(param: &syn::GenericParam) -> syn::GenericParam {
    let mut param = param.clone();
    match &mut param {
        syn::GenericParam::Type(param) => param.default = None,
        syn::GenericParam::Const(param) => param.default = None,
        _ => {}
    }
    param
}
