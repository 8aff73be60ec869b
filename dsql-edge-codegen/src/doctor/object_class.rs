//! The class of a Durable Object, as wrangler's settings create it: by `migrations`, one after the other, or by
//! `exports`.

use serde_json::Value;

use crate::settings_file::text;

/// Whether a class exists after the settings are applied, and with which storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifecycle {
    /// The class exists, with the storage that every plan has.
    Sqlite,
    /// The class exists, with the storage of the paid plan.
    KeyValue,
    Missing,
}

impl Lifecycle {
    /// Returns the state of a class: the state in `exports`, or else the state after all migrations.
    pub(super) fn of(values: &Value, class: &str) -> Lifecycle {
        if let Some(exported) = values.get("exports").and_then(|exports| exports.get(class)) {
            return match (text(exported, &["state"]), text(exported, &["storage"])) {
                (Some("deleted" | "renamed" | "transferred"), _) => Lifecycle::Missing,
                (_, Some("legacy-kv")) => Lifecycle::KeyValue,
                _ => Lifecycle::Sqlite,
            };
        }
        let migrations = values.get("migrations").and_then(Value::as_array).into_iter().flatten();
        migrations.fold(Lifecycle::Missing, |before, migration| after(migration, class).unwrap_or(before))
    }
}

/// Returns the state of a class after a migration that mentions the class.
fn after(migration: &Value, class: &str) -> Option<Lifecycle> {
    let list = |name: &str| migration.get(name).and_then(Value::as_array).into_iter().flatten();
    let names = |name: &str| list(name).any(|it| it.as_str() == Some(class));
    let moves = |name: &str, end: &str| list(name).any(|it| text(it, &[end]) == Some(class));
    if names("new_sqlite_classes") {
        return Some(Lifecycle::Sqlite);
    }
    if names("new_classes") {
        return Some(Lifecycle::KeyValue);
    }
    // A renamed or transferred class keeps its storage. The class is deployed already, so the kind of its storage
    // cannot be wrong.
    if moves("renamed_classes", "to") || moves("transferred_classes", "to") {
        return Some(Lifecycle::Sqlite);
    }
    (names("deleted_classes") || moves("renamed_classes", "from")).then_some(Lifecycle::Missing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn class_exists_as_the_last_migration_leaves_it() {
        let new = json!({ "new_sqlite_classes": ["A"] });
        for (values, expected) in [
            (json!({}), Lifecycle::Missing),
            (json!({ "migrations": [new] }), Lifecycle::Sqlite),
            (json!({ "migrations": [{ "new_sqlite_classes": ["B"] }] }), Lifecycle::Missing),
            (json!({ "migrations": [{ "new_classes": ["A"] }] }), Lifecycle::KeyValue),
            (json!({ "migrations": [new, { "deleted_classes": ["A"] }] }), Lifecycle::Missing),
            (
                json!({ "migrations": [new, { "renamed_classes": [{ "from": "A", "to": "B" }] }] }),
                Lifecycle::Missing,
            ),
            (
                json!({ "migrations": [{ "renamed_classes": [{ "from": "B", "to": "A" }] }] }),
                Lifecycle::Sqlite,
            ),
            (
                json!({ "exports": { "A": { "type": "durable-object", "storage": "sqlite" } } }),
                Lifecycle::Sqlite,
            ),
            (
                json!({ "exports": { "A": { "type": "durable-object", "state": "deleted" } } }),
                Lifecycle::Missing,
            ),
            (json!({ "migrations": "A", "exports": [] }), Lifecycle::Missing),
        ] {
            assert_eq!(Lifecycle::of(&values, "A"), expected, "{values}");
        }
    }
}
