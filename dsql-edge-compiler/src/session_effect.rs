//! Derives the effect of a statement on its session.
//!
//! Input: a statement's tree and its tokens, or the name of a function. Output: a [`SessionEffect`].
//!
//! A connection may serve several callers, one after the other. The callers of a pool's connection may even belong to
//! different tenants. So a statement of `sql!` whose purpose is to change the session can only be executed on a
//! `Session`, and the pool closes a connection whose session may have changed. Effects that end with the transaction
//! (`SET LOCAL`, `set_config(…, true)`, `pg_advisory_xact_lock`) do not change the session. `nextval` and `setval` do
//! not count as changes either, because in the session they change only the number that `currval` and `lastval` return.
//! A statement that evaluates expressions which the analyzer does not see (`CREATE TABLE … AS`, `ALTER TABLE … USING`,
//! `MOVE` in a cursor, `TRUNCATE`, which runs triggers) may change the session.

use crate::dsql::Words;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Persistence, StatementKind};
use crate::typed::SessionEffect;

/// Returns the effect of the statement, without the effects of the functions that it calls. The analyzer finds the
/// effects of the functions that the statement calls.
pub fn of_statement(statement: ParsedStatement<'_>) -> SessionEffect {
    let words = || Words::of(statement);
    let changes = match &statement.kind {
        StatementKind::Set(set) => set.command != "SET LOCAL",
        StatementKind::Utility("SET") => words().begin_with("SET LOCAL").is_none(),
        StatementKind::Utility(
            "RESET" | "DISCARD" | "LISTEN" | "UNLISTEN" | "PREPARE" | "DEALLOCATE" | "LOAD",
        ) => true,
        StatementKind::Utility("DECLARE CURSOR") => words().has("WITH HOLD"),
        StatementKind::CreateTable(table) => table.persistence == Persistence::Temporary,
        StatementKind::CreateTableAs(table) => table.persistence == Persistence::Temporary,
        StatementKind::CreateView(view) => view.persistence == Persistence::Temporary,
        StatementKind::CreateSequence(sequence) => sequence.persistence == Persistence::Temporary,
        StatementKind::Query(_) => {
            let words = words();
            words.has("INTO TEMP|TEMPORARY") || words.has("INTO LOCAL|GLOBAL TEMP|TEMPORARY")
        }
        _ => false,
    };
    if changes || names_temporary_schema(&statement.kind, &words) {
        SessionEffect::Changes
    } else if runs_unseen(&statement.kind) {
        SessionEffect::MayChange
    } else {
        SessionEffect::Keeps
    }
}

/// Whether the statement creates or changes an object in the session's temporary schema. The temporary schema can
/// contain objects of any kind, including functions.
fn names_temporary_schema<'w>(kind: &StatementKind, words: &impl Fn() -> Words<'w>) -> bool {
    let is_temporary = |word: &str| word.trim_start_matches('"').starts_with("PG_TEMP");
    match kind {
        StatementKind::Query(_) => {
            words().follows("INTO", is_temporary) || words().follows("INTO TABLE", is_temporary)
        }
        // A row in a temporary table is not visible to other callers.
        StatementKind::Insert(_)
        | StatementKind::Update(_)
        | StatementKind::Delete(_)
        | StatementKind::Merge(_) => false,
        _ => words().position(is_temporary).is_some(),
    }
}

/// Whether the statement may run functions that the analyzer does not find.
fn runs_unseen(kind: &StatementKind) -> bool {
    match kind {
        StatementKind::CreateTableAs(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::CreateExtension(_)
        | StatementKind::MoveExtension(_)
        | StatementKind::AlterTable(_)
        | StatementKind::AlterFunction(_)
        | StatementKind::RenameSchema { .. }
        | StatementKind::Transaction(_) => true,
        StatementKind::Utility(command) => !matches!(
            *command,
            "SET"
                | "SET CONSTRAINTS"
                | "CLOSE"
                | "GRANT"
                | "REVOKE"
                | "COMMENT"
                | "LOCK TABLE"
                | "NOTIFY"
                | "ANALYZE"
                | "SHOW"
        ),
        _ => false,
    }
}

/// Returns the effect of a volatile built-in function; `local` is true if the last argument of the call is the constant
/// `true` or one of its spellings, such as `'yes'`.
pub(crate) fn of_volatile(name: &str, local: bool) -> SessionEffect {
    match name {
        "set_config" if local => SessionEffect::Keeps,
        "set_config"
        | "pg_advisory_lock"
        | "pg_advisory_lock_shared"
        | "pg_try_advisory_lock"
        | "pg_try_advisory_lock_shared"
        | "pg_advisory_unlock"
        | "pg_advisory_unlock_shared"
        | "pg_advisory_unlock_all" => SessionEffect::Changes,
        "nextval"
        | "setval"
        | "pg_notify"
        | "pg_advisory_xact_lock"
        | "pg_advisory_xact_lock_shared"
        | "pg_try_advisory_xact_lock"
        | "pg_try_advisory_xact_lock_shared" => SessionEffect::Keeps,
        // `query_to_xml` and related functions run the SQL in a string; the other functions have not been reviewed.
        _ => SessionEffect::MayChange,
    }
}

#[cfg(test)]
mod tests {
    use crate::typed::SessionEffect;
    use crate::{Schema, Source, compile};

    const SCHEMA: &str = "-- dsql-edge: dialect postgres
        CREATE FUNCTION app(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE PROCEDURE run(int) LANGUAGE sql AS 'SELECT 1';
        CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT lower('A'));
        CREATE TABLE called (id int PRIMARY KEY, a int DEFAULT app(1));
        CREATE TABLE checked (id int PRIMARY KEY CHECK (app(id) > 0));
        CREATE TABLE excluded (id int PRIMARY KEY, EXCLUDE USING gist (app(id) WITH =));
        CREATE TABLE made (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (app(id)) STORED);
        CREATE SEQUENCE s;
        CREATE TABLE guarded (a text);
        CREATE POLICY p ON guarded USING (app(1) > 0);
        ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
        CREATE VIEW calling AS SELECT app(id) AS a FROM t;
        CREATE VIEW setting AS SELECT set_config('a.b', 'c', false) AS a;";

    #[test]
    fn effects_on_the_session_are_found() {
        let schema = Schema::parse(SCHEMA).unwrap();
        let effect = |sql: &str| {
            let query = compile(&Source::of_macro(sql), &schema);
            query.unwrap_or_else(|error| panic!("{sql}: {error:?}")).session
        };
        for sql in [
            "SELECT id FROM t FOR UPDATE",
            "INSERT INTO t (id) VALUES ($id)",
            "SET LOCAL timezone = 'UTC'",
            "SET LOCAL TIME ZONE 'UTC'",
            "SET CONSTRAINTS ALL DEFERRED",
            "SELECT set_config('a.b', $value, true)",
            "SELECT set_config('a.b', $value, 'yes')",
            "SELECT pg_advisory_xact_lock(1)",
            "SELECT nextval('s')",
            "SELECT random(), gen_random_uuid(), now()",
            "CREATE TABLE u (id int)",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "DROP TABLE t",
            "COMMENT ON TABLE t IS 'pg_temp'",
            "SELECT 1 AS temp INTO copied",
            "ANALYZE t",
        ] {
            assert_eq!(effect(sql), SessionEffect::Keeps, "{sql}");
        }
        for sql in [
            "SELECT app(1)",
            "CALL run(1)",
            "SELECT a FROM calling",
            "INSERT INTO called (id) VALUES ($id)",
            "INSERT INTO checked (id) VALUES ($id)",
            "INSERT INTO excluded (id) VALUES ($id)",
            "INSERT INTO made (id) VALUES ($id)",
            "SELECT query_to_xml('SELECT 1', true, true, '')",
            "SELECT table_to_xml('calling', true, true, '')",
            "SELECT setseed(0.5)",
            "CREATE TABLE u AS SELECT set_config('a.b', 'c', false) AS a",
            "CREATE TABLE u AS EXECUTE p",
            "CREATE INDEX ON t ((app(id)))",
            "ALTER TABLE t ALTER COLUMN a TYPE text USING set_config('a.b', 'c', false)",
            "ALTER TABLE t ADD CHECK (set_config('a.b', 'c', false) = 'c')",
            "DECLARE c CURSOR FOR SELECT set_config('a.b', 'c', false)",
            "MOVE 1 FROM c",
            "REFRESH MATERIALIZED VIEW m",
            "TRUNCATE t",
            "SELECT a FROM guarded",
            "INSERT INTO guarded (a) VALUES ('x')",
        ] {
            assert_eq!(effect(sql), SessionEffect::MayChange, "{sql}");
        }
        for sql in [
            "SET search_path TO app, public",
            "SET SESSION timezone = 'UTC'",
            "SET TIME ZONE 'UTC'",
            "SET ROLE admin",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "RESET ALL",
            "DISCARD ALL",
            "LISTEN a",
            "UNLISTEN *",
            "PREPARE a AS SELECT 1",
            "DEALLOCATE ALL",
            "LOAD 'a'",
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
            "CREATE TEMP TABLE u (id int)",
            "CREATE LOCAL TEMPORARY TABLE u (id int)",
            "CREATE TABLE pg_temp.u (id int)",
            "CREATE TABLE pg_temp_3.u (id int)",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "CREATE DOMAIN pg_temp.d AS int",
            "CREATE TYPE pg_temp.e AS ENUM ('a')",
            "CREATE AGGREGATE pg_temp.a (int) (SFUNC = int4pl, STYPE = int)",
            "CREATE TEMP VIEW u AS SELECT 1 AS one",
            "CREATE TEMP SEQUENCE u",
            "CREATE TEMP TABLE u AS SELECT 1 AS one",
            "SELECT 1 AS one INTO TEMP u",
            "SELECT 1 AS one INTO \"pg_temp\".u",
            "SELECT 1 AS one INTO TABLE pg_temp.u",
            "SELECT 1 AS one INTO LOCAL TEMP TABLE u",
            "SELECT set_config('a.b', 'c', false)",
            "SELECT set_config('a.b', 'c', $local)",
            "SELECT id FROM t WHERE set_config('a.b', a, false) = 'c'",
            "SELECT pg_advisory_lock(1)",
            "SELECT pg_try_advisory_lock_shared(1, 2)",
            "SELECT pg_advisory_unlock_all()",
            "SELECT a FROM setting",
            "WITH x AS (INSERT INTO t (id) VALUES (1) RETURNING set_config('a.b', 'c', false) AS a) SELECT a FROM x",
            "SELECT id FROM t WHERE true {? AND set_config('a.b', $a, false) = 'c' }",
        ] {
            assert_eq!(effect(sql), SessionEffect::Changes, "{sql}");
        }
    }
}
