//! Jobs as on a cluster: the result of `sys.wait_for_job`, the rows of `sys.jobs`, and the index after a failed build.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use client::message;
use dsql_edge_local::Local;
use session::{Session, error, parse, sync};

const TABLES: &str = "
    CREATE SCHEMA app;
    CREATE TABLE app.t (id int PRIMARY KEY, a int, b int);
    INSERT INTO app.t VALUES (1, 5, 1), (2, 5, 2);
    CREATE TABLE app.child (id int PRIMARY KEY, t int);
    INSERT INTO app.child VALUES (1, 1), (2, 9);
    ALTER TABLE app.t ADD CONSTRAINT small CHECK (a < 10) NOT VALID;
    ALTER TABLE app.child ADD CONSTRAINT of_t FOREIGN KEY (t) REFERENCES app.t NOT VALID";

/// Each job: its statement, and its row in `sys.jobs`.
const JOBS: [(&str, &str); 4] = [
    ("CREATE INDEX ASYNC t_b ON app.t (b)", "completed||INDEX_BUILD|pg_class|app.t_b|app.t_b"),
    (
        "CREATE UNIQUE INDEX ASYNC t_a ON app.t (a)",
        "failed|found duplicate key(s) while validating index uniqueness|INDEX_BUILD|pg_class|app.t_a|app.t_a",
    ),
    (
        "ALTER TABLE ASYNC app.t VALIDATE CONSTRAINT small",
        "completed||VALIDATE_CONSTRAINT|pg_constraint|app.t|small",
    ),
    (
        "ALTER TABLE ASYNC app.child VALIDATE CONSTRAINT of_t",
        "failed|insert or update on table \"child\" violates foreign key constraint \"of_t\"|VALIDATE_CONSTRAINT\
         |pg_constraint|app.child|of_t",
    ),
];

#[tokio::test]
async fn jobs_are_waited_for_and_logged_as_on_a_cluster() {
    let local = Local::builder().start().await.unwrap();
    for extended in [false, true] {
        local.run_sql("clean", "DROP SCHEMA IF EXISTS app CASCADE").await.unwrap();
        local.run_sql("tables", TABLES).await.unwrap();
        let mut session = Session::open(&local).await;
        for (sql, expected) in JOBS {
            let answer = session.run(extended, sql).await;
            assert_eq!(
                (answer.errors.as_slice(), answer.columns.as_slice()),
                (&[][..], &["job_id".to_owned()][..]),
                "{sql}"
            );
            let id = answer.values[0].clone();
            let succeeded = if expected.starts_with("completed") { "t" } else { "f" };
            let answer = session.run(extended, &format!("CALL sys.wait_for_job('{id}')")).await;
            let row = (answer.columns.as_slice(), answer.values.as_slice(), answer.done.as_slice());
            assert_eq!(
                row,
                (&["succeeded".to_owned()][..], &[succeeded.to_owned()][..], &["CALL".to_owned()][..]),
                "{sql}"
            );
            let object = "CASE class_id WHEN 'pg_class'::regclass THEN object_id::regclass::text
                ELSE (SELECT conname FROM pg_constraint WHERE oid = object_id) END";
            let row = format!(
                "SELECT concat_ws('|', status, coalesce(details, ''), job_type, class_id::regclass, object_name, {object})
                 FROM sys.jobs WHERE job_id = '{id}'"
            );
            assert_eq!(session.run(extended, &row).await.values, [expected], "{sql}");
        }
        // `wait_for_job` also accepts the id as a parameter.
        let answer = session.simple("SELECT max(job_id) FROM sys.jobs").await;
        let bind = [b"\0\0\0\0\0\x01\0\0\0\x1a", answer.values[0].as_bytes(), b"\0\0"].concat();
        let call = [
            parse("", "CALL sys.wait_for_job($1)"),
            message(b'B', &bind),
            message(b'D', b"P\0"),
            message(b'E', b"\0\0\0\0\0"),
            sync(),
        ];
        let answer = session.send(&call.concat(), 1).await;
        assert_eq!((answer.errors, answer.columns), (Vec::new(), vec!["succeeded".to_owned()]));
        assert!(["t", "f"].contains(&answer.values[0].as_str()));
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn failed_unique_build_leaves_an_invalid_index_that_enforces() {
    let local = Local::builder().init_sql(TABLES).start().await.unwrap();
    let mut session = Session::open(&local).await;
    session.simple("CREATE UNIQUE INDEX ASYNC t_a ON app.t (a)").await;
    let flags = "SELECT concat(indisunique, indisvalid) FROM pg_index WHERE indexrelid = 'app.t_a'::regclass";
    assert_eq!(session.simple(flags).await.values, ["tf"]);
    // The index is enforced for new rows, in this session and in others.
    let duplicate = error("23505", "duplicate key value violates unique constraint \"t_a\"");
    let mut other = Session::open(&local).await;
    for session in [&mut session, &mut other] {
        assert_eq!(session.simple("INSERT INTO app.t VALUES (3, 5, 3)").await.errors, duplicate);
        assert!(session.simple("SELECT * FROM app.t WHERE a = 5").await.errors.is_empty());
    }
    assert!(session.simple("INSERT INTO app.t VALUES (3, 6, 3)").await.errors.is_empty());
    // The index cannot become a constraint, and its name stays in use until the index is dropped.
    session.simple("CALL sys.wait_for_job('aaaaaaaaaaaaaaaaaaaaaaaaaa')").await;
    let constraint = session.simple("ALTER TABLE app.t ADD CONSTRAINT t_a UNIQUE USING INDEX t_a").await;
    assert_eq!(constraint.errors, error("55000", "index \"t_a\" is not valid"));
    let again = session.simple("CREATE UNIQUE INDEX ASYNC t_a ON app.t (a)").await;
    assert_eq!(again.errors, error("42P07", "relation \"t_a\" already exists"));
    assert!(session.simple("DROP INDEX app.t_a").await.errors.is_empty());
    assert!(session.simple("DELETE FROM app.t WHERE id = 2").await.errors.is_empty());
    session.simple("CREATE UNIQUE INDEX ASYNC t_a ON app.t (a)").await;
    assert_eq!(
        session.simple("SELECT status FROM sys.jobs WHERE object_id = 'app.t_a'::regclass").await.values,
        ["completed"]
    );
    local.stop().await.unwrap();
}

/// If the index already exists, the row of the job contains the name of the existing index.
#[tokio::test]
async fn job_of_an_existing_index_names_it() {
    let local = Local::builder().init_sql(TABLES).start().await.unwrap();
    let mut session = Session::open(&local).await;
    for _ in 0..2 {
        let answer = session.simple("CREATE INDEX ASYNC IF NOT EXISTS t_b ON app.t (b)").await;
        let row = format!(
            "SELECT concat_ws('|', status, object_name, object_id::regclass) FROM sys.jobs WHERE job_id = '{}'",
            answer.values[0]
        );
        assert_eq!(session.simple(&row).await.values, ["completed|app.t_b|app.t_b"]);
    }
    local.stop().await.unwrap();
}

/// A statement that reads `sys.jobs` makes a finished index valid for the statements after it, also within one message.
#[tokio::test]
async fn index_is_built_once_its_session_has_read_the_jobs() {
    let local = Local::builder().init_sql(TABLES).start().await.unwrap();
    let mut session = Session::open(&local).await;
    session.simple("CREATE UNIQUE INDEX ASYNC t_id ON app.t (id, a)").await;
    let constraint = "ALTER TABLE app.t ADD CONSTRAINT t_id UNIQUE USING INDEX t_id";
    let early = session.simple(&format!("{constraint}; SELECT 1 FROM sys.jobs")).await;
    assert_eq!(early.errors, error("55000", "index \"t_id\" is not valid"));
    assert_eq!(session.simple(&format!("SELECT 1 FROM sys.jobs; {constraint}")).await.errors, []);
    local.stop().await.unwrap();
}

/// If an index cannot be built for some rows, the job fails. An error that does not depend on rows is an error of the
/// statement.
#[tokio::test]
async fn build_that_fails_for_a_row_fails_as_a_job() {
    let rows =
        "CREATE TABLE r (a int, b text); INSERT INTO r VALUES (0, 'x'), (0, repeat('y', 9000)), (5, 'x')";
    let random =
        "UPDATE r SET b = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) i) WHERE b ~ 'y'";
    let local = Local::builder().init_sql(format!("{rows}; {random}")).start().await.unwrap();
    for extended in [false, true] {
        let mut session = Session::open(&local).await;
        for (index, details) in [
            ("INDEX ASYNC i ON r ((1 / a))", "division by zero"),
            ("INDEX ASYNC IF NOT EXISTS i ON r (a) WHERE 1 / a > 0", "division by zero"),
            ("INDEX ASYNC i ON r ((b::int))", "invalid input syntax for type integer: \"x\""),
            ("UNIQUE INDEX ASYNC i ON r (a, (1 / a))", "division by zero"),
            ("INDEX ASYNC i ON r ((1 / a)) WHERE b <> '\u{1}.é'", "division by zero"),
        ] {
            let answer = session.run(extended, &format!("CREATE {index}")).await;
            assert_eq!(
                (answer.errors.as_slice(), answer.columns.as_slice()),
                (&[][..], &["job_id".to_owned()][..])
            );
            let id = answer.values[0].clone();
            let wait = session.run(extended, &format!("CALL sys.wait_for_job('{id}')")).await;
            assert_eq!(wait.values, ["f"], "{index}");
            let job = format!(
                "SELECT concat_ws('|', status, details, object_name, object_id::text) FROM sys.jobs WHERE job_id = '{id}'"
            );
            assert_eq!(
                session.run(extended, &job).await.values,
                [format!("failed|{details}|public.i")],
                "{index}"
            );
        }
        let long = session.run(extended, "CREATE INDEX ASYNC ON r (b)").await;
        assert_eq!(long.errors, []);
        let job = format!("SELECT status || details FROM sys.jobs WHERE job_id = '{}'", long.values[0]);
        let job = session.run(extended, &job).await.values.remove(0);
        assert!(job.starts_with("failedindex row "), "{job}");
        for (index, sqlstate) in [
            ("INDEX ASYNC ON r ((1 / 0))", "22012"),
            ("INDEX ASYNC ON r ((a + 'x'))", "22P02"),
            ("INDEX ASYNC ON r (c)", "42703"),
            ("INDEX ASYNC ON r ((random()))", "42P17"),
            ("INDEX ASYNC ON missing (a)", "42P01"),
        ] {
            let answer = session.run(extended, &format!("CREATE {index}")).await;
            assert_eq!(answer.errors[0].0, sqlstate, "{index}");
            assert!(!answer.texts.contains("dsql_local"), "{}", answer.texts);
        }
    }
    local.stop().await.unwrap();
}
