//! Tests a session with the messages of PostgreSQL 16: complete, cut at every byte, and invalid in many ways.

use proptest::prelude::*;

use super::*;
use crate::sqlstate::SqlState;
use crate::wire::Parameters;

const MAX_FRAME: usize = 1 << 20;
const LIMITS: Limits = Limits { message: MAX_FRAME, row: MAX_FRAME };
const STARTUP: Startup<'static> = Startup {
    user: "admin",
    database: "postgres",
    application_name: "test",
    search_path: None,
    #[cfg(feature = "postgres")]
    options: None,
};

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

fn login() -> Vec<u8> {
    [
        frame(b'R', &3_u32.to_be_bytes()),
        frame(b'R', &0_u32.to_be_bytes()),
        frame(b'S', b"server_version\x0016.14\0"),
        frame(b'S', b"TimeZone\0UTC\0"),
        frame(b'K', &[0, 0, 4, 210, 1, 2, 3, 4]),
        frame(b'Z', b"I"),
    ]
    .concat()
}

fn column(name: &str, oid: u32) -> Vec<u8> {
    [name.as_bytes(), b"\0", &[0; 6], &oid.to_be_bytes(), &[0, 4, 255, 255, 255, 255, 0, 1]].concat()
}

fn described() -> Vec<u8> {
    [
        frame(b'1', b""),
        frame(b'2', b""),
        frame(b'T', &[&[0, 2][..], &column("n", 23), &column("t", 25)].concat()),
    ]
    .concat()
}

fn row(n: u8) -> Vec<u8> {
    frame(b'D', &[0, 2, 0, 0, 0, 4, 0, 0, 0, n, 255, 255, 255, 255])
}

fn answer() -> Vec<u8> {
    [
        described(),
        row(1),
        frame(b'N', b"SNOTICE\0Mhello\0\0"),
        row(2),
        frame(b'C', b"SELECT 2\0"),
        frame(b'Z', b"I"),
    ]
    .concat()
}

fn error(severity: &str, code: &str) -> Vec<u8> {
    frame(
        b'E',
        format!("S{severity}\0V{severity}\0C{code}\0Msorry\0Dcanary\0tthings\0nthings_pkey\0\0").as_bytes(),
    )
}

fn started(pipelined: bool) -> Connection {
    let mut connection = Connection::new(LIMITS);
    connection.start(&STARTUP, "token", pipelined).unwrap();
    submit(&mut connection);
    connection
}

fn submit(connection: &mut Connection) {
    submit_times(connection, 1);
}

/// Submits a statement that is executed this many times, and Sync.
fn submit_times(connection: &mut Connection, times: usize) {
    add(connection, "SELECT n, t FROM x", times);
    connection.sync().unwrap();
}

fn add(connection: &mut Connection, sql: &str, times: usize) {
    connection.statement(sql, &[]).unwrap();
    for time in 0..times {
        connection.execute(&Parameters::default(), &[1, 1], time == 0).unwrap();
    }
}

/// Adds a statement without columns and without Describe.
fn add_control(connection: &mut Connection, sql: &str) {
    connection.statement(sql, &[]).unwrap();
    connection.execute(&Parameters::default(), &[], false).unwrap();
}

/// Returns all available events as text, and the fault.
fn events(connection: &mut Connection) -> (Vec<String>, Option<SessionFault>) {
    let mut events = Vec::new();
    loop {
        match connection.poll_event() {
            Ok(Some(event)) => events.push(format!("{event:?}")),
            Ok(None) => return (events, None),
            Err(fault) => return (events, Some(fault)),
        }
    }
}

#[test]
fn cold_query_is_one_flight_with_two_ready_for_query() {
    let mut connection = started(true);
    let flight = connection.poll_transmit().unwrap();
    assert_eq!(flight[4..8], [0, 3, 0, 0]);
    assert!(connection.poll_transmit().is_none());
    let tags = |mut bytes: &[u8]| {
        let mut tags = String::new();
        while let Some((tag, rest)) = bytes.split_first() {
            tags.push(char::from(*tag));
            let length = u32::from_be_bytes(*rest.first_chunk().unwrap());
            bytes = &rest[length as usize..];
        }
        tags
    };
    let startup = u32::from_be_bytes(*flight.first_chunk().unwrap()) as usize;
    assert_eq!(tags(&flight[startup..]), "pPBDES");

    connection.handle_input(&login());
    connection.handle_input(&answer());
    let (events, fault) = events(&mut connection);
    assert_eq!(fault, None);
    assert_eq!(events.len(), 6, "{events:#?}");
    assert_eq!(events[0], "Started");
    assert_eq!(events[4], "Completed(Tag { command: Other, rows: 2 })");
    assert_eq!(events[5], "Ready(Idle)");
    assert!(connection.is_idle());

    submit(&mut connection);
    assert!(!connection.is_idle());
    assert_eq!(tags(&connection.poll_transmit().unwrap()), "PBDES");
}

#[test]
fn unpipelined_password_waits_for_the_request() {
    let mut connection = started(false);
    let flight = connection.poll_transmit().unwrap();
    assert_eq!(u32::from_be_bytes(*flight.first_chunk().unwrap()) as usize, flight.len());
    connection.handle_input(&frame(b'R', &3_u32.to_be_bytes()));
    assert_eq!(events(&mut connection), (vec![], None));
    let rest = connection.poll_transmit().unwrap();
    assert_eq!((rest[0], rest.last()), (b'p', Some(&4)));
}

#[test]
fn every_split_of_the_bytes_gives_the_same_events() {
    let bytes = [login(), answer()].concat();
    let whole = {
        let mut connection = started(true);
        connection.handle_input(&bytes);
        events(&mut connection)
    };
    for split in 0..=bytes.len() {
        let mut connection = started(true);
        connection.handle_input(&bytes[..split]);
        let (mut first, fault) = events(&mut connection);
        assert_eq!(fault, None);
        connection.handle_input(&bytes[split..]);
        let (second, fault) = events(&mut connection);
        first.extend(second);
        assert_eq!((first, fault), whole, "split at {split}");
    }
    let mut connection = started(true);
    let mut bytewise = Vec::new();
    for byte in bytes {
        connection.handle_input(&[byte]);
        bytewise.extend(events(&mut connection).0);
    }
    assert_eq!(bytewise, whole.0);
}

#[test]
fn every_truncation_is_a_fault_and_never_a_success() {
    for bytes in
        [[login(), answer()].concat(), [login(), described(), row(1), error("ERROR", "23505")].concat()]
    {
        for end in 0..bytes.len() {
            let mut connection = started(true);
            connection.handle_input(&bytes[..end]);
            connection.handle_eof();
            let (events, fault) = events(&mut connection);
            assert_eq!(fault, Some(SessionFault::Closed), "cut at {end}");
            assert!(!events.iter().any(|event| event.starts_with("Ready")), "cut at {end}");
            assert!(!connection.is_idle());
        }
    }
}

#[test]
fn command_complete_is_not_yet_success() {
    // An implicit transaction commits at Sync: PostgreSQL sends INSERT 0 1 and then 23505 for a deferred key.
    let mut connection = started(true);
    connection.handle_input(&login());
    connection.handle_input(&[described(), frame(b'C', b"INSERT 0 1\0")].concat());
    assert!(!events(&mut connection).0.iter().any(|event| event.starts_with("Ready")));
    connection.handle_input(&[error("ERROR", "40001"), frame(b'Z', b"I")].concat());
    let Ok(Some(SessionEvent::Failed(error))) = connection.poll_event() else { panic!("it failed") };
    assert_eq!(error.sqlstate, Some(SqlState::SERIALIZATION_FAILURE));
    assert_eq!((error.table.as_deref(), error.constraint.as_deref()), (Some("things"), Some("things_pkey")));
    assert_eq!(events(&mut connection), (vec!["Ready(Idle)".to_owned()], None));
    assert!(connection.is_idle());
}

#[test]
fn session_in_open_transaction_is_settled_and_not_idle() {
    for (status, expected) in [(b"T", "Ready(InTransaction)"), (b"E", "Ready(InFailedTransaction)")] {
        let mut connection = started(true);
        connection
            .handle_input(&[login(), described(), frame(b'C', b"BEGIN\0"), frame(b'Z', status)].concat());
        let (seen, fault) = events(&mut connection);
        assert_eq!((seen.last().unwrap().as_str(), fault), (expected, None));
        assert!(connection.is_settled() && !connection.is_idle());
    }
    let mut connection = started(true);
    connection.handle_input(&[login(), described(), frame(b'C', b"BEGIN\0"), frame(b'Z', b"?")].concat());
    assert!(matches!(events(&mut connection).1, Some(SessionFault::Malformed(_))));
}

#[test]
fn fatal_error_ends_the_session_with_its_message() {
    let mut connection = started(true);
    connection.handle_input(&[login(), described(), error("FATAL", "57P01")].concat());
    let (events, fault) = events(&mut connection);
    assert!(events.last().unwrap().contains("57P01"));
    assert_eq!(fault, Some(SessionFault::Closed));
    // The client expects no answer, so the FATAL error means that the server closes the connection.
    let mut connection = started(true);
    connection.handle_input(&[login(), answer(), error("FATAL", "57P01")].concat());
    assert_eq!(self::events(&mut connection).1, Some(SessionFault::Closed));
}

#[test]
fn statements_of_one_flight_are_answered_one_after_the_other() {
    let flight = || {
        let mut connection = Connection::new(LIMITS);
        connection.start(&STARTUP, "token", true).unwrap();
        add_control(&mut connection, "BEGIN");
        add(&mut connection, "SELECT n, t FROM x", 1);
        add_control(&mut connection, "DELETE FROM x");
        connection.sync().unwrap();
        add_control(&mut connection, "COMMIT");
        connection.sync().unwrap();
        connection
    };
    let control =
        |tag: &str| [frame(b'1', b""), frame(b'2', b""), frame(b'C', format!("{tag}\0").as_bytes())].concat();
    let begin = [login(), control("BEGIN")].concat();
    let answer = [described(), row(1), frame(b'C', b"SELECT 1\0")].concat();
    let whole = [
        &begin[..],
        &answer,
        &control("DELETE 7"),
        &frame(b'Z', b"T"),
        &control("COMMIT"),
        &frame(b'Z', b"I"),
    ]
    .concat();
    for split in 0..=whole.len() {
        let mut connection = flight();
        connection.handle_input(&whole[..split]);
        let (mut seen, fault) = events(&mut connection);
        assert_eq!(fault, None);
        assert!(split == whole.len() || !connection.is_idle());
        connection.handle_input(&whole[split..]);
        seen.extend(events(&mut connection).0);
        let kinds: Vec<_> = seen.iter().map(|event| event.split(['(', ' ']).next().unwrap()).collect();
        assert_eq!(
            kinds,
            [
                "Started",
                "Completed",
                "Described",
                "Row",
                "Completed",
                "Completed",
                "Ready",
                "Completed",
                "Ready"
            ]
        );
        assert!(seen[5].contains("rows: 7") && seen[7].contains("Commit"), "{seen:#?}");
        assert!(connection.is_idle());
    }
    // After an error, the server skips only to the next Sync.
    let mut connection = flight();
    connection.handle_input(
        &[&begin[..], &error("ERROR", "40001"), &frame(b'Z', b"E"), &control("ROLLBACK"), &frame(b'Z', b"I")]
            .concat(),
    );
    let (seen, fault) = events(&mut connection);
    assert_eq!((seen.len(), fault), (6, None), "{seen:#?}");
    assert_eq!(seen[3], "Ready(InFailedTransaction)");
    assert!(seen[4].contains("Rollback") && connection.is_idle());
    // Two violations of the protocol: a normal answer after the error, and a row in the answer to BEGIN.
    for wrong in [[&begin[..], &error("ERROR", "40001"), &answer].concat(), [login(), row(1)].concat()] {
        let mut connection = flight();
        connection.handle_input(&wrong);
        assert!(matches!(events(&mut connection).1, Some(SessionFault::Malformed(_))));
    }
    // An error arrives before the whole flight was written, so the server does not answer the frames that are written
    // later.
    let mut connection = Connection::new(LIMITS);
    connection.start(&STARTUP, "token", true).unwrap();
    add(&mut connection, "INSERT", 2);
    connection.handle_input(&[login(), error("ERROR", "23505")].concat());
    assert_eq!(events(&mut connection).1, None);
    connection.execute(&Parameters::default(), &[1, 1], false).unwrap();
    connection.sync().unwrap();
    connection.handle_input(&frame(b'Z', b"I"));
    assert_eq!(events(&mut connection), (vec!["Ready(Idle)".to_owned()], None));
    assert!(connection.is_idle());
}

#[test]
fn too_long_row_error_names_its_limit() {
    let mut connection = Connection::new(Limits { message: MAX_FRAME, row: 16 });
    connection.start(&STARTUP, "token", true).unwrap();
    submit(&mut connection);
    connection.handle_input(&[login(), described(), row(1)].concat());
    let Some(SessionFault::TooLong(limit)) = events(&mut connection).1 else { panic!("it is too long") };
    assert!(limit.contains("max_row"));
}

#[test]
fn rejected_login_differs_from_query_error() {
    for before in 0..3 {
        let mut connection = started(true);
        let frames = [frame(b'R', &3_u32.to_be_bytes()), frame(b'R', &0_u32.to_be_bytes())];
        connection.handle_input(&frames[..before].concat());
        connection.handle_input(&error("FATAL", "28000"));
        let Err(SessionFault::LoginRejected(error)) = connection.poll_event() else {
            panic!("the login was rejected")
        };
        assert_eq!(error.sqlstate.unwrap().as_str(), "28000");
    }
}

#[test]
fn only_a_cleartext_password_request_is_accepted() {
    let md5 = [&5_u32.to_be_bytes()[..], b"salt"].concat();
    let sasl = [&10_u32.to_be_bytes()[..], b"SCRAM-SHA-256\0\0"].concat();
    for body in [&0_u32.to_be_bytes()[..], &md5, &sasl, &[0, 0, 0, 7], &[0, 0, 0, 2]] {
        for pipelined in [true, false] {
            let mut connection = started(pipelined);
            connection.poll_transmit();
            connection.handle_input(&frame(b'R', body));
            assert!(matches!(connection.poll_event(), Err(SessionFault::Authentication(_))), "{body:?}");
            assert!(connection.poll_transmit().is_none());
        }
    }
}

#[test]
fn what_may_not_come_poisons() {
    let wrong_count = frame(b'D', &[0, 1, 255, 255, 255, 255]);
    let long_field = frame(b'D', &[0, 2, 0, 0, 0, 9, 0, 255, 255, 255, 255]);
    let cases = [
        [login(), login()].concat(),
        [login(), row(1)].concat(),
        [login(), described(), frame(b'1', b"")].concat(),
        [login(), described(), wrong_count].concat(),
        [login(), described(), long_field].concat(),
        [login(), described(), frame(b's', b"")].concat(),
        [login(), described(), frame(b'H', &[0, 0, 0])].concat(),
        [login(), described(), frame(b'Z', b"I")].concat(),
        [login(), answer(), error("ERROR", "XX000")].concat(),
        [login(), described(), error("ERROR", "XX000"), row(1)].concat(),
        [login(), described(), error("ERROR", "XX000"), error("ERROR", "XX000")].concat(),
        [login(), frame(b'1', b"x")].concat(),
        [&b"H\0\0\x01\0"[..], &[b' '; 300]].concat(),
    ];
    for (case, bytes) in cases.iter().enumerate() {
        let mut connection = started(true);
        connection.handle_input(bytes);
        let (_, fault) = events(&mut connection);
        assert!(matches!(fault, Some(SessionFault::Malformed(_))), "case {case}: {fault:?}");
        assert!(!connection.is_idle());
        connection.handle_input(&[login(), answer()].concat());
        assert_eq!(connection.poll_event().err(), Some(SessionFault::Closed), "case {case}");
    }
}

#[test]
fn many_rows_are_ready_after_the_last_of_them() {
    let again = [frame(b'2', b""), row(3), frame(b'C', b"INSERT 0 1\0")].concat();
    let first = [described(), row(1), row(2), frame(b'C', b"INSERT 0 2\0")].concat();
    let ready = frame(b'Z', b"I");
    let idle = || {
        let mut connection = started(true);
        connection.handle_input(&[login(), answer()].concat());
        assert_eq!(events(&mut connection).1, None);
        submit_times(&mut connection, 3);
        connection
    };
    let whole = [&first[..], &again, &again, &ready].concat();
    for split in 0..=whole.len() {
        let mut connection = idle();
        connection.handle_input(&whole[..split]);
        let (mut seen, fault) = events(&mut connection);
        assert_eq!(fault, None);
        assert!(split == whole.len() || !seen.iter().any(|event| event.starts_with("Ready")), "{split}");
        connection.handle_input(&whole[split..]);
        seen.extend(events(&mut connection).0);
        assert_eq!(seen.len(), 9, "{seen:#?}");
        assert!(connection.is_idle());
    }
    // If the number of answers is too small or too large, this is an error.
    for wrong in
        [[&first[..], &again, &ready].concat(), [&first[..], &again, &again, &again, &ready].concat()]
    {
        let mut connection = idle();
        connection.handle_input(&wrong);
        assert!(matches!(events(&mut connection).1, Some(SessionFault::Malformed(_))));
    }
    // The second row is rejected, and the connection can be used again.
    let mut connection = idle();
    connection.handle_input(&[&first[..], &error("ERROR", "23505"), &ready].concat());
    let (seen, fault) = events(&mut connection);
    assert_eq!((fault, seen.len()), (None, 6));
    assert!(seen[4].contains("23505"), "{seen:#?}");
    assert!(connection.is_idle());
}

#[test]
fn unwritable_flight_leaves_no_bytes() {
    let mut connection = Connection::new(LIMITS);
    assert!(connection.statement("SELECT 1", &[]).is_err(), "it has not begun");
    connection.start(&STARTUP, "token", true).unwrap();
    let checkpoint = connection.checkpoint();
    add(&mut connection, "SELECT 1", 1);
    let parameters = Parameters { bytes: vec![0; MAX_FRAME], each: vec![(Some(MAX_FRAME), 1)] };
    assert!(connection.execute(&parameters, &[1], false).is_err());
    assert!(connection.abandon(&checkpoint));
    assert!(connection.poll_transmit().unwrap().len() < 200);
    connection.handle_input(&login());
    assert_eq!(events(&mut connection).1, None);
    assert!(connection.is_idle());
}

proptest! {
    #[test]
    fn any_bytes_after_any_prefix_of_a_true_answer(
        keep in 0_usize..200,
        noise in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let truth = [login(), answer()].concat();
        let mut bytes = truth[..keep.min(truth.len() - 1)].to_vec();
        bytes.extend(&noise);
        let mut connection = started(true);
        connection.handle_input(&bytes);
        connection.handle_eof();
        prop_assert!(events(&mut connection).1.is_some());
    }

    #[test]
    fn a_flipped_byte_never_panics(position in 0_usize..300, value: u8) {
        let mut bytes = [login(), answer()].concat();
        let position = position % bytes.len();
        bytes[position] = value;
        let mut connection = started(true);
        connection.handle_input(&bytes);
        connection.handle_eof();
        prop_assert!(events(&mut connection).1.is_some());
    }
}
