//! Emits the comparison of a Rust enum with the labels in the snapshot.
//!
//! Input: the fields and parameters whose Rust type the user specifies. Output: a constant for each field and parameter
//! that has labels. If the labels differ, rustc's error contains the labels that differ. A Rust type that is not an
//! enum is not compared.

use super::emission::Emission;
use super::rust_source::RustSource;
use crate::typed::Labels;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

/// Compares the labels of a parameter with the labels of the Rust type that a query function declares for the
/// parameter. A Rust type with fewer labels fits, because each of its values is a label of the snapshot.
pub fn parameter_labels(labels: &Labels, ty: &TokenStream) -> TokenStream {
    let (of, values) = (&labels.of, &labels.values);
    let Some(first) = ty.clone().into_iter().next() else { return TokenStream::new() };
    let compared = quote_spanned! {first.span()=>
        ::dsql_edge::private::known_labels(#of, &[#(#values),*], ::dsql_edge::private::LabelsOf::<#ty>::LABELS)
    };
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use ::dsql_edge::private::NotLabelled as _;
            #compared
        };
    }
}

pub(super) fn labels(emission: &Emission<'_>, source: &mut RustSource) {
    for field in emission.fields.all() {
        let (Some(labels), Some(ty)) = (&field.labels, emission.types.get(&field.column)) else { continue };
        let (of, values) = (&labels.of, &labels.values);
        // rustc reports the error at the SQL, because the tokens of the user's type have the span of the SQL.
        let Some(first) = ty.clone().into_iter().next() else { continue };
        let compared = source.placeholder(quote_spanned! {first.span()=>
            ::dsql_edge::private::same_labels(#of, &[#(#values),*], ::dsql_edge::private::LabelsOf::<#ty>::LABELS)
        });
        source.push(format_args!(
            "const _: () = {{
                #[allow(unused_imports)]
                use ::dsql_edge::private::NotLabelled as _;
                {compared}
            }};"
        ));
    }
}
