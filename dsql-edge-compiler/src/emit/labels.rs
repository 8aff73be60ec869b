//! Emits the comparison of a Rust enum with the labels in the snapshot.
//!
//! Input: the fields whose Rust type the user names. Output: a constant for each field whose column has labels. If the
//! labels differ, rustc's error names the difference. A Rust type that is not an enum is not compared.

use super::emission::Emission;
use super::rust_source::RustSource;
use quote::quote_spanned;

pub(super) fn labels(emission: &Emission<'_>, source: &mut RustSource) {
    for field in emission.fields.all() {
        let (Some(labels), Some(ty)) = (&field.labels, emission.types.get(&field.column)) else { continue };
        let (of, values) = (&labels.of, &labels.values);
        // The error is reported at the SQL, whose span the user's type has.
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
