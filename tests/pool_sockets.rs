//! Tests that the sockets which an object opens are closed again, whatever the server does. An object runs for a long
//! time, and Cloudflare limits the number of its connections.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dsql_edge_local::Local;
use dsql_edge_tests::workerd::{self, Extras, Workerd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use xtask::setup;

use super::restarted::eventually;

/// A server that never completes a login: it answers SSLRequest with these bytes, or not at all, and then sends
/// nothing.
struct Silent {
    port: u16,
    accepted: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

impl Silent {
    async fn answering(answer: &'static [u8]) -> Silent {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (accepted, open) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let silent = Silent { port, accepted: accepted.clone(), open: open.clone() };
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::Relaxed);
                open.fetch_add(1, Ordering::Relaxed);
                let open = open.clone();
                tokio::spawn(async move {
                    let mut chunk = [0; 4096];
                    let mut is_first = true;
                    while let Ok(1..) = stream.read(&mut chunk).await {
                        if std::mem::take(&mut is_first) {
                            stream.write_all(answer).await.unwrap();
                        }
                    }
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        silent
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abandoned_dials_leave_no_socket_open() {
    let local = Local::builder().start().await.unwrap();
    // The server does not answer, declines TLS, or does not complete the TLS handshake. Only the oldest workerd closes
    // a socket during the handshake. In the newest workerd, the socket stays open until the server closes it:
    // JavaScript has no call that closes such a socket.
    let answers: &[&[u8]] = if setup::workerd_is_oldest() { &[b"", b"N", b"S"] } else { &[b"", b"N"] };
    for answer in answers {
        let silent = Silent::answering(answer).await;
        let mut bindings = local.bindings();
        bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 =
            format!("localhost:{}", silent.port);
        let extras = Extras { durable_objects: &["DSQL_POOL=DsqlPool", "Own"], ..Extras::default() };
        let worker = Workerd::start_with(workerd::pooled().await, local.ca_pem(), &bindings, &extras).await;
        for _ in 0..5 {
            let answered = worker.get("/hurry/one/1").await;
            assert_eq!(answered.status, 500, "{}", answered.body);
        }
        assert!(silent.accepted.load(Ordering::Relaxed) >= 5);
        let none = async || silent.open.load(Ordering::Relaxed) == 0;
        eventually("every socket is closed", none).await;
        worker.stop().await;
    }
    local.stop().await.unwrap();
}
