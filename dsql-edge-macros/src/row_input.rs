//! A struct of the user's that rows fill: `Post`, or `Post { author: Author }` where the query has groups.

use dsql_edge_compiler::emit::RowType;
use dsql_edge_compiler::fields::Entry;
use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Path, Token, braced};

/// The struct, and those of its fields that are structs too.
pub(crate) struct OwnRow {
    pub(crate) path: Path,
    groups: Vec<(Ident, OwnRow)>,
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

impl OwnRow {
    /// The struct for a row of these entries.
    ///
    /// # Errors
    ///
    /// Groups without a struct, and structs without a group.
    pub(crate) fn row_type(&self, entries: &[Entry]) -> Result<RowType, syn::Error> {
        let path = self.path.to_token_stream();
        let mut groups = Vec::new();
        for entry in entries {
            let Entry::Group(group) = entry else { continue };
            let name = group.name.text();
            match self.groups.iter().find(|(known, _)| known.unraw() == name) {
                Some((_, row)) => groups.push((name.to_owned(), row.row_type(&group.entries)?)),
                None => {
                    let written = path.to_string().replace(' ', "");
                    let message = format!(
                        "the columns \"{name}.…\" need a struct of yours: write its name too, \
                         `{written} {{ {name}: Name }}`"
                    );
                    return Err(syn::Error::new(self.path.span(), message));
                }
            }
        }
        for (name, _) in &self.groups {
            if !groups.iter().any(|(known, _)| name.unraw() == known) {
                let message = format!("the query has no columns \"{}.…\" for this struct", name.unraw());
                return Err(syn::Error::new(name.span(), message));
            }
        }
        Ok(RowType { path, groups })
    }
}
