//! A PostgreSQL for tests: joined if it runs, or else started.
//!
//! Input: the folder of the server. Output: a server that runs at least as long as the value exists.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::process::Child;

use super::control::Control;
use super::folder::ServerFolder;
use super::watcher::{self, Member};
use super::{databases, templates};
use crate::postgres::{self, Home, SETTINGS, START_TIMEOUT};
use crate::{Error, Installation};

/// The file that is written into the data folder once the server is prepared.
const READY: &str = "dsql-edge-test.ready";

/// Settings of a test server, in addition to those of every dsql-local. `fsync` is off: if a crash of the operating
/// system damages the data, the data is made again. Autovacuum is off, because it would connect to the templates, and
/// CREATE DATABASE waits until no session uses the template.
const FAST: [&str; 9] = [
    "max_connections=500",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "min_wal_size=32MB",
    "max_wal_size=256MB",
    "autovacuum=off",
];

/// How long the shared server waits, in tenths of a second, when no process of tests is left: in this time, cargo or
/// nextest starts its next program.
const SHARED_PATIENCE: u32 = 20;
const OWN_PATIENCE: u32 = 1;

/// How long a server may take to stop.
const END: Duration = Duration::from_secs(20);

/// A running server, which this process has joined.
#[derive(Debug)]
pub(super) struct Server {
    folder: ServerFolder,
    home: PathBuf,
    member: Member,
    /// The shell, if this process has started it.
    shell: Option<Child>,
    own: bool,
}

impl Server {
    /// Joins the server that tests share, or starts it.
    pub(super) async fn shared(folder: ServerFolder, installation: &Installation) -> Result<Server, Error> {
        let lock = folder.lock()?;
        let server = match folder.home() {
            Some(home) => watcher::join(&home).await?.map(|member| (home, member)),
            None => None,
        };
        let server = match server {
            Some((home, member)) => Server { folder, home, member, shell: None, own: false },
            None => {
                folder.remove_unused();
                Server::start(folder, installation, false).await?
            }
        };
        let control = server.control().await?;
        databases::drop_abandoned(&control).await?;
        drop(lock);
        Ok(server)
    }

    /// Starts a server for one test, with new data.
    pub(super) async fn own(folder: ServerFolder, installation: &Installation) -> Result<Server, Error> {
        let lock = folder.lock()?;
        if folder.is_watched() {
            return Err(Error::TestServer(format!(
                "the same test runs in another process, with its own server in {}",
                folder.path().display()
            )));
        }
        end_leftover(&folder).await?;
        remove_data(&folder)?;
        folder.set_failed(false);
        let server = Server::start(folder, installation, true).await;
        drop(lock);
        server
    }

    /// Starts the server of a failed test again, with its data.
    pub(super) async fn own_again(
        folder: ServerFolder,
        installation: &Installation,
    ) -> Result<Server, Error> {
        let _lock = folder.lock()?;
        Server::start(folder, installation, true).await
    }

    async fn start(folder: ServerFolder, installation: &Installation, own: bool) -> Result<Server, Error> {
        end_leftover(&folder).await?;
        let data = folder.data()?;
        // With `postmaster.pid`, the server did not shut down: it runs without fsync, so its data may be damaged if the
        // system has crashed. Without `READY`, the preparation of the data was interrupted.
        if data.join("postmaster.pid").exists() || !data.join(READY).exists() {
            remove_data(&folder)?;
        }
        match Server::start_once(&folder, installation, own).await {
            Err(Error::Postgres(_)) if data.join(READY).exists() => {
                end_leftover(&folder).await?;
                remove_data(&folder)?;
                Server::start_once(&folder, installation, own).await
            }
            started => started,
        }
    }

    async fn start_once(
        folder: &ServerFolder,
        installation: &Installation,
        own: bool,
    ) -> Result<Server, Error> {
        let account = folder.account();
        let mut home = Home::make(account)?;
        folder.set_home(home.path())?;
        let server = Server::start_in(folder, &mut home, installation, own).await?;
        home.keep();
        Ok(server)
    }

    async fn start_in(
        folder: &ServerFolder,
        home: &mut Home,
        installation: &Installation,
        own: bool,
    ) -> Result<Server, Error> {
        let account = folder.account();
        let bin = account.reachable(&installation.bin, home.path()).await?;
        let data = folder.data()?;
        if !data.exists() {
            // A test's own server is started often, and the shared server only once.
            let kept = own.then(|| folder.initdb());
            postgres::initdb::create_or_copy(account, &bin, &data, home, kept.as_deref()).await?;
        }
        let home = home.path();
        let (member, reads) = watcher::pipe(home).await?;
        let mut command: Vec<OsString> =
            vec![bin.join("postgres").into(), "-D".into(), data.clone().into(), "-k".into(), home.into()];
        for setting in SETTINGS.iter().chain(&FAST) {
            command.extend(["-c".into(), (*setting).into()]);
        }
        let log = home.join("server.log");
        let output = fs::File::create(&log).map_err(Error::file(&log))?;
        let mut reader = fs::File::open(&log).map_err(Error::file(&log))?;
        let errors = output.try_clone().map_err(Error::file(&log))?;
        let patience = if own { OWN_PATIENCE } else { SHARED_PATIENCE };
        let shell = watcher::spawn(home, patience, reads, command, |command| {
            account.apply(command, home);
            command.stdout(output).stderr(errors);
        });
        let shell = shell.map_err(|error| Error::Postgres(format!("/bin/sh: {error}")))?;
        let (folder, home) = (folder.clone(), home.to_owned());
        let mut server = Server { folder, home, member, shell: Some(shell), own };
        let control = server.wait_until_ready(&mut reader).await?;
        if !data.join(READY).exists() {
            databases::prepare(&control, own).await?;
            templates::make_base(&control).await?;
            let ready = data.join(READY);
            fs::write(&ready, "").map_err(Error::file(&ready))?;
        }
        if !server.own {
            templates::drop_old(&control).await?;
        }
        Ok(server)
    }

    async fn wait_until_ready(&mut self, log: &mut fs::File) -> Result<Control, Error> {
        let start = Instant::now();
        loop {
            let error = match Control::open(&self.home).await {
                Ok(control) => return Ok(control),
                Err(error) => error,
            };
            let ended = self.shell.as_mut().map(Child::try_wait).transpose();
            let ended = ended.map_err(|error| Error::Postgres(error.to_string()))?.flatten();
            if ended.is_some() || start.elapsed() > START_TIMEOUT {
                let mut lines = String::new();
                let _ = log.read_to_string(&mut lines);
                let why = if lines.trim().is_empty() { error.to_string() } else { lines.trim().to_owned() };
                return Err(Error::Postgres(why));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) fn folder(&self) -> &ServerFolder {
        &self.folder
    }

    /// The folder of the socket, which psql accepts as a host.
    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) async fn control(&self) -> Result<Control, Error> {
        let opened = Control::open(&self.home).await;
        opened.map_err(|error| Error::TestServer(format!("{error}: {}", self.home.display())))
    }

    /// Ends the server of one test, and waits for its end.
    pub(super) async fn end(self) -> ServerFolder {
        drop(self.member);
        if let Some(mut shell) = self.shell {
            let _ = tokio::time::timeout(END, shell.wait()).await;
        }
        self.folder
    }
}

/// Ends a server that no shell watches, because the shell was killed, and removes the folder of its socket.
async fn end_leftover(folder: &ServerFolder) -> Result<(), Error> {
    let data = folder.data()?;
    // Most servers end by themselves, because the shell sent them the signal before it was killed.
    if !postgres::data_in_use::ends_within(&data, Duration::from_secs(2)).await {
        postgres::data_in_use::quit(&data);
        postgres::data_in_use::wait(&data).await?;
    }
    if let Some(home) = folder.home() {
        let _ = fs::remove_dir_all(home);
    }
    Ok(())
}

fn remove_data(folder: &ServerFolder) -> Result<(), Error> {
    let data = folder.data()?;
    if data.exists() {
        fs::remove_dir_all(&data).map_err(Error::file(&data))?;
    }
    Ok(())
}
