//! Compiles one query against the schema.
//!
//! Input: its text. Output: everything that emission needs, or the errors as tokens.

use crate::directive::directive_type;
use crate::respan::respan;
use crate::snapshot::Snapshot;
use crate::text::{Text, compile_error};
use dsql_edge_compiler::diagnostic::Diagnostics;
use dsql_edge_compiler::emit::WrittenTypes;
use dsql_edge_compiler::fields::{Fields, RustType, fields};
use dsql_edge_compiler::{Batches, TypedQuery, compile, compile_in_batches, compile_partly};
use dsql_edge_macro_input::BatchSize;
use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// A query that was compiled without an error; for a query with errors, the parts that could be resolved.
#[derive(Default)]
pub(crate) struct Checked {
    pub(crate) query: TypedQuery,
    pub(crate) fields: Fields,
    /// The Rust types that are written in `"x: T"` and in directives; their tokens have the span of the SQL.
    pub(crate) types: WrittenTypes,
    /// The items that are needed for the Rust types in the snapshot's directives.
    pub(crate) directives: TokenStream,
    /// The batches, if the statement runs in batches. In this case, `fields` describes the columns of a batch.
    pub(crate) batches: Option<Batches>,
}

/// Compiles a query.
///
/// # Errors
///
/// Returns one `compile_error!` for each error.
pub(crate) fn check(text: &Text, snapshot: &Snapshot) -> Result<Checked, TokenStream> {
    let shown = |diagnostics: Diagnostics| -> TokenStream {
        diagnostics.errors().map(|error| text.error(error)).collect()
    };
    let query = compile(&text.source, &snapshot.schema).map_err(shown)?;
    let fields = fields(&query, &snapshot.schema).map_err(shown)?;
    let (types, directives) = written_types(&fields, text.span)?;
    Ok(Checked { query, fields, types, directives, batches: None })
}

/// Compiles a query that runs in batches.
///
/// # Errors
///
/// Returns one `compile_error!` for each error.
pub(crate) fn check_in_batches(
    text: &Text,
    size: &BatchSize,
    snapshot: &Snapshot,
) -> Result<Checked, TokenStream> {
    let shown = |diagnostics: Diagnostics| -> TokenStream {
        diagnostics.errors().map(|error| text.error(error)).collect()
    };
    let batches = compile_in_batches(&text.source, &snapshot.schema, size.rows).map_err(shown)?;
    let fields = fields(&batches.first, &snapshot.schema).map_err(shown)?;
    let query = batches.statement.clone();
    Ok(Checked { query, fields, batches: Some(batches), ..Checked::default() })
}

/// Returns the parts that could be resolved, for a query that has errors.
pub(crate) fn check_partly(text: &Text, snapshot: &Snapshot) -> Option<Checked> {
    let mut query = compile_partly(&text.source, &snapshot.schema)?;
    query.columns.retain(|column| {
        let alone = TypedQuery { columns: vec![column.clone()], ..TypedQuery::default() };
        fields(&alone, &snapshot.schema).is_ok_and(|fields| written_types(&fields, text.span).is_ok())
    });
    let fields = fields(&query, &snapshot.schema).ok()?;
    let (types, directives) = written_types(&fields, text.span).ok()?;
    Some(Checked { query, fields, types, directives, batches: None })
}

fn written_types(fields: &Fields, span: Span) -> Result<(WrittenTypes, TokenStream), TokenStream> {
    let (mut types, mut items) = (WrittenTypes::new(), TokenStream::new());
    let mut errors = Vec::new();
    for field in fields.all() {
        let ty = match &field.rust_type {
            RustType::Known(_) | RustType::Vec { .. } => continue,
            RustType::Written(written) => written_type(written, field.name.text()),
            RustType::Directive(directive) => directive_type(directive, span, &mut items),
        };
        match ty {
            Ok(ty) => _ = types.insert(field.column, respan(ty, span)),
            // Two columns with the same directive cause one error.
            Err(message) if errors.contains(&message) => {}
            Err(message) => errors.push(message),
        }
    }
    match errors.is_empty() {
        true => Ok((types, items)),
        false => Err(errors.iter().map(|message| compile_error(span, message)).collect()),
    }
}

fn written_type(written: &str, name: &str) -> Result<TokenStream, String> {
    let parsed = syn::parse_str::<syn::Type>(written);
    parsed
        .map(ToTokens::into_token_stream)
        .map_err(|_| format!("`{written}`, the type for column \"{name}\", is not a Rust type"))
}
