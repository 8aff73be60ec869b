//! Checks the signature of a test: an `async fn` with one parameter of the type `Dsql`, and one more for each role.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{FnArg, LitStr, Signature};

/// Checks everything except the types, which rustc checks.
///
/// # Errors
/// Returns an error at the part of the signature that is wrong.
pub(super) fn check(signature: &Signature, roles: &[LitStr]) -> syn::Result<()> {
    let name = &signature.ident;
    let wrong = |span: Span, why: String| Err(syn::Error::new(span, why));
    if signature.asyncness.is_none() {
        let why = format!("a test with a `Dsql` is async: async fn {name}(dsql: Dsql)");
        return wrong(signature.fn_token.span(), why);
    }
    if !signature.generics.params.is_empty() {
        return wrong(signature.generics.span(), "a test has no generic parameters".to_owned());
    }
    if let Some(receiver) = signature.inputs.iter().find(|input| matches!(input, FnArg::Receiver(_))) {
        return wrong(receiver.span(), "a test is not a method: it has no self".to_owned());
    }
    let expected = roles.len() + 1;
    if signature.inputs.len() != expected {
        let mut parameters = vec!["dsql: Dsql".to_owned()];
        parameters.extend(roles.iter().map(|role| format!("{}: Dsql", role.value())));
        let form = format!("async fn {name}({})", parameters.join(", "));
        let why = match roles.is_empty() {
            true => format!("a test takes one `Dsql`: {form}"),
            false => format!("a test takes one `Dsql`, and one for each role: {form}"),
        };
        let extra = signature.inputs.iter().nth(expected).map(Spanned::span);
        return wrong(extra.unwrap_or_else(|| name.span()), why);
    }
    Ok(())
}

/// Returns the span of a parameter's type.
pub(super) fn span(input: &FnArg) -> Span {
    match input {
        FnArg::Typed(parameter) => parameter.ty.span(),
        FnArg::Receiver(receiver) => receiver.span(),
    }
}
