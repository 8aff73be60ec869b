//! Pipelines whose answers decide the meaning of their later messages: COPY, reused names, encodings, faults without
//! Sync.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use std::time::Duration;

use client::{dial, message, startup, token};
use dsql_edge_local::{Fault, Local};
use session::{Answers, Session, error, execute, parse, run, sync};
use tokio::io::AsyncWriteExt;

const TABLE: &str = "CREATE TABLE t (a int)";

fn query(sql: &str) -> Vec<u8> {
    message(b'Q', format!("{sql}\0").as_bytes())
}

fn close(name: &str) -> Vec<u8> {
    message(b'C', format!("S{name}\0").as_bytes())
}

fn rows(text: &str) -> Vec<u8> {
    message(b'd', text.as_bytes())
}

fn flush() -> Vec<u8> {
    message(b'H', b"")
}

/// Panics if the answer does not arrive in time.
async fn in_time<T>(what: &str, answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), answer).await.unwrap_or_else(|_| panic!("waits: {what}"))
}

/// Sends the whole flight, and returns all answers until `ends` ReadyForQuery messages have arrived.
async fn answers(session: &mut Session, what: &str, flight: &[Vec<u8>], ends: usize) -> Answers {
    session.tls.write_all(&flight.concat()).await.unwrap();
    session.tls.flush().await.unwrap();
    in_time(what, session.read(ends)).await
}

async fn count(local: &Local) -> String {
    Session::open(local).await.simple("SELECT count(*) FROM t").await.values.remove(0)
}

/// A flight: its name, its messages, the number of ReadyForQuery messages in the answer, and the SQLSTATEs of the
/// errors.
type Flight = (&'static str, Vec<Vec<u8>>, usize, &'static [&'static str]);

/// PostgreSQL ignores Sync while it reads the rows of COPY, but answers the Sync if COPY fails at once.
#[tokio::test]
async fn sync_inside_copy_is_not_counted() {
    let copy = "COPY t FROM STDIN";
    let done = || message(b'c', b"");
    let fail = || message(b'f', b"enough\0");
    let flights: Vec<Flight> = vec![
        ("libpq", vec![run(copy), sync(), rows("1\n"), done(), sync()], 1, &[]),
        ("libpq, CopyFail", vec![run(copy), sync(), rows("1\n"), fail(), sync()], 1, &["57014"]),
        ("a row that is wrong", vec![run(copy), sync(), rows("x\n"), done(), sync()], 1, &["22P02"]),
        ("no such table", vec![run("COPY n FROM STDIN"), sync(), rows("1\n"), done(), sync()], 2, &["42P01"]),
        (
            "behind an error",
            vec![run("SELECT 1/0"), run(copy), sync(), rows("1\n"), done(), sync()],
            2,
            &["22012"],
        ),
        ("one Sync", vec![run(copy), rows("1\n"), done(), sync()], 1, &[]),
        ("Flush inside", vec![run(copy), flush(), rows("1\n"), flush(), done(), sync()], 1, &[]),
        (
            "two in a pipeline",
            vec![run(copy), rows("1\n"), done(), run(copy), rows("2\n"), done(), sync()],
            1,
            &[],
        ),
        (
            "behind another cycle",
            vec![run("SELECT 1/0"), sync(), run(copy), sync(), rows("1\n"), done(), sync()],
            2,
            &["22012"],
        ),
        ("simple", vec![query(copy), sync(), rows("1\n"), done(), query("SELECT 1")], 2, &[]),
        (
            "simple, two",
            vec![query("COPY t FROM STDIN; COPY t FROM STDIN"), rows("1\n"), done(), rows("2\n"), done()],
            1,
            &[],
        ),
        ("simple, CopyFail", vec![query(copy), sync(), fail(), query("SELECT 1")], 2, &["57014"]),
        ("simple, behind others", vec![query("SELECT 1"), query(copy), rows("1\n"), done()], 2, &[]),
    ];
    let local = Local::builder().init_sql(TABLE).start().await.unwrap();
    for (what, flight, ends, errors) in flights {
        let mut session = Session::open(&local).await;
        let answer = answers(&mut session, what, &flight, ends).await;
        let states: Vec<&str> = answer.errors.iter().map(|(state, _)| state.as_str()).collect();
        assert_eq!((states.as_slice(), answer.ended), (errors, false), "{what}: {answer:?}");
        // After this flight, the rules still assign each answer to the right message.
        let skipped = [run("SELECT 1/0"), run("BEGIN"), sync()];
        assert_eq!(answers(&mut session, what, &skipped, 1).await.status, ['I'], "{what}");
        for sql in ["CREATE TABLE b (a int)", "DROP TABLE b"] {
            assert_eq!(answers(&mut session, what, &[query(sql)], 1).await.errors, [], "{what}");
        }
        local.set_faults(&[Fault::CutBeforeCommit(1)]);
        assert!(answers(&mut session, what, &[query("INSERT INTO t VALUES (9)")], 1).await.ended, "{what}");
        local.set_faults(&[]);
    }
    // A statement inside COPY never reaches PostgreSQL.
    let mut session = Session::open(&local).await;
    let flight = [query(copy), rows("x\n"), query("TRUNCATE t"), query("TRUNCATE t")];
    assert!(answers(&mut session, "a statement inside", &flight, 3).await.ended);
    assert_ne!(count(&local).await, "0");
    local.stop().await.unwrap();
}

/// The second Parse of a name is skipped before the first one is answered.
#[tokio::test]
async fn reused_name_in_one_pipeline_stays_under_the_rules() {
    let local = Local::builder().start().await.unwrap();
    let mut session = Session::open(&local).await;
    let flight = [
        parse("a", "CREATE TABLE m (a int)"),
        sync(),
        run("SELECT 1/0"),
        close("a"),
        parse("a", "SELECT 1"),
        sync(),
        query("BEGIN"),
        execute("a"),
        run("CREATE TABLE n (a int)"),
        sync(),
        query("COMMIT"),
    ];
    let answer = answers(&mut session, "re-used name", &flight, 5).await;
    let multiple = "multiple ddl statements not supported in a transaction".to_owned();
    assert_eq!(answer.errors.last(), Some(&("0A000".to_owned(), multiple)));
    local.stop().await.unwrap();
}

/// In UTF-8, `E'\xc3\x81\'; TRUNCATE t; --'` is one literal. In Shift JIS, the literal ends before the first semicolon,
/// so `TRUNCATE t` is a statement.
#[tokio::test]
async fn text_behind_a_change_of_encoding_waits_for_it() {
    let local =
        Local::builder().init_sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1)").start().await.unwrap();
    let hidden = || message(b'Q', b"SELECT E'\xc3\x81\\'; TRUNCATE t; --'\0");
    let rejected = error("0A000", "unsupported statement: Truncate");
    let changes: [(&str, Vec<Vec<u8>>, usize); 4] = [
        ("SET", vec![query("SET client_encoding = 'SJIS'")], 1),
        ("SET NAMES", vec![query("SET NAMES 'SJIS'")], 1),
        ("set_config", vec![query("SELECT set_config('client_encoding', 'SJIS', false)")], 1),
        ("extended", vec![run("SET client_encoding = 'SJIS'"), sync()], 1),
    ];
    for (what, change, ends) in changes {
        let mut session = Session::open(&local).await;
        let answer = answers(&mut session, what, &[change.concat(), hidden()], ends + 1).await;
        assert_eq!(answer.errors, rejected, "{what}");
        let mut session = Session::open(&local).await;
        let named = [parse("s", "SET client_encoding = 'SJIS'"), sync()];
        assert_eq!(answers(&mut session, what, &named, 1).await.errors, []);
        let answer = answers(&mut session, what, &[execute("s"), sync(), hidden()], 2).await;
        assert_eq!(answer.errors, rejected, "prepared before");
    }
    // The encoding is changed in the flight of the login.
    let mut tls = dial(&local).to(&local).await.unwrap();
    let password = message(b'p', format!("{}\0", token(&local, |_| {})).as_bytes());
    let settings = [("client_encoding", "SJIS")];
    tls.write_all(&[startup("admin", &settings), password, hidden()].concat()).await.unwrap();
    tls.flush().await.unwrap();
    let mut session = Session { tls };
    assert_eq!(in_time("startup", session.read(2)).await.errors, rejected);
    // Without a Sync between the two statements, PostgreSQL does not report the change.
    let mut session = Session::open(&local).await;
    let text = message(b'P', b"\0SELECT E'\xc3\x81\\'\0\0\0");
    let flight = [run("SET client_encoding = 'SJIS'"), text, sync()];
    let answer = answers(&mut session, "one pipeline", &flight, 1).await;
    assert!(answer.errors[0].1.starts_with("client_encoding may have changed"), "{answer:?}");
    assert_eq!(count(&local).await, "1");
    local.stop().await.unwrap();
}

/// The startup packet sets UTF-8, so the encoding of the flight that is sent with the login is known.
#[tokio::test]
async fn text_outside_of_ascii_is_accepted_with_the_login() {
    let local = Local::builder().init_sql(TABLE).start().await.unwrap();
    for encoding in ["UTF8", "utf-8"] {
        let mut tls = dial(&local).to(&local).await.unwrap();
        let password = message(b'p', format!("{}\0", token(&local, |_| {})).as_bytes());
        let settings = [("client_encoding", encoding)];
        let flight = [run("SELECT 1"), run("SELECT '\u{5f80}'"), sync()];
        tls.write_all(&[startup("admin", &settings), password, flight.concat()].concat()).await.unwrap();
        tls.flush().await.unwrap();
        let mut session = Session { tls };
        let answer = in_time(encoding, session.read(2)).await;
        assert_eq!((answer.errors, answer.values), (vec![], vec!["1".to_owned(), "\u{5f80}".to_owned()]));
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn cut_after_commit_ends_a_connection_that_flushes() {
    let local = Local::builder().init_sql(TABLE).start().await.unwrap();
    let insert = || run("INSERT INTO t VALUES (1) RETURNING a");
    let in_transaction = vec![query("BEGIN"), insert(), run("COMMIT"), flush()];
    for (what, flight) in [("autocommit", vec![insert(), flush()]), ("COMMIT", in_transaction)] {
        let mut session = Session::open(&local).await;
        local.set_faults(&[Fault::CutAfterCommit(1)]);
        assert!(answers(&mut session, what, &flight, 9).await.ended, "{what}");
        local.set_faults(&[]);
    }
    assert_eq!(count(&local).await, "2");
    local.stop().await.unwrap();
}

/// A change of the encoding is hidden in a function, a view, a default, SQL in a parameter, a name with escapes, or a
/// statement that our parser cannot read.
#[tokio::test]
async fn hidden_change_of_encoding_hides_no_statement() {
    let local = Local::builder().init_sql(TABLE).start().await.unwrap();
    let hidden = || message(b'Q', b"SELECT E'\xc3\x81\\'; TRUNCATE t; --'\0");
    let call = "set_config('client_' || 'encoding', 'SJIS', false)";
    let quoted = call.replace('\'', "''");
    let function = format!("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT {quoted}'");
    let update = "CREATE FUNCTION g() RETURNS void LANGUAGE sql AS \
                  'UPDATE pg_settings SET setting = ''SJIS'' WHERE name = ''client_encoding'''";
    let view = format!("CREATE VIEW v AS SELECT {call}");
    let default = format!("CREATE TABLE d (a int, b text DEFAULT {call})");
    for sql in [&function, update, &view, &default] {
        assert_eq!(Session::open(&local).await.simple(sql).await.errors, [], "{sql}");
    }
    let parameter = quoted.replacen("set_config", "set_' || 'config", 1);
    for change in [
        "SELECT f()".to_owned(),
        "SELECT g()".to_owned(),
        "SELECT * FROM v".to_owned(),
        "INSERT INTO d VALUES (1)".to_owned(),
        format!("SELECT query_to_xml('SELECT {parameter}', true, true, '')"),
        "SET U&\"client\\005fencoding\" = 'SJIS'".to_owned(),
        format!("SELECT {}", call.replace("set_config", "U&\"set\\005fconfig\"")),
        // A statement that our parser cannot read.
        format!("SELECT {}{call}{}", "(".repeat(400), ")".repeat(400)),
    ] {
        local.run_sql("row", "DELETE FROM t; INSERT INTO t VALUES (1)").await.unwrap();
        let named = [parse("s", &change), sync()].concat();
        let changes = [query(&change), [run(&change), sync()].concat(), [execute("s"), sync()].concat()];
        for sent in changes {
            let mut session = Session::open(&local).await;
            answers(&mut session, &change, std::slice::from_ref(&named), 1).await;
            answers(&mut session, &change, &[sent, hidden()], 2).await;
            assert_eq!(count(&local).await, "1", "{change}");
        }
    }
    // If a statement calls `set_config` openly, `client_encoding` changes.
    let shown = [query(&format!("SELECT {call}")), query("SHOW client_encoding")];
    let answer = answers(&mut Session::open(&local).await, call, &shown, 2).await;
    assert_eq!((answer.errors, answer.values), (Vec::new(), vec!["SJIS".to_owned(), "SJIS".to_owned()]));
    local.stop().await.unwrap();
}
