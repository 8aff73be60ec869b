//! The questions of the probe. Each question sends flights that use the probe's schema, and interprets the answers.
//!
//! The probe leaves out the questions that need a Worker: `secureTransport: "on"`, WebSockets of Workers, the
//! certificates that the edge accepts, sockets in Durable Objects. The probe also leaves out the question about
//! SQLSTATE 53400, which needs more than 1,000 connections in a second, because these connections would disturb other
//! clients of the cluster.

use anyhow::Result;
use dsql_edge::diagnosis::{self, Negotiation};

use super::probed::Probed;
use super::wire::{Flight, READY, Wire};

/// A question with its answer.
pub(super) struct Answered {
    pub(super) question: &'static str,
    pub(super) answer: String,
    /// The flights that were sent, and the messages of the server.
    pub(super) evidence: Vec<String>,
}

/// An answer, and the messages from which it follows.
type Answer = Result<(String, Vec<String>)>;

/// Sends the flights of all questions, with separate connections for each question. If a question fails, its answer is
/// the error.
pub(super) async fn ask(probed: &Probed) -> Vec<Answered> {
    let mut all = Vec::new();
    let mut add = |question, answer: Answer| {
        let (answer, evidence) = answer.unwrap_or_else(|error| (format!("failed: {error:#}"), Vec::new()));
        eprintln!("dsql-edge: {question} {answer}");
        all.push(Answered { question, answer, evidence });
    };
    add("Which TLS handshake?", handshake(probed).await);
    add(
        "Direct TLS with ALPN `postgresql`: is StartupMessage answered?",
        direct_tls(probed, Negotiation::DirectWithAlpn).await,
    );
    add(
        "Direct TLS without ALPN, as from Workers: is StartupMessage answered?",
        direct_tls(probed, Negotiation::DirectWithoutAlpn).await,
    );
    add("Does the port of WebSockets (443) answer HTTPS, with a date?", https(probed).await);
    add(
        "Are StartupMessage, PasswordMessage and a query accepted in one flight?",
        pipelined_login(probed).await,
    );
    add("Is a data-modifying WITH accepted?", modifying_with(probed).await);
    add("Is a transaction from BEGIN to COMMIT in one flight applied?", fused(probed).await);
    add("Is such a transaction atomic if a statement fails?", fused_failure(probed).await);
    add("Are COMMIT and BEGIN of two transactions accepted before one Sync?", two_transactions(probed).await);
    add("Are two statements before one Sync, without BEGIN, atomic?", implicit(probed).await);
    add("Conflict without BEGIN: is CommandComplete sent before 40001?", conflict(probed, 1, false).await);
    add("Conflict with BEGIN: which message answers COMMIT?", conflict(probed, 2, true).await);
    all
}

async fn handshake(probed: &Probed) -> Answer {
    let steps = diagnosis::connection_steps(&probed.config, Negotiation::SslRequest).await;
    if let Some((step, reason)) = steps.failed {
        return Ok((format!("{step:?} failed: {reason}"), Vec::new()));
    }
    let retry = if steps.hello_retry { "with HelloRetryRequest" } else { "without HelloRetryRequest" };
    let (version, group) = (steps.tls_version.unwrap_or_default(), steps.key_exchange.unwrap_or_default());
    Ok((
        format!("{version}, {group}, {retry} (offered: the groups of rustls with ring, without ML-KEM)"),
        Vec::new(),
    ))
}

async fn direct_tls(probed: &Probed, negotiation: Negotiation) -> Answer {
    let mut wire = match Wire::open(probed, negotiation).await {
        Ok(wire) => wire,
        Err(error) => return Ok((format!("no: the handshake failed: {error:#}"), Vec::new())),
    };
    // No password is sent: the server's request for a password is the answer to the question.
    wire.send(&Flight::startup(probed)?).await?;
    let answers = wire.until(|_| true).await;
    let is_answered = answers.first().is_some_and(|line| line.starts_with("Authentication"));
    Ok((yes_or_no(is_answered), with("StartupMessage", answers)))
}

async fn https(probed: &Probed) -> Answer {
    // The only port of dsql-local also accepts WebSockets.
    let own = probed.target.endpoint.split_once(':').and_then(|(_, port)| port.parse().ok());
    Ok(match diagnosis::https_head(&probed.config, probed.host(), own.unwrap_or(443)).await {
        Ok((status, date)) => (format!("{status}, date: {}", date.as_deref().unwrap_or("none")), Vec::new()),
        Err(error) => (format!("no: {error}"), Vec::new()),
    })
}

async fn pipelined_login(probed: &Probed) -> Answer {
    let mut wire = Wire::open(probed, Negotiation::SslRequest).await?;
    wire.send(&Flight::login(probed).await?.and(&["SELECT 1"])?.sync()).await?;
    let answers = wire.until_ready(2).await;
    let has = |words: &str| answers.iter().any(|line| line.starts_with(words));
    let answer = match (has("CommandComplete SELECT 1"), has("ReadyForQuery")) {
        (true, _) => "yes",
        (false, true) => "no: the login is accepted, and the query is dropped",
        (false, false) => "no: the login is rejected",
    };
    Ok((answer.to_owned(), with("StartupMessage, PasswordMessage, SELECT 1, Sync", answers)))
}

async fn modifying_with(probed: &Probed) -> Answer {
    let table = table(probed);
    let sql = format!(
        "WITH changed AS (UPDATE {table} SET n = n + 1 WHERE id <= 2 RETURNING id) SELECT count(*)::text FROM changed"
    );
    let answers = Wire::logged_in(probed).await?.ask(&Flight::statements(&[&sql])?.sync()).await?;
    let is_accepted = answers.iter().any(|line| line == "DataRow 2");
    Ok((
        yes_or_no(is_accepted),
        with("WITH changed AS (UPDATE … RETURNING id) SELECT count(*) …, Sync", answers),
    ))
}

async fn fused(probed: &Probed) -> Answer {
    let (first, second) = (insert(probed, 11), insert(probed, 12));
    let flight = Flight::statements(&["BEGIN", &first, &second, "COMMIT"])?.sync();
    let answers = Wire::logged_in(probed).await?.ask(&flight).await?;
    let rows = count(probed, "11, 12").await?;
    Ok((
        format!("{}; {rows} of 2 rows are there", yes_or_no(is_accepted(&answers))),
        with("BEGIN, INSERT, INSERT, COMMIT, Sync", answers),
    ))
}

async fn fused_failure(probed: &Probed) -> Answer {
    let (first, duplicate) = (insert(probed, 13), insert(probed, 1));
    let flight = Flight::statements(&["BEGIN", &first, &duplicate, "COMMIT"])?.sync();
    let answers = Wire::logged_in(probed).await?.ask(&flight).await?;
    let rows = count(probed, "13").await?;
    Ok((
        format!("{}; {rows} of 1 row is there", yes_or_no(rows == "0")),
        with("BEGIN, INSERT, INSERT of a duplicate, COMMIT, Sync", answers),
    ))
}

async fn two_transactions(probed: &Probed) -> Answer {
    let (first, second) = (insert(probed, 14), insert(probed, 15));
    let flight = Flight::statements(&["BEGIN", &first, "COMMIT", "BEGIN", &second, "COMMIT"])?.sync();
    let answers = Wire::logged_in(probed).await?.ask(&flight).await?;
    let rows = count(probed, "14, 15").await?;
    Ok((
        format!("{}; {rows} of 2 rows are there", yes_or_no(is_accepted(&answers))),
        with("BEGIN, INSERT, COMMIT, BEGIN, INSERT, COMMIT, Sync", answers),
    ))
}

async fn implicit(probed: &Probed) -> Answer {
    let (first, duplicate) = (insert(probed, 16), insert(probed, 1));
    let flight = Flight::statements(&[&first, &duplicate])?.sync();
    let answers = Wire::logged_in(probed).await?.ask(&flight).await?;
    let rows = count(probed, "16").await?;
    Ok((
        format!("{}; {rows} of 1 row is there", yes_or_no(rows == "0")),
        with("INSERT, INSERT of a duplicate, Sync", answers),
    ))
}

/// Two sessions change the same row; the second one commits first.
async fn conflict(probed: &Probed, id: u32, explicit: bool) -> Answer {
    let update = format!("UPDATE {} SET n = n + 1 WHERE id = {id}", table(probed));
    let (mut first, mut second) = (Wire::logged_in(probed).await?, Wire::logged_in(probed).await?);
    let begun: &[&str] = if explicit { &["BEGIN", &update] } else { &[&update] };
    let mut evidence = Vec::new();
    let complete =
        |line: &str| line.starts_with("CommandComplete UPDATE") || line.starts_with("ErrorResponse");
    if explicit {
        evidence.extend(with(
            "first session: BEGIN, UPDATE, Sync",
            first.ask(&Flight::statements(begun)?.sync()).await?,
        ));
    } else {
        first.send(&Flight::statements(begun)?.flush()).await?;
        evidence.extend(with("first session: UPDATE, Flush", first.until(complete).await));
    }
    let committed = second.ask(&Flight::statements(&[&update])?.sync()).await?;
    evidence.extend(with("second session: UPDATE of the same row, Sync", committed));
    let end: &[&str] = if explicit { &["COMMIT"] } else { &[] };
    let last = first.ask(&Flight::statements(end)?.sync()).await?;
    let answer =
        last.iter().find(|line| line.starts_with("ErrorResponse") || line.starts_with("CommandComplete"));
    let answer = answer.cloned().unwrap_or_else(|| "no error: the first session committed".to_owned());
    let sent = if explicit { "first session: COMMIT, Sync" } else { "first session: Sync" };
    evidence.extend(with(sent, last));
    Ok((answer, evidence))
}

fn table(probed: &Probed) -> String {
    format!("{}.rows", probed.schema)
}

fn insert(probed: &Probed, id: u32) -> String {
    format!("INSERT INTO {} (id, n) VALUES ({id}, 0)", table(probed))
}

/// Returns the number of rows with these ids, as another session sees them.
async fn count(probed: &Probed, ids: &str) -> Result<String> {
    let sql = format!("SELECT count(*)::text FROM {} WHERE id IN ({ids})", table(probed));
    let answers = Wire::logged_in(probed).await?.ask(&Flight::statements(&[&sql])?.sync()).await?;
    let row = answers.iter().find_map(|line| line.strip_prefix("DataRow "));
    Ok(row.unwrap_or("an unknown number").to_owned())
}

fn is_accepted(answers: &[String]) -> bool {
    answers.last().is_some_and(|line| line == READY)
        && !answers.iter().any(|line| line.starts_with("ErrorResponse"))
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// Returns a line with the sent flight, and then a line for each answer.
fn with(sent: &str, answers: Vec<String>) -> Vec<String> {
    [format!("→ {sent}")].into_iter().chain(answers.into_iter().map(|line| format!("← {line}"))).collect()
}
