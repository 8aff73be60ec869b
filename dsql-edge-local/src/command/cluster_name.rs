//! The line that a start prints about the cluster's host name, because some clients accept only the host name of a
//! cluster.
//!
//! Input: the host name and the port. Output: the line, or `None` if the port is not 5432. AWS's connectors need the
//! name, and connect to port 5432 by default. So if dsql-local has another port, its clients connect to `localhost` and
//! do not need the name.

use std::net::IpAddr;
use std::time::Duration;

/// The port of a cluster.
const PORT: u16 = 5432;

/// The time limit for resolving the name. Without a network, a resolver may try for much longer.
const LIMIT: Duration = Duration::from_secs(1);

pub(super) async fn line(host: &str, port: u16) -> Option<String> {
    if port != PORT {
        return None;
    }
    let found = tokio::time::timeout(LIMIT, tokio::net::lookup_host((host, port))).await;
    let addresses = found.ok().and_then(Result::ok).into_iter().flatten().map(|address| address.ip());
    Some(text(host, &addresses.collect::<Vec<_>>()))
}

/// The line for a host name that the system resolves to these addresses.
fn text(host: &str, addresses: &[IpAddr]) -> String {
    let name = format!(
        "cluster's host name: {host} port {PORT}, for clients that require one, as AWS's connectors do"
    );
    if addresses.iter().any(IpAddr::is_loopback) {
        return name;
    }
    format!(
        "{name}. It does not resolve to this machine: add the line `127.0.0.1 {host}` to /etc/hosts, or set \
         PGHOSTADDR=127.0.0.1 for a client that uses libpq"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn line_for_hosts_needs_port_5432_and_an_unknown_name() {
        assert_eq!(line("localhost", 5433).await, None);
        let known = line("localhost", PORT).await.unwrap();
        assert!(known.contains("host name: localhost port 5432") && !known.contains("/etc/hosts"), "{known}");
        // The top-level domain `invalid` never resolves.
        let unknown = line("abc.dsql.invalid", PORT).await.unwrap();
        assert!(unknown.contains("add the line `127.0.0.1 abc.dsql.invalid` to /etc/hosts"), "{unknown}");
        let elsewhere = text("a", &["192.0.2.1".parse().unwrap()]);
        assert!(elsewhere.contains("does not resolve to this machine"), "{elsewhere}");
    }
}
