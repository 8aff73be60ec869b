//! The date, the machine and the versions of a run, and how much time the harness itself adds to the measurements.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dsql_edge_local::Local;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use xtask::peers::{self, LOAD_BEFORE, SOCKET};
use xtask::project;

use crate::database::Database;
use crate::platform::network::Network;
use crate::record::record;
use crate::site::Site;

/// Records the machine, the versions, the time of a request without a query, and the measured round trips of the
/// network.
pub async fn describe(local: &Local, database: &Database, socket: &Path, round_trips: &[u64]) {
    let date = OffsetDateTime::now_utc();
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let mut network = Vec::new();
    for round_trip in round_trips {
        network.push((round_trip, calibrate(Duration::from_millis(*round_trip)).await));
    }
    record(
        "machine",
        json!({
            "date": date.date().to_string(),
            "processor": processor.map_or("unknown", |(_, name)| name.trim()),
            "cores": std::thread::available_parallelism().map_or(0, usize::from),
            "load_before": std::env::var(LOAD_BEFORE).unwrap_or_default(),
            "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            "versions": versions(database).await,
            "arguments": std::env::args().skip(1).collect::<Vec<_>>().join(" "),
            "http_ms": without_query(local, socket).await,
            "network": network,
        }),
    );
}

/// The versions of the programs and the clients, from the files that pin them.
async fn versions(database: &Database) -> Vec<(String, String)> {
    let mut versions = vec![("PostgreSQL".to_owned(), database.version().await)];
    let workerd = if xtask::setup::workerd_is_oldest() { "workerd-oldest" } else { "workerd" };
    let package = |folder: &Path| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.join("package.json")).unwrap()).unwrap()
    };
    let runtime = package(&project::root().join("xtask/npm"));
    let version =
        |value: &Value| value.as_str().unwrap_or_default().trim_start_matches("npm:workerd@").to_owned();
    versions.push(("workerd".to_owned(), version(&runtime["dependencies"][workerd])));
    versions.push(("dsql-edge".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    let npm = package(&peers::folder());
    for (name, pinned) in npm["dependencies"].as_object().unwrap() {
        versions.push((name.clone(), version(pinned)));
    }
    let lock = fs::read_to_string(peers::folder().join("tokio-postgres/Cargo.lock")).unwrap();
    for name in ["tokio-postgres", "worker"] {
        let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \""));
        let pinned = entry.and_then(|(_, rest)| rest.split('"').next());
        versions.push((name.to_owned(), pinned.unwrap_or_default().to_owned()));
    }
    versions
}

/// The median time of a request that sends no query, in milliseconds: the time that HTTP, workerd and the harness add
/// to each measurement.
async fn without_query(local: &Local, bundle: &Path) -> f64 {
    let site = Site::start(SOCKET, bundle, local, None).await;
    let mut times = Vec::new();
    for _ in 0..101 {
        times.push(site.timed("/nothing").await.0.as_secs_f64() * 1000.0);
    }
    site.stop().await;
    median(times)
}

/// The median time, in milliseconds, in which one byte goes through the network to a program that only returns the
/// byte, and comes back.
async fn calibrate(round_trip: Duration) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut byte = [0];
        while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {}
    });
    let network = Network::with_handshake(port, round_trip / 2).await;
    let mut stream = TcpStream::connect(network.endpoint()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut byte) = (Vec::new(), [0]);
    for _ in 0..12 {
        let sent = Instant::now();
        stream.write_all(&[1]).await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        times.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    echo.abort();
    // The first message also waits for the handshake of TCP.
    times.remove(0);
    median(times)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
