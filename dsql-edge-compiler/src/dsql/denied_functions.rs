//! Lists PostgreSQL's functions that have more effects than computing a value from rows: they run a string as SQL, read
//! tables that the statement does not contain, or write something other than rows.
//!
//! Input: a function's name. Output: the alternative. The list is from PostgreSQL's `pg_proc.dat`, as far as a role
//! without privileges may call the functions: PostgreSQL itself denies such roles files (`pg_read_file`, `lo_import`)
//! and the server's log. It is not known whether a cluster rejects such a call, so the linter and `sql!` report a
//! warning.

/// Functions, and the alternative to each.
const DENIED: &[(&[&str], &str)] = &[
    (
        &[
            "query_to_xml",
            "query_to_xmlschema",
            "query_to_xml_and_xmlschema",
            "cursor_to_xml",
            "cursor_to_xmlschema",
            "table_to_xml",
            "table_to_xmlschema",
            "table_to_xml_and_xmlschema",
            "schema_to_xml",
            "schema_to_xmlschema",
            "schema_to_xml_and_xmlschema",
            "database_to_xml",
            "database_to_xmlschema",
            "database_to_xml_and_xmlschema",
        ],
        "select the rows, and write the XML in the program",
    ),
    (&["ts_stat", "ts_rewrite"], "select the rows, and count or change the words in the program"),
    (
        &[
            "lo_close",
            "lo_creat",
            "lo_create",
            "lo_from_bytea",
            "lo_get",
            "lo_lseek",
            "lo_lseek64",
            "lo_open",
            "lo_put",
            "lo_tell",
            "lo_tell64",
            "lo_truncate",
            "lo_truncate64",
            "lo_unlink",
            "loread",
            "lowrite",
        ],
        "DSQL has no large objects: use a column of type bytea, or R2",
    ),
    (
        &["pg_notify"],
        "DSQL does not send notifications: use a queue, a Durable Object or change data capture",
    ),
    (
        &[
            "pg_copy_logical_replication_slot",
            "pg_copy_physical_replication_slot",
            "pg_create_logical_replication_slot",
            "pg_create_physical_replication_slot",
            "pg_drop_replication_slot",
            "pg_export_snapshot",
            "pg_import_system_collations",
            "pg_logical_emit_message",
            "pg_logical_slot_get_binary_changes",
            "pg_logical_slot_get_changes",
            "pg_logical_slot_peek_binary_changes",
            "pg_logical_slot_peek_changes",
            "pg_replication_slot_advance",
        ],
        "leave it out: a cluster replicates automatically",
    ),
];

/// Returns all functions of the list, each with its alternative.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    DENIED.iter().flat_map(|(names, instead)| names.iter().map(|name| (*name, *instead)))
}

/// Whether a call with this number of arguments is allowed although the function is in the list, because this variant
/// of the function reads only its arguments.
pub(super) fn uses_only_arguments(name: &str, count: usize) -> bool {
    name == "ts_rewrite" && count == 3
}
