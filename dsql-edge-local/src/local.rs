//! A local DSQL, from start to stop.
//!
//! Input: the options of [`Builder`]. Output: an endpoint with its keys and its authority's certificate. This module
//! starts and stops the parts of a local DSQL in order.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dsql_edge_macro_input::role_name;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::direct_tls::DirectTls;
use crate::faults::Fault;
use crate::iam::key_ring::{Identity, KeyRing};
use crate::keys::{self, Credentials};
use crate::limits::{Limit, Limits};
use crate::log::Log;
use crate::oc001::Oc001;
use crate::postgres::{ADMIN, Data, Postgres, SUPERUSER, find, unlike_cluster};
use crate::proxy::{self, Endpoint, Listening};
use crate::sql_script;
use crate::sts::{Role, Sts};
use crate::tls::Authority;
use crate::{Error, Installation};

/// The default region of an endpoint.
const REGION: &str = "us-east-1";

/// A running local DSQL. Dropping this value ends everything; [`Local::stop`] also waits for the end.
pub struct Local {
    listening: Listening,
    sts: Listening,
    cluster: Arc<Cluster>,
    postgres: Postgres,
    region: String,
    credentials: Credentials,
    keys: Arc<KeyRing>,
    users: Vec<(String, Credentials)>,
    ca_pem: String,
    cluster_host: String,
    installation: Installation,
    rules: bool,
    init: Vec<Init>,
    later_users: Vec<String>,
    migrating: Mutex<()>,
}

/// A part of the initial SQL.
#[derive(Clone)]
struct Init {
    /// The name that errors show.
    name: String,
    sql: String,
    /// The path of the file from which the SQL was read; `None` if the SQL does not come from a file.
    file: Option<PathBuf>,
}

/// The options of a local DSQL: by default, new data, new keys and any free port.
#[derive(Clone)]
pub struct Builder {
    folder: Option<PathBuf>,
    keep_data: bool,
    postgres_bin: Option<PathBuf>,
    port: u16,
    region: String,
    hosts: Vec<String>,
    credentials: Option<Credentials>,
    roles: Vec<Role>,
    users: Vec<String>,
    later_users: Vec<String>,
    init: Vec<Init>,
    clock_ahead: Duration,
    rules: bool,
    limits: Vec<Limit>,
    oc001: Oc001,
    direct_tls: DirectTls,
    faults: Vec<Fault>,
    log: Log,
}

impl Local {
    /// A new builder.
    pub fn builder() -> Builder {
        Builder {
            folder: None,
            keep_data: false,
            postgres_bin: None,
            port: 0,
            region: REGION.to_owned(),
            hosts: Vec::new(),
            credentials: None,
            roles: Vec::new(),
            users: Vec::new(),
            later_users: Vec::new(),
            init: Vec::new(),
            clock_ahead: Duration::ZERO,
            rules: true,
            limits: Vec::new(),
            oc001: Oc001::default(),
            direct_tls: DirectTls::default(),
            faults: Vec::new(),
            log: Arc::new(|_| {}),
        }
    }

    /// The value of `DSQL_ENDPOINT`, `localhost:PORT`. Tokens are signed for the host `localhost`.
    pub fn endpoint(&self) -> String {
        format!("localhost:{}", self.port())
    }

    /// The port on 127.0.0.1 and ::1.
    pub fn port(&self) -> u16 {
        self.listening.port()
    }

    /// The URL of the local STS, `https://localhost:PORT`, for the variable `AWS_ENDPOINT_URL_STS`. The STS answers
    /// AssumeRole with the credentials of a session, which sign tokens until they expire.
    pub fn sts_url(&self) -> String {
        format!("https://localhost:{}", self.sts.port())
    }

    /// The number of sessions that the STS and [`Local::issue_session`] have issued since the start.
    pub fn sessions_issued(&self) -> usize {
        self.keys.sessions_issued()
    }

    /// Issues the credentials of a session of a role, as the local STS does. The credentials expire after `life`.
    ///
    /// # Errors
    /// Returns an error if the system returns no random bytes.
    pub fn issue_session(&self, role_arn: &str, life: Duration) -> Result<Credentials, Error> {
        let life = time::Duration::try_from(life).unwrap_or(time::Duration::MAX);
        Ok(self.keys.issue(role_arn, life, self.cluster.clock.now())?.credentials)
    }

    /// Sets the clock forward for the checks of tokens, requests, sessions, transactions and connections.
    pub fn advance_clock(&self, by: Duration) {
        self.cluster.clock.advance(by);
    }

    /// Whether DSQL's rules apply.
    pub(crate) fn applies_rules(&self) -> bool {
        self.rules
    }

    /// The lock that lets one run of migrations work at a time.
    pub(crate) fn migrating(&self) -> &Mutex<()> {
        &self.migrating
    }

    /// Returns the time of the clock by which tokens are checked.
    pub(crate) fn now(&self) -> time::OffsetDateTime {
        self.cluster.clock.now()
    }

    /// Sets the pending faults. The given faults replace all faults that have not taken effect yet.
    pub fn set_faults(&self, faults: &[Fault]) {
        self.cluster.faults.set(faults);
    }

    /// The region that tokens are signed for, `DSQL_REGION`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The keys that sign tokens.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The certificate to trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The folder in which the data is kept for the next start, with [`Builder::keep_data`].
    pub fn kept_data(&self) -> Option<&Path> {
        self.postgres.kept_data()
    }

    /// The PostgreSQL installation.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The keys of a [`Builder::user`].
    pub fn user_credentials(&self, name: &str) -> Option<&Credentials> {
        self.users.iter().find(|(known, _)| known == name).map(|(_, credentials)| credentials)
    }

    /// The bindings with which a Worker connects as `admin`: names and values.
    pub fn bindings(&self) -> Vec<(&'static str, String)> {
        self.bindings_with(&self.credentials)
    }

    /// The bindings (names and values) with which a Worker connects as `name`, a user that [`Builder::user`] added.
    /// `None` if this user does not exist.
    pub fn bindings_of_user(&self, name: &str) -> Option<Vec<(&'static str, String)>> {
        let mut bindings = self.bindings_with(self.user_credentials(name)?);
        bindings.push(("DSQL_USER", name.to_owned()));
        Some(bindings)
    }

    fn bindings_with(&self, keys: &Credentials) -> Vec<(&'static str, String)> {
        let mut bindings = vec![
            ("DSQL_ENDPOINT", self.endpoint()),
            ("DSQL_REGION", self.region.clone()),
            ("AWS_ENDPOINT_URL_STS", self.sts_url()),
            ("AWS_ACCESS_KEY_ID", keys.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key().to_owned()),
        ];
        bindings.extend(keys.session_token().map(|token| ("AWS_SESSION_TOKEN", token.to_owned())));
        bindings
    }

    /// A host name in the form of a cluster's host name, `<26 characters>.dsql.<region>.on.aws`, for clients that
    /// require such a name. The certificate contains this host name, and tokens may be signed for it. This host name is
    /// not in DNS; the port is [`Local::port`].
    pub fn cluster_host(&self) -> &str {
        &self.cluster_host
    }

    /// The connection string of the PostgreSQL behind dsql-local (`host=… user=postgres dbname=postgres`), for libpq
    /// and tokio-postgres. A client that uses this string is the superuser, and DSQL's rules do not apply to this
    /// client.
    pub fn postgres_url(&self) -> String {
        format!("host={} user={SUPERUSER} dbname=postgres", self.postgres.socket_folder().display())
    }

    /// Runs SQL as `admin`, without the proxy: DSQL's rules and limits do not apply, but DSQL's own forms (`ASYNC`,
    /// `AWS IAM`) are available. The functions that sessions may not call, such as `pg_backend_pid`, are also denied
    /// here.
    ///
    /// # Errors
    /// Returns PostgreSQL's error, with `name`, the line and the column.
    pub async fn run_sql(&self, name: &str, sql: &str) -> Result<(), Error> {
        run_sql(&self.postgres, name, sql).await
    }

    /// Creates the roles of [`Builder::later_user`] that are still missing, and maps each role to its identity.
    ///
    /// # Errors
    /// Returns PostgreSQL's error.
    pub async fn admit_users(&self) -> Result<(), Error> {
        admit(&self.postgres, &self.users).await
    }

    /// Restores the database and the roles of the first start: drops everything, and runs the initial SQL again,
    /// with its files as they are now. Every session ends. If a file cannot be read, nothing is dropped. `created` has
    /// the roles that the migrations create; `None` if there are no migrations.
    pub(crate) async fn renew(&self, created: Option<&[String]>) -> Result<(), Error> {
        let mut init = self.init.clone();
        for Init { sql, file, .. } in &mut init {
            if let Some(path) = file {
                *sql = fs::read_to_string(&*path).map_err(Error::file(path))?;
            }
        }
        self.postgres.renew().await?;
        let log = &self.cluster.log;
        let later = created.unwrap_or(&self.later_users);
        prepare_database(&self.postgres, &init, self.rules, &self.users, later, log).await
    }

    /// A path for a socket of the process that runs this local DSQL. Other users cannot reach the socket, and the
    /// socket is removed at the end.
    pub fn control_socket(&self) -> PathBuf {
        self.postgres.socket_folder().join("control")
    }

    /// Ends every session and PostgreSQL, and waits for their end.
    ///
    /// # Errors
    /// Returns an error if the system does not report that PostgreSQL has ended.
    pub async fn stop(self) -> Result<(), Error> {
        drop((self.listening, self.sts));
        self.postgres.stop().await
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Local").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
}

impl Builder {
    /// Keeps the certificate authority and the keys in this folder; with [`Builder::keep_data`], keeps the data there
    /// too (for root, in `/var/tmp`). If the folder is missing, it is created with mode 0700.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.folder = Some(folder.into());
        self
    }

    /// Keeps the data in the folder for the next start. With kept data, the SQL for the start runs only at the first
    /// start.
    pub fn keep_data(mut self, keep: bool) -> Builder {
        self.keep_data = keep;
        self
    }

    /// The folder with `postgres` and `initdb`; by default the folder that [`crate::installation`] finds.
    pub fn postgres_bin(mut self, bin: impl Into<PathBuf>) -> Builder {
        self.postgres_bin = Some(bin.into());
        self
    }

    /// The port to listen on. If the port is 0, or in use, any free port is used.
    pub fn port(mut self, port: u16) -> Builder {
        self.port = port;
        self
    }

    /// The region of the endpoint, by default `us-east-1`.
    pub fn region(mut self, region: impl Into<String>) -> Builder {
        self.region = region.into();
        self
    }

    /// Another host name for the certificate in addition to `localhost`, such as a real cluster's.
    pub fn host(mut self, host: impl Into<String>) -> Builder {
        self.hosts.push(host.into());
        self
    }

    /// The keys that sign tokens; by default the keys in the folder, or new keys.
    pub fn credentials(mut self, credentials: Credentials) -> Builder {
        self.credentials = Some(credentials);
        self
    }

    /// A role that may be assumed, and the external id that the role requires. Without this option every role may be
    /// assumed.
    pub fn role(mut self, arn: impl Into<String>, external_id: Option<&str>) -> Builder {
        self.roles.push(Role { arn: arn.into(), external_id: external_id.map(str::to_owned) });
        self
    }

    /// A database role with its own keys, which sign only for `dsql:DbConnect`. The role is created if it is missing,
    /// and granted to `arn:aws:iam::000000000000:role/NAME`. Your own GRANT statements decide the other permissions of
    /// the role.
    pub fn user(mut self, name: impl Into<String>) -> Builder {
        self.users.push(name.into());
        self
    }

    /// Does the same as [`user`](Builder::user), for a role that migrations create: [`Local::admit_users`] creates the
    /// role and its mapping if the migrations have not created them.
    pub fn later_user(mut self, name: impl Into<String>) -> Builder {
        let name = name.into();
        self.later_users.push(name.clone());
        self.user(name)
    }

    /// SQL to run as `admin` before the first connection, in the order of the calls.
    pub fn init_sql(self, sql: impl Into<String>) -> Builder {
        self.named_init_sql("initial SQL", sql)
    }

    /// Does the same as [`init_sql`](Builder::init_sql), with the name that errors show.
    pub fn named_init_sql(mut self, name: impl Into<String>, sql: impl Into<String>) -> Builder {
        self.init.push(Init { name: name.into(), sql: sql.into(), file: None });
        self
    }

    /// Does the same as [`init_sql`](Builder::init_sql), with the SQL in a file.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn init_file(mut self, path: &Path) -> Result<Builder, Error> {
        let sql = fs::read_to_string(path).map_err(Error::file(path))?;
        self.init.push(Init { name: path.display().to_string(), sql, file: Some(path.to_owned()) });
        Ok(self)
    }

    /// Starts with a clock that is ahead of the system's clock, as if this time had passed since the tokens were
    /// signed. [`Local::advance_clock`] lists the checks that use the clock.
    pub fn clock_ahead(mut self, ahead: Duration) -> Builder {
        self.clock_ahead = ahead;
        self
    }

    /// Whether the local DSQL applies DSQL's rules and rejects the statements that DSQL rejects. With `false`, the
    /// local DSQL is a PostgreSQL with DSQL's login.
    pub fn rules(mut self, rules: bool) -> Builder {
        self.rules = rules;
        self
    }

    /// Makes one of DSQL's limits smaller, so that a test reaches it quickly.
    pub fn limit(mut self, limit: Limit) -> Builder {
        self.limits.push(limit);
        self
    }

    /// Which sessions get OC001 after another session's schema change; by default [`Oc001::Cached`].
    pub fn oc001(mut self, oc001: Oc001) -> Builder {
        self.oc001 = oc001;
        self
    }

    /// Which clients may begin with TLS, without an SSLRequest; by default [`DirectTls::Alpn`].
    pub fn direct_tls(mut self, direct_tls: DirectTls) -> Builder {
        self.direct_tls = direct_tls;
        self
    }

    /// Adds a pending fault. See also [`Local::set_faults`].
    pub fn fault(mut self, fault: Fault) -> Builder {
        self.faults.push(fault);
        self
    }

    /// A function that gets each line of the log, such as a line for each connection that is rejected or lost, and for
    /// each rejected statement. The lines do not contain secrets.
    pub fn log(mut self, log: impl Fn(&str) + Send + Sync + 'static) -> Builder {
        self.log = Arc::new(log);
        self
    }

    /// Starts the local DSQL. When this function returns, the local DSQL accepts connections.
    ///
    /// # Errors
    /// Returns an error if the name of the region, a host or a user is not valid, if no PostgreSQL 16 is found, if
    /// PostgreSQL does not start, if the folder cannot be read or written, if no port can be opened, or if PostgreSQL
    /// rejects initial SQL. After an error, no process is left running.
    pub async fn start(self) -> Result<Local, Error> {
        check_names(&self.region, &self.hosts)?;
        let installation = find::installation(self.postgres_bin.as_deref())?;
        let (authority, kept) = match &self.folder {
            Some(folder) => {
                prepare(folder)?;
                (Authority::of_folder(folder)?, Some(Credentials::of_file(folder.join("credentials"))?))
            }
            None => (Authority::made()?, None),
        };
        let credentials = match self.credentials.or(kept) {
            Some(credentials) => credentials,
            None => Credentials::made_up()?,
        };
        let users = users(self.users, self.folder.as_deref())?;
        let cluster_host = format!("{}.dsql.{}.on.aws", authority.cluster_id(), self.region);
        let names = ["localhost", "127.0.0.1", "::1"]
            .map(str::to_owned)
            .into_iter()
            .chain(self.hosts)
            .chain([cluster_host.clone()])
            .collect::<Vec<_>>();
        let tls = authority.server_config(&names)?;
        let bound = proxy::listen(self.port).await?;
        let sts_bound = proxy::listen(0).await?;
        let data = match self.folder.filter(|_| self.keep_data) {
            Some(folder) => Data::Kept(folder),
            None => Data::Fresh,
        };
        let postgres = Postgres::start(&installation, &data).await?;
        let identities: Vec<Identity> =
            users.iter().map(|(name, keys)| Identity::of_user(name, keys.clone())).collect();
        let prepared = async {
            let init: &[Init] = if postgres.is_new() { &self.init } else { &[] };
            prepare_database(&postgres, init, self.rules, &users, &self.later_users, &self.log).await
        };
        if let Err(error) = prepared.await {
            postgres.stop().await?;
            return Err(error);
        }
        let keys = Arc::new(KeyRing::new(credentials.clone(), identities));
        let clock = Arc::new(Clock::ahead(self.clock_ahead));
        let (region, log) = (self.region.clone(), self.log.clone());
        let cluster = Arc::new(Cluster::new(
            Limits::of(&self.limits),
            self.oc001,
            postgres.seal_key().clone(),
            clock.clone(),
            self.log,
        ));
        cluster.faults.set(&self.faults);
        let sts = Sts::new(&tls, region, keys.clone(), self.roles, clock, log);
        let endpoint = Endpoint {
            tls,
            region: self.region.clone(),
            keys: keys.clone(),
            database: postgres.database(),
            cluster: cluster.clone(),
            rules: self.rules,
            direct_tls: self.direct_tls,
        };
        Ok(Local {
            listening: bound.serve(endpoint),
            sts: sts_bound.serve(sts),
            cluster,
            postgres,
            region: self.region,
            credentials,
            keys,
            users,
            ca_pem: authority.pem().to_owned(),
            cluster_host,
            installation,
            rules: self.rules,
            init: self.init,
            later_users: self.later_users,
            migrating: Mutex::new(()),
        })
    }
}

/// Checks that tokens can be signed for the region, and that the certificate can contain the hosts.
fn check_names(region: &str, hosts: &[String]) -> Result<(), Error> {
    let fits = |name: &str, is: fn(u8) -> bool| !name.is_empty() && name.len() <= 253 && name.bytes().all(is);
    if !fits(region, |it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-') {
        return Err(Error::Region(region.to_owned()));
    }
    let is_host = |it: u8| it.is_ascii_alphanumeric() || b"-._:".contains(&it);
    match hosts.iter().find(|host| !fits(host, is_host)) {
        Some(host) => Err(Error::Host(host.clone())),
        None => Ok(()),
    }
}

/// The users with their keys. The keys are those in the folder, or new keys.
fn users(names: Vec<String>, folder: Option<&Path>) -> Result<Vec<(String, Credentials)>, Error> {
    let mut users = Vec::new();
    for name in names {
        if role_name::advice(&name).is_some() {
            return Err(Error::User(name));
        }
        let keys = match folder {
            Some(folder) => Credentials::of_file(folder.join(format!("credentials.{name}")))?,
            None => Credentials::made_up()?,
        };
        users.push((name, keys));
    }
    Ok(users)
}

/// Creates the folder with mode 0700 if it is missing, and makes git ignore the folder's contents.
fn prepare(folder: &Path) -> Result<(), Error> {
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::file(folder))?;
    }
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        keys::write_private(&ignore, b"*\n")?;
    }
    Ok(())
}

/// Runs the SQL of `init`, denies the functions that DSQL does not have, and creates the users, except those that the
/// migrations may create (`later_users`).
async fn prepare_database(
    postgres: &Postgres,
    init: &[Init],
    rules: bool,
    users: &[(String, Credentials)],
    later_users: &[String],
    log: &Log,
) -> Result<(), Error> {
    for Init { name, sql, .. } in init {
        run_sql(postgres, name, sql).await?;
    }
    if rules && !init.is_empty() {
        unlike_cluster::report(postgres, log).await?;
    }
    postgres.mark_ready()?;
    postgres.deny_functions(rules).await?;
    admit(postgres, users.iter().filter(|(name, _)| !later_users.contains(name))).await
}

/// Creates the missing roles of these users, and maps each role to its identity.
async fn admit<'u>(
    postgres: &Postgres,
    users: impl IntoIterator<Item = &'u (String, Credentials)>,
) -> Result<(), Error> {
    let mut users = users.into_iter().peekable();
    if users.peek().is_none() {
        return Ok(());
    }
    let client = postgres.connect(SUPERUSER).await?;
    for (name, keys) in users {
        let arn = Identity::of_user(name, keys.clone()).arn;
        let made = client.execute("SELECT pg_catalog.dsql_local_user($1, $2)", &[name, &arn]).await;
        made.map_err(|error| Error::Postgres(error.to_string()))?;
    }
    Ok(())
}

async fn run_sql(postgres: &Postgres, name: &str, sql: &str) -> Result<(), Error> {
    sql_script::run_whole(&postgres.connect(ADMIN).await?, postgres.seal_key(), name, sql).await
}
