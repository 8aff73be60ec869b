//! Expands `#[dsql_edge::test]`: a test that runs an `async fn` with a separate cluster.
//!
//! Input: the arguments of the attribute, and the function. Output: a function for Rust's test harness, which contains
//! the user's function and a description of the test. The files of the schema and the fixtures are included with
//! `include_str!`, so that cargo builds the test again if one of them changes.

mod arguments;
mod signature;

use std::path::{Path, PathBuf};

use dsql_edge_macro_input::migration_files::migration_files;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::{ItemFn, LitStr};

use crate::snapshot;
use arguments::Arguments;

/// Expands the attribute.
///
/// # Errors
/// Returns an error about an argument, the signature of the function, or the schema.
pub(crate) fn test(arguments: TokenStream, function: TokenStream) -> syn::Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let function: ItemFn = syn::parse2(function).map_err(|error| {
        syn::Error::new(error.span(), "`#[dsql_edge::test]` is an attribute of an `async fn`")
    })?;
    signature::check(&function.sig, &arguments.roles)?;
    let schema = Schema::of(arguments.migrations.as_ref())?;

    let ItemFn { attrs, vis, sig, block, .. } = function;
    let (name, output) = (sig.ident.clone(), sig.output.clone());
    // The span of each argument is that of its parameter, so that rustc reports a wrong type at the parameter.
    let dsqls: Vec<Ident> = sig
        .inputs
        .iter()
        .enumerate()
        .map(|(at, input)| format_ident!("dsql_{at}", span = signature::span(input)))
        .collect();
    let text = LitStr::new(&name.to_string(), name.span());
    let should_panic = attrs.iter().any(|attribute| attribute.path().is_ident("should_panic"));
    let Arguments { faults, roles, own_server, .. } = &arguments;
    let fixtures = arguments.fixtures.iter().map(|fixture| {
        let path = fixture_path(fixture);
        quote!((#path, ::core::include_str!(#path)))
    });
    let Schema { tracked, folder, files, are_migrations } = schema;
    Ok(quote! {
        #(#attrs)*
        #[::core::prelude::v1::test]
        #vis fn #name() #output {
            #tracked
            #sig #block
            ::dsql_edge::private::testing::run(
                &::dsql_edge::private::testing::Test {
                    package: ::core::env!("CARGO_MANIFEST_DIR"),
                    module: ::core::module_path!(),
                    name: #text,
                    source: ::core::file!(),
                    migrations: #folder,
                    schema: &[#(#files),*],
                    are_migrations: #are_migrations,
                    fixtures: &[#(#fixtures),*],
                    faults: &[#(#faults),*],
                    roles: &[#(#roles),*],
                    own_server: #own_server,
                    should_panic: #should_panic,
                },
                |[#(#dsqls),*]| #name(#(#dsqls),*),
            )
        }
    })
}

/// Returns the path of a fixture, relative to the source file: `users` means `fixtures/users.sql`. A
/// path that ends in `.sql` is not changed.
fn fixture_path(fixture: &LitStr) -> LitStr {
    let name = fixture.value();
    match name.ends_with(".sql") {
        true => fixture.clone(),
        false => LitStr::new(&format!("fixtures/{name}.sql"), fixture.span()),
    }
}

/// The schema of a test, as tokens.
struct Schema {
    tracked: TokenStream,
    /// The folder in the argument `migrations`, with its current files.
    folder: TokenStream,
    /// The name and the text of each file.
    files: Vec<TokenStream>,
    /// Whether the files are migrations, and not a snapshot.
    are_migrations: bool,
}

impl Schema {
    fn of(migrations: Option<&LitStr>) -> syn::Result<Schema> {
        let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
        let Some(migrations) = migrations else {
            let snapshot = snapshot::snapshot().map_err(|error| syn::Error::new(Span::call_site(), error))?;
            return Ok(Schema {
                tracked: snapshot.tracked(),
                folder: quote!(::core::option::Option::None),
                files: included(&package, snapshot.files())?,
                are_migrations: snapshot.are_migrations,
            });
        };
        let wrong = |why: String| syn::Error::new(migrations.span(), why);
        let folder = package.join(migrations.value());
        let found = migration_files(&folder).map_err(wrong)?;
        if found.migrations.is_empty() {
            return Err(wrong(format!("{} contains no migration (a .sql file)", folder.display())));
        }
        let mut names: Vec<String> =
            found.migrations.iter().chain(&found.undo).map(|path| shown(&folder, path)).collect();
        names.sort();
        let path = shown(Path::new(""), &folder);
        Ok(Schema {
            tracked: TokenStream::new(),
            folder: quote!(::core::option::Option::Some((#path, &[#(#names),*]))),
            files: included(&package, &found.migrations)?,
            are_migrations: true,
        })
    }
}

fn included(package: &Path, files: &[PathBuf]) -> syn::Result<Vec<TokenStream>> {
    let include = |file: &PathBuf| {
        let why = || format!("cargo cannot track {}, whose path is not UTF-8", file.display());
        let path = file.to_str().ok_or_else(|| syn::Error::new(Span::call_site(), why()))?;
        let name = shown(package, file);
        Ok(quote!((#name, ::core::include_str!(#path))))
    };
    files.iter().map(include).collect()
}

/// Returns the path for messages: relative to a folder, if it is inside.
fn shown(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned()
}
