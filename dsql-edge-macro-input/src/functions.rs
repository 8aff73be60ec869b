//! Reads the input of a macro that declares any number of query functions and rows: `pub fn name(a: &str, b) -> pub Row
//! = "SQL";`, `pub struct Row = "SQL";`.
//!
//! Input: tokens. Output: the functions that could be read, and an error for each other function. The declaration of a
//! row without a function becomes a function for which `is_row_only` is true. This module does not parse the SQL.

use crate::expression::{self, BatchSize};
use crate::row::{self, OwnRow};
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
    /// The parameters. If a parameter has no type here, its Rust type is derived from its SQL type.
    pub parameters: Vec<(Ident, Option<Type>)>,
    /// The row after the arrow.
    pub row: Option<RowInput>,
    /// `in batches of 1000`
    pub batches: Option<BatchSize>,
    /// The SQL.
    pub sql: LitStr,
    /// Whether the item declares only a row, without a function: `pub struct Row = "SQL";`. In this case, `name` is the
    /// name of the row.
    pub is_row_only: bool,
}

/// The row after the arrow.
pub enum RowInput {
    /// `pub Post`: a struct that the macro declares.
    Declared {
        /// Its attributes.
        attributes: Vec<Attribute>,
        /// Its visibility.
        visibility: Visibility,
        /// Its name.
        name: Ident,
    },
    /// `Post`, `Post { author: Author }`: existing structs.
    Own(OwnRow),
}

/// Whether the macro's input consists of query functions and rows; otherwise it is an expression.
pub fn are_functions(tokens: &TokenStream) -> bool {
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                tokens.next();
            }
            TokenTree::Ident(word) => {
                return match word.to_string().as_str() {
                    "pub" => !is_declared_row(tokens),
                    "struct" => !is_struct_of_expression(tokens),
                    "fn" | "async" | "const" | "unsafe" | "extern" => true,
                    _ => false,
                };
            }
            _ => return false,
        }
    }
    false
}

/// Whether the tokens after `pub` are a row as in `pub Row, "…"`, which is an error in an expression.
fn is_declared_row(mut after: impl Iterator<Item = TokenTree>) -> bool {
    let mut next = after.next();
    if matches!(&next, Some(TokenTree::Group(_))) {
        next = after.next();
    }
    if matches!(&next, Some(TokenTree::Ident(word)) if word == "struct") {
        return is_struct_of_expression(after);
    }
    let is_row = matches!(next, Some(TokenTree::Ident(word))
        if !matches!(word.to_string().as_str(), "fn" | "async" | "const" | "unsafe" | "extern"));
    is_row && matches!(after.next(), Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), ',' | ':'))
}

/// Whether the tokens after `struct` are a row as in `struct Row, "…"`, which is an error in an expression.
fn is_struct_of_expression(mut after: impl Iterator<Item = TokenTree>) -> bool {
    after.next();
    matches!(after.next(), Some(TokenTree::Punct(punct)) if punct.as_char() == ',')
}

/// Reads all functions of a block. After an error, reading continues after the next semicolon.
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
        if input.peek(Token![struct]) {
            return row_only(attributes, visibility, input);
        }
        if input.peek(Token![async]) {
            return Err(
                input.error("leave out `async`: the function returns a query, and the caller awaits its `fetch_…` or `execute`")
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
        let batches = if input.peek(Token![in]) { Some(expression::batch_size(input)?) } else { None };
        if batches.is_some() && (row.is_some() || input.peek(Token![->])) {
            return Err(input
                .error("a statement that runs in batches returns no rows: leave out the arrow and the row"));
        }
        input.parse::<Token![=]>()?;
        let sql = expression::sql_literal(input)?;
        input.parse::<Token![;]>()?;
        let is_row_only = false;
        Ok(FunctionInput {
            attributes,
            visibility,
            name,
            generics,
            parameters,
            row,
            batches,
            sql,
            is_row_only,
        })
    }
}

/// `struct Row = "SQL";`
fn row_only(
    attributes: Vec<Attribute>,
    visibility: Visibility,
    input: ParseStream<'_>,
) -> syn::Result<FunctionInput> {
    input.parse::<Token![struct]>()?;
    let name: Ident = input.parse()?;
    input.parse::<Token![=]>()?;
    let sql = expression::sql_literal(input)?;
    input.parse::<Token![;]>()?;
    Ok(FunctionInput {
        attributes: Vec::new(),
        visibility: visibility.clone(),
        name: name.clone(),
        generics: Generics::default(),
        parameters: Vec::new(),
        row: Some(RowInput::Declared { attributes, visibility, name }),
        batches: None,
        sql,
        is_row_only: true,
    })
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
            // If parsing as a path fails, the error is ignored, because the name of a row may be a keyword, which is
            // not a valid path.
            input.fork().parse().map_or(Ok(()), |path| row::require_one_row(&path))?;
            return Ok(RowInput::Declared { attributes, visibility, name: input.call(Ident::parse_any)? });
        }
        if let Some(attribute) = attributes.first() {
            return Err(syn::Error::new(
                attribute.span(),
                "only a row that is declared here has attributes: write its visibility, `pub Row` or `pub(self) Row`",
            ));
        }
        Ok(RowInput::Own(input.parse()?))
    }
}
