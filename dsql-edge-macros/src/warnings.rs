//! Warnings: a macro on stable Rust has none of its own, so each is the use of something deprecated, whose note
//! is the message.

use crate::check::Checked;
use crate::text::Text;
use proc_macro2::TokenStream;
use quote::quote_spanned;

/// What is suspicious about a query, as items.
pub(crate) fn warnings(checked: &Checked, text: &Text) -> TokenStream {
    let span = text.span;
    checked
        .query
        .warnings
        .iter()
        .chain(&checked.fields.warnings)
        .map(|warning| {
            let note = text.render(warning);
            quote_spanned! {span=>
                const _: () = {
                    #[deprecated(note = #note)]
                    const fn sql_warning() {}
                    sql_warning();
                };
            }
        })
        .collect()
}
