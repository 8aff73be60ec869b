//! Reads the input of one of sqlx's macros, with sqlx's grammar: `[Type,] "SQL" [+ "SQL"]*[, argument]*`.
//!
//! Input: tokens. Output: the type, the literals and the arguments, with their positions.

use std::ops::Range;

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::spanned::Spanned as _;
use syn::{Expr, LitStr, Path, Token, Type};

/// A macro of sqlx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Macro {
    pub(super) rows: Rows,
    /// Whether the SQL is in a file.
    pub(super) is_file: bool,
    /// Whether the macro is an `_unchecked` form, for which sqlx does not check types.
    pub(super) is_unchecked: bool,
}

/// The rows of a macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// A struct that the macro generates.
    Anonymous,
    /// A struct of the user.
    Struct,
    /// The value of one column.
    Scalar,
}

impl Macro {
    pub(super) fn named(name: &str) -> Option<Macro> {
        let (name, is_unchecked) = match name.strip_suffix("_unchecked") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let rest = name.strip_prefix("query")?;
        let (rest, is_file) = match rest.strip_prefix("_file") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let rows = match rest {
            "" => Rows::Anonymous,
            "_as" => Rows::Struct,
            "_scalar" => Rows::Scalar,
            _ => return None,
        };
        Some(Macro { rows, is_file, is_unchecked })
    }

    /// Returns the name of the macro.
    pub(super) fn name(self) -> String {
        let file = if self.is_file { "_file" } else { "" };
        let rows = match self.rows {
            Rows::Anonymous => "",
            Rows::Struct => "_as",
            Rows::Scalar => "_scalar",
        };
        let unchecked = if self.is_unchecked { "_unchecked" } else { "" };
        format!("query{file}{rows}{unchecked}")
    }
}

/// The input of a macro.
pub(super) struct Invocation {
    /// The user's struct, and the bytes of its name.
    pub(super) row: Option<(String, Range<usize>)>,
    /// The SQL, or the path of its file.
    pub(super) sql: String,
    /// The literals that are joined by `+`.
    pub(super) literals: Vec<LitStr>,
    pub(super) arguments: Vec<Argument>,
}

/// An argument.
pub(super) struct Argument {
    /// The byte range of ` as _`, which turns off sqlx's check of the argument's type.
    pub(super) wildcard: Option<Range<usize>>,
    /// The type of `as Type`.
    pub(super) cast: Option<String>,
}

/// Reads the input of a macro.
///
/// # Errors
/// Returns the reason why the input cannot be read.
pub(super) fn invocation(kind: Macro, tokens: TokenStream) -> Result<Invocation, String> {
    let read = |input: ParseStream<'_>| read(kind, input);
    read.parse2(tokens).map_err(|error| format!("{}!: {error}", kind.name()))
}

fn read(kind: Macro, input: ParseStream<'_>) -> syn::Result<Invocation> {
    let row = match kind.rows {
        Rows::Struct => {
            let path = Path::parse(input)?;
            input.parse::<Token![,]>()?;
            let name = path.to_token_stream().to_string().replace(' ', "");
            Some((name, path.span().byte_range()))
        }
        Rows::Anonymous | Rows::Scalar => None,
    };
    if !input.peek(LitStr) {
        return Err(input.error("its SQL is not a string literal, as in the body of a macro"));
    }
    let mut literals = vec![input.parse::<LitStr>()?];
    while input.peek(Token![+]) {
        input.parse::<Token![+]>()?;
        literals.push(input.parse()?);
    }
    let mut arguments = Vec::new();
    while !input.is_empty() {
        input.parse::<Token![,]>()?;
        if !input.is_empty() {
            arguments.push(argument(&input.parse()?));
        }
    }
    let sql = literals.iter().map(LitStr::value).collect();
    Ok(Invocation { row, sql, literals, arguments })
}

fn argument(expression: &Expr) -> Argument {
    match expression {
        Expr::Cast(cast) => {
            let end = cast.ty.span().byte_range().end;
            let wildcard = matches!(*cast.ty, Type::Infer(_)).then(|| cast.expr.span().byte_range().end..end);
            let named = cast.ty.to_token_stream().to_string().replace(' ', "");
            Argument { cast: wildcard.is_none().then_some(named), wildcard }
        }
        Expr::Paren(inner) => argument(&inner.expr),
        _ => Argument { wildcard: None, cast: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_known_by_their_names() {
        for name in [
            "query",
            "query_as",
            "query_scalar",
            "query_file",
            "query_file_as",
            "query_file_scalar",
            "query_unchecked",
            "query_as_unchecked",
            "query_file_scalar_unchecked",
        ] {
            assert_eq!(Macro::named(name).map(Macro::name).as_deref(), Some(name));
        }
        for name in ["query_with", "queries", "query_as_with", "query_", "migrate"] {
            assert_eq!(Macro::named(name), None, "{name}");
        }
    }

    #[test]
    fn input_is_read_with_the_grammar_of_sqlx() {
        let named = Macro::named("query_as").unwrap();
        let input = r#"a::Post<'_>, "SELECT " + r"1", id as _, (x + 1) as i64, f(a, b),"#;
        let read = invocation(named, input.parse().unwrap()).unwrap();
        assert_eq!(read.row.map(|(name, _)| name).as_deref(), Some("a::Post<'_>"));
        assert_eq!((read.sql.as_str(), read.literals.len()), ("SELECT 1", 2));
        let arguments: Vec<(bool, Option<&str>)> =
            read.arguments.iter().map(|it| (it.wildcard.is_some(), it.cast.as_deref())).collect();
        assert_eq!(arguments, [(true, None), (false, Some("i64")), (false, None)]);
        for wrong in ["", "Post", "Post, $sql", "Post, \"x\" 1", "\"x\""] {
            assert!(invocation(named, wrong.parse().unwrap()).is_err(), "{wrong}");
        }
    }
}
