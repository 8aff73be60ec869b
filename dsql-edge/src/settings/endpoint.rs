//! Decides which hosts a token may be sent to.
//!
//! Input: `DSQL_ENDPOINT`. Output: host, port and region, or an error that names the fault without repeating the text,
//! which may be a connection string with a password. This module does not use regular expressions, because they would
//! add more to a Worker's size than the whole module does. Patterns are arrays for the same reason: `split_once(':')`
//! links a search for bytes, and `split_once([':'])` does not.

use crate::error::Error;

const LOCAL: &str = "localhost";
const PORT: &str = "5432";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) region: String,
    /// Set by [`Config::dangerous_endpoint`]: the host that tokens are signed for. Empty for a PostgreSQL and for the
    /// client of a pool, which sign no tokens.
    ///
    /// [`Config::dangerous_endpoint`]: crate::Config::dangerous_endpoint
    pub(crate) dangerous: Option<String>,
}

impl Endpoint {
    /// The host that tokens are signed for.
    pub(crate) fn signing_host(&self) -> &str {
        self.dangerous.as_deref().unwrap_or(&self.host)
    }

    /// Whether the host name is the name of a cluster's endpoint.
    #[cfg(feature = "websocket")]
    pub(crate) fn is_cluster(&self) -> bool {
        self.dangerous.is_none() && self.host != LOCAL
    }

    /// Whether the endpoint is known to request a cleartext password, as DSQL and dsql-local do, so that the password
    /// may be sent before it is requested.
    pub(crate) fn requests_cleartext(&self) -> bool {
        self.dangerous.is_none()
    }

    /// Parses a DSQL host, or `localhost[:port]` with a region.
    pub(crate) fn parse(text: &str, region: Option<&str>) -> Result<Self, Error> {
        let (host, port) = text.split_once([':']).unwrap_or((text, PORT));
        let local = host == LOCAL;
        let of_host = if local { region } else { region_of(host).filter(|_| port == PORT) };
        let wrong = match (of_host, region) {
            (None, _) if local => {
                "DSQL_ENDPOINT is localhost: set DSQL_REGION, too (dsql-local writes both into .dev.vars)"
            }
            (None, _) => return Err(malformed(text)),
            (Some(of_host), Some(region)) if of_host != region => {
                "DSQL_REGION is not the region in DSQL_ENDPOINT: leave it out"
            }
            (Some(region), _) => match port_number(port) {
                Some(port) => return Endpoint::new(host, port, region, None),
                None => "the port in DSQL_ENDPOINT is not a number from 1 to 65535",
            },
        };
        Err(Error::config(wrong))
    }

    /// Returns the placeholder that a client with a pool has as its endpoint; only the pool has the real endpoint.
    #[cfg(feature = "pool")]
    pub(crate) fn of_pool() -> Self {
        Endpoint { host: String::new(), port: 0, region: String::new(), dangerous: Some(String::new()) }
    }

    pub(crate) fn local(text: &str, region: &str) -> Result<Self, Error> {
        match text.strip_prefix(LOCAL) {
            Some(port) if port.is_empty() || port.starts_with(':') => Endpoint::parse(text, Some(region)),
            _ => Err(malformed(text)),
        }
    }

    pub(crate) fn dangerous(host: &str, port: u16, signing_host: &str, region: &str) -> Result<Self, Error> {
        for name in [host, signing_host] {
            let is_host =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
            if name.is_empty() || !name.bytes().all(is_host) {
                return Err(Error::config(
                    "a host name of the endpoint is empty or has characters that are not allowed",
                ));
            }
        }
        Endpoint::new(host, port, region, Some(signing_host.to_owned()))
    }

    /// The endpoint of a PostgreSQL that is not a cluster. No token is signed for such an endpoint.
    #[cfg(feature = "postgres")]
    pub(crate) fn postgres(host: &str, port: u16) -> Self {
        Endpoint { host: host.to_owned(), port, region: String::new(), dangerous: Some(String::new()) }
    }

    fn new(host: &str, port: u16, region: &str, dangerous: Option<String>) -> Result<Self, Error> {
        if !is_region(region) {
            return Err(Error::config("DSQL_REGION is not an AWS region, such as us-east-1"));
        }
        Ok(Endpoint { host: host.to_owned(), port, region: region.to_owned(), dangerous })
    }
}

/// The endpoint of STS.
#[cfg(feature = "assume-role")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StsEndpoint {
    /// AWS's endpoint in the region of the cluster.
    Regional,
    /// An STS on this machine. Only `localhost` is accepted, because AWS does not accept a request that is signed for
    /// `localhost`.
    Local {
        /// The port on `localhost`.
        port: u16,
    },
}

#[cfg(feature = "assume-role")]
impl StsEndpoint {
    /// Parses `https://localhost:<port>`, the only form that is accepted.
    pub(crate) fn local(url: &str) -> Result<Self, Error> {
        match url.strip_prefix("https://localhost:").and_then(port_number) {
            Some(port) => Ok(StsEndpoint::Local { port }),
            None => Err(Error::config(
                "AWS_ENDPOINT_URL_STS is for an STS on this machine, https://localhost:<port> (`dsql-local` writes \
                 it); without it the STS of the cluster's region is used",
            )),
        }
    }
}

/// Returns the region in a cluster's host name, or `None` if the name does not have the form `<26 ×
/// [a-z0-9]>.dsql[suffix].<region>.on.aws`. AWS's own connectors accept the same form of host name. A name for
/// PrivateLink has a suffix (`dsql-fnh4`).
fn region_of(host: &str) -> Option<&str> {
    let (cluster, rest) = host.split_at_checked(26)?;
    let (suffix, region) = rest.strip_prefix(".dsql")?.strip_suffix(".on.aws")?.split_once(['.'])?;
    (is_name(cluster, false) && is_name(suffix, true) && is_region(region)).then_some(region)
}

fn is_region(text: &str) -> bool {
    (1..=63).contains(&text.len()) && is_name(text, true)
}

fn is_name(text: &str, hyphens: bool) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || (hyphens && byte == b'-'))
}

/// Parses digits only; `parse` would accept a sign.
pub(crate) fn port_number(text: &str) -> Option<u16> {
    let number = text.bytes().try_fold(0_u16, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    });
    number.filter(|port| *port != 0)
}

fn malformed(text: &str) -> Error {
    let has = |odd: fn(&u8) -> bool| text.as_bytes().iter().any(odd);
    let why = if has(|byte| *byte == b'/') {
        "it is a URL: use only the host name"
    } else if text.is_empty() || has(u8::is_ascii_whitespace) {
        "it is empty, or has a space or line break"
    } else if text.len() == 26 && !has(|byte| *byte == b'.') {
        "it is the cluster's identifier: give the whole host name"
    } else if has(u8::is_ascii_uppercase) {
        "it has upper-case letters"
    } else {
        "for another host use Config::dangerous_endpoint"
    };
    Error::config(format!(
        "DSQL_ENDPOINT is neither a cluster's host name, <26 letters and digits>.dsql.<region>.on.aws, nor \
         localhost:<port>: {why}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";

    #[test]
    fn region_is_read_from_the_host_name() {
        for text in [HOST.to_owned(), format!("{HOST}:5432")] {
            let endpoint = Endpoint::parse(&text, None).unwrap();
            assert_eq!(
                (endpoint.host.as_str(), endpoint.port, endpoint.region.as_str()),
                (HOST, 5432, "us-east-1")
            );
            assert_eq!(endpoint.dangerous, None);
        }
        let private = HOST.replace(".dsql.", ".dsql-fnh4.");
        assert_eq!(Endpoint::parse(&private, Some("us-east-1")).unwrap().region, "us-east-1");
        assert!(Endpoint::parse(HOST, Some("eu-west-1")).is_err());
    }

    #[test]
    fn localhost_needs_a_region_and_is_exact() {
        let endpoint = Endpoint::parse("localhost:6543", Some("us-east-1")).unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("localhost", 6543));
        assert_eq!(Endpoint::parse("localhost", Some("us-east-1")).unwrap().port, 5432);
        assert!(Endpoint::parse("localhost:6543", None).unwrap_err().to_string().contains("DSQL_REGION"));
        for text in [
            "localhost:",
            "localhost:0",
            "localhost:+1",
            "localhost:65536",
            "localhost:1:2",
            "localhost.evil.com",
        ] {
            assert!(Endpoint::parse(text, Some("us-east-1")).is_err(), "{text}");
        }
        assert!(Endpoint::parse("localhost", Some("us east")).is_err());
    }

    #[test]
    fn other_hosts_are_rejected() {
        for text in [
            "",
            " ",
            "127.0.0.1",
            "evil.com",
            "foo0bar1baz2quux3quuux4abc",
            "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws.evil.com",
            "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws.",
            "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws:443",
            "Foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws",
            "foo0bar1baz2quux3quuux4ab.dsql.us-east-1.on.aws",
            "foo0bar1baz2quux3quuux4abc.rds.us-east-1.on.aws",
            "foo0bar1baz2quux3quuux4abc.dsql..on.aws",
            "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws\n",
            "evil.com/foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws",
            "foo0bar1baz2quux3quuux4abc.dsql@evil.us-east-1.on.aws",
        ] {
            assert!(Endpoint::parse(text, None).unwrap_err().is_config(), "{text}");
        }
    }

    #[test]
    fn a_connection_string_is_not_repeated() {
        let error = Endpoint::parse("postgres://admin:canary@host/db", None).unwrap_err().to_string();
        assert!(error.contains("URL") && !error.contains("canary"));
    }
}
