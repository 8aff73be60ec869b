//! Streams: the time at which rows are read, and the handling of rows that are not read.

use std::sync::{Arc, Mutex};

use super::*;

fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn rows_are_read_as_they_are_taken() {
    let network = Network::default();
    let whole = rows("n", 23, &[1, 2, 3]);
    let (first, rest) = whole.split_at(whole.len() - 30);
    network.accept([
        Step::AwaitWrite,
        Step::Send([login(), first.to_vec()].concat()),
        Step::Send(rest.to_vec()),
        Step::AwaitWrite,
        Step::Send(rows("n", 23, &[9])),
        Step::Stall,
    ]);
    let dsql = Dsql::within(retrying(), network.clone());
    let mut stream = query(&READ).fetch(&dsql);
    assert_eq!(network.connections(), (0, 0), "nothing happens before it is polled");
    for n in 1..=3 {
        assert_eq!(now(stream.next()).unwrap().unwrap(), n);
        // The rows of the first read are returned first.
        assert_eq!(network.unread() > 3, n < 3, "{n}: {}", network.unread());
    }
    assert!(now(stream.next()).is_none());
    assert!(now(stream.next()).is_none());
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 9, "the connection can be used again");
    assert_eq!(network.connections(), (1, 1));
}

#[test]
fn a_stream_that_is_dropped_early_closes_its_connection() {
    let network = Network::default();
    network.accept(answers([rows("n", 23, &[1; 1000])]));
    network.accept(answers([rows("n", 23, &[2])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let mut stream = query(&READ).fetch(&dsql);
    assert_eq!(now(stream.next()).unwrap().unwrap(), 1);
    drop(stream);
    assert_eq!(network.connections(), (1, 0));
    assert_eq!(now(query(&READ).fetch_one(&dsql)).unwrap(), 2);

    // Within a transaction, dropping the stream ends the transaction.
    let network = Network::default();
    network.accept(answers([[control("BEGIN"), found(&[1, 2]), ready(b"T")].concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let result = now(dsql
        .transaction(async |tx| {
            let mut stream = query(&READ).fetch(tx);
            stream.next().await.unwrap()?;
            // Another statement waits until the rest of the stream is read.
            let mut other = query(&READ).fetch_one(tx);
            assert!(poll(&mut other).is_pending());
            drop(stream);
            assert!(other.await.unwrap_err().is_transaction_over());
            Ok::<_, Error>(())
        })
        .into_future());
    assert!(result.unwrap_err().is_transaction_over());
    assert_eq!(network.connections(), (1, 0));
}

#[test]
fn a_stream_does_not_outlive_its_transaction() {
    let network = Network::default();
    network.accept(answers([[control("BEGIN"), found(&[1, 2]), ready(b"T")].concat()]));
    let dsql = Dsql::within(retrying(), network.clone());
    let kept = Arc::new(Mutex::new(None));
    let keep = kept.clone();
    let escaping = dsql.transaction(async move |tx| {
        let mut stream = query(&READ).fetch(tx);
        stream.next().await.unwrap()?;
        *keep.lock().unwrap() = Some(stream);
        Ok::<_, Error>(())
    });
    let busy = now(escaping.into_future()).unwrap_err();
    assert!(busy.is_transaction_over() && busy.to_string().contains("stream"), "{busy}");
    drop(kept);
    assert_eq!(network.connections(), (1, 0));
    assert!(!sent(&network).iter().any(|it| it.contains("COMMIT")));
}

#[test]
fn only_the_end_of_a_stream_shows_success() {
    // The server rejects the query after two rows, which were already returned: the query does not run again.
    let half = |end: Vec<u8>| {
        let mut answer = rows("n", 23, &[1, 2]);
        answer.truncate(answer.len() - ready(b"I").len() - b"C....SELECT 2.".len());
        [answer, end].concat()
    };
    for (end, expected) in [(failure("40001"), true), (failure("22012"), false)] {
        let network = Network::default();
        network.accept(answers([half(end)]));
        let dsql = Dsql::within(retrying(), network.clone());
        let mut stream = query(&READ).fetch(&dsql);
        assert_eq!((now(stream.next()).unwrap().unwrap(), now(stream.next()).unwrap().unwrap()), (1, 2));
        let error = now(stream.next()).unwrap().unwrap_err();
        assert!(error.is_database() && error.is_conflict() == expected, "{error}");
        assert!(now(stream.next()).is_none());
    }
    // If the server rejects the query before the first row, the query runs again.
    let network = Network::default();
    network.accept(answers([failure("40001"), rows("n", 23, &[5])]));
    let dsql = Dsql::within(retrying(), network.clone());
    let mut stream = query(&READ).fetch(&dsql);
    assert_eq!(eventually(&network, stream.next()).unwrap().unwrap(), 5);
    // A connection that breaks, and a row that cannot be read.
    for (steps, lost) in [
        (vec![Step::AwaitWrite, Step::Send([login(), half(vec![])].concat()), Step::Close], true),
        (answers([rows("n", 20, &[1])]), false),
    ] {
        let network = Network::default();
        network.accept(steps);
        let dsql = Dsql::within(retrying(), network.clone());
        let mut stream = query(&READ).fetch(&dsql);
        let error = loop {
            if let Err(error) = now(stream.next()).unwrap() {
                break error;
            }
        };
        assert!(if lost { error.is_connection_lost() } else { error.is_stale_snapshot() }, "{error}");
        assert!(now(stream.next()).is_none());
    }
}

#[test]
fn time_of_the_reader_does_not_count() {
    let network = Network::default();
    let mut answer = rows("n", 23, &[1, 2]);
    answer.truncate(answer.len() - ready(b"I").len());
    network.accept([Step::AwaitWrite, Step::Send([login(), answer].concat()), Step::Stall]);
    let dsql = Dsql::within(retrying(), network.clone());
    let mut stream = query(&READ).fetch(&dsql);
    now(stream.next()).unwrap().unwrap();
    network.elapse(Duration::from_secs(3600));
    now(stream.next()).unwrap().unwrap();
    network.elapse(Duration::from_secs(3600));
    assert!(poll(stream.next()).is_pending(), "the server has just been asked for more");
    network.elapse(Duration::from_secs(31));
    assert!(now(stream.next()).unwrap().unwrap_err().is_timeout());
}
