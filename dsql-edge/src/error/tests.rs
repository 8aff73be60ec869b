//! Tests that the text of each kind of error does not contain secret values.

use super::*;
use crate::statement::Statement;

static POSTS: StatementRef = StatementRef::Compiled(&COMPILED);

const CANARY: &str = "canary";

static COMPILED: Statement = Statement {
    sql: "SELECT title FROM post",
    name: "posts",
    file: "src/lib.rs",
    line: 3,
    column: 1,
    params: &[],
    columns: &[],
    formats: &[],
    effect: crate::statement::Effect::Read,
    session: crate::statement::SessionEffect::Keeps,
    tables: &["post"],
    search_path: "",
};

/// At least one error of each kind. The errors of a server have a secret value that their texts must not contain. The
/// match below lists all kinds.
fn each() -> Vec<Kind> {
    let quoting = DatabaseError {
        sqlstate: Some(SqlState::UNIQUE_VIOLATION),
        message: "duplicate key value violates unique constraint".into(),
        detail: Some(format!("Key (id)=({CANARY}) already exists.")),
        ..DatabaseError::default()
    };
    let echoing = DatabaseError {
        sqlstate: SqlState::from_bytes(b"28000"),
        message: format!("denied: x/?Action=DbConnect&X-Amz-Signature={CANARY}"),
        ..DatabaseError::default()
    };
    let in_message = |state: &[u8; 5]| {
        let message = format!("invalid input syntax for type integer: \"{CANARY}\"");
        DatabaseError { sqlstate: SqlState::from_bytes(state), message, ..DatabaseError::default() }
    };
    let reason = || ConversionError::new("it does not fit");
    let kinds = vec![
        Kind::Config("x".into()),
        Kind::Credentials("x".into()),
        Kind::Connect("x".into()),
        Kind::LoginRejected(Box::new(DatabaseError { hint: Some(CANARY.into()), ..quoting.clone() })),
        Kind::LoginRejected(Box::new(echoing.clone())),
        Kind::Database(Box::new(quoting)),
        Kind::Database(Box::new(echoing)),
        Kind::Database(Box::new(in_message(b"22P02"))),
        Kind::Database(Box::new(in_message(b"42601"))),
        Kind::Database(Box::new(in_message(b"54000"))),
        Kind::Database(Box::new(in_message(b"P0001"))),
        Kind::Database(Box::new(in_message(b"XX000"))),
        Kind::Database(Box::new(DatabaseError { message: CANARY.to_owned(), ..DatabaseError::default() })),
        Kind::Lost("x".into()),
        Kind::Protocol("x"),
        Kind::Unsendable("x"),
        Kind::Timeout("x".into()),
        Kind::Stale { column: "a".into(), difference: "b".into() },
        Kind::Decode { column: "a", value: "b".into(), reason: reason() },
        Kind::Encode { value: "b", reason: reason() },
        Kind::NoRows,
        Kind::TooManyRows,
        Kind::TooLong("x"),
        Kind::RolledBack,
        Kind::UnexpectedTransactionState,
        Kind::TransactionOver("x".into()),
        Kind::OtherRequest,
        #[cfg(feature = "pool")]
        Kind::Overloaded("x".into()),
    ];
    for kind in &kinds {
        match kind {
            Kind::Config(_)
            | Kind::Credentials(_)
            | Kind::Connect(_)
            | Kind::LoginRejected(_)
            | Kind::Database(_)
            | Kind::Lost(_) => {}
            Kind::Protocol(_) | Kind::Unsendable(_) | Kind::Timeout(_) | Kind::Stale { .. } => {}
            Kind::Decode { .. } | Kind::Encode { .. } | Kind::NoRows | Kind::TooManyRows => {}
            Kind::TooLong(_) | Kind::RolledBack | Kind::UnexpectedTransactionState => {}
            Kind::TransactionOver(_) | Kind::OtherRequest => {}
            #[cfg(feature = "pool")]
            Kind::Overloaded(_) => {}
        }
    }
    kinds
}

#[test]
fn every_kind_has_a_text_without_secrets() {
    for kind in each() {
        for outcome in [Outcome::Nothing, Outcome::Executed, Outcome::Unknown] {
            let error =
                Error::new(kind.clone()).at(&POSTS).with_outcome(outcome).after_attempts(3).after_rows(7);
            let shown = [error.to_string(), format!("{error:?}"), format!("{error:#?}")];
            for text in &shown {
                assert!(!text.contains(CANARY), "{text}");
                assert!(
                    text.contains("(posts, src/lib.rs:3)") && text.contains("after 3 attempts"),
                    "{text}"
                );
            }
            assert_eq!(error.again().to_string(), shown[0]);
            assert_eq!((error.attempts(), error.committed_rows()), (3, Some(7)));
            assert_eq!(error.is_outcome_unknown(), outcome == Outcome::Unknown);
            let worker = worker::Error::from(error).to_string();
            assert!(!worker.contains(CANARY), "{worker}");
        }
    }
}

#[test]
fn parameter_has_the_name_that_was_written() {
    let error = Error::encode("parameter $limit of type int8", ConversionError::new("it is out of range"));
    assert_eq!(
        error.at(&POSTS).to_string(),
        "parameter $limit of type int8: it is out of range (posts, src/lib.rs:3)"
    );
}
