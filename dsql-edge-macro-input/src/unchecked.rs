//! Reads the input of `sql_unchecked!`.
//!
//! Input: tokens. Output: their parts.

use crate::expression::{self, Argument};
use crate::row::row_path;
use proc_macro2::Ident;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{LitStr, Path, Token, Type, braced};

/// `[Row { field: Type, … },] "SQL" [, argument]*`
pub struct Unchecked {
    /// The user's struct, and its fields.
    pub row: Option<(Path, Vec<(Ident, Type)>)>,
    /// The SQL.
    pub sql: LitStr,
    /// The arguments after the SQL.
    pub arguments: Vec<Argument>,
}

impl Parse for Unchecked {
    fn parse(input: ParseStream<'_>) -> syn::Result<Unchecked> {
        let row = if input.peek(LitStr) {
            None
        } else {
            let path = row_path(input)?;
            if !input.peek(syn::token::Brace) {
                return Err(
                    input.error("name the fields and their types: sql_unchecked!(Post { id: Uuid }, \"…\")")
                );
            }
            let content;
            braced!(content in input);
            let fields = Punctuated::<(Ident, Type), Token![,]>::parse_terminated_with(&content, |field| {
                let name = field.parse()?;
                field.parse::<Token![:]>()?;
                Ok((name, field.parse()?))
            })?;
            input.parse::<Token![,]>()?;
            Some((path, fields.into_iter().collect()))
        };
        let sql = expression::sql_literal(input)?;
        Ok(Unchecked { row, sql, arguments: expression::arguments(input)? })
    }
}
