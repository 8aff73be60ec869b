//! The PostgreSQL functions that a session may not call, on any path by which the call reaches PostgreSQL.
//!
//! Input: whether DSQL's rules apply. Output: the SQL that revokes the permission to call these
//! functions from all roles except the superuser, or grants it again. A rule that searches the
//! client's statement for names would miss a call in a view, in a default, and in a query that
//! nests too deeply for our parser; the permission also applies to such calls.
//!
//! The list is from PostgreSQL's `pg_proc.dat`: the functions that a role without privileges may call, if they run a
//! text as SQL, read tables that the statement does not name, or write something other than rows. PostgreSQL itself
//! denies such roles access to files (`pg_read_file`, `lo_import`) and the server's log. A cluster's answer to a call
//! is not known; the error message is the same as for other functions that a cluster does not have. Those functions
//! (`pg_advisory_lock`) have rules in the compiler, and are also denied here.

use dsql_edge_compiler::dsql::refused_functions;

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
    (&["ts_stat", "ts_rewrite"], "select the rows, and count or rewrite in the program"),
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

/// The alternative to a function that sessions may not call.
pub(crate) fn instead_of(name: &str) -> Option<&'static str> {
    let denied = DENIED.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead);
    denied.or_else(|| refused_functions().iter().find(|(it, _)| *it == name).map(|(_, instead)| *instead))
}

/// The SQL that revokes or grants the permission. A form of a function that uses only its arguments
/// (`ts_rewrite(query, target, substitute)`) keeps the permission.
pub(crate) fn permissions(denied: bool) -> String {
    let denied_here = DENIED.iter().flat_map(|(names, _)| names.iter().copied());
    let names: Vec<&str> = denied_here.chain(refused_functions().iter().map(|(name, _)| *name)).collect();
    let (command, preposition) = if denied { ("REVOKE", "FROM") } else { ("GRANT", "TO") };
    format!(
        "DO $$
         DECLARE
             denied regprocedure;
         BEGIN
             FOR denied IN SELECT oid FROM pg_catalog.pg_proc
                 WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile <> 'i'
                     AND proname = ANY ('{{{}}}') AND has_function_privilege('admin', oid, 'EXECUTE') = {denied}
             LOOP
                 EXECUTE format('{command} EXECUTE ON FUNCTION %s {preposition} PUBLIC', denied);
             END LOOP;
         END $$",
        names.join(",")
    )
}
