//! One query against the snapshot.
//!
//! In: its text. Out: everything that emission needs, or the errors as tokens.

use crate::snapshot::Snapshot;
use crate::text::{Text, compile_error};
use dsql_edge_compiler::diagnostic::Diagnostics;
use dsql_edge_compiler::emit::WrittenTypes;
use dsql_edge_compiler::fields::{Fields, RustType, fields};
use dsql_edge_compiler::{TypedQuery, compile, compile_partly};
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// A query of which everything is known.
#[derive(Default)]
pub(crate) struct Checked {
    pub(crate) query: TypedQuery,
    pub(crate) fields: Fields,
    /// The types of `"x: T"`, read at the place of the SQL.
    pub(crate) types: WrittenTypes,
}

/// Compiles a query.
///
/// # Errors
///
/// One `compile_error!` for each thing that is wrong.
pub(crate) fn check(text: &Text, snapshot: &Snapshot) -> Result<Checked, TokenStream> {
    let shown = |diagnostics: Diagnostics| -> TokenStream {
        diagnostics.errors().map(|error| text.error(error)).collect()
    };
    let query = compile(&text.source, &snapshot.schema).map_err(shown)?;
    let fields = fields(&query, &snapshot.schema).map_err(shown)?;
    let types = written_types(&fields, text.span)?;
    Ok(Checked { query, fields, types })
}

/// What is known of a query that is wrong.
pub(crate) fn check_partly(text: &Text, snapshot: &Snapshot) -> Option<Checked> {
    let mut query = compile_partly(&text.source, &snapshot.schema)?;
    query.columns.retain(|column| {
        let alone = TypedQuery { columns: vec![column.clone()], ..TypedQuery::default() };
        fields(&alone, &snapshot.schema).is_ok_and(|fields| written_types(&fields, text.span).is_ok())
    });
    let fields = fields(&query, &snapshot.schema).ok()?;
    let types = written_types(&fields, text.span).ok()?;
    Some(Checked { query, fields, types })
}

fn written_types(fields: &Fields, span: Span) -> Result<WrittenTypes, TokenStream> {
    let mut out = WrittenTypes::new();
    for field in fields.all() {
        let RustType::Written(written) = &field.rust_type else { continue };
        match syn::parse_str::<syn::Type>(written) {
            Ok(ty) => out.insert(field.column, respan(ty.to_token_stream(), span)),
            Err(_) => {
                let name = field.name.text();
                let message =
                    format!("`{written}`, which is to be the type of column \"{name}\", is not a Rust type");
                return Err(compile_error(span, &message));
            }
        };
    }
    Ok(out)
}

/// Errors in a type that stands inside the SQL are shown at the SQL.
fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|mut token| {
            if let proc_macro2::TokenTree::Group(group) = &token {
                let mut inner = proc_macro2::Group::new(group.delimiter(), respan(group.stream(), span));
                inner.set_span(span);
                return proc_macro2::TokenTree::Group(inner);
            }
            token.set_span(span);
            token
        })
        .collect()
}
