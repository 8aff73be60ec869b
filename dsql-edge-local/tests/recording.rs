//! If the variable DSQL_EDGE_CORPUS is set to the folder of a recording, compares a real cluster's recorded answers
//! with dsql-local's answers. All cases run with simple queries and again with the extended protocol, except those that
//! the recording marks as simple only. For a case with two sessions, the step at which a session lost a conflict is
//! printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use std::path::PathBuf;

use dsql_edge_local::Local;
use serde::Deserialize;
use session::Session;

/// A case of the recording.
#[derive(Deserialize)]
struct Case {
    file: String,
    name: String,
    #[serde(default)]
    steps: Vec<String>,
    #[serde(default)]
    observations: Vec<Observation>,
    #[serde(default)]
    simple_protocol: bool,
    /// The answers to each of two sessions.
    #[serde(default)]
    sessions: Vec<Seen>,
}

#[derive(Deserialize)]
struct Seen {
    observations: Vec<Observation>,
}

#[derive(Deserialize)]
struct Observation {
    tag: Option<String>,
    sqlstate: Option<String>,
    message: Option<String>,
}

/// The cases of the recording. A fresh clone does not have the recording, and the tests succeed without it.
fn recorded() -> Vec<Case> {
    let Some(corpus) = std::env::var_os("DSQL_EDGE_CORPUS") else { return Vec::new() };
    let text = std::fs::read_to_string(PathBuf::from(corpus).join("dsql-golden.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn recorded_statements_get_the_recorded_answers() {
    let cases = recorded();
    if cases.is_empty() {
        return;
    }
    for extended in [false, true] {
        let local = Local::builder()
            .init_sql(include_str!("../../tests/recording/tables.sql"))
            .start()
            .await
            .unwrap();
        let mut session = Session::open(&local).await;
        let (mut steps, mut wrong, mut other_words) = (0, Vec::new(), Vec::new());
        for case in cases.iter().filter(|case| !case.steps.is_empty()) {
            for (step, recorded) in case.steps.iter().zip(&case.observations) {
                let answer = match extended && !case.simple_protocol {
                    true => session.extended(step).await,
                    false => session.simple(step).await,
                };
                steps += 1;
                let ours = answer.errors.first().cloned();
                let theirs = recorded.sqlstate.clone().zip(recorded.message.clone());
                let line =
                    format!("{} {}: {step}\n  DSQL: {theirs:?}\n  ours: {ours:?}", case.file, case.name);
                let state = |it: &Option<(String, String)>| it.as_ref().map(|it| it.0.clone());
                if state(&ours) != state(&theirs) {
                    wrong.push(line);
                } else if ours != theirs {
                    other_words.push(line);
                }
            }
            // The recorder also sent a ROLLBACK here.
            session.simple("ROLLBACK").await;
        }
        println!("{steps} steps, {} with another verdict, {} in other words", wrong.len(), other_words.len());
        println!("{}", other_words.join("\n"));
        assert!(steps > 200 && wrong.is_empty(), "extended: {extended}\n{}", wrong.join("\n"));
        assert!(other_words.len() * 20 <= steps, "{}", other_words.join("\n"));
        local.stop().await.unwrap();
    }
}

/// The statements of a case with two sessions, between BEGIN and COMMIT of each. The recording contains only the
/// answers to these statements and a description.
const TWO_SESSIONS: [(&str, &str, &str); 10] = [
    (
        "occ_write_write",
        "UPDATE baseline_conflict SET name = 'a' WHERE id = 'ac'",
        "UPDATE baseline_conflict SET name = 'b' WHERE id = 'ac'",
    ),
    (
        "occ_for_update_vs_write",
        "SELECT name FROM baseline_conflict WHERE id = 'ac' FOR UPDATE",
        "UPDATE baseline_conflict SET name = 'b' WHERE id = 'ac'",
    ),
    (
        "occ_for_key_share_vs_delete",
        "SELECT name FROM baseline_conflict WHERE id = 'ac' FOR KEY SHARE",
        "DELETE FROM baseline_conflict WHERE id = 'ac'",
    ),
    (
        "occ_fk_delete_insert",
        "DELETE FROM baseline_conflict WHERE id = 'ab'",
        "INSERT INTO baseline_conflict_child VALUES ('01', 'ab')",
    ),
    (
        "occ_fk_nonkey_update",
        "UPDATE baseline_conflict SET name = 'a' WHERE id = 'af'",
        "INSERT INTO baseline_conflict_child VALUES ('02', 'af')",
    ),
    (
        "occ_fk_cascade_vs_child_write",
        "DELETE FROM baseline_fk_action WHERE id = 'c1'",
        "UPDATE baseline_fk_cascade SET note = 'b' WHERE id = 'd1'",
    ),
    (
        "occ_fk_set_null_vs_child_write",
        "DELETE FROM baseline_fk_action WHERE id = 'c2'",
        "UPDATE baseline_fk_setnull SET note = 'b' WHERE id = 'd2'",
    ),
    (
        "occ_fk_set_default_vs_child_write",
        "DELETE FROM baseline_fk_action WHERE id = 'c3'",
        "UPDATE baseline_fk_setdefault SET note = 'b' WHERE id = 'd3'",
    ),
    (
        "occ_multirow_predicate",
        "UPDATE baseline_span SET v = 'x', k = 1 WHERE k = 1",
        "UPDATE baseline_span SET v = 'y', k = 1 WHERE k = 1",
    ),
    (
        "occ_disjoint_writes",
        "UPDATE baseline_conflict SET name = 'a' WHERE id = 'ad'",
        "UPDATE baseline_conflict SET name = 'b' WHERE id = 'ae'",
    ),
];

const CONFLICT_TABLES: &str = "
    DROP TABLE IF EXISTS baseline_conflict, baseline_conflict_child, baseline_fk_action, baseline_fk_cascade, baseline_fk_setnull, baseline_fk_setdefault, baseline_span;
    CREATE TABLE baseline_conflict (id uuid PRIMARY KEY, name text NOT NULL);
    CREATE TABLE baseline_conflict_child (id uuid PRIMARY KEY, parent_id uuid NOT NULL REFERENCES baseline_conflict (id));
    CREATE TABLE baseline_fk_action (id uuid PRIMARY KEY, name text NOT NULL);
    CREATE TABLE baseline_fk_cascade (id uuid PRIMARY KEY, parent_id uuid REFERENCES baseline_fk_action (id) ON DELETE CASCADE, note text);
    CREATE TABLE baseline_fk_setnull (id uuid PRIMARY KEY, parent_id uuid REFERENCES baseline_fk_action (id) ON DELETE SET NULL, note text);
    CREATE TABLE baseline_fk_setdefault (id uuid PRIMARY KEY, parent_id uuid DEFAULT 'c4' REFERENCES baseline_fk_action (id) ON DELETE SET DEFAULT, note text);
    CREATE TABLE baseline_span (id int PRIMARY KEY, k int NOT NULL, v text);
    INSERT INTO baseline_conflict VALUES ('ab', 'conflict-fk'), ('ac', 'conflict-row'), ('ad', 'disjoint-a'), ('ae', 'disjoint-b'), ('af', 'conflict-nonkey');
    INSERT INTO baseline_fk_action VALUES ('c1', 'cascade'), ('c2', 'set-null'), ('c3', 'set-default'), ('c4', 'default-target');
    INSERT INTO baseline_fk_cascade VALUES ('d1', 'c1', 'child');
    INSERT INTO baseline_fk_setnull VALUES ('d2', 'c2', 'child');
    INSERT INTO baseline_fk_setdefault VALUES ('d3', 'c3', 'child');
    INSERT INTO baseline_span VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 1, 'c'), (4, 2, 'other');";

/// Expands UUIDs that are abbreviated to two digits.
fn written_out(sql: &str) -> String {
    let parts = sql.split('\'').map(|part| {
        let short = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if short { format!("00000000-0000-0000-0000-0000000000{part}") } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("'")
}

const STEPS: [&str; 3] = ["BEGIN", "its statement", "COMMIT"];

/// Each session that lost a conflict, and the step at which the session lost: `(session, step)`.
type Lost = Vec<(usize, usize)>;

fn shown(lost: &Lost) -> String {
    match lost.as_slice() {
        [] => "both commit".to_owned(),
        lost => lost
            .iter()
            .map(|(number, step)| format!("{number} loses at {}", STEPS[*step]))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[tokio::test]
async fn recorded_conflicts_fail_the_recorded_number() {
    let cases: Vec<Case> = recorded().into_iter().filter(|case| !case.sessions.is_empty()).collect();
    if cases.is_empty() {
        return;
    }
    let local = Local::builder().start().await.unwrap();
    let mut lines = Vec::new();
    for case in &cases {
        let (_, first, second) = TWO_SESSIONS
            .iter()
            .find(|(name, _, _)| *name == case.name)
            .unwrap_or_else(|| panic!("{}", case.name));
        let cluster: Lost = case
            .sessions
            .iter()
            .enumerate()
            .flat_map(|(number, seen)| lost(number, &seen.observations))
            .collect();
        for extended in [false, true] {
            local.run_sql("tables", &written_out(CONFLICT_TABLES)).await.unwrap();
            let mut sessions = [Session::open(&local).await, Session::open(&local).await];
            let mut seen = [Vec::new(), Vec::new()];
            for step in 0..3 {
                for number in 0..2 {
                    let sql = match step {
                        0 => "BEGIN".to_owned(),
                        1 => written_out(if number == 0 { first } else { second }),
                        _ => "COMMIT".to_owned(),
                    };
                    // A session of the recording has no answers after its first error.
                    if seen[number].last().is_some_and(|last: &Observation| last.sqlstate.is_some()) {
                        continue;
                    }
                    let answer = match extended {
                        true => sessions[number].extended(&sql).await,
                        false => sessions[number].simple(&sql).await,
                    };
                    let error = answer.errors.first().cloned();
                    seen[number].push(Observation {
                        tag: answer.done.first().cloned(),
                        sqlstate: error.clone().map(|error| error.0),
                        message: error.map(|error| error.1),
                    });
                }
            }
            let ours: Lost = seen.iter().enumerate().flat_map(|(number, seen)| lost(number, seen)).collect();
            // Which of the two sessions fails depends on a race. The number of sessions that fail, and the answer of a
            // session that fails, do not depend on this race.
            assert_eq!(ours.len(), cluster.len(), "{}: {}", case.name, shown(&ours));
            for (mine, theirs) in seen.iter().zip(&case.sessions) {
                for (mine, theirs) in mine.iter().zip(&theirs.observations) {
                    if mine.sqlstate.is_none() && theirs.sqlstate.is_none() {
                        assert_eq!(mine.tag, theirs.tag, "{}", case.name);
                    }
                }
            }
            let words =
                |seen: &[Observation]| seen.iter().find_map(|it| it.sqlstate.clone().zip(it.message.clone()));
            let of_cluster: Vec<_> =
                case.sessions.iter().filter_map(|seen| words(&seen.observations)).collect();
            let of_ours: Vec<_> = seen.iter().filter_map(|seen| words(seen)).collect();
            assert_eq!(of_ours, of_cluster, "{}", case.name);
            if !extended {
                lines.push(format!(
                    "{:<34} cluster: {:<22} dsql-local: {}",
                    case.name,
                    shown(&cluster),
                    shown(&ours)
                ));
            }
        }
    }
    local.stop().await.unwrap();
    println!("{}", lines.join("\n"));
}

fn lost(number: usize, seen: &[Observation]) -> Option<(usize, usize)> {
    seen.iter().position(|it| it.sqlstate.is_some()).map(|step| (number, step))
}
