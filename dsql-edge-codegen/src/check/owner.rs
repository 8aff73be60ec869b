//! Decides whether `sql!` without a path means the macro of dsql-edge.
//!
//! Input: the tokens of a file, and the names of the macros that the package defines. Output: the owner of the macro
//! that a name refers to in that file. Imports are read per file, not per module. If a file has both dsql-edge's macro
//! and another macro of this name, only the compiler can decide.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Whether a name refers to a macro of dsql-edge or to another macro.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    DsqlEdge,
    Other,
    /// The macro to which the name refers depends on the module, or on the order of modules.
    Unknown,
}

/// The names that a file imports and defines.
#[derive(Default)]
pub(crate) struct Names {
    imports: Vec<Import>,
    /// The macros that the file defines with `macro_rules!`.
    pub(super) defined: BTreeSet<String>,
    /// The names that the file imports from dsql-edge and renames. The key is the new name, such as `query`; the
    /// value is the original name, such as `sql`.
    pub(super) renamed: BTreeMap<String, String>,
}

/// A name that `use` imports; `*` for all names of a module.
struct Import {
    root: String,
    name: String,
}

impl Names {
    /// Reads the names that a file imports and defines.
    pub(crate) fn of(tokens: TokenStream) -> Names {
        let mut names = Names::default();
        names.read(tokens);
        names
    }

    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let rest = tokens.get(at + 1..).unwrap_or_default();
            match token {
                TokenTree::Ident(ident) if ident == "use" => {
                    let end = rest.iter().position(|it| is_punct(it, ';')).unwrap_or(0);
                    self.import(rest.get(..end).unwrap_or_default(), None);
                }
                TokenTree::Ident(ident) if ident == "macro_rules" => {
                    if let [bang, TokenTree::Ident(name), ..] = rest
                        && is_punct(bang, '!')
                    {
                        self.defined.insert(name.to_string());
                    }
                }
                TokenTree::Group(group) => self.read(group.stream()),
                _ => {}
            }
        }
    }

    /// Adds each name that a `use` declaration imports. `root` is the first segment of the path that leads to `tree`.
    fn import(&mut self, tree: &[TokenTree], root: Option<&str>) {
        for leaf in tree.split(|token| is_punct(token, ',')) {
            let first = leaf.iter().find_map(|token| match token {
                TokenTree::Ident(ident) => Some(ident.to_string()),
                _ => None,
            });
            let root = root.map(str::to_owned).or(first).unwrap_or_default();
            match leaf.last() {
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.import(&inside, Some(&root));
                }
                Some(TokenTree::Ident(name)) => {
                    if let [.., TokenTree::Ident(old), TokenTree::Ident(word), _] = leaf
                        && word == "as"
                        && root == "dsql_edge"
                    {
                        self.renamed.insert(name.to_string(), old.to_string());
                    }
                    self.imports.push(Import { root, name: name.to_string() });
                }
                Some(glob) if is_punct(glob, '*') => self.imports.push(Import { root, name: "*".to_owned() }),
                _ => {}
            }
        }
    }

    /// Whether the file imports something of dsql-edge.
    pub(super) fn imports_ours(&self) -> bool {
        self.imports.iter().any(|import| import.root == "dsql_edge")
    }

    /// Whether the file imports this name from a crate.
    pub(crate) fn imports_from(&self, root: &str, name: &str) -> bool {
        self.imports.iter().any(|import| import.root == root && (import.name == name || import.name == "*"))
    }

    /// Returns the owner of the macro that a name refers to in this file. `defined` has the macros that the package
    /// defines anywhere.
    pub(super) fn owner(&self, name: &str, defined: &BTreeSet<String>) -> Owner {
        let imported = || self.imports.iter().filter(|import| import.name == name);
        let is_ours = imported().any(|import| import.root == "dsql_edge");
        let is_other = imported()
            .any(|import| !matches!(import.root.as_str(), "dsql_edge" | "crate" | "self" | "super"))
            || self.defined.contains(name);
        match (is_ours, is_other) {
            (true, true) => Owner::Unknown,
            (true, false) => Owner::DsqlEdge,
            (false, true) => Owner::Other,
            (false, false) if defined.contains(name) => Owner::Unknown,
            (false, false) => Owner::DsqlEdge,
        }
    }
}

pub(crate) fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn owner_of_a_macro_is_found_from_imports_and_definitions() {
        let elsewhere = BTreeSet::from(["sql".to_owned()]);
        for (code, without, with) in [
            ("", Owner::DsqlEdge, Owner::Unknown),
            ("use dsql_edge::sql;", Owner::DsqlEdge, Owner::DsqlEdge),
            ("use ::dsql_edge::{Dsql, sql, types::{Numeric}};", Owner::DsqlEdge, Owner::DsqlEdge),
            ("mod a { use dsql_edge::{self as db, sql_file}; }", Owner::DsqlEdge, Owner::Unknown),
            ("use dsql_edge::*;", Owner::DsqlEdge, Owner::Unknown),
            ("use other::sql;", Owner::Other, Owner::Other),
            ("use other::{query as sql, x};", Owner::Other, Owner::Other),
            ("use dsql_edge::sql as query; use other::a::{b::sql};", Owner::Other, Owner::Other),
            ("use crate::db::sql;", Owner::DsqlEdge, Owner::Unknown),
            ("macro_rules! sql { ($x:expr) => {} }", Owner::Other, Owner::Other),
            (
                "mod a { use dsql_edge::sql; } mod b { macro_rules! sql { () => {} } }",
                Owner::Unknown,
                Owner::Unknown,
            ),
        ] {
            let names = Names::of(TokenStream::from_str(code).unwrap());
            assert_eq!(names.owner("sql", &BTreeSet::new()), without, "{code}");
            assert_eq!(names.owner("sql", &elsewhere), with, "{code}");
        }
    }
}
