//! The client's reaction to each answer that a server can send before TLS: natively and in a real workerd.
//!
//! Before TLS no part of a query has been sent, so a write is safe to send again. After an answer that may be
//! temporary, the client tries twice more. After every other answer, it returns an error at once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dsql_edge::private::{Arguments, Command, Effect, SessionEffect, Statement};
use dsql_edge::{Config, Credentials, Dsql};
use dsql_edge_local::Local;
use dsql_edge_tests::workerd::{self, Workerd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The server's reaction to SSLRequest.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// The server closes the connection.
    End,
    /// The server resets the connection.
    Reset,
    /// The server sends these bytes.
    Bytes(&'static [u8]),
    /// The server accepts TLS, and closes the connection during the handshake.
    EndOfHandshake,
    /// The server never answers.
    Silence,
}

/// For each answer: the number of connections that the client opens, and a part of the client's error message.
const ANSWERS: [(Answer, usize, &str); 10] = [
    (Answer::End, 3, "closed the connection after SSLRequest"),
    (Answer::Reset, 3, ""),
    (Answer::Bytes(b"E"), 3, "answered SSLRequest with an error"),
    (Answer::Bytes(b"Esecret-canary\0"), 3, "answered SSLRequest with an error"),
    (Answer::Bytes(b"N"), 1, "does not offer TLS"),
    (Answer::Bytes(b"Nx"), 1, "plain text"),
    (Answer::Bytes(b"Sx"), 1, "plain text"),
    (Answer::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 1, "does not use PostgreSQL's protocol"),
    (Answer::EndOfHandshake, 3, ""),
    // The time limit covers all attempts.
    (Answer::Silence, 1, "Config::connect_timeout"),
];

/// Starts a server that reacts to SSLRequest with `answer`. Returns the server's port, and the counter of its
/// connections.
async fn serve(answer: Answer) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 8];
            if stream.read_exact(&mut request).await.is_err() {
                continue;
            }
            match answer {
                Answer::End => {}
                Answer::Reset => stream.set_zero_linger().unwrap(),
                Answer::Bytes(bytes) => {
                    stream.write_all(bytes).await.unwrap();
                    // The client has read all bytes, and closes the connection.
                    let _ = stream.read(&mut request).await;
                }
                Answer::Silence => drop(stream.read(&mut request).await),
                Answer::EndOfHandshake => {
                    stream.write_all(b"S").await.unwrap();
                    let _ = stream.read(&mut request).await;
                }
            }
        }
    });
    (port, count)
}

static WRITE: Statement = Statement {
    sql: "DELETE FROM t",
    name: "",
    file: file!(),
    line: 1,
    column: 1,
    params: &[],
    columns: &[],
    formats: &[],
    effect: Effect::Write,
    session: SessionEffect::Keeps,
    tables: &[],
    search_path: "",
};

#[tokio::test]
async fn native_client_retries_what_may_pass() {
    for (answer, connections, text) in ANSWERS {
        let (port, count) = serve(answer).await;
        let credentials = Credentials::new("id", "secret");
        let config = Config::local(&format!("localhost:{port}"), "us-east-1", credentials).unwrap();
        let error = Command::new(&WRITE, Arguments::default()).execute(&Dsql::new(config)).await.unwrap_err();
        assert!(
            (error.is_connect() || error.is_timeout()) && !error.is_outcome_unknown(),
            "{answer:?}: {error}"
        );
        let shown = error.to_string();
        assert!(shown.contains(text) && !shown.contains("canary"), "{answer:?}: {shown}");
        assert_eq!(count.load(Ordering::SeqCst), connections, "{answer:?}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_retries_what_may_pass() {
    // This dsql-local only provides the certificate authority that `Workerd::start` requires; the Worker never connects
    // to this dsql-local.
    let local = Local::builder().start().await.unwrap();
    let bundle = workerd::probe().await;
    for (answer, connections, text) in ANSWERS {
        let (port, count) = serve(answer).await;
        let bindings = [
            ("DSQL_ENDPOINT", format!("localhost:{port}")),
            ("DSQL_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "id".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ];
        let probe = Workerd::start(bundle, local.ca_pem(), &bindings).await;
        let answered = probe.get("/one").await;
        assert_eq!(answered.status, 500, "{answer:?}: {}", answered.body);
        assert!(
            answered.body.contains(text) && !answered.body.contains("canary"),
            "{answer:?}: {}",
            answered.body
        );
        assert_eq!(count.load(Ordering::SeqCst), connections, "{answer:?}: {}", answered.body);
        probe.stop().await;
    }
    local.stop().await.unwrap();
}
