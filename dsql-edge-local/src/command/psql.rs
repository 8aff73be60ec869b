//! `dsql-local psql`: opens psql on a running dsql-local, with a token as its password.
//!
//! Input: the folder of a dsql-local. Output: this process becomes psql. The token is in the environment of psql, not
//! in its arguments, which other users of the machine can read.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use dsql_edge_local::iam::{self, Claims};
use dsql_edge_local::{Credentials, installation};
use dsql_edge_migrations::running_local::RunningLocal;

use super::{CommandResult, handed_out};

/// The host that tokens are signed for, and that is in the certificate.
const HOST: &str = "localhost";

const ADMIN: &str = "admin";

/// Variables of libpq for another server, or for a login that DSQL does not have. PGOPTIONS may contain settings that
/// DSQL rejects at the login.
const OTHER_SERVER: [&str; 12] = [
    "PGHOSTADDR",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGOPTIONS",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGGSSENCMODE",
    "PGSSLNEGOTIATION",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLCRL",
    "PGTARGETSESSIONATTRS",
];

#[derive(Args)]
pub(crate) struct PsqlOptions {
    /// Folder of the dsql-local; default: the folder of the dsql-local that runs in this package
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Role to log in as; default: the role of dsql-local's own --as, or else admin
    #[arg(long = "as", value_name = "ROLE")]
    role: Option<String>,
    /// Arguments of psql
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<OsString>,
}

pub(crate) fn psql(options: &PsqlOptions) -> CommandResult<ExitCode> {
    let local = running(options.folder.as_deref())?;
    let port = local.port().ok_or_else(|| format!("{} is not localhost and a port", local.endpoint))?;
    let role = match &options.role {
        Some(role) => role.clone(),
        None => role_of_bindings(local.folder()),
    };
    let role = role.as_str();
    let keys = local
        .credentials(role)
        .ok_or_else(|| format!("{} has no keys: start the dsql-local again", local.folder().display()))?;
    let keys = Credentials::new(keys.access_key_id, keys.secret_access_key, None);
    // dsql-local ends each connection after an hour, and psql sends the same token when it connects again, so the token
    // is valid for as long as possible.
    let expires = iam::MAX_EXPIRES;
    let claims = Claims { user: role, host: HOST, region: &local.region, expires };
    let token = iam::sign(claims, &keys, time::OffsetDateTime::now_utc());
    let program = program()?;
    let mut command = Command::new(&program);
    for name in OTHER_SERVER {
        command.env_remove(name);
    }
    command
        .args(&options.arguments)
        .env("PGHOST", HOST)
        .env("PGPORT", port.to_string())
        .env("PGUSER", role)
        .env("PGDATABASE", "postgres")
        .env("PGPASSWORD", token)
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", absolute(&local.ca()));
    Err(format!("{}: {}", program.display(), command.exec()).into())
}

/// The role in the bindings that a dsql-local has written: the application of the package connects as this role.
fn role_of_bindings(folder: &Path) -> String {
    let user = handed_out::read(folder).into_iter().find(|(name, _)| *name == "DSQL_USER");
    match user {
        Some((_, user)) => {
            eprintln!(
                "dsql-local: psql logs in as {user}, the role of the bindings; --as admin logs in as admin"
            );
            user
        }
        None => ADMIN.to_owned(),
    }
}

/// The running dsql-local of a folder, or of the working folder and the folders above it up to the workspace's root.
fn running(folder: Option<&Path>) -> CommandResult<RunningLocal> {
    if let Some(folder) = folder {
        let local = RunningLocal::of_folder(folder)
            .ok_or_else(|| format!("no dsql-local was started in {}", folder.display()))?;
        return match local.runs() {
            true => Ok(local),
            false => Err(format!(
                "the dsql-local of {} does not answer at {}: start it with `dsql-local serve`",
                folder.display(),
                local.endpoint
            )
            .into()),
        };
    }
    let all = RunningLocal::all(&env::current_dir()?);
    all.into_iter().find(RunningLocal::runs).ok_or_else(|| {
        "no dsql-local runs in this package: start it with `dsql-local serve`, or name its folder with --folder".into()
    })
}

/// Finds psql next to the PostgreSQL 16, where psql has the same version, or else on PATH.
fn program() -> CommandResult<PathBuf> {
    let beside = installation(None).ok().map(|found| found.bin);
    let path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let folders = beside.into_iter().chain(path.unwrap_or_default());
    folders.map(|folder| folder.join("psql")).find(|program| program.is_file()).ok_or_else(|| {
        "psql is not on PATH or next to the PostgreSQL 16 (npm's package does not contain it): install it from a package \
         (Debian and Ubuntu: postgresql-client; Alpine: postgresql16-client; Homebrew: libpq, and add its bin to PATH)"
            .into()
    })
}

/// A relative path would be wrong if `psql` is a script that changes the working folder.
fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn role_is_that_of_the_bindings_or_admin() {
        let folder = env::temp_dir().join(format!("dsql-local-psql-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (user, expected) in [(Some("blog"), "blog"), (None, "admin")] {
            let user = user.map(|user| ("DSQL_USER", user.to_owned()));
            handed_out::write(&folder, &user.into_iter().collect(), "host").unwrap();
            assert_eq!(role_of_bindings(&folder), expected);
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
