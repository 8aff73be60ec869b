//! The target of a package that cargo compiles, and the path by which its code refers to the package's library.
//!
//! Input: cargo's variables and the package's manifest. Output: the path of the library, or the reason why the target
//! cannot name the library. The manifest is read line by line, because a TOML parser would have to be compiled in each
//! build.

use std::path::{Path, PathBuf};

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// The target that cargo compiles.
pub(crate) struct Target {
    library: Option<Library>,
    kind: Kind,
}

#[derive(Debug, PartialEq)]
struct Library {
    name: String,
    /// Whether other Rust code can use the library. A crate that is only a cdylib can be used only from C or
    /// JavaScript.
    is_linked: bool,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Library,
    Binary,
    /// A test, a benchmark, an example or a documentation test.
    Other,
}

impl Target {
    pub(crate) fn of_environment() -> Target {
        let text = |name: &str| std::env::var(name).unwrap_or_default();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        let manifest =
            Manifest::read(&std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default());
        let package = text("CARGO_PKG_NAME");
        let library = manifest.library(folder.join("src/lib.rs").is_file(), &package);
        let binary = text("CARGO_BIN_NAME");
        // Cargo sets `CARGO_TARGET_TMPDIR` only for integration tests and benchmarks. Rustdoc sets
        // `UNSTABLE_RUSTDOC_TEST_PATH` for documentation tests.
        let kind = if is_set("CARGO_TARGET_TMPDIR") || is_set("UNSTABLE_RUSTDOC_TEST_PATH") {
            Kind::Other
        } else if !binary.is_empty() {
            // Cargo sets `CARGO_BIN_NAME` for examples, too.
            if manifest.has_binary(&binary, &package, &folder) { Kind::Binary } else { Kind::Other }
        } else if library.as_ref().is_some_and(|it| it.name == text("CARGO_CRATE_NAME")) {
            Kind::Library
        } else {
            Kind::Other
        };
        Target { library, kind }
    }

    /// Returns the path by which code in this target refers to the library, or `None` if this path is `crate`.
    ///
    /// # Errors
    ///
    /// Returns the reason why this target cannot name the library, and what to do.
    pub(crate) fn library_path(&self) -> Result<Option<TokenStream>, String> {
        match (&self.library, &self.kind) {
            (_, Kind::Library) | (None, Kind::Binary) => Ok(None),
            (Some(Library { name, is_linked: true }), _) => {
                let library = Ident::new(name, Span::call_site());
                Ok(Some(quote!(::#library)))
            }
            (Some(Library { is_linked: false, .. }), _) => {
                Err("the library is a cdylib only, which no other target of \
                the package can use: write crate-type = [\"cdylib\", \"rlib\"] in Cargo.toml"
                    .to_owned())
            }
            (None, Kind::Other) => {
                Err("the package has no library, so this test, benchmark or example cannot reach the \
                type: add a src/lib.rs that has it"
                    .to_owned())
            }
        }
    }
}

/// The manifest's lines that this module uses: the section, the key and the value of each line.
struct Manifest {
    lines: Vec<(String, String, String)>,
    sections: Vec<String>,
}

impl Manifest {
    fn read(text: &str) -> Manifest {
        let mut manifest = Manifest { lines: Vec::new(), sections: Vec::new() };
        let mut section = String::new();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix('[') {
                section =
                    rest.trim_start_matches('[').split(']').next().unwrap_or_default().trim().to_owned();
                manifest.sections.push(section.clone());
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let key = key.chars().filter(|it| !matches!(it, '"' | '\'' | ' ' | '\t')).collect();
            let mut value = value.trim().to_owned();
            // An array may have several lines.
            while value.starts_with('[') && !value.contains(']') {
                let Some(more) = lines.next() else { break };
                value += more;
            }
            manifest.lines.push((section.clone(), key, value));
        }
        manifest
    }

    /// Returns the value of a key in the manifest's table `lib`. The manifest may have this table in three forms:
    /// `[lib]`, `lib.key = …` and `lib = { … }`.
    fn of_library(&self, key: &str) -> Option<&str> {
        self.lines.iter().find_map(|(section, written, value)| match section.as_str() {
            "lib" if written == key => Some(value.as_str()),
            "" if written.strip_prefix("lib.") == Some(key) => Some(value),
            "" if written == "lib" => in_table(value, key),
            _ => None,
        })
    }

    /// `is_there`: whether the package has src/lib.rs.
    fn library(&self, is_there: bool, package: &str) -> Option<Library> {
        let is_written = |(section, key, _): &(String, String, String)| {
            section.is_empty() && (key == "lib" || key.starts_with("lib."))
        };
        if !is_there && !self.sections.iter().any(|it| it == "lib") && !self.lines.iter().any(is_written) {
            return None;
        }
        let name =
            self.of_library("name").and_then(quoted).map_or_else(|| package.replace('-', "_"), str::to_owned);
        let types = self.of_library("crate-type").or_else(|| self.of_library("crate_type"));
        let types = types.and_then(|it| it.strip_prefix('[')).and_then(|it| it.split(']').next());
        let is_linked = types.is_none_or(|it| {
            it.split(',').any(|it| matches!(quoted(it.trim()), Some("lib" | "rlib" | "dylib")))
        });
        Some(Library { name, is_linked })
    }

    /// Whether a binary of the package has this name.
    fn has_binary(&self, name: &str, package: &str, folder: &Path) -> bool {
        let is_written = |(section, key, value): &(String, String, String)| {
            section == "bin" && key == "name" && quoted(value) == Some(name)
        };
        let is_there = |path: String| folder.join(path).is_file();
        self.lines.iter().any(is_written)
            || name == package && is_there("src/main.rs".to_owned())
            || is_there(format!("src/bin/{name}.rs"))
            || is_there(format!("src/bin/{name}/main.rs"))
    }
}

/// Returns the value of a key in an inline table such as `{ path = "name.rs", name = "shop" }`; text after the table is
/// ignored.
fn in_table<'t>(table: &'t str, key: &str) -> Option<&'t str> {
    let mut rest = table.strip_prefix('{')?;
    loop {
        let (written, value) = rest.split_once('=')?;
        let value = value.trim_start();
        if written.trim().trim_matches(['"', '\'']) == key {
            return Some(value);
        }
        rest = value.get(end_of_value(value)..)?.strip_prefix(',')?;
    }
}

/// Returns the offset of the comma or brace that ends a value: the first comma or brace outside strings, arrays and
/// tables.
fn end_of_value(value: &str) -> usize {
    let (mut quote, mut depth, mut is_escaped) = (None, 0usize, false);
    for (at, character) in value.char_indices() {
        match (character, quote) {
            _ if is_escaped => is_escaped = false,
            ('\\', Some('"')) => is_escaped = true,
            (_, Some(open)) if character == open => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(character),
            ('[' | '{', None) => depth += 1,
            (',' | '}', None) if depth == 0 => return at,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    value.len()
}

/// Returns the text inside the quotation marks with which a value begins.
fn quoted(value: &str) -> Option<&str> {
    let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    Some(value.get(1..)?.split_once(quote)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_named_by_its_manifest_or_its_package() {
        for (manifest, is_there, expected) in [
            ("[package]\nname = \"my-shop\"", true, Some(("my_shop", true))),
            ("[package]\nname = \"my-shop\"", false, None),
            ("[lib]\npath = \"lib.rs\"", false, Some(("my_shop", true))),
            ("[lib]\ncrate-type = [\"cdylib\"]\nname = \"shop\" # \"so\"", true, Some(("shop", false))),
            ("[lib]\ncrate-type = [\n  \"cdylib\",\n  \"rlib\",\n]\n", true, Some(("my_shop", true))),
            ("[lib]\ncrate_type = ['cdylib', 'staticlib']\n", true, Some(("my_shop", false))),
            ("[lib]\ncrate-type = [\"lib\"]\n", true, Some(("my_shop", true))),
            ("[ lib ]\n'name'='shop'\n[dependencies]\nname = \"x\"", true, Some(("shop", true))),
            ("lib.name = \"shop\"\n[package]\nname = \"y\"", true, Some(("shop", true))),
            ("lib = { path = \"a\", name = \"shop\" }", true, Some(("shop", true))),
            ("lib = { crate-type = [\"cdylib\"], name = \"shop\" }", true, Some(("shop", false))),
            ("lib = { path = \"name.rs\", name = \"shop\" }", true, Some(("shop", true))),
            ("lib = { path = 'name = \"x\", a', \"name\" = 'shop' }", true, Some(("shop", true))),
            (
                "lib = { path = \"a\\\", name = \", crate-type = [\"rlib\", \"cdylib\"] }",
                true,
                Some(("my_shop", true)),
            ),
            ("lib = { filename = \"x\" }", true, Some(("my_shop", true))),
            ("[[bin]]\nname = \"tool\"", true, Some(("my_shop", true))),
            ("[package.metadata.lib]\nname = \"other\"", false, None),
        ] {
            let found = Manifest::read(manifest).library(is_there, "my-shop");
            let found = found.as_ref().map(|it| (it.name.as_str(), it.is_linked));
            assert_eq!(found, expected, "{manifest}");
        }
    }
}
