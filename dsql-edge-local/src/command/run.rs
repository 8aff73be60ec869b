//! `dsql-local run -- COMMAND`: serves an endpoint while a command runs.
//!
//! The command has the same terminal and process group as dsql-local, so Ctrl-C and input reach it as if it had been
//! started directly. The command's environment contains the bindings and the certificate to trust.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use dsql_edge_local::Local;
use tokio::process::{Child, Command};

use super::process_tree::{self, Process};
use super::signals::{Signals, Stop};
use super::watch::Watcher;
use super::{CommandResult, Options, Started, dev_vars, migrations};

/// The time between Ctrl-C in the terminal and SIGTERM, in which the command can end by itself.
const AFTER_INTERRUPT: Duration = Duration::from_secs(5);

/// The time between SIGTERM and SIGKILL, in which the command can end by itself.
const AFTER_TERMINATE: Duration = Duration::from_secs(5);

/// Variables that `run` removes from the command's environment. The AWS SDKs would take credentials from some of these
/// variables instead of from the bindings (`AWS_ACCESS_KEY` and `AWS_SECRET_KEY` are older names). The SDKs would
/// combine the values of the other variables with the keys that `run` sets: botocore prefers `AWS_SECURITY_TOKEN` to
/// `AWS_SESSION_TOKEN`, and rejects a key whose `AWS_CREDENTIAL_EXPIRATION` is in the past.
const OTHER_CREDENTIALS: [&str; 14] = [
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_SCOPE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

pub(crate) async fn run(options: &Options, command: &[OsString]) -> CommandResult<ExitCode> {
    let mut signals = Signals::listen(options.stop_on_eof)?;
    let Started { local, migrations, control, lock: _lock } = tokio::select! {
        started = options.start() => started?,
        stop = signals.next() => return Ok(stop.code()),
    };
    let ran = tokio::select! {
        ran = run_beside(&local, options, command, &mut signals) => ran,
        never = migrations::watch(migrations, &local) => match never {},
        never = control.serve(async |report| options.reset(&local, report).await) => match never {},
    };
    local.stop().await?;
    ran
}

async fn run_beside(
    local: &Local,
    options: &Options,
    command: &[OsString],
    signals: &mut Signals,
) -> CommandResult<ExitCode> {
    let (program, arguments) =
        command.split_first().ok_or("no command was given: use `dsql-local run -- COMMAND`")?;
    let mut process = Command::new(program);
    process.args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_another_cluster(&name.to_string_lossy())) {
        process.env_remove(name);
    }
    process.envs(options.bindings(local));
    // The PostgreSQL without the proxy, for psql and tests.
    process.env("DSQL_LOCAL_POSTGRES_URL", local.postgres_url());
    process.env("NODE_EXTRA_CA_CERTS", trusted(options)?);
    // The certificate for libpq and for the command line `dsql-edge`.
    process.env("PGSSLROOTCERT", options.ca_path()).env("DSQL_EDGE_CA", options.ca_path());
    if options.stop_on_eof {
        process.stdin(Stdio::null());
    }
    let mut child = process.spawn().map_err(|error| not_started(&program.to_string_lossy(), &error))?;
    let Some(pid) = child.id() else { return Err("the command has no process id".into()) };
    let watcher = Watcher::start(pid)?;
    let ended = tokio::select! {
        status = child.wait() => Ok(code(status?)),
        stop = signals.next() => end(child, pid, stop, signals).await.map(|()| stop.code()),
    };
    watcher.dismiss().await;
    ended
}

/// The message for a command that cannot be started. npm finds the programs of a package only after they are installed.
fn not_started(program: &str, error: &std::io::Error) -> String {
    let of_package = error.kind() == std::io::ErrorKind::NotFound
        && !program.contains('/')
        && Path::new("package.json").exists();
    let help = if of_package { ": if it is a package of package.json, run `npm install` first" } else { "" };
    format!("{program}: {error}{help}")
}

/// Whether a variable must be removed: it is in `OTHER_CREDENTIALS`, or it is a binding. A binding may have a prefix
/// (`REPORTS_DSQL_ENDPOINT`), and may be for another cluster.
fn is_of_another_cluster(name: &str) -> bool {
    let is_binding = |binding: &&str| {
        name.strip_suffix(binding).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('_'))
    };
    OTHER_CREDENTIALS.contains(&name) || dev_vars::NAMES.iter().any(is_binding)
}

/// Ends the command and all processes that it started: first with SIGTERM, then with SIGKILL.
async fn end(mut child: Child, pid: u32, stop: Stop, signals: &mut Signals) -> CommandResult<()> {
    let tree = process_tree::of(pid);
    if stop == Stop::Interrupt {
        // The terminal sends Ctrl-C to the command as well.
        wait(&mut child, AFTER_INTERRUPT, signals).await?;
    }
    if child.try_wait()?.is_none() {
        process_tree::of(pid).iter().for_each(Process::terminate);
        wait(&mut child, AFTER_TERMINATE, signals).await?;
    }
    // SIGKILL ends the processes that the command left behind, and the command itself if it ignores SIGTERM.
    let tree = tree.into_iter().chain(process_tree::of(pid)).collect::<Vec<_>>();
    tree.iter().for_each(Process::kill);
    child.wait().await?;
    Ok(())
}

/// Waits until the command ends, `time` has passed, or a second signal arrives.
async fn wait(child: &mut Child, time: Duration, signals: &mut Signals) -> CommandResult<()> {
    tokio::select! {
        status = child.wait() => { status?; }
        () = tokio::time::sleep(time) => {}
        _ = signals.next() => {}
    }
    Ok(())
}

/// Returns the file of additional certificates for Node and workerd: dsql-local's certificate or, if
/// NODE_EXTRA_CA_CERTS is already set to a readable file, a new file with dsql-local's certificate and the certificates
/// of that file.
fn trusted(options: &Options) -> CommandResult<PathBuf> {
    let ours = options.ca_path();
    let Some(others) = std::env::var_os("NODE_EXTRA_CA_CERTS").filter(|path| !path.is_empty()) else {
        return Ok(ours);
    };
    let others = PathBuf::from(others);
    let Ok(theirs) = fs::read_to_string(&others) else {
        eprintln!(
            "dsql-local: NODE_EXTRA_CA_CERTS is set to {}: this file cannot be read and is ignored",
            others.display()
        );
        return Ok(ours);
    };
    let bundle = ours.with_file_name("ca-bundle.crt");
    fs::write(&bundle, format!("{}\n{theirs}", fs::read_to_string(&ours)?))?;
    Ok(bundle)
}

/// The command's exit code, as a shell reports it.
fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
