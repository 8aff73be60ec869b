//! Derives `Type` for a struct with named fields: a composite type of the snapshot.
//!
//! Input: a struct, and the composite type with the struct's name. Output: impls that read and write the fields in the
//! order of the composite type. Each field of a composite value can be NULL, so the struct's field is an `Option`,
//! unless `#[dsql(not_null)]` declares that the field is never NULL.

use super::attributes;
use crate::rename_all::snake;
use crate::snapshot;
use dsql_edge_compiler::Schema;
use dsql_edge_compiler::analyze::{CompositeField, composite, composites};
use dsql_edge_compiler::diagnostic::suggestion::nearest;
use dsql_edge_compiler::emit::marker_tokens;
use dsql_edge_compiler::fields::marker;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Field, ItemStruct};

pub(super) fn derive(item: &ItemStruct) -> syn::Result<TokenStream> {
    if let Some(param) = item.generics.params.first() {
        return Err(syn::Error::new_spanned(
            param,
            "the Rust type of a composite type has no generic parameters",
        ));
    }
    let written = attributes::name(&item.attrs)?;
    let span = written.as_ref().map_or_else(|| item.ident.span(), |name| name.span());
    let name = written.map_or_else(|| snake(&item.ident.to_string()), |name| name.value());
    let snapshot = snapshot::snapshot().map_err(|message| syn::Error::new(span, message))?;
    let of_snapshot =
        composite_type(&snapshot.schema, &name).map_err(|message| syn::Error::new(span, message))?;
    let fields = matched(item, &name, &of_snapshot)?;
    let impls = impls(item, &fields);
    let tracked = snapshot.tracked();
    Ok(quote!(#tracked #impls))
}

/// Returns the fields of the snapshot's composite type with this name.
fn composite_type(schema: &Schema, name: &str) -> Result<Vec<CompositeField>, String> {
    let found = match name.split_once('.') {
        Some((schema_name, name)) => composite(schema, Some(schema_name), name),
        None => composite(schema, None, name),
    };
    found.ok_or_else(|| {
        let hint = match nearest(name, composites(schema)) {
            Some(nearest) => format!("did you mean #[dsql(name = \"{nearest}\")]?"),
            None => "#[dsql(name = \"…\")] names the composite type".to_owned(),
        };
        format!("the schema has no composite type \"{name}\": {hint}")
    })
}

/// A field of the struct, and the field of the composite type.
struct Matched<'f> {
    ours: &'f Field,
    theirs: &'f CompositeField,
    not_null: bool,
}

/// Pairs each field of the composite type with the field of the struct, in the order of the composite type.
fn matched<'f>(
    item: &'f ItemStruct,
    name: &str,
    fields: &'f [CompositeField],
) -> syn::Result<Vec<Matched<'f>>> {
    let mut found: Vec<(String, Span, bool, &Field)> = Vec::new();
    for field in &item.fields {
        let options = attributes::of_field(&field.attrs)?;
        let ident = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let written = options.rename.as_ref().map(|rename| (rename.value(), rename.span()));
        let (its, span) =
            written.unwrap_or_else(|| (ident.trim_start_matches("r#").to_owned(), field.span()));
        if !fields.iter().any(|field| field.name == its) {
            let hint = match nearest(&its, fields.iter().map(|field| field.name.as_str())) {
                Some(nearest) => format!(": did you mean \"{nearest}\"?"),
                None => String::new(),
            };
            let message = format!("the composite type \"{name}\" has no field \"{its}\"{hint}");
            return Err(syn::Error::new(span, message));
        }
        if found.iter().any(|(known, ..)| *known == its) {
            return Err(syn::Error::new(span, format!("two fields of the struct are the field \"{its}\"")));
        }
        found.push((its, span, options.not_null, field));
    }
    let paired = fields.iter().map(|theirs| {
        let ours = found.iter().find(|(its, ..)| *its == theirs.name);
        let missing = || {
            let message = format!(
                "the struct lacks the field \"{}\" ({}) of the composite type \"{name}\"",
                theirs.name, theirs.sql_type.display
            );
            syn::Error::new(item.ident.span(), message)
        };
        ours.map(|(_, _, not_null, ours)| Matched { ours, theirs, not_null: *not_null }).ok_or_else(missing)
    });
    paired.collect()
}

fn impls(item: &ItemStruct, fields: &[Matched<'_>]) -> TokenStream {
    let name = &item.ident;
    let count = i32::try_from(fields.len()).unwrap_or(i32::MAX);
    let (mut decoded, mut encoded, mut checks) = (TokenStream::new(), TokenStream::new(), TokenStream::new());
    for Matched { ours, theirs, not_null } in fields {
        let (ident, ty, oid) = (&ours.ident, &ours.ty, theirs.sql_type.oid);
        let marker = marker_tokens(&marker(&theirs.sql_type));
        let nullability = if *not_null { quote!(NotNull) } else { quote!(Nullable) };
        let nullability = quote!(::dsql_edge::types::#nullability);
        let span = ty.span();
        decoded.extend(quote_spanned!(span=> #ident: fields.next::<#marker, #nullability, #ty>(#oid)?,));
        encoded.extend(quote_spanned!(span=>
            ::dsql_edge::private::put_field::<#marker, #nullability, #ty>(#oid, &self.#ident, out)?;
        ));
        checks.extend(quote_spanned!(span=>
            const _: () = ::dsql_edge::private::binary_field::<#marker, #nullability, #ty>();
        ));
        if let Some(labels) = &theirs.labels {
            let (of, values) = (&labels.of, &labels.values);
            checks.extend(quote_spanned!(span=>
                const _: () = {
                    #[allow(unused_imports)]
                    use ::dsql_edge::private::NotLabelled as _;
                    ::dsql_edge::private::same_labels(
                        #of, &[#(#values),*], ::dsql_edge::private::LabelsOf::<#ty>::LABELS
                    )
                };
            ));
        }
    }
    let format = quote! {
        const FORMAT: ::core::option::Option<::dsql_edge::types::sql::Format> =
            ::core::option::Option::Some(::dsql_edge::types::sql::Format::Same);
    };
    quote! {
        #checks

        impl ::dsql_edge::types::Column<::dsql_edge::types::sql::Composite, ::dsql_edge::types::NotNull> for #name {
            #format

            fn decode(bytes: &[u8]) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                #[allow(unused_mut, unused_variables)]
                let mut fields = ::dsql_edge::private::CompositeFields::new(bytes, #count)?;
                ::core::result::Result::Ok(#name { #decoded })
            }
        }

        impl<__Nullability>
            ::dsql_edge::types::Param<::dsql_edge::types::sql::Composite, __Nullability> for #name
        {
            #format

            fn encode(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::core::result::Result<::dsql_edge::types::IsNull, ::dsql_edge::types::ConversionError> {
                ::dsql_edge::private::put_composite(#count, out);
                #encoded
                ::core::result::Result::Ok(::dsql_edge::types::IsNull::No)
            }
        }

        impl ::dsql_edge::types::UncheckedColumn for #name {
            fn accepts(oid: u32) -> bool {
                ::dsql_edge::private::is_of_schema(oid)
            }

            fn decode_as(
                _oid: u32,
                bytes: &[u8],
            ) -> ::core::result::Result<Self, ::dsql_edge::types::ConversionError> {
                <Self as ::dsql_edge::types::Column<
                    ::dsql_edge::types::sql::Composite,
                    ::dsql_edge::types::NotNull,
                >>::decode(bytes)
            }
        }

        impl ::dsql_edge::types::UncheckedParam for #name {
            type Sql = ::dsql_edge::types::sql::Composite;
        }
    }
}
