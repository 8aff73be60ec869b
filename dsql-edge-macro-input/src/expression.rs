//! Reads the input of `sql!` and `sql_file!` if the macro is used as an expression.
//!
//! Input: tokens. Output: their parts. This module does not read the SQL.

use crate::not_a_literal;
use crate::row::OwnRow;
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, LitInt, LitStr, Pat, Token};

/// `[#[allow(code)]] [Row,] "SQL" [, for pattern in rows | , in batches of 1000] [, argument]*`
pub struct Input {
    /// The names of the warnings that `#[allow(…)]` suppresses.
    pub allowed: Vec<Ident>,
    /// The user's row struct.
    pub row: Option<OwnRow>,
    /// The SQL; for `sql_file!`, the path of its file.
    pub sql: LitStr,
    /// `for pattern in rows`
    pub each: Option<Each>,
    /// `in batches of 1000`
    pub batches: Option<BatchSize>,
    /// The arguments after the SQL.
    pub arguments: Vec<Argument>,
}

/// `for pattern in rows`
pub struct Each {
    /// The pattern before `in`, to which each item is bound.
    pub pattern: Pat,
    /// The values that `for` iterates over.
    pub rows: Expr,
}

/// `in batches of 1000`
pub struct BatchSize {
    /// The maximum number of rows of a batch.
    pub rows: u32,
    /// The place of the number.
    pub span: Span,
}

/// `expr` or `name = expr`.
pub struct Argument {
    /// The parameter's name, if the argument is `name = expr`.
    pub name: Option<Ident>,
    /// The parameter's value.
    pub value: Expr,
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> syn::Result<Input> {
        let mut allowed = Vec::new();
        for attribute in input.call(Attribute::parse_outer)? {
            if !attribute.path().is_ident("allow") {
                return Err(syn::Error::new(attribute.span(), "only `#[allow(…)]` may precede the SQL"));
            }
            allowed.extend(attribute.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?);
        }
        if input.peek(Token![pub]) || input.peek(Token![struct]) {
            return Err(not_a_literal::declared_row(input));
        }
        if let Some(error) = not_a_literal::macro_call(input) {
            return Err(error);
        }
        let row = if input.peek(LitStr) || !input.peek(syn::Ident::peek_any) && !input.peek(Token![::]) {
            None
        } else {
            let row = input.parse::<OwnRow>()?;
            if !input.peek(Token![,]) {
                return Err(not_a_literal::name(row.path.span()));
            }
            input.parse::<Token![,]>()?;
            Some(row)
        };
        let sql = sql_literal(input)?;
        let each = if input.peek(Token![,]) && input.peek2(Token![for]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![for]>()?;
            let pattern = Pat::parse_multi_with_leading_vert(input)?;
            input.parse::<Token![in]>()?;
            Some(Each { pattern, rows: input.parse()? })
        } else {
            None
        };
        let batches = if input.peek(Token![,]) && input.peek2(Token![in]) {
            input.parse::<Token![,]>()?;
            Some(batch_size(input)?)
        } else {
            None
        };
        Ok(Input { allowed, row, sql, each, batches, arguments: arguments(input)? })
    }
}

/// Reads the SQL, which must be a literal: a value never becomes SQL text.
pub(crate) fn sql_literal(input: ParseStream<'_>) -> syn::Result<LitStr> {
    if input.peek(LitStr) {
        return input.parse();
    }
    Err(not_a_literal::here(input))
}

/// `in batches of 1000`
pub(crate) fn batch_size(input: ParseStream<'_>) -> syn::Result<BatchSize> {
    input.parse::<Token![in]>()?;
    for expected in ["batches", "of"] {
        match input.parse::<Ident>() {
            Ok(word) if word == expected => {}
            _ => return Err(input.error(BATCHES)),
        }
    }
    let rows = input.parse::<LitInt>().map_err(|error| syn::Error::new(error.span(), BATCHES))?;
    Ok(BatchSize { rows: rows.base10_parse()?, span: rows.span() })
}

const BATCHES: &str = "write `in batches of 1000`: the number of rows is a literal";

/// `, a, name = b`, with an optional comma at the end.
pub(crate) fn arguments(input: ParseStream<'_>) -> syn::Result<Vec<Argument>> {
    let mut out = Vec::new();
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        if input.is_empty() {
            break;
        }
        if input.peek(Token![in]) || input.peek(Token![for]) {
            return Err(input
                .error("`in batches of …` and `for … in …` follow the SQL directly, before the arguments"));
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

#[cfg(test)]
mod tests {
    use super::Input;
    use crate::functions::{are_functions, functions};
    use proc_macro2::{Group, TokenStream, TokenTree};

    const INPUTS: [&str; 10] = [
        r#""SELECT 1 AS one""#,
        r##"#[allow(missing_where)] crate::Post<'a, T> { author: Author { at: At }, tags: Tag }, r#"SELECT 1"#, 1 + 1, "x""##,
        r#"Post, "SELECT 1", id = posts[0].id, title = { let x = 1; x },"#,
        r#"/// Doc.
           #[must_use] pub(crate) fn top<'a, T: Into<i64>>(author: &'a str, limit, r#type: T)
               -> #[serde(rename_all = "camelCase")] pub Post = "SELECT 1 AS one";
           fn other() -> Post { author: Author } = "SELECT 1";"#,
        r#""INSERT", for (a, Post { b, .. }) | (a, Post { b }) in posts.iter().map(|x| x), id = a, b = b"#,
        r#"pub fn nothing() = "DELETE FROM posts";"#,
        r#""DELETE", in batches of 1_000, id = a"#,
        r#"fn nothing(id) in batches of 10 = "DELETE FROM posts WHERE id > $id";"#,
        r#"/// Doc.
           #[derive(Eq)] pub(crate) struct Row = "SELECT 1 AS one"; struct Other = "SELECT 2 AS two";"#,
        r#"async fn waits() -> pub(in crate::here) Row = "SELECT 1 AS one";"#,
    ];

    /// Returns every prefix of the tokens, also inside groups. An editor expands the macro while the user types, so the
    /// macro must handle each prefix of its final input.
    fn beginnings(tokens: &[TokenTree]) -> Vec<TokenStream> {
        let mut out = Vec::new();
        for end in 0..=tokens.len() {
            let (before, _) = tokens.split_at(end);
            out.push(before.iter().cloned().collect());
            let Some(TokenTree::Group(group)) = tokens.get(end) else { continue };
            let inside: Vec<TokenTree> = group.stream().into_iter().collect();
            for cut in beginnings(&inside) {
                let cut = TokenTree::Group(Group::new(group.delimiter(), cut));
                out.push(before.iter().cloned().chain([cut]).collect());
            }
        }
        out
    }

    #[test]
    fn batches_after_the_arguments_name_their_place() {
        for input in [r#""DELETE", id = a, in batches of 10"#, r#""INSERT", id = a, for a in b"#] {
            let error = syn::parse_str::<Input>(input).err().unwrap().to_string();
            assert!(error.contains("before the arguments"), "{error}");
        }
    }

    #[test]
    fn unfinished_input_is_an_error_not_a_panic() {
        for input in INPUTS {
            let tokens: Vec<TokenTree> = input.parse::<TokenStream>().unwrap().into_iter().collect();
            for beginning in beginnings(&tokens) {
                let _ = syn::parse2::<Input>(beginning.clone());
                let _ = are_functions(&beginning);
                let (found, errors) = functions(beginning.clone());
                let is_empty = beginning.is_empty();
                assert!(is_empty || !found.is_empty() || !errors.is_empty(), "{beginning}");
            }
            let (found, errors) = functions(tokens.iter().cloned().collect());
            let read = syn::parse2::<Input>(tokens.iter().cloned().collect()).is_ok();
            let is_async = input.starts_with("async");
            assert!(read || is_async || (errors.is_empty() && !found.is_empty()), "{input}");
        }
    }
}
