//! The checks up to TLS: the name of the host, TCP, SSLRequest, the certificate.
//!
//! Input: the steps of a connection. Output: a check for each step.

use std::path::Path;

use dsql_edge::diagnosis::{ConnectionSteps, Step};

use super::certificate::Certificate;
use super::check::Check;
use super::clock::unix_time;

/// The names of the checks of this module, in order.
pub(super) const NAMES: [&str; 4] = ["name", "tcp", "ssl request", "tls"];

/// The kind of the server, which decides what to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cluster,
    /// A dsql-local.
    Local,
    Postgres,
}

/// The steps of a connection, in the order of their checks.
const ORDER: [Step; 4] = [Step::Name, Step::Tcp, Step::SslRequest, Step::Tls];

/// Returns the name of the check of a step.
pub(super) fn name_of(step: Step) -> &'static str {
    ORDER.iter().zip(NAMES).find(|(known, _)| **known == step).map_or("", |(_, name)| name)
}

/// The number of days before the end of a certificate at which a warning is useful.
const ENDS_SOON: i64 = 7;

/// Returns the checks of a connection. `ca` is the file of a certificate authority that is trusted, too.
pub(super) fn checks(steps: &ConnectionSteps, kind: Kind, ca: Option<&Path>) -> Vec<Check> {
    let failed = steps.failed.as_ref().and_then(|(step, _)| ORDER.iter().position(|it| it == step));
    let reason = steps.failed.as_ref().map_or("", |(_, reason)| reason);
    let of = |at: usize, step: Step, name| match failed {
        Some(failed) if at > failed => Check::skipped(name, NAMES.get(failed).copied().unwrap_or_default()),
        Some(failed) if at == failed => wrong(step, name, steps, reason, (kind, ca)),
        _ => ok(step, name, steps),
    };
    ORDER.into_iter().zip(NAMES).enumerate().map(|(at, (step, name))| of(at, step, name)).collect()
}

fn ok(step: Step, name: &'static str, steps: &ConnectionSteps) -> Check {
    match step {
        Step::Name => {
            let mut addresses: Vec<String> = steps.addresses.iter().map(|it| it.ip().to_string()).collect();
            addresses.dedup();
            Check::ok(name, format!("{} is {}", steps.host, addresses.join(", ")))
        }
        Step::Tcp => {
            let peer = steps.peer.map_or_else(String::new, |peer| peer.to_string());
            Check::ok(name, format!("{peer} accepts connections"))
        }
        Step::SslRequest => match steps.accepts_tls {
            Some(true) => Check::ok(name, "the server accepts TLS"),
            _ => Check::warning(
                name,
                "the connection has no TLS (sslmode=disable, or sslmode=prefer and a server without TLS)",
                "use sslmode=require, unless the server is on this machine or behind a tunnel",
            ),
        },
        Step::Tls if steps.accepts_tls == Some(false) || steps.tls_version.is_none() => {
            Check::left_out(name, "the connection has no TLS")
        }
        Step::Tls => tls(name, steps),
    }
}

/// Returns the check of a handshake that succeeded.
fn tls(name: &'static str, steps: &ConnectionSteps) -> Check {
    let version = steps.tls_version.as_deref().unwrap_or("TLS");
    let Some(own) = steps.certificates.first().and_then(|der| Certificate::read(der)) else {
        return Check::ok(name, format!("{version}; the certificate is trusted"));
    };
    let [_, until] = &own.dates;
    let detail =
        format!("{version}; certificate for {}, by {}, valid until {until}", own.shown_names(), own.issuer);
    let left = (own.until - unix_time()) / 86_400;
    if left < ENDS_SOON {
        return Check::warning(name, detail, format!("the certificate ends in {left} days: renew it"));
    }
    Check::ok(name, detail)
}

fn wrong(
    step: Step,
    name: &'static str,
    steps: &ConnectionSteps,
    reason: &str,
    (kind, ca): (Kind, Option<&Path>),
) -> Check {
    let (host, port) = (&steps.host, steps.port);
    match step {
        Step::Name => Check::wrong(
            name,
            format!("{host} has no address: {reason}"),
            "check the host name for typing errors (a cluster that was deleted has no name either), and this machine's DNS",
        ),
        Step::Tcp => Check::wrong(
            name,
            format!("nothing answers at {host}:{port}: {reason}"),
            match kind {
                Kind::Local => {
                    "start the server (`dsql-local serve`, or `dsql-local run -- …`), and compare the port with the one that it prints"
                }
                Kind::Postgres => "check the host and the port of the PostgreSQL, and that the server runs",
                Kind::Cluster => {
                    "check that no firewall or VPN blocks outgoing connections to this port; the feature `websocket` \
                     connects through port 443"
                }
            },
        ),
        Step::SslRequest => Check::wrong(
            name,
            reason,
            format!("check that the server at {host}:{port} is a DSQL cluster or a PostgreSQL with TLS"),
        ),
        Step::Tls => distrusted(name, steps, reason, (kind, ca)),
    }
}

/// Returns the check of a handshake that failed. The check compares the certificate with the host and with this
/// machine's clock.
fn distrusted(
    name: &'static str,
    steps: &ConnectionSteps,
    reason: &str,
    (kind, ca): (Kind, Option<&Path>),
) -> Check {
    if reason.contains("the extra CA") {
        let file = ca.map(|ca| format!("{}: ", ca.display())).unwrap_or_default();
        let remedy = "name a file with a certificate in PEM: --ca, or DSQL_EDGE_CA";
        return Check::wrong(name, format!("{file}{reason}"), remedy);
    }
    let Some(own) = steps.certificates.first().and_then(|der| Certificate::read(der)) else {
        return Check::wrong(
            name,
            format!("the handshake failed: {reason}"),
            "check that nothing between this machine and the server ends TLS connections",
        );
    };
    let now = unix_time();
    let [from, until] = &own.dates;
    let detail = format!(
        "{reason}: the certificate is for {}, by {}, valid from {from} until {until}",
        own.shown_names(),
        own.issuer
    );
    let remedy = if !own.is_for(&steps.host) {
        format!("the certificate is not for {}: connect by a name that it has", steps.host)
    } else if now < own.from || now > own.until {
        "the certificate is not valid today: check this machine's clock, then renew the certificate"
            .to_owned()
    } else {
        match (kind, ca) {
            (Kind::Local, Some(ca)) => format!(
                "{} is not the authority of this dsql-local: name ca.crt in its own folder .dsql-local, with --ca or \
                 DSQL_EDGE_CA",
                ca.display()
            ),
            (Kind::Local, None) => "name dsql-local's certificate authority: --ca .dsql-local/ca.crt, or DSQL_EDGE_CA (`dsql-local run \
                            -- …` sets it)"
                .to_owned(),
            (Kind::Postgres, _) => format!(
                "the authority {} is not trusted here: name it with --ca, or with sslrootcert in the URL",
                own.issuer
            ),
            (Kind::Cluster, _) => format!(
                "the authority {} is not trusted here: update the system's root certificates (a cluster's is Amazon Root CA \
                 1); a proxy that inspects TLS has an authority of its own, which --ca names",
                own.issuer
            ),
        }
    };
    Check::wrong(name, detail, remedy)
}
