//! Decides whether an object can exist although the schema does not list it.
//!
//! Input: a name. Output: whether the database may have a relation, function or operator of this name. The schema does
//! not list three kinds of objects: indexes whose names PostgreSQL chose, the objects of unknown extensions, and
//! objects that a statement with an unknown effect creates.

use super::Schema;

/// The suffixes of the names that PostgreSQL gives to indexes (`ChooseIndexName`).
const CHOSEN: [&str; 4] = ["_pkey", "_key", "_idx", "_excl"];

impl Schema {
    /// Whether an index with this name may exist.
    pub(crate) fn may_have_index(&self, name: &str) -> bool {
        let is_named = |relation: &super::Relation| {
            relation.keys.iter().any(|key| key.name.as_deref() == Some(name))
                || relation.exclusions.iter().any(|it| it.name.as_deref() == Some(name))
        };
        let without_number = name.trim_end_matches(|last: char| last.is_ascii_digit());
        self.indexes.iter().any(|known| known.name == name)
            || self.relations.iter().any(is_named)
            || CHOSEN.iter().any(|end| without_number.ends_with(end))
    }

    /// Whether an object that the schema does not list may have this name.
    pub(crate) fn may_have_unlisted(&self, name: &str) -> bool {
        self.has_unknown_extension || self.taints.iter().any(|taint| taint.names(name))
    }
}
