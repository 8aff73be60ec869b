//! Reads the user's struct for a row: `Post`, or `Post { author: Author }` if the query has groups.
//!
//! Input: tokens. Output: the structs.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{GenericArgument, Path, PathArguments, Token, Type, braced};

/// The struct, and its fields that are structs too.
pub struct OwnRow {
    /// Its path.
    pub path: Path,
    /// The fields that are structs.
    pub groups: Vec<(Ident, OwnRow)>,
}

impl Parse for OwnRow {
    fn parse(input: ParseStream<'_>) -> syn::Result<OwnRow> {
        let path = row_path(input)?;
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

/// The types that users write around a row by mistake, each with the method of a query that returns this type. The
/// macro accepts only the type of a single row: `Post`, not `Vec<Post>`.
const WRAPPERS: [(&str, &str); 2] = [("Vec", "fetch_all"), ("Option", "fetch_optional")];

/// Reads the path of a row's struct.
pub(crate) fn row_path(input: ParseStream<'_>) -> syn::Result<Path> {
    let path = input.parse()?;
    require_one_row(&path)?;
    Ok(path)
}

/// Checks that a path is not a `Vec` or an `Option` of rows.
///
/// # Errors
///
/// Returns an error if the type is a `Vec` or an `Option` of a row; the error contains the row's type and the method to
/// call.
pub(crate) fn require_one_row(path: &Path) -> syn::Result<()> {
    let Some(last) = path.segments.last() else { return Ok(()) };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return Ok(()) };
    let Some((wrapper, method)) = WRAPPERS.iter().find(|(name, _)| last.ident == name) else { return Ok(()) };
    let row = arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(Type::Path(row)) => row.path.segments.last(),
        _ => None,
    });
    let message = match row {
        Some(row) => {
            let row = &row.ident;
            format!("write `{row}`, not `{wrapper}<{row}>`: `{method}` returns the `{wrapper}`")
        }
        None => format!("name a struct with the fields of one row: `{method}` returns the `{wrapper}`"),
    };
    Err(syn::Error::new(path.span(), message))
}
