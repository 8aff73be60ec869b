//! A running client: its Worker, in a separate workerd process, behind a separate network.

use std::path::Path;
use std::time::{Duration, Instant};

use dsql_edge_local::Local;
use xtask::peers::Client;

use crate::http::{self, Answer};
use crate::platform::network::Network;
use crate::platform::workerd::{Extras, Workerd};

/// A client that runs.
pub struct Site {
    /// The client.
    pub client: Client,
    workerd: Workerd,
    network: Option<Network>,
}

/// The counts of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were opened.
    pub connections: usize,
    /// Round trips that happened one after another, including the handshake of TCP.
    pub round_trips: usize,
    /// Bytes of TLS from the Worker.
    pub sent: usize,
    /// Bytes of TLS to the Worker.
    pub received: usize,
}

impl Site {
    /// Starts the Worker of a client. If `round_trip` is given, the Worker reaches the local DSQL through a network
    /// that delays its bytes; otherwise, it connects directly.
    pub async fn start(client: Client, bundle: &Path, local: &Local, round_trip: Option<Duration>) -> Site {
        let network = match round_trip {
            Some(round_trip) => Some(Network::with_handshake(local.port(), round_trip / 2).await),
            None => None,
        };
        let mut bindings = local.bindings();
        if let Some(network) = &network {
            bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = network.endpoint();
        }
        bindings.push(("CLUSTER_HOST", local.cluster_host().to_owned()));
        let durable_objects: &[&str] = if client.is_pooled() { &["DSQL_POOL=DsqlPool"] } else { &[] };
        let extras = Extras {
            durable_objects,
            compatibility_flags: client.compatibility_flags(),
            ..Extras::default()
        };
        let workerd = Workerd::start_with(bundle, local.ca_pem(), &bindings, &extras).await;
        Site { client, workerd, network }
    }

    /// Sends a request.
    pub async fn get(&self, path: &str) -> Answer {
        match http::get(self.port(), path).await {
            Ok(answer) => answer,
            Err(error) => panic!("{}, {path}: {error}\n{}", self.client.title, self.workerd.log()),
        }
    }

    /// Sends a request, and measures the time until the answer is complete.
    pub async fn timed(&self, path: &str) -> (Duration, Answer) {
        let asked = Instant::now();
        let answer = self.get(path).await;
        (asked.elapsed(), answer)
    }

    /// The port of the Worker.
    pub fn port(&self) -> u16 {
        self.workerd.port()
    }

    /// The process of workerd.
    pub fn process(&self) -> Option<u32> {
        self.workerd.process()
    }

    /// The resident memory of workerd, in kB.
    pub fn resident_kb(&self) -> Option<u64> {
        self.workerd.resident_kb()
    }

    /// Returns everything that workerd and the Worker have written.
    pub fn log(&self) -> String {
        self.workerd.log()
    }

    /// Begins to count the traffic.
    pub fn count(&self) {
        if let Some(network) = &self.network {
            network.forget();
        }
    }

    /// The traffic since [`Site::count`].
    pub fn traffic(&self) -> Traffic {
        let Some(network) = &self.network else {
            return Traffic { connections: 0, round_trips: 0, sent: 0, received: 0 };
        };
        let seen = network.connections();
        Traffic {
            connections: network.opened(),
            round_trips: network.consecutive_round_trips(),
            sent: seen.iter().map(|seen| seen.sent()).sum(),
            received: seen.iter().map(|seen| seen.received()).sum(),
        }
    }

    /// Ends workerd.
    pub async fn stop(self) {
        self.workerd.stop().await;
    }
}
