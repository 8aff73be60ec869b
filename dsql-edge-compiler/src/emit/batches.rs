//! Emits a statement that runs in batches.
//!
//! Input: an [`Emission`] of the statement, and its batches. Output: an expression whose value is `Batches`. The
//! expression contains two statics, one for the first batch and one for each later batch, and the arguments of the
//! statement, which both statics use.

use super::emission::{Emission, parameter_names};
use super::rust_source::RustSource;
use super::statement;
use crate::typed::Batches;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

pub(super) fn expression(emission: &Emission<'_>, batches: &Batches) -> TokenStream {
    let names = parameter_names(emission.arguments);
    let values = emission.arguments.iter().map(|(value, _)| value);
    // A later batch has one parameter more: the last key of the previous batch.
    let count = names.len() + 1;
    let arguments = Ident::new("arguments", Span::mixed_site());
    let bind = statement::bind(emission.query, &names, &quote!(&mut #arguments));
    let mutable = if names.is_empty() { quote!() } else { quote!(mut) };
    let mut items = RustSource::default();
    for (variable, query) in [("STATEMENT", &batches.first), ("NEXT", &batches.next)] {
        statement::batch(&Emission { query, ..*emission }, variable, &mut items);
    }
    let items = items.parse();
    quote! {
        match (#(&(#values),)*) {
            (#(#names,)*) => {
                #items
                let #mutable #arguments = ::dsql_edge::private::Arguments::with_capacity(#count);
                #bind
                ::dsql_edge::private::Batches::new(&STATEMENT, &NEXT, #arguments)
            }
        }
    }
}
