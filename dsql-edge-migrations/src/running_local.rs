//! Finds the dsql-local of a package.
//!
//! Input: a folder of the package. Output: the endpoint of the last start, keys and a certificate authority. dsql-local
//! writes these to a folder: `.dsql-local`, or the folder that `--folder` names. This module searches for that folder
//! in the folders in which the macro searches for a snapshot (`schema_path::folders`).

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dsql_edge_macro_input::schema_path;

/// The name of dsql-local's folder, if the option `--folder` does not specify another.
pub const FOLDER: &str = ".dsql-local";
/// The file in dsql-local's folder with the bindings (`NAME=value`) of the last start.
const BINDINGS: &str = "bindings";

/// The last start of dsql-local, as its folder describes it.
pub struct RunningLocal {
    folder: PathBuf,
    /// The endpoint: `localhost:PORT`.
    pub endpoint: String,
    /// The region that tokens are signed for.
    pub region: String,
    /// The port of its STS.
    pub sts_port: Option<u16>,
}

/// An access key, read from a file that dsql-local wrote.
pub struct LocalKeys {
    /// The file.
    pub path: PathBuf,
    /// The access key.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

impl RunningLocal {
    /// Searches a folder and the folders above it in the workspace, and returns the last start of each dsql-local that
    /// it finds, beginning with the nearest folder. A dsql-local may have ended since its last start.
    pub fn all(folder: &Path) -> Vec<RunningLocal> {
        let mut found = Vec::new();
        let Ok(folder) = std::fs::canonicalize(folder) else { return found };
        for above in schema_path::folders(&folder) {
            found.extend(own_folders(above).iter().filter_map(|it| RunningLocal::of_folder(it)));
        }
        found
    }

    /// Returns the last start in dsql-local's own folder.
    pub fn of_folder(folder: &Path) -> Option<RunningLocal> {
        let text = std::fs::read_to_string(folder.join(BINDINGS)).ok()?;
        let (endpoint, region) = (value(&text, "DSQL_ENDPOINT")?, value(&text, "DSQL_REGION")?);
        let sts = value(&text, "AWS_ENDPOINT_URL_STS");
        let sts_port = sts.and_then(|url| sts_port(&url));
        Some(RunningLocal { folder: folder.to_owned(), endpoint, region, sts_port })
    }

    /// Returns the port of the endpoint.
    pub fn port(&self) -> Option<u16> {
        self.endpoint.strip_prefix("localhost:")?.parse().ok()
    }

    /// Whether the port of this dsql-local accepts a connection.
    pub fn runs(&self) -> bool {
        self.port().is_some_and(|port| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
        })
    }

    /// Returns the keys that sign for a role: the role's own keys, or else the keys of dsql-local.
    pub fn credentials(&self, user: &str) -> Option<LocalKeys> {
        let own = (!user.contains('/')).then(|| self.folder.join(format!("credentials.{user}")));
        let others = self.folder.join("credentials");
        let (path, text) = own
            .into_iter()
            .chain([others])
            .find_map(|path| std::fs::read_to_string(&path).ok().map(|text| (path, text)))?;
        let (access_key_id, secret_access_key) =
            (value(&text, "AWS_ACCESS_KEY_ID")?, value(&text, "AWS_SECRET_ACCESS_KEY")?);
        Some(LocalKeys { path, access_key_id, secret_access_key })
    }

    /// Returns the path of the file with the certificate authority of this dsql-local.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Returns its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Returns the port of an STS on this machine, from its URL.
pub fn sts_port(url: &str) -> Option<u16> {
    url.strip_prefix("https://localhost:")?.parse().ok()
}

/// Returns the subfolders that may be a dsql-local's folder: first the one with the usual name.
fn own_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut others: Vec<PathBuf> = entries.filter(|path| path.join(BINDINGS).is_file()).collect();
    others.sort_by_key(|path| (!path.ends_with(FOLDER), path.clone()));
    others
}

/// Returns the value of a line that dsql-local wrote.
fn value(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}
