//! The Rust types that directives of the snapshot name: `-- dsql-edge: type links.id = crate::LinkId`.
//!
//! Input: a directive. Output: a type that means the same in each target of the package. `crate` in a directive is the
//! package's library: the snapshot belongs to the package, and in a test, an example or a binary `crate` is another
//! crate.
//!
//! The type is used through a macro whose name is the directive and its place. An error of rustc's about it then ends
//! in "this error originates in the macro `type_links_id_at_dsql_schema_sql_line_2`".

use crate::respan::respan;
use dsql_edge_compiler::schema::RustType;
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The type of a directive; the items that it needs are added to `items`.
///
/// # Errors
///
/// A text that is not a type, and `crate` where there is no library: each names the directive and its place.
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
        Err(target) => {
            return Err(format!(
                "{shown} does not fit: `crate` is the package's library, and the package has no library, so {target} \
                 cannot reach the type: add a src/lib.rs that has it"
            ));
        }
    };
    // The row's own struct is named so as not to hide a type that the user wrote: it must see that one.
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
    // Other characters may not be allowed in an identifier, depending on rustc's version of Unicode.
    let plain = text.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' });
    Ident::new(&plain.collect::<String>(), Span::call_site())
}

/// `crate` as the path of the library.
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

/// The target that cargo compiles, by the variables that it sets.
struct Target {
    library: Option<String>,
    kind: Kind,
}

enum Kind {
    Library,
    Binary,
    /// A test, a benchmark, an example or a documentation test.
    Other,
}

impl Target {
    fn of_environment() -> Target {
        let text = |name: &str| std::env::var(name).unwrap_or_default();
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        let is_there = folder.join("src/lib.rs").is_file();
        let library = library_name(&manifest, is_there, &text("CARGO_PKG_NAME"));
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|it: OsString| !it.is_empty());
        // Cargo sets the first for integration tests and benchmarks alone, rustdoc the other for its tests.
        let kind = if is_set("CARGO_TARGET_TMPDIR") || is_set("UNSTABLE_RUSTDOC_TEST_PATH") {
            Kind::Other
        } else if is_set("CARGO_BIN_NAME") {
            Kind::Binary
        } else if library.as_deref() == Some(&text("CARGO_CRATE_NAME")) {
            Kind::Library
        } else {
            Kind::Other
        };
        Target { library, kind }
    }

    /// The path of the library in this target, if it is not `crate`.
    ///
    /// # Errors
    ///
    /// The kind of target, if the package has no library: then `crate` in a directive has no meaning there.
    fn library_path(&self) -> Result<Option<TokenStream>, &'static str> {
        match (&self.library, &self.kind) {
            (_, Kind::Library) | (None, Kind::Binary) => Ok(None),
            (Some(library), Kind::Binary | Kind::Other) => {
                let library = Ident::new(library, Span::call_site());
                Ok(Some(quote!(::#library)))
            }
            (None, Kind::Other) => Err("this test, benchmark or example"),
        }
    }
}

/// The name of a package's library, if it has one.
fn library_name(manifest: &str, is_there: bool, package: &str) -> Option<String> {
    let (mut section, mut named, mut has_section) = (String::new(), None, false);
    for line in manifest.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix('[') {
            section = rest.split(']').next().unwrap_or_default().trim().to_owned();
            has_section |= section == "lib";
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let key: String = key.chars().filter(|it| !matches!(it, '"' | '\'' | ' ' | '\t')).collect();
        let value = match (section.as_str(), key.as_str()) {
            ("lib", "name") | ("", "lib.name") => value,
            ("", "lib") => {
                value.split_once("name").and_then(|(_, rest)| rest.split_once('=')).map_or("", |it| it.1)
            }
            _ => continue,
        };
        has_section = true;
        let value = value.trim();
        let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''));
        named = quote.and_then(|quote| Some(value.get(1..)?.split_once(quote)?.0.to_owned())).or(named);
    }
    (has_section || is_there).then(|| named.unwrap_or_else(|| package.replace('-', "_")))
}

#[cfg(test)]
mod tests {
    use super::library_name;

    #[test]
    fn a_library_is_named_by_its_manifest_or_its_package() {
        for (manifest, is_there, expected) in [
            ("[package]\nname = \"my-shop\"", true, Some("my_shop")),
            ("[package]\nname = \"my-shop\"", false, None),
            ("[lib]\npath = \"lib.rs\"", false, Some("my_shop")),
            ("[lib]\ncrate-type = [\"cdylib\"]\nname = \"shop\" # \"so\"", true, Some("shop")),
            ("[ lib ]\n'name'='shop'\n[dependencies]\nname = \"x\"", true, Some("shop")),
            ("lib.name = \"shop\"\n[package]\nname = \"y\"", true, Some("shop")),
            ("lib = { path = \"a\", name = \"shop\" }", true, Some("shop")),
            ("[[bin]]\nname = \"tool\"", true, Some("my_shop")),
            ("[package.metadata.lib]\nname = \"other\"", false, None),
        ] {
            assert_eq!(library_name(manifest, is_there, "my-shop").as_deref(), expected, "{manifest}");
        }
    }
}
