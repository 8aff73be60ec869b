//! Derives `Type` for a newtype: `struct UserId(Uuid)`.
//!
//! Input: a struct with one field, and any number of fields of the type `PhantomData`. Output: impls that delegate to
//! the type of the field, so the newtype fits each SQL type that the field's type fits.

use super::attributes;
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Field, GenericParam, ItemStruct, Type, TypeGenerics, WherePredicate};

pub(super) fn derive(item: &ItemStruct) -> syn::Result<TokenStream> {
    attributes::of_newtype(&item.attrs)?;
    let newtype = Newtype::of(item)?;
    Ok([newtype.column(), newtype.param(), newtype.unchecked()].into_iter().collect())
}

/// A newtype, and the tokens that its impls share.
struct Newtype<'i> {
    name: &'i Ident,
    /// The field that has the value.
    field: TokenStream,
    /// The type of the value.
    inner: &'i Type,
    /// The expression that makes the newtype from `value`.
    made: TokenStream,
    /// The generic arguments of the newtype: `<'a, T>`.
    arguments: TypeGenerics<'i>,
    /// The generic parameters of the newtype, without their defaults. Lifetimes come before types.
    lifetimes: Vec<GenericParam>,
    others: Vec<GenericParam>,
    predicates: Vec<&'i WherePredicate>,
}

impl<'i> Newtype<'i> {
    fn of(item: &'i ItemStruct) -> syn::Result<Self> {
        let (name, generics) = (&item.ident, &item.generics);
        let mut values = item.fields.iter().enumerate().filter(|(_, field)| !is_phantom(field));
        let (Some((at, field)), None) = (values.next(), values.next()) else {
            return Err(syn::Error::new_spanned(
                name,
                "a newtype has one field; for a composite type of the schema, name the fields as the type does",
            ));
        };
        let fields = item.fields.iter().enumerate().map(|(other, field)| {
            let member = member(other, field);
            if other == at { quote!(#member: value) } else { quote!(#member: ::core::marker::PhantomData) }
        });
        let (_, arguments, bounds) = generics.split_for_impl();
        let (lifetimes, others) = generics
            .params
            .iter()
            .map(without_default)
            .partition(|param| matches!(param, GenericParam::Lifetime(_)));
        Ok(Newtype {
            name,
            field: member(at, field),
            inner: &field.ty,
            made: quote!(#name { #(#fields),* }),
            arguments,
            lifetimes,
            others,
            predicates: bounds.iter().flat_map(|bounds| &bounds.predicates).collect(),
        })
    }

    /// Returns the impl that decodes a column.
    fn column(&self) -> TokenStream {
        let Newtype { name, inner, made, arguments, lifetimes, others, predicates, .. } = self;
        quote! {
            impl<#(#lifetimes,)* #(#others,)* __Sql, __Nullability>
                ::dsql_edge::types::Column<__Sql, __Nullability> for #name #arguments
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

                fn decode(
                    bytes: &[u8],
                ) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                    <#inner as ::dsql_edge::types::Column<__Sql, __Nullability>>::decode(bytes)
                        .map(|value| #made)
                }

                fn null() -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                    <#inner as ::dsql_edge::types::Column<__Sql, __Nullability>>::null().map(|value| #made)
                }
            }
        }
    }

    /// Returns the impl that encodes a parameter.
    fn param(&self) -> TokenStream {
        let Newtype { name, field, inner, arguments, lifetimes, others, predicates, .. } = self;
        quote! {
            impl<#(#lifetimes,)* #(#others,)* __Sql, __Nullability>
                ::dsql_edge::types::Param<__Sql, __Nullability> for #name #arguments
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
                    <#inner as ::dsql_edge::types::Param<__Sql, __Nullability>>::encode_by_type(
                        &self.#field,
                        of,
                        out,
                    )
                }

                fn encode(
                    &self,
                    out: &mut ::std::vec::Vec<u8>,
                ) -> ::core::result::Result<::dsql_edge::types::IsNull, ::dsql_edge::types::ConversionError> {
                    <#inner as ::dsql_edge::types::Param<__Sql, __Nullability>>::encode(&self.#field, out)
                }
            }
        }
    }

    /// Returns the impls for `sql_unchecked!`.
    fn unchecked(&self) -> TokenStream {
        let Newtype { name, inner, made, arguments, lifetimes, others, predicates, .. } = self;
        quote! {
            impl<#(#lifetimes,)* #(#others,)*> ::dsql_edge::types::UncheckedColumn for #name #arguments
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

            impl<#(#lifetimes,)* #(#others,)*> ::dsql_edge::types::UncheckedParam for #name #arguments
            where
                for<'__any> #inner: ::dsql_edge::types::UncheckedParam,
                #(#predicates,)*
            {
                type Sql = <#inner as ::dsql_edge::types::UncheckedParam>::Sql;
            }
        }
    }
}

/// Returns the name or the number of a field.
fn member(at: usize, field: &Field) -> TokenStream {
    match &field.ident {
        Some(ident) => quote!(#ident),
        None => {
            let index = syn::Index::from(at);
            quote!(#index)
        }
    }
}

fn is_phantom(field: &Field) -> bool {
    match &field.ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"),
        _ => false,
    }
}

fn without_default(param: &GenericParam) -> GenericParam {
    let mut param = param.clone();
    match &mut param {
        GenericParam::Type(param) => param.default = None,
        GenericParam::Const(param) => param.default = None,
        _ => {}
    }
    param
}
