//! Emits the comparison of a Rust enum with the labels in the snapshot.
//!
//! Input: the fields whose Rust type the user names. Output: a constant for each field whose column has labels. If the
//! labels differ, rustc's error names the difference. A Rust type that is not an enum is not compared.

use super::emission::{Emission, field_type};
use super::row::placeholders;
use super::rust_source::{RustSource, list};
use crate::fields::Field;
use proc_macro2::Span;
use quote::quote_spanned;

pub(super) fn labels(emission: &Emission<'_>, source: &mut RustSource) {
    let fields = emission.fields.all();
    let labelled: Vec<_> =
        fields.into_iter().filter_map(|field| Some((field, field.labels.as_ref()?))).collect();
    if labelled.is_empty() {
        return;
    }
    let types = placeholders(emission.types, source);
    for (field, labels) in labelled {
        let ty = field_type(
            &Field { nullable: false, ..field.clone() },
            types.get(&field.column).map(String::as_str),
        );
        // The error is reported at the SQL, whose span the user's type has.
        let written = emission.types.get(&field.column).and_then(|ty| ty.clone().into_iter().next());
        let span = written.map_or_else(Span::call_site, |token| token.span());
        let compare = source.placeholder(quote_spanned! {span=> ::dsql_edge::private::same_labels });
        let (of, values) = (&labels.of, list(labels.values.iter().map(|label| format!("{label:?}"))));
        source.push(format_args!(
            "const _: () = {{
                #[allow(unused_imports)]
                use ::dsql_edge::private::NotLabelled as _;
                {compare}({of:?}, &[{values}], ::dsql_edge::private::LabelsOf::<{ty}>::LABELS)
            }};"
        ));
    }
}
