//! The version of an endpoint's catalog, and the versions at which its objects changed.
//!
//! Input: schema changes that sessions have committed. Output: the newest version, and whether an object has changed
//! since an older version. Objects are compared by their names without a schema: two objects of the same name are
//! treated as one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A schema change: the names of the objects in its statement, and the object that the statement creates.
#[derive(Debug, Default)]
pub(crate) struct SchemaChange {
    pub(crate) names: Vec<String>,
    pub(crate) created: Option<String>,
    /// The number of parts of the schema change. With `IF EXISTS` or `IF NOT EXISTS`, PostgreSQL may skip each of these
    /// parts.
    pub(crate) parts: usize,
}

/// Counts the schema changes that sessions have committed.
#[derive(Default)]
pub(crate) struct CatalogVersion(Mutex<Versions>);

#[derive(Default)]
struct Versions {
    newest: u64,
    objects: HashMap<String, Object>,
}

#[derive(Default)]
struct Object {
    changed: u64,
    created: u64,
}

impl CatalogVersion {
    pub(crate) fn newest(&self) -> u64 {
        self.versions().newest
    }

    /// Records a schema change that a session has committed. Returns its version.
    pub(crate) fn commit(&self, change: SchemaChange) -> u64 {
        let mut versions = self.versions();
        versions.newest += 1;
        let newest = versions.newest;
        for name in change.names {
            versions.objects.entry(name).or_default().changed = newest;
        }
        if let Some(name) = change.created {
            versions.objects.entry(name).or_default().created = newest;
        }
        newest
    }

    /// Whether the object that had this name at `version` was changed after `version`. A new object does not count as
    /// a change.
    pub(crate) fn has_changed(&self, name: &str, version: u64) -> bool {
        let versions = self.versions();
        versions.objects.get(name).is_some_and(|it| it.changed > version && it.created <= version)
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_changes_when_named_unless_created_since() {
        let catalog = CatalogVersion::default();
        let named = |name: &str, created: bool| SchemaChange {
            names: vec![name.to_owned()],
            created: created.then(|| name.to_owned()),
            parts: 1,
        };
        assert_eq!(catalog.commit(named("a", true)), 1);
        assert!(!catalog.has_changed("a", 0) && !catalog.has_changed("a", 1));
        assert_eq!(catalog.commit(named("a", false)), 2);
        assert!(catalog.has_changed("a", 1) && !catalog.has_changed("a", 2));
        assert!(!catalog.has_changed("b", 0));
        // The table is dropped and created again: the new table was not used yet.
        assert_eq!(catalog.commit(named("a", true)), 3);
        assert!(!catalog.has_changed("a", 1) && catalog.newest() == 3);
    }
}
