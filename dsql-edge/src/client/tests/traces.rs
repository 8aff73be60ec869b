//! The spans of the feature `tracing`: their fields, their nesting, and the events of retries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

use super::bulk::{begun, committed, in_pairs};
use super::transactions::{begun_badly, rolled_back};
use super::*;

static NAMED: Statement =
    Statement { params: &[25], ..statement("SELECT n FROM t WHERE name = $1", Effect::Read) };
static UNNAMED: Statement =
    Statement { name: "", ..statement("-- why\n/* or */ (select n FROM t)", Effect::Read) };

/// A span or an event, with its fields as text.
#[derive(Debug, Default, Clone)]
struct Recorded {
    name: &'static str,
    /// The number of the parent, from 1; 0 for none.
    parent: u64,
    fields: BTreeMap<&'static str, String>,
}

impl Recorded {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl Visit for Recorded {
    fn record_debug(&mut self, field: &Field, value: &dyn core::fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

#[derive(Default)]
struct Records {
    spans: Vec<Recorded>,
    events: Vec<Recorded>,
    /// The spans that are entered now, the current one last.
    entered: Vec<u64>,
}

/// A subscriber that keeps all spans and events.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Records>>);

impl Recorder {
    /// Runs the client with this subscriber. No span may be entered at the end.
    fn record<T>(run: impl FnOnce() -> T) -> (T, Records) {
        let recorder = Recorder::default();
        let result = tracing::subscriber::with_default(recorder.clone(), run);
        let records = core::mem::take(&mut *recorder.0.lock().unwrap());
        assert!(records.entered.is_empty(), "{:?}", records.entered);
        (result, records)
    }

    fn with<T>(&self, id: &Id, change: impl FnOnce(&mut Recorded) -> T) -> T {
        let mut records = self.0.lock().unwrap();
        change(&mut records.spans[usize::try_from(id.into_u64()).unwrap() - 1])
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "dsql_edge" || metadata.target() == "caller"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut records = self.0.lock().unwrap();
        let parent = match attributes.parent() {
            Some(parent) => parent.into_u64(),
            None => records.entered.last().copied().unwrap_or(0),
        };
        let mut span = Recorded { name: attributes.metadata().name(), parent, ..Recorded::default() };
        attributes.record(&mut span);
        records.spans.push(span);
        Id::from_u64(records.spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        self.with(id, |span| values.record(span));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut recorded = Recorded { parent: event.parent().map_or(0, Id::into_u64), ..Recorded::default() };
        event.record(&mut recorded);
        self.0.lock().unwrap().events.push(recorded);
    }

    fn enter(&self, id: &Id) {
        self.0.lock().unwrap().entered.push(id.into_u64());
    }

    fn exit(&self, id: &Id) {
        let mut records = self.0.lock().unwrap();
        assert_eq!(records.entered.pop(), Some(id.into_u64()), "spans are exited in another order");
    }
}

fn named() -> Query<i32> {
    let mut arguments = Arguments::with_capacity(1);
    arguments.bind::<sql::Text, NotNull, _>(CANARY);
    Query::new(&NAMED, arguments, |row| row.column::<sql::Int4, NotNull, i32>(0))
}

/// No field of any span or event contains a parameter or a credential.
fn assert_without_secrets(records: &Records) {
    for recorded in records.spans.iter().chain(&records.events) {
        assert!(!format!("{recorded:?}").contains(CANARY), "{recorded:?}");
    }
}

#[test]
fn span_of_a_query_has_the_fields_of_opentelemetry() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1, 2]), rows("n", 23, &[7])]));
    let (_, records) = Recorder::record(|| {
        let dsql = Dsql::within(config(), network.clone());
        assert_eq!(now(named().fetch_all(&dsql)).unwrap(), [1, 2]);
        assert_eq!(now(query(&UNNAMED).fetch_one(&dsql)).unwrap(), 7);
    });
    let [first, second] = &records.spans[..] else { panic!("{:?}", records.spans) };
    let expected = [
        ("code.file.path", "src/lib.rs"),
        ("code.line.number", "7"),
        ("db.namespace", "postgres"),
        ("db.operation.name", "SELECT"),
        ("db.query.summary", "numbers"),
        ("db.query.text", "SELECT n FROM t WHERE name = $1"),
        ("db.response.returned_rows", "2"),
        ("db.system.name", "postgresql"),
        ("dsql_edge.attempts", "1"),
        ("dsql_edge.connection.reused", "false"),
        ("dsql_edge.round_trips", "4"),
        ("otel.kind", "client"),
        ("otel.name", "numbers"),
        ("server.address", "localhost"),
        ("server.port", "1234"),
    ];
    let found: Vec<(&str, &str)> = first.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!((first.name, found.as_slice()), ("query", &expected[..]));
    assert_eq!(second.field("db.query.summary"), "SELECT t");
    assert_eq!(
        (second.field("dsql_edge.connection.reused"), second.field("dsql_edge.round_trips")),
        ("true", "1")
    );
    assert_without_secrets(&records);
}

#[test]
fn statements_of_a_transaction_are_children_of_its_span() {
    let network = Network::default();
    network.accept(answers([
        begun_badly("OC001"),
        rolled_back(),
        [control("BEGIN"), found(&[1]), ready(b"T")].concat(),
        [done("DELETE 2"), found(&[3]), ready(b"T")].concat(),
        committed(),
        rows("n", 23, &[9]),
    ]));
    let (_, records) = Recorder::record(|| {
        let caller = tracing::info_span!(target: "caller", "request");
        let dsql = Dsql::within(retrying(), network.clone());
        let body = async |tx: Transaction<'_>| {
            query(&READ).fetch_one(tx).await?;
            tx.pipeline((Command::new(&DELETE, Arguments::default()), query(&READ).one())).await
        };
        let running = tracing::Instrument::instrument(dsql.transaction(body).into_future(), caller);
        assert_eq!(eventually(&network, running).unwrap(), (2, 3));
        // This query is not in the transaction, and has no parent.
        assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 9);
    });
    let shape: Vec<(&str, u64)> = records.spans.iter().map(|span| (span.name, span.parent)).collect();
    assert_eq!(
        shape,
        [("request", 0), ("transaction", 1), ("query", 2), ("query", 2), ("pipeline", 2), ("query", 0)]
    );
    let [_, transaction, rejected, _, pipeline, _] = &records.spans[..] else { panic!() };
    assert_eq!((transaction.field("dsql_edge.attempts"), transaction.field("error.type")), ("2", ""));
    assert_eq!((rejected.field("error.type"), rejected.field("db.response.status_code")), ("OC001", "OC001"));
    assert_eq!(rejected.field("otel.status_code"), "ERROR");
    assert_eq!(
        (pipeline.field("db.operation.name"), pipeline.field("db.operation.batch.size")),
        ("BATCH", "2")
    );
    assert_eq!(pipeline.field("db.query.text"), "DELETE FROM t; SELECT n FROM t");
    assert_eq!(pipeline.field("db.query.summary"), "BATCH numbers");
    // The second attempt is visible in the transaction's span.
    let [retry] = &records.events[..] else { panic!("{:?}", records.events) };
    assert_eq!(
        (retry.parent, retry.field("dsql_edge.attempt"), retry.field("error.type")),
        (2, "2", "OC001")
    );
    assert_without_secrets(&records);
}

#[test]
fn failed_query_has_the_class_and_text_of_its_error() {
    for (answer, class, state, outcome) in [
        (failure("23505"), "23505", "23505", ""),
        (rows("n", 23, &[]), "no_rows", "", "executed"),
        (rows("other", 23, &[1]), "stale_snapshot", "", "executed"),
    ] {
        let network = Network::default();
        network.accept(answers([answer]));
        let (error, records) = Recorder::record(|| {
            let dsql = Dsql::within(config(), network.clone());
            now(query(&WRITE).fetch_one(&dsql)).unwrap_err()
        });
        let [span] = &records.spans[..] else { panic!("{:?}", records.spans) };
        // `fetch_one` finds after the end of the flight that a row is missing: the flight itself succeeded.
        if class == "no_rows" {
            assert_eq!(
                (span.field("error.type"), span.field("db.response.returned_rows")),
                ("", "0"),
                "{error}"
            );
            continue;
        }
        assert_eq!(
            (span.field("error.type"), span.field("db.response.status_code")),
            (class, state),
            "{error}"
        );
        assert_eq!(span.field("dsql_edge.outcome"), outcome, "{error}");
        assert_eq!(span.field("otel.status_description"), error.to_string());
        assert_without_secrets(&records);
    }
    let network = Network::default();
    network.accept([Step::AwaitWrite, Step::Close]);
    let (_, records) = Recorder::record(|| {
        let dsql = Dsql::within(config(), network.clone());
        now(query(&WRITE).fetch_one(&dsql)).unwrap_err()
    });
    let [span] = &records.spans[..] else { panic!("{:?}", records.spans) };
    assert_eq!(span.field("dsql_edge.outcome"), "unknown");
}

#[test]
fn each_chunk_of_many_rows_has_a_span() {
    let network = Network::default();
    network.accept(answers([begun(2), [committed(), begun(2)].concat(), committed()]));
    let (inserted, records) = Recorder::record(|| {
        let dsql = Dsql::within(config(), network.clone());
        now(in_pairs(0..4).execute(&dsql))
    });
    assert_eq!(inserted.unwrap(), 4);
    let names: Vec<(&str, &str)> =
        records.spans.iter().map(|span| (span.name, span.field("dsql_edge.attempts"))).collect();
    assert_eq!(names, [("chunk", "1"), ("chunk", "1")]);
}

/// The text of a statement that is known only at run time may contain values.
#[cfg(feature = "dynamic")]
#[test]
fn text_that_is_known_at_run_time_is_not_recorded() {
    let network = Network::default();
    network.accept(answers([[done("DELETE 1"), ready(b"I")].concat()]));
    let (deleted, records) = Recorder::record(|| {
        let dsql = Dsql::within(config(), network.clone());
        let sql = crate::dynamic::Sql::writing(format!("DELETE FROM t WHERE name = '{CANARY}'"));
        now(sql.command(&[Some(CANARY)]).execute(&dsql))
    });
    assert_eq!(deleted.unwrap(), 1);
    assert_eq!((records.spans.len(), records.spans[0].field("db.operation.name")), (1, "DELETE"));
    assert_without_secrets(&records);
}
