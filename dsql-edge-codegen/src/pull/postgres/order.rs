//! Prints objects in an order in which a server can create them.
//!
//! Input: objects, and pairs of keys, in which the first object needs the second object. Output: DDL. The same schema
//! always gives the same bytes.
//!
//! An object is ready once everything that it needs is printed. Of the ready objects, those whose kind comes first in
//! the snapshot are printed first, in the order of their names. So a schema without unusual dependencies is printed
//! kind by kind. If only a cycle is left, the first object is printed although it needs another: PostgreSQL then
//! rejects the statement of the first object with an error that contains the names of both objects.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Object, Part, is_function};
use super::rows::Rows;

/// Returns the statements that create the objects.
pub(super) fn print(objects: Vec<Object>, needs: &Rows) -> String {
    let mut printer =
        Printer { needs: BTreeMap::new(), missing: BTreeSet::new(), out: String::new(), last: None };
    for row in needs {
        if let [Some(key), Some(needed)] = row.as_slice() {
            printer.needs.entry(key.clone()).or_default().push(needed.clone());
        }
    }
    for object in &objects {
        printer.missing.insert(object.key.clone());
        printer.missing.extend(object.parts.iter().map(|part| part.key.clone()));
    }
    let mut has_functions = objects.iter().any(|object| is_function(object.rank));
    let mut waiting: BTreeMap<(u32, String, String), Object> = BTreeMap::new();
    for object in objects {
        waiting.insert((object.rank, object.name.clone(), object.key.clone()), object);
    }
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .find(|(_, object)| printer.is_ready(&object.key, &[], None))
            .map(|(place, _)| place.clone());
        let Some(place) = ready.or_else(|| waiting.keys().next().cloned()) else { break };
        let Some(object) = waiting.remove(&place) else { break };
        if has_functions && is_function(object.rank) {
            // The body of a function may use objects that follow the function.
            printer.block(object.rank, "SET check_function_bodies = false;");
            has_functions = false;
        }
        for late in printer.object(object) {
            waiting.insert((LATE, late.name.clone(), late.key.clone()), late);
        }
    }
    printer.out
}

/// The position of a part that needs an object which follows the part's own object.
const LATE: u32 = 99;

struct Printer {
    needs: BTreeMap<String, Vec<String>>,
    /// The keys of objects and parts that are not printed yet.
    missing: BTreeSet<String>,
    out: String,
    /// The position of the last block, if the block is a single line.
    last: Option<u32>,
}

impl Printer {
    /// Whether everything that an object or a part needs is already printed. `own` is the object that contains the
    /// part, and need not be printed.
    fn is_ready(&self, key: &str, after: &[String], own: Option<&str>) -> bool {
        let needs = self.needs.get(key).into_iter().flatten().chain(after);
        needs.into_iter().all(|needed| Some(needed.as_str()) == own || !self.missing.contains(needed))
    }

    /// Prints an object with the parts that are ready, and returns the other parts.
    fn object(&mut self, object: Object) -> Vec<Object> {
        let Object { key, rank, name, head, tail, parts } = object;
        let (mut inside, mut late) = (String::new(), Vec::new());
        let mut statements: Vec<Part> = Vec::new();
        for part in parts {
            match &part.inside {
                Some(text) if part.statement.is_empty() || self.is_ready(&part.key, &[], Some(&key)) => {
                    // A part of a column, such as a default, follows the type on the same line. Every part that does
                    // not belong to the preceding column begins with a line break, and needs a comma before it.
                    if text.starts_with('\n') && !inside.is_empty() {
                        inside.push(',');
                    }
                    inside += text;
                    self.missing.remove(&part.key);
                }
                _ => statements.push(part),
            }
        }
        let end = if inside.is_empty() { "" } else { "\n" };
        self.missing.remove(&key);
        let mut block = if tail.is_empty() { head } else { format!("{head}{inside}{end}{tail}") };
        for part in statements {
            if self.is_ready(&part.key, &part.after, None) {
                block.push('\n');
                block += &part.statement;
                self.missing.remove(&part.key);
            } else {
                let needs = self.needs.entry(part.key.clone()).or_default();
                needs.extend(part.after);
                late.push(Object {
                    key: part.key,
                    name: name.clone(),
                    head: part.statement,
                    ..Object::default()
                });
            }
        }
        self.block(rank, &block);
        late
    }

    /// Prints a block after an empty line; lines of one kind follow each other directly.
    fn block(&mut self, rank: u32, text: &str) {
        let is_line = !text.contains('\n');
        if !(is_line && self.last == Some(rank)) {
            self.out.push('\n');
        }
        self.out += text;
        self.out.push('\n');
        self.last = is_line.then_some(rank);
    }
}
