//! Records which object had which name after each statement, because the names in a view's query keep referring to the
//! objects that had these names when the view was created.
//!
//! Input: each name that is given to an object or removed, with the number of the statement that does so. Output: the
//! object that a name referred to at a [`Moment`].
//!
//! # Why a history
//!
//! PostgreSQL stores the query of a view as a tree of object numbers: after `ALTER TABLE t RENAME TO u`, a view over
//! `t` still reads the same table, and a new table `t` does not change the view. The snapshot keeps the view's query as
//! written. To resolve the names in this query after a rename, the compiler uses the meaning that each name had when
//! the view was created:
//!
//! ```sql
//! CREATE TABLE t (a int);          -- 1: t is relation 0
//! CREATE VIEW v AS SELECT a FROM t; -- 2: the names in v are those of moment 1
//! ALTER TABLE t RENAME TO u;       -- 3: t is nothing, u is relation 0
//! CREATE TABLE t (a text);         -- 4: t is relation 1
//! ```
//!
//! In the query of `v`, `t` is the object that had this name at moment 1, just before the view was created: relation 0,
//! whose column is an int. The names of columns, types and functions, and the search path, are also resolved as of that
//! moment. A `*` does not include a column that was added later.
//!
//! A rejected alternative is to rewrite the query at each rename. The fold would then need the scopes of a query (CTEs,
//! aliases, USING), that is, a second implementation of the analyzer's scopes, which could differ from the first.

use std::collections::HashMap;
use std::sync::Arc;

/// A moment after a statement: the number of the statement, and the search path at that moment. Names are resolved as
/// of a moment.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// The number of the statement.
    pub version: u32,
    /// The search path at this moment: the schemas in which unqualified names are looked up.
    pub path: Arc<[String]>,
}

/// The number for the moment after all statements; no statement has this number.
pub const NOW: u32 = u32::MAX;

/// Finds the objects of one kind by their schema and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    given: HashMap<(String, String), Vec<Given>>,
}

#[derive(Clone, Copy, Debug)]
struct Given {
    object: usize,
    from: u32,
    /// The number of the statement that removed the name; [`NOW`] if the name is in use.
    to: u32,
}

impl Names {
    /// Returns the object that had this name after the statement with the number `version`.
    pub(super) fn at(&self, version: u32, schema: &str, name: &str) -> Option<usize> {
        let given = self.given.get(&(schema.to_owned(), name.to_owned()))?;
        let is_then = |it: &&Given| it.from <= version && (version < it.to || it.to == NOW);
        given.iter().rev().find(is_then).map(|it| it.object)
    }

    /// Returns the object that has this name after all statements.
    pub(super) fn now(&self, schema: &str, name: &str) -> Option<usize> {
        self.at(NOW, schema, name)
    }

    pub(super) fn give(&mut self, version: u32, schema: &str, name: &str, object: usize) {
        self.take(version, schema, name);
        let given = self.given.entry((schema.to_owned(), name.to_owned())).or_default();
        given.push(Given { object, from: version, to: NOW });
    }

    pub(super) fn take(&mut self, version: u32, schema: &str, name: &str) {
        let given = self.given.get_mut(&(schema.to_owned(), name.to_owned()));
        given.into_iter().flatten().filter(|it| it.to == NOW).for_each(|it| it.to = version);
    }

    /// Returns all names that are in use, each with its object.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.given.iter().flat_map(|((schema, name), given)| {
            let now = given.iter().filter(|it| it.to == NOW);
            now.map(move |it| (schema.as_str(), name.as_str(), it.object))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_resolves_to_the_object_of_its_moment() {
        let mut names = Names::default();
        names.give(1, "public", "t", 0);
        names.take(3, "public", "t");
        names.give(3, "public", "u", 0);
        names.give(4, "public", "t", 1);
        let t = |version| names.at(version, "public", "t");
        assert_eq!([t(0), t(1), t(2), t(3), t(4), t(NOW)], [None, Some(0), Some(0), None, Some(1), Some(1)]);
        assert_eq!((names.now("public", "u"), names.at(2, "public", "u")), (Some(0), None));
        assert_eq!(names.all().count(), 2);
    }
}
