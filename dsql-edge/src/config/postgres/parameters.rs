//! The parameters of a connection to a PostgreSQL, with libpq's names.
//!
//! Input: names and values, from a connection string or from bindings. Output: a checked [`Config`], or an error that
//! names the parameter and the reason. An error never repeats a value.

use core::time::Duration;

use crate::config::Config;
use crate::credentials::Secret;
use crate::error::Error;
use crate::settings::{ChannelBinding, Endpoint, LoginMethods, PostgresSettings, SslMode, port_number};

/// The parameters that were given.
#[derive(Default)]
pub(super) struct Parameters {
    given: Vec<(&'static str, String)>,
}

/// The parameters that are accepted.
const KNOWN: [&str; 16] = [
    "user",
    "password",
    "host",
    "port",
    "dbname",
    "sslmode",
    "sslrootcert",
    "sslnegotiation",
    "channel_binding",
    "require_auth",
    "application_name",
    "connect_timeout",
    "options",
    "search_path",
    "pgbouncer",
    "client_encoding",
];

/// Parameters of libpq and of other clients that are not accepted, each with the reason.
const REJECTED: [(&str, &str); 17] = [
    ("sslcert", CLIENT_CERTIFICATE),
    ("sslkey", CLIENT_CERTIFICATE),
    ("sslpassword", CLIENT_CERTIFICATE),
    ("sslcertmode", CLIENT_CERTIFICATE),
    ("sslcrl", "lists of revoked certificates are not read"),
    ("sslcrldir", "lists of revoked certificates are not read"),
    ("gssencmode", GSSAPI),
    ("gsslib", GSSAPI),
    ("gssdelegation", GSSAPI),
    ("krbsrvname", GSSAPI),
    ("passfile", "write the password into the connection string, or set PGPASSWORD"),
    ("service", "service files are not read"),
    ("servicefile", "service files are not read"),
    ("hostaddr", "the host's certificate is verified by its name: write the name as the host"),
    ("target_session_attrs", "a Config has one host"),
    ("load_balance_hosts", "a Config has one host"),
    ("replication", "connections for replication are not supported"),
];

const CLIENT_CERTIFICATE: &str = "sockets of Workers take no client certificate: give the certificate to Hyperdrive \
                                  and use Config::from_hyperdrive, or log in with a password";
const GSSAPI: &str = "GSSAPI is not supported: log in with a password (SCRAM)";

impl Parameters {
    /// Adds a parameter.
    pub(super) fn set(&mut self, name: &str, value: String) -> Result<(), Error> {
        let Some(known) = KNOWN.iter().find(|known| **known == name) else {
            return Err(unknown(name));
        };
        if value.bytes().any(|byte| byte == 0) {
            return Err(parameter(known, "has a NUL character"));
        }
        if self.has(known) {
            return Err(parameter(known, "occurs twice"));
        }
        self.given.push((known, value));
        Ok(())
    }

    /// Whether the parameter was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.given.iter().position(|(given, _)| *given == name)?;
        Some(self.given.swap_remove(at).1)
    }

    /// Removes the parameter with this name from the list, and returns the value that `words` assigns to the
    /// parameter's word. Any word that is not in `words` is an error.
    fn word<T: Copy>(
        &mut self,
        name: &str,
        words: &[(&str, T)],
        otherwise: impl Fn(&str) -> &'static str,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == value) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(parameter(name, otherwise(&value))),
        }
    }

    /// Checks the parameters, and makes a `Config`.
    pub(super) fn into_config(mut self) -> Result<Config, Error> {
        let host = self.take("host").ok_or_else(|| Error::config(NO_HOST))?;
        check_host(&host)?;
        let port = match self.take("port") {
            None => 5432,
            Some(port) => {
                port_number(&port).ok_or_else(|| parameter("port", "is not a number from 1 to 65535"))?
            }
        };
        let user = self.take("user").ok_or_else(|| Error::config(NO_USER))?;
        let database = self.take("dbname").unwrap_or_else(|| user.clone());
        let mut postgres = PostgresSettings::new(database);
        self.set_tls(&mut postgres)?;
        if let Some(methods) = self.take("require_auth") {
            postgres.methods = methods_of(&methods)?;
        }
        postgres.options = self.options()?;
        postgres.transaction_pooler = self
            .word("pgbouncer", &[("true", true), ("false", false)], |_| "is not true or false")?
            .unwrap_or(false);
        self.word("client_encoding", &[("UTF8", ()), ("utf8", ()), ("auto", ())], |_| "is not UTF8")?;
        let password = Secret::new(self.take("password").unwrap_or_default());
        let mut config = Config::of_postgres(Endpoint::postgres(&host, port), postgres, password).user(user);
        config = self.with_ca(config)?;
        config = self.with_negotiation(config)?;
        if let Some(name) = self.take("application_name") {
            config = config.application_name(name);
        }
        if let Some(schemas) = self.take("search_path") {
            config = config.search_path(schemas);
        }
        if let Some(timeout) = self.take("connect_timeout") {
            let seconds = timeout.parse().ok().filter(|seconds| *seconds > 0);
            let seconds =
                seconds.ok_or_else(|| parameter("connect_timeout", "is not a number of seconds above 0"))?;
            config = config.connect_timeout(Duration::from_secs(seconds));
        }
        Ok(config)
    }

    fn set_tls(&mut self, postgres: &mut PostgresSettings) -> Result<(), Error> {
        let modes = [
            ("disable", SslMode::Disable),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
            ("verify-full", SslMode::Require),
        ];
        let sslmode = self.word("sslmode", &modes, |value| match value {
            "verify-ca" => {
                "verify-ca is not supported, because TLS here always verifies the host name too: write verify-full"
            }
            "allow" => "allow is not supported, because it prefers plain text: write prefer or require",
            _ => "is not disable, prefer, require or verify-full",
        })?;
        postgres.sslmode = sslmode.unwrap_or(SslMode::Require);
        let bindings = [
            ("disable", ChannelBinding::Disable),
            ("prefer", ChannelBinding::Prefer),
            ("require", ChannelBinding::Require),
        ];
        let binding = self.word("channel_binding", &bindings, |_| "is not disable, prefer or require")?;
        postgres.channel_binding = binding.unwrap_or(ChannelBinding::Prefer);
        if postgres.channel_binding == ChannelBinding::Require {
            if cfg!(target_arch = "wasm32") {
                return Err(parameter("channel_binding", WORKERS_HAVE_NO_BINDING));
            }
            if postgres.sslmode != SslMode::Require {
                return Err(parameter(
                    "channel_binding",
                    "is require, which needs sslmode=require or verify-full",
                ));
            }
        }
        Ok(())
    }

    fn options(&mut self) -> Result<Option<String>, Error> {
        let options = self.take("options").filter(|options| !options.is_empty());
        // A search_path inside `options` is an error, because the client would not check it; the parameter
        // `search_path` is checked. PostgreSQL ignores the case of a setting's name, and reads `-` as `_`.
        let has_path =
            |options: &String| options.to_ascii_lowercase().replace('-', "_").contains("search_path");
        if options.as_ref().is_some_and(has_path) {
            return Err(parameter(
                "options",
                "sets the search_path: write the parameter search_path instead",
            ));
        }
        Ok(options)
    }

    #[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
    fn with_ca(&mut self, config: Config) -> Result<Config, Error> {
        match self.take("sslrootcert") {
            Some(path) if path != "system" => {
                let pem = std::fs::read(path).map_err(|error| {
                    parameter(
                        "sslrootcert",
                        &["names a file that cannot be read: ", &error.to_string()].concat(),
                    )
                })?;
                if !has_certificate(&pem) {
                    return Err(parameter("sslrootcert", "names a file without a certificate in PEM format"));
                }
                Ok(config.extra_ca(pem))
            }
            _ => Ok(config),
        }
    }

    #[cfg(not(all(feature = "tokio", not(target_arch = "wasm32"))))]
    fn with_ca(&mut self, config: Config) -> Result<Config, Error> {
        match self.take("sslrootcert") {
            Some(path) if path != "system" => Err(parameter("sslrootcert", WORKERS_HAVE_NO_CA)),
            _ => Ok(config),
        }
    }

    fn with_negotiation(&mut self, config: Config) -> Result<Config, Error> {
        let direct = self.word(
            "sslnegotiation",
            &[("postgres", false), ("direct", true)],
            |_| "is not postgres or direct",
        )?;
        if direct != Some(true) {
            return Ok(config);
        }
        if config.settings.postgres.as_ref().is_some_and(|postgres| postgres.sslmode != SslMode::Require) {
            return Err(parameter("sslnegotiation", "is direct, which needs sslmode=require or verify-full"));
        }
        #[cfg(feature = "direct-tls")]
        return Ok(config.direct_tls(true));
        #[cfg(not(feature = "direct-tls"))]
        Err(parameter("sslnegotiation", "is direct, which needs the feature `direct-tls` of dsql-edge"))
    }
}

const NO_HOST: &str = "the host of the PostgreSQL is missing: write postgres://user:password@host:5432/database into \
                       DATABASE_URL, or set PGHOST";
const NO_USER: &str = "the user of the PostgreSQL is missing: write postgres://user:password@host:5432/database into \
                       DATABASE_URL, or set PGUSER";
const WORKERS_HAVE_NO_BINDING: &str = "is require, which is not possible on Workers, whose sockets do not show the server's \
                                       certificate: leave it out";
#[cfg(not(all(feature = "tokio", not(target_arch = "wasm32"))))]
const WORKERS_HAVE_NO_CA: &str = "works only with the feature `tokio`, outside Workers: sockets of Workers accept \
                                  only public certificate authorities. Providers with an authority of their own \
                                  (Amazon RDS, Google Cloud SQL, Azure, DigitalOcean, Aiven) work through Hyperdrive, \
                                  which takes the authority's certificate: Config::from_hyperdrive";

/// Whether a file has a certificate that the TLS library can read. Other files would be ignored.
#[cfg(all(feature = "tokio", not(target_arch = "wasm32")))]
fn has_certificate(pem: &[u8]) -> bool {
    use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

    CertificateDer::pem_slice_iter(pem).next().is_some_and(|certificate| certificate.is_ok())
}

/// Checks that the text is a host name or an address.
fn check_host(host: &str) -> Result<(), Error> {
    if host.starts_with(['/']) || host.starts_with(['@']) {
        return Err(parameter("host", "is a Unix socket: write a host name"));
    }
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || !host.bytes().all(is_host) {
        return Err(parameter("host", "is empty or has characters that are not allowed in a host name"));
    }
    Ok(())
}

/// Reads `require_auth`, a list such as `scram-sha-256,md5`.
fn methods_of(list: &str) -> Result<LoginMethods, Error> {
    let mut methods = LoginMethods::NOTHING;
    for method in list.split([',']) {
        *match method.trim() {
            "none" => &mut methods.none,
            "password" => &mut methods.cleartext,
            "md5" => &mut methods.md5,
            "scram-sha-256" => &mut methods.scram,
            "gss" | "sspi" => return Err(parameter("require_auth", &["is not accepted: ", GSSAPI].concat())),
            "oauth" => return Err(parameter("require_auth", "names oauth, which is not supported")),
            _ => {
                return Err(parameter(
                    "require_auth",
                    "is not a list of scram-sha-256, password, md5 and none; exclusions (!) are not supported",
                ));
            }
        } = true;
    }
    Ok(methods)
}

/// The error for a parameter that is not accepted. A name that could be a part of a password is not repeated.
fn unknown(name: &str) -> Error {
    if let Some((_, reason)) = REJECTED.iter().find(|(rejected, _)| *rejected == name) {
        return parameter(name, &["is not accepted: ", reason].concat());
    }
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if !name.bytes().all(is_name) {
        return Error::config("a parameter of the connection string has an unknown name");
    }
    let known: Vec<&str> = KNOWN.iter().skip(5).copied().collect();
    parameter(name, &["is unknown; the parameters are ", &known.join(", ")].concat())
}

fn parameter(name: &str, what: &str) -> Error {
    Error::config(["the parameter ", name, " of the PostgreSQL connection ", what].concat())
}
