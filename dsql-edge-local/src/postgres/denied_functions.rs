//! The PostgreSQL functions that a session may not call, on any path by which the call reaches PostgreSQL.
//!
//! Input: whether DSQL's rules apply. Output: the SQL that revokes the permission to call these functions from all
//! roles except the superuser, or grants it again. A rule that searches the client's statement for names would miss
//! some calls: in a view, in a default, in an operator, and in the body of a function. The permission also covers these
//! calls.
//!
//! The compiler has two lists of functions: the functions that a cluster rejects, and the functions of which it is not
//! known whether a cluster rejects them. A call of a function of either list gets the same error message.

use dsql_edge_compiler::dsql::{denied_functions, refused_functions};

/// Returns the names of all denied functions, each with the alternative to the function.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    denied_functions().chain(refused_functions().iter().copied())
}

/// The alternative to a function that sessions may not call.
pub(crate) fn instead_of(name: &str) -> Option<&'static str> {
    all().find(|(denied, _)| *denied == name).map(|(_, instead)| instead)
}

/// The SQL that revokes or grants the permission. If a function has several forms, a form that uses only its arguments
/// (`ts_rewrite(query, target, substitute)`) keeps the permission.
pub(crate) fn permissions(denied: bool) -> String {
    let names: Vec<&str> = all().map(|(name, _)| name).collect();
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
