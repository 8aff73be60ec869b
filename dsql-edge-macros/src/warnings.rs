//! Emits warnings. A macro on stable Rust cannot warn, so each warning is the use of a deprecated item whose note is
//! the message. The item is a macro because rustc prints the whole path of any other item. The macro's name is chosen
//! so that rustc's line reads as a sentence: "use of deprecated macro `sql_warns`: UPDATE without WHERE changes every
//! row".
//!
//! Input: diagnostics. Output: tokens. `#[allow(code)]` suppresses a warning; there, the warning's code is written with
//! `_` in place of `-`.

use crate::check::Checked;
use crate::text::{Text, compile_error};
use dsql_edge_compiler::diagnostic::suggestion::nearest;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::{Attribute, Token};

/// Returns the warnings of a query and the errors in the user's `allow`, as items.
pub(crate) fn warnings(checked: &Checked, text: &Text, allowed: &[Ident]) -> TokenStream {
    let found: Vec<&Diagnostic> = checked.query.warnings.iter().chain(&checked.fields.warnings).collect();
    let is = |warning: &Diagnostic, allowed: &Ident| warning.code.name() == dashed(allowed);
    let shown = found.iter().filter(|warning| !allowed.iter().any(|allowed| is(warning, allowed)));
    let shown = shown.map(|warning| warning_item(text.span, &text.render(warning)));
    let idle = allowed.iter().filter(|allowed| !found.iter().any(|warning| is(warning, allowed)));
    let idle = idle.map(|allowed| match not_a_warning(allowed) {
        Some(message) => compile_error(allowed.span(), &message),
        None => warning_item(allowed.span(), &format!("`allow({allowed})` has no effect: leave it out")),
    });
    shown.chain(idle).collect()
}

/// Returns the warnings of `sql!` that a function's attributes allow, and the other attributes, which are for rustc.
pub(crate) fn split(attributes: &[Attribute]) -> (Vec<Ident>, TokenStream) {
    let (mut ours, mut rest) = (Vec::new(), TokenStream::new());
    for attribute in attributes {
        let lints = attribute
            .path()
            .is_ident("allow")
            .then(|| attribute.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated).ok())
            .flatten();
        match lints {
            Some(lints) if lints.iter().any(|lint| not_a_warning(lint).is_none()) => {
                let (found, others): (Vec<Ident>, Vec<Ident>) =
                    lints.into_iter().partition(|lint| not_a_warning(lint).is_none());
                ours.extend(found);
                if !others.is_empty() {
                    rest.extend(quote!(#[allow(#(#others),*)]));
                }
            }
            _ => rest.extend(quote!(#attribute)),
        }
    }
    (ours, rest)
}

fn dashed(name: &Ident) -> String {
    name.to_string().replace('_', "-")
}

/// Returns the reason why `#[allow(name)]` is an error, or `None` if `name` is a warning.
fn not_a_warning(name: &Ident) -> Option<String> {
    let dashed = dashed(name);
    match Code::ALL.iter().find(|code| code.name() == dashed) {
        Some(code) if code.may_be_warning() => None,
        Some(_) => Some(format!("`{name}` is an error, which cannot be allowed")),
        None => {
            let names: Vec<String> = Code::ALL
                .iter()
                .filter(|code| code.may_be_warning())
                .map(|code| code.name().replace('-', "_"))
                .collect();
            let known = names.iter().map(String::as_str);
            let hint = match nearest(&name.to_string(), known) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("they are {}", names.join(", ")),
            };
            Some(format!("`{name}` is not a warning of sql!: {hint}"))
        }
    }
}

fn warning_item(span: Span, note: &str) -> TokenStream {
    quote_spanned! {span=>
        const _: () = {
            #[deprecated(note = #note)]
            macro_rules! sql_warns {
                () => {};
            }
            sql_warns!();
        };
    }
}
