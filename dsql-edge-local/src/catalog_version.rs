//! The version of an endpoint's catalog, the versions at which its objects changed, and the schema changes that are not
//! committed.
//!
//! Input: schema changes that sessions have sent or committed. Output: the newest version, whether an object has
//! changed since an older version, and whether a schema change is open. Objects are compared by their names without a
//! schema: two objects of the same name are treated as one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A schema change: the names of the objects in its statement, and the object that the statement creates.
#[derive(Debug)]
pub(crate) struct SchemaChange {
    pub(crate) names: Vec<String>,
    pub(crate) created: Option<String>,
    /// The number of parts of the schema change. With `IF EXISTS` or `IF NOT EXISTS`, PostgreSQL may skip each of these
    /// parts.
    pub(crate) parts: usize,
    #[expect(dead_code, reason = "the drop of this value ends the change")]
    pub(crate) open: OpenChange,
}

/// A schema change that is sent, and neither committed nor rolled back. The value is dropped at the end of the change.
#[derive(Debug)]
pub(crate) struct OpenChange(#[expect(dead_code, reason = "only counted")] Arc<()>);

/// Counts the schema changes that sessions have committed, and those that are open.
#[derive(Default)]
pub(crate) struct CatalogVersion {
    versions: Mutex<Versions>,
    /// Each open change has a copy.
    open: Arc<()>,
}

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

    /// Records that a session has sent a schema change.
    pub(crate) fn opens_change(&self) -> OpenChange {
        OpenChange(self.open.clone())
    }

    /// Whether a schema change of any session is open. Only a schema change locks a table so that other sessions wait.
    pub(crate) fn has_open_change(&self) -> bool {
        Arc::strong_count(&self.open) > 1
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

    /// Whether a schema change after `version` contains this name, and no object of this name was created after
    /// `version`: a session does not use an object that is newer than its copy of the catalog.
    pub(crate) fn has_changed(&self, name: &str, version: u64) -> bool {
        let versions = self.versions();
        versions.objects.get(name).is_some_and(|it| it.changed > version && it.created <= version)
    }

    fn versions(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
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
            open: catalog.opens_change(),
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

    #[test]
    fn change_is_open_until_it_is_dropped() {
        let catalog = CatalogVersion::default();
        let (one, other) = (catalog.opens_change(), catalog.opens_change());
        drop(one);
        assert!(catalog.has_open_change());
        drop(other);
        assert!(!catalog.has_open_change());
    }
}
