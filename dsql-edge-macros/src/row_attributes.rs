//! Reads the attributes of a row that the macro declares.
//!
//! Input: attributes. Output: the attributes of the struct, the traits that it derives, and the names under which its
//! fields are serialized. If the row does not derive a trait of serde, `#[serde(rename_all = "…")]` applies to the
//! `Serialize` that the macro generates; otherwise, all attributes of serde are left to serde's derive.

use crate::rename_all::RenameAll;
use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Path, Token};

/// The attributes of a row.
#[derive(Default)]
pub(crate) struct RowAttributes {
    /// The documentation of the struct.
    pub(crate) docs: TokenStream,
    /// The attributes that are copied to the row's struct and to the structs of its groups.
    pub(crate) kept: TokenStream,
    /// The names of the derived traits, without the paths before the names.
    pub(crate) derived: Vec<String>,
    rename_all: Option<RenameAll>,
}

impl RowAttributes {
    /// # Errors
    ///
    /// Returns an error if an attribute of serde requires serde's derive and the struct does not have this derive.
    pub(crate) fn new(attributes: &[Attribute]) -> syn::Result<RowAttributes> {
        let mut out = RowAttributes::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            let traits = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated)?;
            let last = traits.iter().filter_map(|path| path.segments.last());
            out.derived.extend(last.map(|segment| segment.ident.to_string()));
        }
        let serde_derives = out.derived.iter().any(|name| name == "Serialize" || name == "Deserialize");
        for attribute in attributes {
            if attribute.path().is_ident("serde") && !serde_derives {
                attribute.parse_nested_meta(|meta| {
                    if !meta.path.is_ident("rename_all") {
                        return Err(meta.error(
                            "without a derive, only `rename_all` is accepted here: add `#[derive(serde::Serialize)]`",
                        ));
                    }
                    out.rename_all = Some(RenameAll::new(&meta.value()?.parse()?)?);
                    Ok(())
                })?;
            } else if attribute.path().is_ident("doc") {
                out.docs.extend(quote!(#attribute));
            } else {
                out.kept.extend(quote!(#attribute));
            }
        }
        Ok(out)
    }

    /// Returns the name under which a field is serialized.
    pub(crate) fn serialized(&self, field: &str) -> String {
        match &self.rename_all {
            Some(rule) => rule.field(field),
            None => field.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(written: &str) -> syn::Result<RowAttributes> {
        let parsed: syn::ItemStruct = syn::parse_str(&format!("{written} struct Row;")).unwrap();
        RowAttributes::new(&parsed.attrs)
    }

    #[test]
    fn names_as_serde_writes_them() {
        for (rule, expected) in [
            ("lowercase", "author_id"),
            ("UPPERCASE", "AUTHOR_ID"),
            ("PascalCase", "AuthorId"),
            ("camelCase", "authorId"),
            ("snake_case", "author_id"),
            ("SCREAMING_SNAKE_CASE", "AUTHOR_ID"),
            ("kebab-case", "author-id"),
            ("SCREAMING-KEBAB-CASE", "AUTHOR-ID"),
        ] {
            let row = attributes(&format!("#[serde(rename_all = \"{rule}\")]")).unwrap();
            assert_eq!(row.serialized("author_id"), expected);
            assert!(row.kept.is_empty(), "{}", row.kept);
        }
    }

    #[test]
    fn a_derive_of_serde_gets_its_attributes() {
        let row =
            attributes("/// Doc.\n#[derive(Eq, serde::Serialize)] #[serde(deny_unknown_fields)]").unwrap();
        assert_eq!(row.derived, ["Eq", "Serialize"]);
        assert!(row.kept.to_string().contains("deny_unknown_fields"));
        assert!(attributes("#[serde(deny_unknown_fields)]").is_err());
        assert!(attributes("#[serde(rename_all = \"CamelCase\")]").is_err());
    }
}
