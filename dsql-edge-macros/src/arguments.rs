//! Assigns arguments to placeholders.
//!
//! Input: the placeholders of the SQL, and the arguments or a function's parameters. Output: one expression for each
//! parameter of the query, or the errors about arguments that are missing or not used.

use dsql_edge_compiler::emit;
use dsql_edge_compiler::ident::FieldName;
use dsql_edge_compiler::syntax::Lexed;
use dsql_edge_macro_input::Argument;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;

/// An argument: its expression, and the span at which rustc shows an error about it.
pub(crate) type Value = emit::Argument;

/// Returns, for each parameter of the query, the expression of its argument.
///
/// # Errors
///
/// Returns an error for each argument without a placeholder, for each name that is given twice, and for the first
/// numbered placeholder without an argument. A named placeholder without an argument is not an error: it captures a
/// variable.
pub(crate) fn match_arguments(
    lexed: &Lexed,
    arguments: &[Argument],
    sql: Span,
) -> Result<Vec<Value>, Vec<syn::Error>> {
    let mut errors = Vec::new();
    let captures = lexed.captures.as_slice();
    let numbered = lexed.numbered as usize;
    if numbered > 0 || (captures.is_empty() && arguments.iter().all(|argument| argument.name.is_none())) {
        for named in arguments.iter().filter_map(|argument| argument.name.as_ref()) {
            let message = format!(
                "`{named} = …` is not used: the query's parameters are numbers; write the value without a name"
            );
            errors.push(syn::Error::new(named.span(), message));
        }
        for (at, argument) in arguments.iter().enumerate().skip(numbered) {
            let message =
                format!("argument {} is not used: the query has {}; remove it", at + 1, count(numbered));
            errors.push(syn::Error::new_spanned(&argument.value, message));
        }
        if arguments.len() < numbered {
            let message =
                format!("parameter ${} has no argument: write its value after the SQL", arguments.len() + 1);
            errors.push(syn::Error::new(sql, message));
        }
        if errors.is_empty() {
            return Ok(values(arguments));
        }
        return Err(errors);
    }
    for (at, argument) in arguments.iter().enumerate() {
        let is_repeated = |name: &Ident| {
            arguments.iter().take(at).any(|it| it.name.as_ref().is_some_and(|it| it.unraw() == name.unraw()))
        };
        match &argument.name {
            Some(name) if is_repeated(name) => {
                let message = format!("`{name} = …` is given twice: leave one out");
                errors.push(syn::Error::new(name.span(), message));
            }
            None => {
                let message = "the query's parameters have names: write `name = value`";
                errors.push(syn::Error::new_spanned(&argument.value, message));
            }
            Some(name) if !captures.iter().any(|capture| is(name, capture)) => {
                let known: Vec<String> = captures.iter().map(|capture| format!("${capture}")).collect();
                let has = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
                let message = format!("`{name} = …` is not used: the query has {has}; rename or remove it");
                errors.push(syn::Error::new(name.span(), message));
            }
            Some(_) => {}
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(captures
        .iter()
        .map(|capture| {
            let given = arguments
                .iter()
                .find(|argument| argument.name.as_ref().is_some_and(|name| is(name, capture)));
            match given {
                Some(argument) => (argument.value.to_token_stream(), argument.value.span()),
                None => (captured(capture, sql), sql),
            }
        })
        .collect())
}

/// Returns, for each parameter of the SQL, the parameter of the query function that supplies its value, with the span
/// of this parameter's type.
///
/// # Errors
///
/// Returns an error for each named placeholder without a parameter of the function, for the first numbered placeholder
/// without one, and for each parameter without a placeholder.
pub(crate) fn match_parameters(
    lexed: &Lexed,
    parameters: &[(Ident, Option<Type>)],
    sql: Span,
) -> Result<Vec<Value>, Vec<syn::Error>> {
    let captures = lexed.captures.as_slice();
    let numbered = lexed.numbered as usize;
    let mut errors = Vec::new();
    for (at, (name, _)) in parameters.iter().enumerate() {
        let used = at < numbered || captures.iter().any(|capture| is(name, capture));
        if !used {
            let message =
                format!("the query does not use `{name}`: write ${name} in the query, or leave `{name}` out");
            errors.push(syn::Error::new(name.span(), message));
        }
    }
    let value = |(name, ty): &(Ident, Option<Type>)| {
        (name.to_token_stream(), ty.as_ref().map_or_else(|| name.span(), |ty| ty.span()))
    };
    let mut values = Vec::new();
    for capture in captures {
        match parameters.iter().find(|(name, _)| is(name, capture)) {
            Some(parameter) => values.push(value(parameter)),
            None => {
                let message =
                    format!("the function does not take ${capture}: add `{capture}` to its parameters");
                errors.push(syn::Error::new(sql, message));
            }
        }
    }
    if parameters.len() < numbered {
        let message = format!(
            "the function has no parameter for ${}: it takes {}; add one, or leave ${0} out",
            parameters.len() + 1,
            count(parameters.len())
        );
        errors.push(syn::Error::new(sql, message));
    }
    if numbered > 0 {
        values.extend(parameters.iter().take(numbered).map(value));
    }
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

/// Whether `$capture` refers to this name, which may be written `r#name`.
pub(crate) fn is(name: &Ident, capture: &str) -> bool {
    name.unraw() == capture
}

/// Returns the arguments as written.
pub(crate) fn values(arguments: &[Argument]) -> Vec<Value> {
    arguments.iter().map(|argument| (argument.value.to_token_stream(), argument.value.span())).collect()
}

/// Returns the variable that `$name` captures, with the span of the SQL literal.
fn captured(name: &str, span: Span) -> TokenStream {
    match FieldName::new(name) {
        Some(name) => {
            let mut ident = name.ident();
            ident.set_span(span);
            quote!(#ident)
        }
        None => {
            let message = format!("${name} is not a Rust variable");
            quote_spanned!(span=> ::core::compile_error!(#message))
        }
    }
}

fn count(parameters: usize) -> String {
    match parameters {
        0 => "no parameters".to_owned(),
        1 => "1 parameter".to_owned(),
        more => format!("{more} parameters"),
    }
}
