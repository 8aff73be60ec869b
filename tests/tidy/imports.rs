//! Finds the imports between the files of a crate, and the cycles among these imports.
//!
//! Input: the files of a crate, as text. Output: imports, each with the path in the source; cycles as lists of imports.
//!
//! A path, in a `use` item or in other code, is an import if it begins with `crate`, `self`, `super` or a child module.
//! An import is followed through re-exports to the file that defines the name: `super::Name`, which the parent
//! re-exports from a sibling, is an import of the sibling. A parent's `mod` and `pub use` of a child are not imports.
//! Code of tests and of fuzzing is left out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's path in its crate; the path of the root is empty.
type Module = Vec<String>;

/// The files of a crate.
#[derive(Default)]
pub(crate) struct Crate {
    files: BTreeMap<Module, File>,
}

#[derive(Default)]
struct File {
    path: String,
    mentions: Vec<Mention>,
    /// The child modules that the file declares and that are compiled only for tests or fuzzing.
    tests: Vec<String>,
}

/// A path in the source.
struct Mention {
    /// Split at `::`.
    path: Vec<String>,
    /// The inline modules that contain the path.
    inline: Vec<String>,
    /// The name that a `use` gives to the path.
    imported_as: Option<String>,
    is_reexport: bool,
    line: usize,
}

/// An import in one file of something that another file defines.
pub(crate) struct Import {
    pub(crate) from: Module,
    pub(crate) to: Module,
    /// `path/of/file.rs:line: crate::written::Path`
    pub(crate) place: String,
}

impl Crate {
    /// Adds a file. The location of the file below `src` is the path of its module.
    pub(crate) fn add(&mut self, path: &str, text: &str) {
        let below = path.split_once("src/").map_or(path, |(_, below)| below).trim_end_matches(".rs");
        let mut module: Module = below.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut file = File { path: path.to_owned(), ..File::default() };
        file.read(tokens, &[]);
        self.files.insert(module, file);
    }

    /// Every import of one file by another, once for each pair.
    pub(crate) fn imports(&self) -> Vec<Import> {
        let mut found = BTreeMap::new();
        for (from, file) in self.files.iter().filter(|(module, _)| !self.is_test(module)) {
            for mention in &file.mentions {
                for to in self.targets(from, mention) {
                    let is_own = mention.is_reexport && to.starts_with(from);
                    if to != *from && !is_own {
                        let place = format!("{}:{}: {}", file.path, mention.line, mention.path.join("::"));
                        found.entry((from.clone(), to)).or_insert(place);
                    }
                }
            }
        }
        found.into_iter().map(|((from, to), place)| Import { from, to, place }).collect()
    }

    fn is_test(&self, module: &Module) -> bool {
        (0..module.len())
            .any(|at| self.files.get(&module[..at]).is_some_and(|parent| parent.tests.contains(&module[at])))
    }

    fn targets(&self, from: &Module, mention: &Mention) -> BTreeSet<Module> {
        let mut base = from.clone();
        base.extend(mention.inline.iter().map(|name| format!("{name} (inline)")));
        let mut targets = BTreeSet::new();
        self.resolve(&base, &mention.path, 0, &mut targets);
        targets
    }

    /// Finds the files that define the items to which a path refers. The path is resolved in the module `base`.
    fn resolve(&self, base: &[String], path: &[String], depth: usize, out: &mut BTreeSet<Module>) {
        let mut base = base.to_vec();
        let mut rest = path;
        // Whether the path begins in this crate.
        let mut is_own = match rest.first().map(String::as_str) {
            Some("crate") => {
                base.clear();
                rest = &rest[1..];
                true
            }
            Some("self" | "super") => {
                while let Some(word @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if word == "super" {
                        base.pop();
                    }
                    rest = &rest[1..];
                }
                true
            }
            _ => false,
        };
        while let Some(name) = rest.first() {
            let child = [&base[..], std::slice::from_ref(name)].concat();
            if !self.files.contains_key(&child) {
                break;
            }
            (base, rest, is_own) = (child, &rest[1..], true);
        }
        if !is_own {
            return;
        }
        base.retain(|name| !name.ends_with("(inline)"));
        let Some(file) = self.files.get(&base) else { return };
        let before = out.len();
        // If this file imports the name from another file, the search continues in that file. The depth is limited
        // because two `use` declarations may refer to each other.
        if let [name, after @ ..] = rest
            && depth < 8
        {
            let is_name = |it: &&Mention| it.inline.is_empty() && it.imported_as.as_ref() == Some(name);
            for mention in file.mentions.iter().filter(is_name) {
                self.resolve(&base, &[&mention.path[..], after].concat(), depth + 1, out);
            }
        }
        if out.len() == before {
            out.insert(base);
        }
    }

    /// For each file that imports itself through other files, returns the shortest cycle of imports, as locations in
    /// the source.
    pub(crate) fn cycles(&self) -> Vec<Vec<String>> {
        let imports = self.imports();
        self.files.keys().filter_map(|file| shortest_cycle(file, &imports)).collect()
    }
}

/// Returns the locations of the imports that lead from a file back to itself in the shortest way.
fn shortest_cycle(start: &Module, imports: &[Import]) -> Option<Vec<String>> {
    let mut came_by: BTreeMap<&Module, &Import> = BTreeMap::new();
    let mut pending = VecDeque::from([start]);
    while let Some(at) = pending.pop_front() {
        for import in imports.iter().filter(|import| import.from == *at) {
            if came_by.contains_key(&import.to) {
                continue;
            }
            came_by.insert(&import.to, import);
            pending.push_back(&import.to);
        }
    }
    let mut cycle = Vec::new();
    let mut at = start;
    loop {
        let import = came_by.get(at)?;
        cycle.insert(0, import.place.clone());
        at = &import.from;
        if at == start {
            return Some(cycle);
        }
    }
}

impl File {
    /// Reads the tokens of a module or of anything in it.
    fn read(&mut self, tokens: TokenStream, inline: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let is_test = tokens.get(at + 1).is_some_and(is_cfg_test);
                    let end = if is_test { item_end(&tokens, at + 2) } else { at + 2 };
                    self.tests.extend(declared_module(&tokens[at..end]));
                    at = end;
                }
                TokenTree::Ident(ident) if ident == "use" => {
                    let end =
                        (at..tokens.len()).find(|at| is_punct(&tokens[*at], ';')).unwrap_or(tokens.len());
                    let line = ident.span().start().line;
                    for (path, imported_as) in use_tree(&tokens[at + 1..end], &[]) {
                        let (inline, is_reexport) = (inline.to_vec(), is_public(&tokens[..at]));
                        let imported_as = Some(imported_as);
                        self.mentions.push(Mention { path, inline, imported_as, is_reexport, line });
                    }
                    at = end + 1;
                }
                TokenTree::Ident(ident) if ident == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        self.read(body.stream(), &[inline, &[name.to_string()]].concat());
                        at += 3;
                    } else {
                        at += 2;
                    }
                }
                // `pub(in path)` limits visibility, and imports nothing.
                TokenTree::Ident(ident) if ident == "in" && at == 0 => return,
                TokenTree::Ident(ident) => {
                    let path = path_at(&tokens, at);
                    let line = ident.span().start().line;
                    let is_continued =
                        at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(it) if it.as_char() == '$');
                    let length = path.len();
                    if length > 1 && !is_continued && !follows_colons(&tokens, at) {
                        let inline = inline.to_vec();
                        let (imported_as, is_reexport) = (None, false);
                        self.mentions.push(Mention { path, inline, imported_as, is_reexport, line });
                    }
                    at += 1 + (length - 1) * 3;
                }
                TokenTree::Group(group) => {
                    self.read(group.stream(), inline);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }
}

/// Returns the names of the path that begins at the token `at`.
fn path_at(tokens: &[TokenTree], at: usize) -> Vec<String> {
    let mut path = vec![tokens[at].to_string()];
    let mut next = at + 1;
    while let [first, second, TokenTree::Ident(name)] = tokens.get(next..next + 3).unwrap_or_default()
        && is_punct(first, ':')
        && is_punct(second, ':')
    {
        path.push(name.to_string());
        next += 3;
    }
    path
}

fn follows_colons(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_punct(&tokens[at - 1], ':') && is_punct(&tokens[at - 2], ':')
}

/// Returns the paths that are written between `use` and `;`, each with the name under which it is imported.
fn use_tree(tokens: &[TokenTree], prefix: &[String]) -> Vec<(Vec<String>, String)> {
    let mut path = prefix.to_vec();
    let mut tokens = tokens;
    loop {
        match tokens {
            [TokenTree::Punct(first), TokenTree::Punct(_), rest @ ..] if first.as_char() == ':' => {
                tokens = rest
            }
            [TokenTree::Punct(glob), ..] if glob.as_char() == '*' => return vec![(path, "*".to_owned())],
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                let trees = inside.split(|token| is_punct(token, ','));
                return trees
                    .filter(|tree| !tree.is_empty())
                    .flat_map(|tree| use_tree(tree, &path))
                    .collect();
            }
            [TokenTree::Ident(word), TokenTree::Ident(name)] if word == "as" => {
                return vec![(path, name.to_string())];
            }
            [TokenTree::Ident(name), rest @ ..] => {
                path.push(name.to_string());
                tokens = rest;
            }
            _ => break,
        }
    }
    // `use a::{self}` imports `a`.
    if path.len() > 1 && path.last().is_some_and(|name| name == "self") {
        path.pop();
    }
    let name = path.last().cloned().unwrap_or_default();
    vec![(path, name)]
}

/// Whether the tokens before a `use` end with `pub` or `pub(…)`.
fn is_public(before: &[TokenTree]) -> bool {
    let is_pub = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "pub");
    match before {
        [.., last] if is_pub(last) => true,
        [.., last, TokenTree::Group(_)] => is_pub(last),
        _ => false,
    }
}

/// Whether an attribute means that its item is compiled only for tests or fuzzing. `attribute` has the attribute's
/// brackets.
fn is_cfg_test(attribute: &TokenTree) -> bool {
    let text: String = attribute.to_string().chars().filter(|char| !char.is_whitespace()).collect();
    text == "[test]"
        || text.starts_with("[cfg(test)")
        || text.starts_with("[cfg(all(test,")
        || text.starts_with("[cfg(fuzzing)")
}

/// Returns the index after the item whose attributes begin at `from`.
fn item_end(tokens: &[TokenTree], from: usize) -> usize {
    let mut at = from;
    while tokens.get(at).is_some_and(|token| is_punct(token, '#')) {
        at += 2;
    }
    let is_use = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "use");
    let imports = tokens.iter().skip(at).take(3).any(is_use);
    while let Some(token) = tokens.get(at) {
        at += 1;
        let ends = match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !imports,
            token => is_punct(token, ';') || is_punct(token, ','),
        };
        if ends {
            break;
        }
    }
    at
}

/// Returns the name in `mod name;` if these tokens end with such an item.
fn declared_module(item: &[TokenTree]) -> Option<String> {
    match item {
        [.., TokenTree::Ident(word), TokenTree::Ident(name), end] if word == "mod" && is_punct(end, ';') => {
            Some(name.to_string())
        }
        _ => None,
    }
}

fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycles(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = Crate::default();
        for (path, text) in files {
            all.add(&format!("src/{path}"), text);
        }
        all.cycles().iter().map(|places| places.join(", ")).collect()
    }

    #[test]
    fn cycle_by_each_kind_of_path_is_found() {
        for (there, back) in [
            ("use crate::b::B;", "use crate::a::A;"),
            ("use super::b::{self, B};", "fn f() { super::a::f() }"),
            ("use crate::b as other;", "macro_rules! m { () => { super::a::A } }"),
            ("use crate::{x::X, b::{B, C as D}};", "mod inner { use super::super::a::A; }"),
            ("use crate::b::*;", "#[cfg(not(test))] use crate::a::A;"),
        ] {
            let found =
                cycles(&[("lib.rs", "mod a; mod b; mod x;"), ("a.rs", there), ("b.rs", back), ("x.rs", "")]);
            assert_eq!(found.len(), 2, "{there} {back}: {found:?}");
        }
    }

    #[test]
    fn parent_that_uses_a_child_that_uses_it_is_a_cycle() {
        let parent = "mod child; pub struct P; fn f() { child::g() }";
        let found = cycles(&[("lib.rs", "mod p;"), ("p/mod.rs", parent), ("p/child.rs", "use super::P;")]);
        let (there, back) = ("src/p/mod.rs:1: child::g", "src/p/child.rs:1: super::P");
        assert_eq!(found, [format!("{there}, {back}"), format!("{back}, {there}")]);
    }

    #[test]
    fn names_are_followed_through_reexports() {
        let parent = "mod a; mod b; pub use a::A; pub(crate) use b::B;";
        let files = [
            ("lib.rs", "mod p;"),
            ("p/mod.rs", parent),
            ("p/a.rs", "use super::B;"),
            ("p/b.rs", "use crate::p::A;"),
        ];
        assert_eq!(cycles(&files).len(), 2);
    }

    #[test]
    fn declarations_reexports_and_tests_are_not_imports() {
        let parent = "mod child; #[cfg(test)] mod tests; pub use child::C; pub struct P;";
        let child = "use super::P; #[cfg(test)] mod tests { use crate::q::Q; } #[cfg(all(test, unix))] use crate::q::Q;\
                     // crate::q::Q\nconst TEXT: &str = \"crate::q::Q\";";
        let tests = "use crate::q::Q;";
        let other =
            "pub(in crate::q) struct O; use crate::p::P; use crate::p::C; $crate::q::Q; ::other::q::f();";
        let files = [
            ("lib.rs", "mod p; mod q;"),
            ("p/mod.rs", parent),
            ("p/child.rs", child),
            ("p/tests.rs", tests),
            ("q.rs", other),
        ];
        assert_eq!(cycles(&files), Vec::<String>::new());
    }
}
