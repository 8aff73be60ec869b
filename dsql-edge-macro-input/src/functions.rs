//! Reads query functions: `pub fn name(a: &str, b) -> pub Row = "SQL";`, any number of them.
//!
//! Input: tokens. Output: the functions that could be read, and an error for each one that could not. It does not look
//! into the SQL.

use crate::expression;
use crate::row::OwnRow;
use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Attribute, Generics, LitStr, Token, Type, Visibility, parenthesized};

/// One function as written.
pub struct FunctionInput {
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its name.
    pub name: Ident,
    /// Its generics.
    pub generics: Generics,
    /// Without a type, a parameter has the one of its SQL type.
    pub parameters: Vec<(Ident, Option<Type>)>,
    /// The row after the arrow.
    pub row: Option<RowInput>,
    /// The SQL.
    pub sql: LitStr,
}

/// The row after the arrow.
pub enum RowInput {
    /// `pub Post`: a struct that is made here.
    Declared {
        /// Its attributes.
        attributes: Vec<Attribute>,
        /// Its visibility.
        visibility: Visibility,
        /// Its name.
        name: Ident,
    },
    /// `Post`, `Post { author: Author }`: structs that are there.
    Own(OwnRow),
}

/// Whether the macro was given functions rather than an expression.
pub fn are_functions(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                tokens.next();
            }
            TokenTree::Ident(word) => {
                let word = word.to_string();
                return matches!(word.as_str(), "pub" | "fn" | "async" | "const" | "unsafe" | "extern");
            }
            _ => return false,
        }
    }
    false
}

/// All functions of a block; what cannot be read is passed over up to the next semicolon.
pub fn functions(tokens: TokenStream) -> (Vec<FunctionInput>, Vec<syn::Error>) {
    let (mut functions, mut errors) = (Vec::new(), Vec::new());
    let mut one = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let ends = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ';');
        one.push(token);
        if ends || tokens.peek().is_none() {
            match FunctionInput::parse.parse2(one.drain(..).collect()) {
                Ok(function) => functions.push(function),
                Err(error) => errors.push(error),
            }
        }
    }
    (functions, errors)
}

impl Parse for FunctionInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<FunctionInput> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        if input.peek(Token![async]) {
            return Err(
                input.error("leave `async` out: the function gives a query, and what fetches it is awaited")
            );
        }
        input.parse::<Token![fn]>()?;
        let name = input.parse()?;
        let generics = input.parse()?;
        let list;
        parenthesized!(list in input);
        let parameters = list.parse_terminated(parameter, Token![,])?.into_iter().collect();
        let row = if input.peek(Token![->]) {
            input.parse::<Token![->]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        input.parse::<Token![=]>()?;
        let sql = expression::sql_literal(input)?;
        input.parse::<Token![;]>()?;
        Ok(FunctionInput { attributes, visibility, name, generics, parameters, row, sql })
    }
}

fn parameter(input: ParseStream<'_>) -> syn::Result<(Ident, Option<Type>)> {
    let name = input.parse()?;
    let ty = if input.peek(Token![:]) {
        input.parse::<Token![:]>()?;
        Some(input.parse()?)
    } else {
        None
    };
    Ok((name, ty))
}

impl Parse for RowInput {
    fn parse(input: ParseStream<'_>) -> syn::Result<RowInput> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse::<Visibility>()?;
        if !matches!(visibility, Visibility::Inherited) {
            return Ok(RowInput::Declared { attributes, visibility, name: input.call(Ident::parse_any)? });
        }
        if let Some(attribute) = attributes.first() {
            return Err(syn::Error::new(
                attribute.span(),
                "attributes go to a row that is made here: write its visibility, `pub Row` or `pub(self) Row`",
            ));
        }
        Ok(RowInput::Own(input.parse()?))
    }
}
