//! Lists the statements that DSQL rejects as a whole, by their command words.
//!
//! Input: the words at the start of a statement. Output: a finding for the rule that matches these words. In a pattern,
//! `[A]` is an optional word, `A|B` matches either word, and `!A` matches if the next word is not `A`. The first
//! matching rule applies. Command words that contain `…` are not a pattern: the function `refused` recognizes these
//! statements itself.

use super::rule::rules;
use super::{Finding, Rule, words::Words};

rules! {
    /// The statements.
    STATEMENTS;
    // rule                       command words                              SQLSTATE  DSQL's words
    // known by           alternative
    truncate:                     "TRUNCATE"                               | "0A000" | "unsupported statement: Truncate"                              | Recorded         | "DELETE FROM the table, at most 3,000 rows per transaction, or drop it and create it again";
    merge:                        "MERGE"                                  | "0A000" | "unsupported statement type: MERGE"                            | Recorded         | "write INSERT … ON CONFLICT (…) DO UPDATE, or UPDATE … FROM and INSERT … SELECT";
    vacuum:                       "VACUUM"                                 | "0A000" | "unsupported VACUUM statement"                                 | Recorded         | "leave it out: DSQL cleans up by itself, and ANALYZE refreshes the statistics";
    copy_file:                    "COPY … FROM | TO 'file' | PROGRAM"      | "0A000" | "COPY to or from a file or program not supported"              | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "the server has no files: write INSERT of many rows, or AWS's aurora-dsql-loader";

    // Transactions.
    savepoint:                    "SAVEPOINT"                              | "0A000" | "unsupported transaction statement: SAVEPOINT"                 | Recorded         | "DSQL has no nested transactions: run this part in its own transaction";
    release_savepoint:            "RELEASE"                                | "0A000" | "unsupported transaction statement: RELEASE"                   | Sibling          | "leave it out: DSQL has no savepoints";
    rollback_to_savepoint:        "ROLLBACK [WORK|TRANSACTION] TO"         | "0A000" | "unsupported transaction statement: ROLLBACK TO"               | Recorded         | "ROLLBACK the whole transaction: DSQL has no savepoints";
    prepare_transaction:          "PREPARE TRANSACTION"                    | "0A000" | "unsupported transaction statement: PREPARE TRANSACTION"       | Sibling          | "leave it out: DSQL has no two-phase commit";
    commit_prepared:              "COMMIT PREPARED"                        | "0A000" | "unsupported transaction statement: COMMIT PREPARED"           | Sibling          | "leave it out: DSQL has no two-phase commit";
    rollback_prepared:            "ROLLBACK PREPARED"                      | "0A000" | "unsupported transaction statement: ROLLBACK PREPARED"         | Sibling          | "leave it out: DSQL has no two-phase commit";
    lock_table:                   "LOCK"                                   | "0A000" | "unsupported statement: Lock"                                  | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "conflicts are found at COMMIT: read the rows with SELECT … FOR UPDATE, and retry on 40001";

    // Objects of a session.
    prepare:                      "PREPARE"                                | "0A000" | "unsupported statement: Prepare"                               | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "prepare over the protocol, as every driver does";
    execute:                      "EXECUTE"                                | "0A000" | "unsupported statement: Execute"                               | Recorded         | "prepare over the protocol, as every driver does";
    deallocate:                   "DEALLOCATE [PREPARE] !ALL"              | "0A000" | "unsupported statement: Deallocate"                            | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "close the statement over the protocol, or DEALLOCATE ALL";
    discard:                      "DISCARD"                                | "0A000" | "unsupported statement: Discard"                               | Documented       | "open another connection, or RESET what was set";
    declare_cursor:               "DECLARE"                                | "0A000" | "unsupported statement: DeclareCursor"                         | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "read in pages (WHERE key > $last ORDER BY key LIMIT n), or stream the rows";
    listen:                       "LISTEN"                                 | "0A000" | "unsupported statement: Listen"                                | Recorded         | "DSQL does not send notifications: use a queue, a Durable Object or change data capture";
    notify:                       "NOTIFY"                                 | "0A000" | "unsupported statement: Notify"                                | Recorded         | "DSQL does not send notifications: use a queue, a Durable Object or change data capture";
    unlisten:                     "UNLISTEN"                               | "0A000" | "unsupported statement: Unlisten"                              | Recorded         | "leave it out: DSQL does not send notifications";
    load:                         "LOAD"                                   | "0A000" | "unsupported statement: Load"                                  | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "leave it out: DSQL does not load libraries";
    anonymous_block:              "DO"                                     | "0A000" | "unsupported statement: Do"                                    | Documented       | "DSQL has no PL/pgSQL: write the logic in the program";

    // The following statements change objects of the server, which do not belong to a schema.
    create_database:              "CREATE DATABASE"                        | "0A000" | "unsupported statement: Createdb"                              | Recorded         | "a cluster has one database, postgres: CREATE SCHEMA instead";
    drop_database:                "DROP DATABASE"                          | "0A000" | "unsupported statement: Dropdb"                                | Documented       | "leave it out: a cluster has one database, postgres";
    alter_database:               "ALTER DATABASE"                         | "0A000" | "unsupported statement: AlterDatabase"                         | Documented       | "leave it out: the settings of a cluster's only database, postgres, are fixed";
    create_extension:             "CREATE EXTENSION"                       | "0A000" | "unsupported statement: CreateExtension"                       | Recorded         | "leave it out: gen_random_uuid() and PostgreSQL's other built-in functions are available";
    create_tablespace:            "CREATE TABLESPACE"                      | "0A000" | "unsupported statement: CreateTableSpace"                      | Recorded         | "leave it out: DSQL places the data itself";
    create_foreign_table:         "CREATE FOREIGN TABLE"                   | "0A000" | "unsupported statement: CreateForeignTable"                    | Recorded         | "a cluster cannot connect to other servers: copy the data";
    create_server:                "CREATE SERVER"                          | "0A000" | "unsupported statement: CreateForeignServer"                   | Documented       | "a cluster cannot connect to other servers: copy the data";
    create_foreign_data_wrapper:  "CREATE FOREIGN DATA WRAPPER"            | "0A000" | "unsupported statement: CreateFdw"                             | Documented       | "a cluster cannot connect to other servers: copy the data";
    create_user_mapping:          "CREATE USER MAPPING"                    | "0A000" | "unsupported statement: CreateUserMapping"                     | Inferred         | "a cluster cannot connect to other servers: copy the data";
    import_foreign_schema:        "IMPORT FOREIGN SCHEMA"                  | "0A000" | "unsupported statement: ImportForeignSchema"                   | Inferred         | "a cluster cannot connect to other servers: copy the data";
    alter_system:                 "ALTER SYSTEM"                           | "0A000" | "unsupported statement: AlterSystem"                           | Recorded         | "leave it out: DSQL's settings are fixed";
    alter_user:                   "ALTER USER"                             | "0A000" | "unsupported statement: AlterRole"                             | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "DSQL has no passwords: AWS IAM GRANT role TO 'arn:…' lets an identity log in as the role";
    alter_role_set:               "ALTER ROLE … SET"                       | "0A000" | "unsupported statement: AlterRoleSet"                          | Documented       | "SET it in the session";
    alter_role_property:          "ALTER ROLE … PASSWORD, SUPERUSER …"     | "0A000" | "unsupported statement: AlterRole"                             | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "DSQL has no passwords: AWS IAM GRANT role TO 'arn:…' lets an identity log in as the role";
    create_publication:           "CREATE PUBLICATION"                     | "0A000" | "unsupported statement: CreatePublication"                     | Inferred         | "use change data capture, which is set up in AWS";
    create_subscription:          "CREATE SUBSCRIPTION"                    | "0A000" | "unsupported statement: CreateSubscription"                    | Inferred         | "a cluster cannot connect to other servers: copy the data";
    cluster_table:                "CLUSTER"                                | "0A000" | "unsupported statement: Cluster"                               | Inferred         | "leave it out: rows are kept in the order of the primary key";
    reindex:                      "REINDEX"                                | "0A000" | "unsupported statement: Reindex"                               | Inferred         | "drop the index and CREATE INDEX ASYNC again";

    // Objects of a schema.
    create_trigger:               "CREATE [OR] [REPLACE] [CONSTRAINT] TRIGGER" | "0A000" | "CREATE TRIGGER not supported"                            | Recorded         | "let the program, or the statements that write to the table, do what the trigger does";
    drop_trigger:                 "DROP TRIGGER !IF"                       | "0A000" | "unsupported object in DROP statement"                         | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "leave it out: DSQL has no triggers";
    alter_trigger:                "ALTER TRIGGER"                          | "0A000" | "ALTER TRIGGER not supported"                                   | Inferred         | "leave it out: DSQL has no triggers";
    create_event_trigger:         "CREATE EVENT TRIGGER"                   | "0A000" | "unsupported statement: CreateEventTrig"                       | Inferred         | "leave it out: DSQL has no triggers";
    create_rule:                  "CREATE [OR] [REPLACE] RULE"             | "0A000" | "unsupported statement: Rule"                                  | Inferred         | "let the statements that write to the table do what the rule does";
    create_policy:                "CREATE POLICY"                          | "0A000" | "unsupported statement: CreatePolicy"                          | Observed "pistachio, live 2026-07-23"       | "write the condition into the queries, or into a view that the role may read";
    alter_policy:                 "ALTER POLICY"                           | "0A000" | "unsupported statement: AlterPolicy"                           | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "leave it out: DSQL has no row level security";
    drop_policy:                  "DROP POLICY"                            | "0A000" | "unsupported object in DROP statement"                         | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "leave it out: DSQL has no row level security";
    create_procedure:             "CREATE [OR] [REPLACE] PROCEDURE"        | "0A000" | "PROCEDURE is not supported"                               | Observed "AWS's agent plugins, observed 2026-10"       | "CREATE FUNCTION … LANGUAGE sql, or the statements one by one";
    create_language:              "CREATE [OR] [REPLACE] [TRUSTED] [PROCEDURAL] LANGUAGE" | "0A000" | "unsupported statement: CreatePLang"                | Inferred         | "write functions in SQL";
    create_aggregate:             "CREATE [OR] [REPLACE] AGGREGATE"        | "0A000" | "unsupported statement: Define"                                | Observed "PostgREST engine, live 2026-08-28" | "write the query with PostgreSQL's aggregates, or compute in the program";
    create_text_search:           "CREATE TEXT SEARCH"                     | "0A000" | "unsupported statement: Define"                                | Observed "PostgREST engine, live 2026-08-28" | "DSQL has the configuration simple only";
    grant_on_public:              "GRANT … ON SCHEMA public"               | "42501" | "permission denied for schema public"                          | Documented       | "create a schema for the role: CREATE SCHEMA app, then GRANT USAGE ON SCHEMA app";
    alter_aggregate:              "ALTER AGGREGATE"                        | "0A000" | "ALTER AGGREGATE not supported"                                | Observed "dsql-lint's tests on a cluster, 2026-08-07"       | "drop it and create it again";
    alter_function_property:      "ALTER FUNCTION … property"              | "0A000" | "ALTER FUNCTION not supported"                                 | Documented       | "CREATE OR REPLACE FUNCTION with the properties";
    refresh_materialized_view:    "REFRESH MATERIALIZED VIEW"              | "0A000" | "unsupported statement: RefreshMatView"                        | Inferred         | "DSQL has no materialized views: fill a table, and fill it again";
    drop_materialized_view:       "DROP MATERIALIZED VIEW"                 | "0A000" | "unsupported object in DROP statement"                         | Documented       | "leave it out: DSQL has no materialized views";
    alter_materialized_view:      "ALTER MATERIALIZED VIEW"                | "0A000" | "ALTER MATERIALIZED VIEW not supported"                        | Inferred         | "leave it out: DSQL has no materialized views";
    alter_foreign_table:          "ALTER FOREIGN TABLE"                    | "0A000" | "ALTER FOREIGN TABLE not supported"                            | Inferred         | "leave it out: DSQL has no foreign tables";
    drop_type:                    "DROP TYPE"                              | "0A000" | "unsupported object in DROP statement"                         | Recorded         | "DSQL supports only domains: DROP DOMAIN";
    drop_extension:               "DROP EXTENSION"                         | "0A000" | "unsupported object in DROP statement"                         | Inferred         | "leave it out: DSQL does not support extensions";
}

/// Returns a finding if DSQL rejects a statement as a whole.
pub(super) fn refused(words: &Words<'_>) -> Option<Finding> {
    let by_words = STATEMENTS.iter().filter(|rule| !rule.what.contains('…'));
    for rule in by_words {
        if let Some(count) = words.begin_with(rule.what) {
            return Some(rule.at(words.span_of(count)));
        }
    }
    let looked_into: Option<(&'static Rule, usize)> = match words.first_two() {
        ("COPY", _) => {
            let at = words.position(|word| word == "FROM" || word == "TO");
            let file = at.filter(|at| words.is_string(at + 1) || words.at(at + 1) == "PROGRAM");
            file.map(|at| (&copy_file, at + 2))
        }
        ("ALTER", "ROLE") => match words.at(3) {
            "RENAME" => None,
            _ if words.position(|word| word == "SET").is_some() => Some((&alter_role_set, 2)),
            // AWS's linter lists `ALTER ROLE … RESET` as accepted.
            _ if words.position(|word| word == "RESET").is_some() => None,
            _ => Some((&alter_role_property, 2)),
        },
        ("GRANT", _) => {
            let at = words.position(|word| word == "SCHEMA").filter(|at| words.at(at - 1) == "ON");
            let is_public = |at: &usize| {
                let names = (at + 1..words.len()).take_while(|at| words.at(*at) != "TO");
                names.into_iter().any(|at| words.at(at) == "PUBLIC" || words.at(at) == "\"public\"")
            };
            at.filter(is_public).map(|at| (&grant_on_public, at + 2))
        }
        ("ALTER", "FUNCTION" | "PROCEDURE" | "ROUTINE") => {
            let renames =
                words.position(|word| matches!(word, "RENAME" | "OWNER" | "SCHEMA" | "DEPENDS")).is_some();
            (!renames).then_some((&alter_function_property, 2))
        }
        _ => None,
    };
    looked_into.map(|(rule, count)| rule.at(words.span_of(count)))
}
