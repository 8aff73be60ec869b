//! Makes tokens of the Rust types that the snapshot's directives specify: `-- dsql-edge: type links.id =
//! crate::LinkId`.
//!
//! Input: a directive. Output: tokens that mean the same type in each target of the package. `crate` in a directive is
//! the package's library, because the snapshot belongs to the package. In a test, an example or a binary, `crate` would
//! be another crate, so it is replaced there.
//!
//! The Rust type is used through a macro whose name contains the directive and its location, so that an error of rustc
//! about the type ends in "this error originates in the macro `type_links_id_at_dsql_schema_sql_line_2`".

use crate::respan::respan;
use crate::target::Target;
use dsql_edge_compiler::schema::RustType;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use std::path::Path;

/// Returns the Rust type in a directive, and adds to `items` the items that the type needs.
///
/// # Errors
///
/// Returns an error if the directive's text is not a Rust type, or if it contains `crate` and code in this target
/// cannot refer to the library. The error contains the directive and its location.
pub(crate) fn directive_type(
    directive: &RustType,
    span: Span,
    items: &mut TokenStream,
) -> Result<TokenStream, String> {
    let RustType { sql, rust, place: (file, _), line } = directive;
    let shown = format!("the directive `type {} = {rust}` ({file}:{line})", sql.join("."));
    let ty = syn::parse_str::<syn::Type>(rust)
        .map_err(|_| format!("{shown} does not fit: `{rust}` is not a Rust type"))?
        .into_token_stream();
    let ty = match Target::of_environment().library_path() {
        Ok(None) => ty,
        Ok(Some(library)) => with_library(ty, &library),
        Err(_) if !mentions(&ty, &|name| name == "crate") => ty,
        Err(why) => return Err(format!("{shown} does not fit: `crate` is the package's library, and {why}")),
    };
    // Emission gives the row's struct a name that differs from every type that the user wrote. To compare the names,
    // emission needs the type itself, not a macro call.
    if mentions(&ty, &|name| name.starts_with("Row")) {
        return Ok(ty);
    }
    let name = macro_name(directive);
    let ty = respan(ty, span);
    items.extend(quote! {
        #[allow(unused_macros)]
        macro_rules! #name { () => { #ty } }
    });
    Ok(quote!(#name!()))
}

fn macro_name(directive: &RustType) -> Ident {
    let file = Path::new(&directive.place.0).file_name().map(|it| it.to_string_lossy()).unwrap_or_default();
    let text = format!("type_{}_at_{file}_line_{}", directive.sql.join("_"), directive.line);
    // Other characters are replaced: whether they are allowed in an identifier depends on rustc's version of Unicode.
    let plain = text.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' });
    Ident::new(&plain.collect::<String>(), Span::call_site())
}

/// Replaces `crate` by the path of the library.
fn with_library(tokens: TokenStream, library: &TokenStream) -> TokenStream {
    let replaced = |token| match token {
        TokenTree::Ident(ident) if ident == "crate" => library.clone(),
        TokenTree::Group(group) => {
            let inner = with_library(group.stream(), library);
            TokenTree::Group(proc_macro2::Group::new(group.delimiter(), inner)).into()
        }
        other => other.into(),
    };
    tokens.into_iter().map(replaced).collect()
}

fn mentions(tokens: &TokenStream, is_meant: &dyn Fn(&str) -> bool) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => is_meant(&ident.to_string()),
        TokenTree::Group(group) => mentions(&group.stream(), is_meant),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
