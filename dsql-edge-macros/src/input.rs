//! The grammar of the macros' input, and which argument belongs to which placeholder.

use dsql_edge_compiler::syntax::Lexed;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Expr, LitStr, Path, Token};

/// `[Path,] "SQL" [, argument]*`
pub(crate) struct Input {
    /// The user's row struct.
    pub(crate) row: Option<Path>,
    /// The SQL.
    pub(crate) sql: LitStr,
    /// What follows it.
    pub(crate) arguments: Vec<Argument>,
}

/// `expr` or `name = expr`.
pub(crate) struct Argument {
    pub(crate) name: Option<Ident>,
    pub(crate) value: Expr,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Input> {
        let row = if input.peek(LitStr) || !input.peek(syn::Ident::peek_any) && !input.peek(Token![::]) {
            None
        } else {
            let path = input.parse::<Path>()?;
            if !input.peek(Token![,]) {
                return Err(syn::Error::new(path.span(), NOT_A_LITERAL));
            }
            input.parse::<Token![,]>()?;
            Some(path)
        };
        let sql = sql_literal(input)?;
        Ok(Input { row, sql, arguments: arguments(input)? })
    }
}

const NOT_A_LITERAL: &str =
    "sql! takes its SQL as a string literal: text built at run time could hold anything";

/// SQL comes as a literal alone: a value never becomes SQL text.
pub(crate) fn sql_literal(input: ParseStream<'_>) -> syn::Result<LitStr> {
    if input.peek(LitStr) {
        return input.parse();
    }
    Err(input.error(NOT_A_LITERAL))
}

/// `, a, name = b`, with an optional comma at the end.
pub(crate) fn arguments(input: ParseStream<'_>) -> syn::Result<Vec<Argument>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        if input.is_empty() {
            break;
        }
        let named = input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]);
        let name = if named {
            let name = input.parse::<Ident>()?;
            input.parse::<Token![=]>()?;
            Some(name)
        } else {
            None
        };
        out.push(Argument { name, value: input.parse()? });
    }
    Ok(out)
}

/// An argument expression, and where an error about it is shown.
pub(crate) type Value = (TokenStream, Span);

/// Refuses `$1` beside `$name`.
pub(crate) fn check_placeholders(lexed: &Lexed, sql: Span) -> Result<(), syn::Error> {
    match lexed.captures.first() {
        Some(name) if lexed.numbered > 0 => {
            let message = format!("the query mixes $1 and ${name}: use numbers or names, not both");
            Err(syn::Error::new(sql, message))
        }
        _ => Ok(()),
    }
}

/// The expression of each parameter.
///
/// # Errors
///
/// Placeholders without an argument, arguments without a placeholder.
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
            let message = format!("`{named} = …` has no place: the query's parameters are numbers");
            errors.push(syn::Error::new(named.span(), message));
        }
        for (at, argument) in arguments.iter().enumerate().skip(numbered) {
            let message = format!("argument {} is not used: the query has {}", at + 1, count(numbered));
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
    for argument in arguments {
        match &argument.name {
            None => {
                let message = "the query's parameters have names: write `name = value`";
                errors.push(syn::Error::new_spanned(&argument.value, message));
            }
            Some(name) if !captures.iter().any(|capture| name == capture) => {
                let known: Vec<String> = captures.iter().map(|capture| format!("${capture}")).collect();
                let has = if known.is_empty() { "no parameters".to_owned() } else { known.join(", ") };
                let message = format!("`{name} = …` is not used: the query has {has}");
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
            let given =
                arguments.iter().find(|argument| argument.name.as_ref().is_some_and(|name| name == capture));
            match given {
                Some(argument) => (argument.value.to_token_stream(), argument.value.span()),
                None => (captured(capture, sql), sql),
            }
        })
        .collect())
}

/// The arguments as written.
pub(crate) fn values(arguments: &[Argument]) -> Vec<Value> {
    arguments.iter().map(|argument| (argument.value.to_token_stream(), argument.value.span())).collect()
}

/// The variable that `$name` captures, found where the literal stands.
fn captured(name: &str, span: Span) -> TokenStream {
    match syn::parse_str::<Ident>(name).or_else(|_| syn::parse_str::<Ident>(&format!("r#{name}"))) {
        Ok(mut ident) => {
            ident.set_span(span);
            quote!(#ident)
        }
        Err(_) => {
            let message = format!("${name} is no Rust variable");
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
