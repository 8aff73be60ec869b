//! Reads `#[dsql(…)]`.
//!
//! Input: the attributes of a type, a variant or a field. Output: the options in these attributes. An option in a
//! position where it is not allowed is an error; the error lists the allowed options.

use crate::rename_all::RenameAll;
use syn::{Attribute, LitStr};

/// Returns the rule in the option `rename_all` of an enum.
pub(super) fn rename_all(attributes: &[Attribute]) -> syn::Result<Option<RenameAll>> {
    let mut found = None;
    each(attributes, "of an enum is `rename_all = \"snake_case\"`", &mut |option, value| {
        if option != "rename_all" {
            return Ok(false);
        }
        found = Some(RenameAll::new(&value.string()?)?);
        Ok(true)
    })?;
    Ok(found)
}

/// `#[dsql(rename = "…")]`, of a variant.
pub(super) fn rename(attributes: &[Attribute]) -> syn::Result<Option<LitStr>> {
    let mut found = None;
    each(attributes, "of a variant is `rename = \"…\"`", &mut |option, value| {
        if option != "rename" {
            return Ok(false);
        }
        found = Some(value.string()?);
        Ok(true)
    })?;
    Ok(found)
}

/// The options of a field of a composite type.
#[derive(Default)]
pub(super) struct FieldOptions {
    /// `rename = "…"`: the name of the field in PostgreSQL.
    pub(super) rename: Option<LitStr>,
    /// `not_null`: the field is never NULL.
    pub(super) not_null: bool,
}

/// Returns the options of a field of a composite type.
pub(super) fn of_field(attributes: &[Attribute]) -> syn::Result<FieldOptions> {
    let mut found = FieldOptions::default();
    each(attributes, "of a field is `rename = \"…\"` or `not_null`", &mut |option, value| {
        match option {
            "rename" => found.rename = Some(value.string()?),
            "not_null" => found.not_null = true,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}

/// `#[dsql(name = "schema.type")]`, of a composite type.
pub(super) fn name(attributes: &[Attribute]) -> syn::Result<Option<LitStr>> {
    let mut found = None;
    let place = "of a struct with named fields is `name = \"…\"`, the composite type, or `transparent`";
    each(attributes, place, &mut |option, value| {
        if option != "name" {
            return Ok(false);
        }
        found = Some(value.string()?);
        Ok(true)
    })?;
    Ok(found)
}

/// Whether the attributes of a struct with named fields have the option `transparent`, which makes it a newtype.
pub(super) fn is_transparent(attributes: &[Attribute]) -> syn::Result<bool> {
    let mut found = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("dsql")) {
        attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("transparent");
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<LitStr>()?;
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// Reports each option of a newtype except `transparent`, the only option that a newtype can have.
pub(super) fn of_newtype(attributes: &[Attribute]) -> syn::Result<()> {
    each(attributes, "of a newtype is `transparent`", &mut |option, _| Ok(option == "transparent"))
}

/// The value of an option.
struct Value<'m, 'i>(&'m syn::meta::ParseNestedMeta<'i>);

impl Value<'_, '_> {
    fn string(&self) -> syn::Result<LitStr> {
        self.0.value()?.parse()
    }
}

/// Calls `read` for each option; `read` returns false for an unknown option.
fn each(
    attributes: &[Attribute],
    place: &str,
    read: &mut dyn FnMut(&str, Value<'_, '_>) -> syn::Result<bool>,
) -> syn::Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("dsql")) {
        attribute.parse_nested_meta(|meta| {
            let option = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            match read(&option, Value(&meta))? {
                true => Ok(()),
                false => Err(meta.error(format!("`{option}` is not an option here; the option {place}"))),
            }
        })?;
    }
    Ok(())
}
