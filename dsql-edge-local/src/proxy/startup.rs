//! Reads a client's StartupMessage, and checks its settings by DSQL's list.
//!
//! Input: the bytes of the packet after its length. Output: user, database and the parameters for PostgreSQL, or the
//! error.

use super::frame;
use crate::connection_rejected::ConnectionRejected;

/// PostgreSQL's own limit of this packet, in bytes.
pub(super) const MAX_LENGTH: usize = 10_000;

const PROTOCOL_3: u32 = 3 << 16;

/// The settings that a client may send when it connects, compared without case. Settings `enable_*` are also accepted
/// (AWS's pgdump-proxy).
const ALLOWED: [&str; 7] = [
    "application_name",
    "client_encoding",
    "datestyle",
    "extra_float_digits",
    "intervalstyle",
    "timezone",
    "search_path",
];

/// Settings that only DSQL has. dsql-local accepts these settings, but does not forward them.
const DSQL_ONLY: [&str; 3] = ["dsql.enable_batched_nestloop", "disable_sync_create_index", "amzn-cluster-id"];

/// A startup packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Startup {
    pub(super) user: String,
    pub(super) database: String,
    /// The settings that are forwarded to PostgreSQL.
    pub(super) settings: Vec<(String, String)>,
    /// The first setting that is not accepted. DSQL verifies the token first, and then rejects the setting.
    pub(super) not_allowed: Option<String>,
    /// The options of `NegotiateProtocolVersion`, if the client requests a newer protocol or an option of the protocol.
    pub(super) negotiate: Option<Vec<String>>,
}

impl Startup {
    pub(super) fn parse(version: u32, body: &[u8]) -> Result<Startup, ConnectionRejected> {
        if version >> 16 != PROTOCOL_3 >> 16 {
            return Err(ConnectionRejected {
                sqlstate: "0A000",
                message: format!(
                    "unsupported frontend protocol {}.{}: server supports 3.0 to 3.0",
                    version >> 16,
                    version & 0xffff
                ),
                hint: None,
                reason: "the client uses another version of the protocol: use a client for PostgreSQL's protocol 3".to_owned(),
            });
        }
        let text = std::str::from_utf8(body)
            .ok()
            .and_then(|text| text.strip_suffix("\0\0").or(if text == "\0" { Some("") } else { None }))
            .ok_or_else(|| {
                ConnectionRejected::protocol(
                    "invalid startup packet layout: expected terminator as last byte",
                )
            })?;
        let mut startup = Startup {
            user: String::new(),
            database: String::new(),
            settings: Vec::new(),
            not_allowed: None,
            negotiate: (version > PROTOCOL_3).then(Vec::new),
        };
        let mut parts = text.split('\0');
        while let Some(name) = parts.next().filter(|name| !name.is_empty()) {
            let value =
                parts.next().ok_or_else(|| ConnectionRejected::protocol("invalid startup packet layout"))?;
            match name {
                "user" => startup.user = value.to_owned(),
                "database" => startup.database = value.to_owned(),
                "options" => {
                    for (name, value) in options(value)? {
                        startup.setting(name, value);
                    }
                }
                _ if name.starts_with("_pq_.") => {
                    startup.negotiate.get_or_insert_default().push(name.to_owned());
                }
                _ => startup.setting(name.to_owned(), value.to_owned()),
            }
        }
        if startup.user.is_empty() {
            return Err(ConnectionRejected {
                sqlstate: "28000",
                message: "no PostgreSQL user name specified in startup packet".to_owned(),
                hint: None,
                reason: "the client does not name a user: set it, for example user=admin".to_owned(),
            });
        }
        if startup.database.is_empty() {
            startup.database.clone_from(&startup.user);
        }
        Ok(startup)
    }

    /// The `client_encoding` that the client sets, if it sets one. The last value is in force, as in PostgreSQL.
    pub(super) fn client_encoding(&self) -> Option<&str> {
        let mut settings = self.settings.iter().rev();
        settings.find(|(name, _)| name.eq_ignore_ascii_case("client_encoding")).map(|(_, value)| &**value)
    }

    fn setting(&mut self, name: String, value: String) {
        let lower = name.to_ascii_lowercase();
        if ALLOWED.contains(&lower.as_str()) || lower.starts_with("enable_") {
            self.settings.push((name, value));
        } else if !DSQL_ONLY.contains(&lower.as_str()) {
            self.not_allowed.get_or_insert(name);
        }
    }

    /// Writes the packet for PostgreSQL's `database`, including its length, with dsql-local's own settings.
    pub(super) fn to_postgres(&self, database: &str, own: &[(&str, String)]) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend(PROTOCOL_3.to_be_bytes());
        let pairs = [("user", self.user.as_str()), ("database", database)];
        let settings = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in
            pairs.into_iter().chain(settings).chain(own.iter().map(|(name, value)| (*name, value.as_str())))
        {
            for text in [name, value] {
                body.extend(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        let mut packet = u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        packet.extend(body);
        packet
    }

    /// Writes `NegotiateProtocolVersion`, if the client requests a newer protocol than 3.0 or an option of the
    /// protocol.
    pub(super) fn negotiation(&self) -> Option<Vec<u8>> {
        let options = self.negotiate.as_ref()?;
        let mut body = 0u32.to_be_bytes().to_vec();
        body.extend(u32::try_from(options.len()).unwrap_or(u32::MAX).to_be_bytes());
        for option in options {
            body.extend(option.as_bytes());
            body.push(0);
        }
        Some(frame::message(b'v', &[&body]))
    }
}

/// The settings in `options`: `-c name=value` and `--name=value`, separated by spaces. A backslash escapes a space.
fn options(text: &str) -> Result<Vec<(String, String)>, ConnectionRejected> {
    let mut words = vec![String::new()];
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => words.last_mut().into_iter().for_each(|word| word.extend(characters.next())),
            c if c.is_ascii_whitespace() => words.push(String::new()),
            c => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    let mut settings = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
            Some("") => words.next(),
            Some(rest) => Some(rest.to_owned()),
            None => None,
        };
        let Some((name, value)) = setting.as_deref().and_then(|setting| setting.split_once('=')) else {
            return Err(ConnectionRejected::parameter_not_supported(&word));
        };
        // As in PostgreSQL, a hyphen in a name means an underscore: `--search-path` sets search_path. Only DSQL's own
        // setting `amzn-cluster-id` has hyphens in its name.
        let name = if name == "amzn-cluster-id" { name.to_owned() } else { name.replace('-', "_") };
        settings.push((name, value.to_owned()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in pairs {
            for text in [name, value] {
                body.extend(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        body
    }

    fn parse(pairs: &[(&str, &str)]) -> Result<Startup, ConnectionRejected> {
        Startup::parse(PROTOCOL_3, &packet(pairs))
    }

    #[test]
    fn allowed_settings_pass_and_dsqls_own_are_kept() {
        let startup = parse(&[
            ("user", "admin"),
            ("database", "postgres"),
            ("TimeZone", "Asia/Tokyo"),
            ("enable_seqscan", "off"),
            ("disable_sync_create_index", "off"),
            ("options", r"-c amzn-cluster-id=abc -c search_path=a,\ b --extra-float-digits=3"),
        ])
        .unwrap();
        assert_eq!(startup.not_allowed, None);
        let settings: Vec<(&str, &str)> =
            startup.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            settings,
            [
                ("TimeZone", "Asia/Tokyo"),
                ("enable_seqscan", "off"),
                ("search_path", "a, b"),
                ("extra_float_digits", "3")
            ]
        );
        let sent = startup.to_postgres("postgres", &[("lock_timeout", "25".to_owned())]);
        assert_eq!(sent[..8], [0, 0, 0, u8::try_from(sent.len()).unwrap(), 0, 3, 0, 0]);
        assert!(sent.ends_with(b"extra_float_digits\x003\0lock_timeout\x0025\0\0"));
    }

    #[test]
    fn first_other_setting_is_rejected_by_name() {
        for (name, value, rejected) in [
            ("statement_timeout", "1s", "statement_timeout"),
            ("role", "postgres", "role"),
            ("client_min_messages", "debug", "client_min_messages"),
            ("replication", "database", "replication"),
            ("options", "-cstatement_timeout=5", "statement_timeout"),
            ("my.setting", "x", "my.setting"),
        ] {
            let startup = parse(&[("user", "admin"), (name, value)]).unwrap();
            assert_eq!(startup.not_allowed.as_deref(), Some(rejected));
        }
    }

    #[test]
    fn cut_or_changed_packet_does_not_panic() {
        let whole = packet(&[("user", "admin"), ("options", r"-c a=b\"), ("_pq_.x", "1")]);
        assert!(Startup::parse(PROTOCOL_3, &whole).is_ok());
        for at in 0..whole.len() {
            let _ = Startup::parse(PROTOCOL_3, &whole[..at]);
            for byte in [0, b'-', b'\\', 0xff] {
                let mut changed = whole.clone();
                changed[at] = byte;
                let _ = Startup::parse(PROTOCOL_3 + 2, &changed);
            }
        }
    }

    #[test]
    fn newer_protocol_is_negotiated_and_another_rejected() {
        let newer = Startup::parse(PROTOCOL_3 + 2, &packet(&[("user", "a"), ("_pq_.x", "1")])).unwrap();
        assert_eq!(newer.negotiation().unwrap(), b"v\0\0\0\x13\0\0\0\0\0\0\0\x01_pq_.x\0");
        assert_eq!(parse(&[("user", "a")]).unwrap().negotiation(), None);
        assert_eq!(Startup::parse(2 << 16, b"\0").unwrap_err().sqlstate, "0A000");
        assert_eq!(parse(&[]).unwrap_err().sqlstate, "28000");
    }
}
