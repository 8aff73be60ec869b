//! Looks up the settings of PostgreSQL 16. Input: a name. Output: the name as `SHOW` prints it.

use super::table::{Key, Table};

const SETTINGS: Table = Table::new(include_str!("data/settings.txt"));

/// The old names of settings: `map_old_guc_names`.
const OLD_NAMES: [(&str, &str); 2] = [("sort_mem", "work_mem"), ("vacuum_mem", "maintenance_work_mem")];

/// The settings that a server has only if it was compiled with certain options, and the settings of Aurora DSQL.
const OTHER: &[&str] = &[
    "debug_deadlocks",
    "disable_sync_create_index",
    "log_btree_build_stats",
    "optimize_bounded_sort",
    "trace_lock_oidmin",
    "trace_lock_table",
    "trace_locks",
    "trace_lwlocks",
    "trace_syncscan",
    "trace_userlocks",
    "wal_debug",
];

/// Returns the name of a setting as `SHOW` prints it; `None` if no server has the setting. `written` is the name in
/// upper or lower case.
pub fn setting(written: &str) -> Option<&'static str> {
    let lower = written.to_ascii_lowercase();
    let name = OLD_NAMES.iter().find(|(old, _)| *old == lower).map_or(lower.as_str(), |(_, new)| new);
    let found = SETTINGS.find(Key::name(name)).next().map(|row| {
        let mut fields = row.fields();
        fields.text();
        fields.text()
    });
    found.or_else(|| OTHER.iter().find(|other| **other == name).copied())
}

/// Returns the names of the settings, in lower case, without those that only some builds of PostgreSQL, or only Aurora
/// DSQL, have.
pub fn setting_names() -> impl Iterator<Item = &'static str> {
    SETTINGS.names()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_by_any_spelling() {
        assert_eq!(setting("DATESTYLE"), Some("DateStyle"));
        assert_eq!(setting("sort_mem"), Some("work_mem"));
        assert_eq!(setting("is_superuser"), Some("is_superuser"));
        assert_eq!(setting("lc_collate"), None);
        assert_eq!(setting("work_men"), None);
    }
}
