//! Reads the certificate of a server: its names, its dates, its issuer.
//!
//! Input: the certificate in DER, from a server that is not trusted yet. Output: the fields, or `None` if the
//! bytes are not a certificate.

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The fields of a certificate that decide whether a client trusts it.
pub(super) struct Certificate {
    /// The names of hosts, and addresses.
    pub(super) names: Vec<String>,
    pub(super) issuer: String,
    /// Seconds since 1970-01-01 UTC.
    pub(super) from: i64,
    pub(super) until: i64,
    /// The same dates, `2026-11-30`.
    pub(super) dates: [String; 2],
}

/// The maximum number of names that are shown.
const SHOWN: usize = 4;

impl Certificate {
    pub(super) fn read(der: &[u8]) -> Option<Certificate> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut names = Vec::new();
        if let Ok(Some(extension)) = certificate.subject_alternative_name() {
            for name in &extension.value.general_names {
                match name {
                    GeneralName::DNSName(name) => names.push((*name).to_owned()),
                    GeneralName::IPAddress(bytes) => names.extend(address(bytes)),
                    _ => {}
                }
            }
        }
        let validity = certificate.validity();
        let issuer = certificate.issuer().iter_common_name().next().and_then(|it| it.as_str().ok());
        Some(Certificate {
            names,
            issuer: issuer.map_or_else(|| certificate.issuer().to_string(), str::to_owned),
            from: validity.not_before.timestamp(),
            until: validity.not_after.timestamp(),
            dates: [validity.not_before, validity.not_after].map(|date| day(date.timestamp())),
        })
    }

    /// Whether the certificate is for this host: one of its names, or a name with `*` as its first label.
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.names.iter().any(|name| {
            let wildcard = || Some((name.strip_prefix("*.")?, host.split_once('.')?.1));
            name.eq_ignore_ascii_case(host)
                || wildcard().is_some_and(|(suffix, rest)| suffix.eq_ignore_ascii_case(rest))
        })
    }

    /// Its names, shortened.
    pub(super) fn shown_names(&self) -> String {
        let mut shown = self.names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if self.names.len() > SHOWN {
            shown += &format!(" and {} more", self.names.len() - SHOWN);
        }
        if shown.is_empty() { "no name".to_owned() } else { shown }
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|it| std::net::Ipv4Addr::from(it).to_string());
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|it| std::net::Ipv6Addr::from(it).to_string())).ok()
}

/// Returns the date of a time, such as `2026-11-30`.
pub(super) fn day(seconds: i64) -> String {
    aws_smithy_types::DateTime::from_secs(seconds)
        .fmt(aws_smithy_types::date_time::Format::DateTime)
        .ok()
        .and_then(|text| text.get(..10).map(str::to_owned))
        .unwrap_or_else(|| format!("{seconds} s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcard_replaces_one_label() {
        let certificate = Certificate {
            names: vec!["*.dsql.us-east-1.on.aws".to_owned(), "Localhost".to_owned()],
            issuer: String::new(),
            from: 0,
            until: 0,
            dates: [day(0), day(1_796_000_000)],
        };
        assert_eq!(certificate.dates, ["1970-01-01", "2026-11-30"]);
        for (host, expected) in [
            ("abc.dsql.us-east-1.on.aws", true),
            ("a.b.dsql.us-east-1.on.aws", false),
            ("abc.dsql.eu-west-1.on.aws", false),
            ("dsql.us-east-1.on.aws", false),
            ("localhost", true),
            ("", false),
        ] {
            assert_eq!(certificate.is_for(host), expected, "{host}");
        }
    }

    #[test]
    fn bytes_that_are_not_a_certificate_are_none() {
        for bytes in [&b""[..], b"\x30", b"\x30\x03\x02\x01\x01", &[0x30; 64]] {
            assert!(Certificate::read(bytes).is_none());
        }
    }
}
