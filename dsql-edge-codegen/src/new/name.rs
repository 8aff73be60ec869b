//! The name of a new Worker: the name of its crate, of its folder and of the Worker on Cloudflare.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// The longest name of a Worker that Cloudflare accepts: it becomes a part of a host name.
const LONGEST: usize = 63;

/// Words that cannot be the name of a crate, because `NAME::task` would not be a path: Rust's keywords that consist of
/// lower-case letters, and the crates that every program can use.
const RESERVED: [&str; 55] = [
    "abstract", "alloc", "as", "async", "await", "become", "box", "break", "const", "continue", "core",
    "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in",
    "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return",
    "self", "static", "std", "struct", "super", "test", "trait", "true", "try", "type", "typeof", "unsafe",
    "unsized", "use", "virtual", "where", "while", "yield",
];

/// A name that cargo, rustc, wrangler and npm accept.
pub(super) struct Name(String);

impl Name {
    /// The name is the last part of the path of the folder.
    ///
    /// # Errors
    /// Returns an error that states which rule the name violates.
    pub(super) fn of_folder(folder: &Path) -> Result<Name> {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| format!("{} does not end with a name", folder.display()))?;
        let suggestion = suggestion(name);
        if suggestion != name {
            let remedy = if RESERVED.contains(&suggestion.as_str()) || suggestion.is_empty() {
                "such as `shop-api`".to_owned()
            } else {
                format!("such as `{suggestion}`")
            };
            bail!(
                "{name:?} is not the name of a Worker: a name has lower-case letters, digits and single hyphens, and \
                 begins with a letter, {remedy}"
            );
        }
        if name.len() > LONGEST {
            bail!("{name:?} is not the name of a Worker: a name has at most {LONGEST} characters");
        }
        if RESERVED.contains(&name) || DEPENDENCIES.contains(&name) {
            bail!("{name:?} cannot be the name of a crate that uses dsql-edge; `{name}-api` can");
        }
        Ok(Name(name.to_owned()))
    }

    /// Returns the name of the package and of the Worker, `shop-api`.
    pub(super) fn of_worker(&self) -> &str {
        &self.0
    }

    /// Returns the name of the crate in Rust code, `shop_api`.
    pub(super) fn of_crate(&self) -> String {
        self.0.replace('-', "_")
    }
}

/// The dependencies of the templates. A package cannot depend on a package with its own name, and in its own tests the
/// name would have two meanings.
const DEPENDENCIES: [&str; 7] =
    ["axum", "dsql-edge", "serde", "serde-json", "tower-service", "worker", "wrangler"];

/// Returns the nearest name that follows the rules for its characters. A name that follows the rules is returned
/// unchanged.
fn suggestion(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        match character.to_ascii_lowercase() {
            lower @ 'a'..='z' => out.push(lower),
            digit @ '0'..='9' if !out.is_empty() => out.push(digit),
            _ if !out.is_empty() && !out.ends_with('-') => out.push('-'),
            _ => {}
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Name;

    #[test]
    fn names_that_cargo_or_wrangler_reject_are_errors() {
        let error = |folder: &str| Name::of_folder(Path::new(folder)).err().map(|error| error.to_string());
        for accepted in ["shop", "apps/shop-2", "./a", &"x".repeat(63)] {
            assert_eq!(error(accepted), None);
        }
        for (rejected, words) in [
            ("Shop", "such as `shop`"),
            ("my_shop", "such as `my-shop`"),
            ("2shop", "such as `shop`"),
            ("shop-", "such as `shop`"),
            ("a--b", "such as `a-b`"),
            ("läden", "such as `l-den`"),
            ("日本", "such as `shop-api`"),
            ("Test", "such as `shop-api`"),
            ("test", "`test-api` can"),
            ("worker", "`worker-api` can"),
            ("..", "does not end with a name"),
            ("/", "does not end with a name"),
            (&"x".repeat(64), "at most 63 characters"),
        ] {
            let error = error(rejected).unwrap_or_else(|| panic!("{rejected} is accepted"));
            assert!(error.contains(words), "{error}");
        }
    }
}
