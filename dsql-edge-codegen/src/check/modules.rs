//! Finds the Rust files below `src` that are not modules: cargo does not compile them, because `mod name;` is missing.
//!
//! Input: the Rust files of a package. Output: the files that are not modules, each with the line to add. A file is a
//! module if any file of the package declares a module of this name, or has the file's name in a string (`#[path =
//! "…"]`, `include!`). So a file that is not a module may be missed, but a module is never reported.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// The names that the files of a package declare as modules, and the string literals in these files.
#[derive(Default)]
pub(super) struct Modules {
    names: BTreeSet<String>,
    literals: Vec<String>,
}

impl Modules {
    /// Reads the names of a file.
    pub(super) fn read(&mut self, tokens: TokenStream) {
        let mut is_after_mod = false;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if is_after_mod => {
                    self.names.insert(name.to_string().trim_start_matches("r#").to_owned());
                    is_after_mod = false;
                }
                TokenTree::Ident(word) => is_after_mod = word == "mod",
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Literal(literal) => self.literals.push(literal.to_string()),
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// Returns what to add so that a file becomes a module, or `None` if it is a module or the root of a target.
    pub(super) fn missing(&self, package: &Path, file: &Path) -> Option<String> {
        let below = file.strip_prefix(package.join("src")).ok()?;
        let stem = below.file_stem()?.to_str()?;
        let name_of_file = below.file_name()?.to_str()?;
        let folder = below.parent()?;
        let is_root = folder == Path::new("") && matches!(stem, "lib" | "main") || below.starts_with("bin");
        let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
        let is_named = self.literals.iter().any(|literal| literal.contains(name_of_file));
        // `src/shop/mod.rs` is the module `shop` of `src`.
        let (module, folder) = match stem {
            "mod" => (folder.file_name()?.to_str()?, folder.parent()?),
            _ => (stem, folder),
        };
        // The name of a file is not always a valid name of a module.
        let is_name = syn::parse_str::<syn::Ident>(module).is_ok();
        if is_root || is_named || manifest.contains(name_of_file) || !is_name || self.names.contains(module) {
            return None;
        }
        let parent = parent(package, folder);
        Some(format!("add `mod {module};` to {}", parent.display()))
    }
}

/// Returns the file that declares the modules of a folder, below the package.
fn parent(package: &Path, folder: &Path) -> PathBuf {
    let src = Path::new("src");
    let candidates = if folder == Path::new("") {
        [src.join("lib.rs"), src.join("main.rs")]
    } else {
        [src.join(folder).with_extension("rs"), src.join(folder).join("mod.rs")]
    };
    let [first, second] = candidates;
    if !package.join(&first).is_file() && package.join(&second).is_file() { second } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_without_a_mod_names_the_line_to_add() {
        let home = std::env::temp_dir().join(format!("dsql-edge-modules-{}", std::process::id()));
        std::fs::create_dir_all(home.join("src/shop")).unwrap();
        for (file, text) in [
            ("Cargo.toml", "[[bin]]\npath = \"src/tool.rs\"\n"),
            (
                "src/main.rs",
                "pub mod shop; mod r#type; #[path = \"other_name.rs\"] mod x; macro_rules! m { () => { mod made; } }",
            ),
            ("src/shop/mod.rs", "mod basket;"),
        ] {
            std::fs::write(home.join(file), text).unwrap();
        }
        let mut modules = Modules::default();
        for file in ["src/main.rs", "src/shop/mod.rs"] {
            modules.read(std::fs::read_to_string(home.join(file)).unwrap().parse().unwrap());
        }
        for (file, expected) in [
            ("src/first_query.rs", Some("add `mod first_query;` to src/main.rs")),
            ("src/shop/prices.rs", Some("add `mod prices;` to src/shop/mod.rs")),
            ("src/orders/mod.rs", Some("add `mod orders;` to src/main.rs")),
            ("src/shop/mod.rs", None),
            ("src/shop/basket.rs", None),
            ("src/type.rs", None),
            ("src/other_name.rs", None),
            ("src/made.rs", None),
            ("src/tool.rs", None),
            ("src/main.rs", None),
            ("src/bin/other.rs", None),
            ("src/not-a-name.rs", None),
            ("tests/it.rs", None),
        ] {
            assert_eq!(modules.missing(&home, &home.join(file)).as_deref(), expected, "{file}");
        }
        std::fs::remove_dir_all(home).unwrap();
    }
}
