//! Reads the user's struct for a row: `Post`, or `Post { author: Author }` if the query has groups.
//!
//! Input: tokens. Output: the structs.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Path, Token, braced};

/// The struct, and its fields that are structs too.
pub struct OwnRow {
    /// Its path.
    pub path: Path,
    /// The fields that are structs.
    pub groups: Vec<(Ident, OwnRow)>,
}

impl Parse for OwnRow {
    fn parse(input: ParseStream<'_>) -> syn::Result<OwnRow> {
        let path = input.parse()?;
        let mut groups = Vec::new();
        if input.peek(syn::token::Brace) {
            let content;
            braced!(content in input);
            let listed =
                Punctuated::<(Ident, OwnRow), Token![,]>::parse_terminated_with(&content, |group| {
                    let name = group.call(Ident::parse_any)?;
                    group.parse::<Token![:]>()?;
                    Ok((name, group.parse()?))
                })?;
            groups.extend(listed);
        }
        Ok(OwnRow { path, groups })
    }
}
