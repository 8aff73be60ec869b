//! Derives the traits with which a type fits columns and parameters: `#[derive(dsql_edge::Type)]`.
//!
//! Input: a struct or an enum. Output: impls of the traits of `dsql_edge::types`. A tuple struct is a newtype, an enum
//! is a list of labels, and a struct with named fields is a composite type of the snapshot, or with
//! `#[dsql(transparent)]` a newtype.

mod attributes;
mod composite;
mod labels;
mod newtype;

use proc_macro2::TokenStream;
use syn::{Fields, Item};

/// Expands the derive.
///
/// # Errors
///
/// Returns an error if the type cannot be the Rust type of an SQL type. The error states what to do.
pub(crate) fn derive(tokens: TokenStream) -> syn::Result<TokenStream> {
    match syn::parse2::<Item>(tokens)? {
        Item::Enum(item) => labels::derive(&item),
        Item::Struct(item) => match &item.fields {
            Fields::Named(_) if !attributes::is_transparent(&item.attrs)? => composite::derive(&item),
            Fields::Unit => Err(syn::Error::new_spanned(
                &item.ident,
                "a struct without fields has no value to send: derive Type for a newtype, `struct UserId(Uuid)`",
            )),
            _ => newtype::derive(&item),
        },
        other => Err(syn::Error::new_spanned(other, "Type is derived for a struct or an enum")),
    }
}
