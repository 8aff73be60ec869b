//! The entry module of a bundle.
//!
//! Input: wasm-bindgen's JavaScript. Output: a module that exports the handlers of the Worker as its default, and the
//! classes by name. The module's text contains the names of the classes, because a module cannot compute the names of
//! its exports.

/// The part of the entry module that is the same for every Worker.
const ENTRY: &str = include_str!("entry.js");

pub(crate) fn of(bindings: &str) -> String {
    let mut entry = ENTRY.to_owned();
    for class in classes(bindings) {
        entry.push_str(&format!("export const {class} = renewed(worker.{class});\n"));
    }
    entry
}

/// The classes that wasm-bindgen exports, one declaration per line.
fn classes(bindings: &str) -> impl Iterator<Item = &str> {
    bindings.lines().filter_map(|line| {
        let rest = line.strip_prefix("export class ")?;
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
        rest.get(..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_exported_by_name_and_nothing_else_is() {
        let bindings =
            "export class Pool {\nexport class R2Range{\nexport function fetch(a) {\n  export class no {\n";
        let entry = of(bindings);
        let added = entry.strip_prefix(ENTRY).unwrap();
        assert_eq!(
            added,
            "export const Pool = renewed(worker.Pool);\nexport const R2Range = renewed(worker.R2Range);\n"
        );
    }
}
