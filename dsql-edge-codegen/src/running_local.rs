//! Finds the dsql-local of the package.
//!
//! Input: the folder `.dsql-local`. Output: the endpoint of the last start, keys and a certificate authority.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dsql_edge::Credentials;

use crate::package_schema::current_package;

/// dsql-local's folder, unless `--folder` names another.
const FOLDER: &str = ".dsql-local";
/// The file in it that has the bindings of the last start.
const BINDINGS: &str = "bindings";

/// The last start of dsql-local, as its folder describes it.
pub(crate) struct RunningLocal {
    folder: PathBuf,
    pub(crate) endpoint: String,
    pub(crate) region: String,
}

impl RunningLocal {
    /// The dsql-local of the working folder, or of a folder above it in the package; it may have ended.
    pub(crate) fn find() -> Option<RunningLocal> {
        let working = std::env::current_dir().ok()?;
        let package = current_package();
        let mut folders = working.ancestors().take_while(|folder| folder.starts_with(&package));
        folders.find_map(|folder| RunningLocal::of_folder(&folder.join(FOLDER)))
    }

    fn of_folder(folder: &Path) -> Option<RunningLocal> {
        let text = std::fs::read_to_string(folder.join(BINDINGS)).ok()?;
        let (endpoint, region) = (value(&text, "DSQL_ENDPOINT")?, value(&text, "DSQL_REGION")?);
        Some(RunningLocal { folder: folder.to_owned(), endpoint, region })
    }

    /// Whether its port answers.
    pub(crate) fn runs(&self) -> bool {
        let port = self.endpoint.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        port.is_some_and(|port| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
        })
    }

    /// The keys that sign for a role: its own, or else those of the user who started dsql-local.
    pub(crate) fn credentials(&self, user: &str) -> Option<Credentials> {
        let own = (!user.contains('/')).then(|| self.folder.join(format!("credentials.{user}")));
        let text = own.and_then(|path| std::fs::read_to_string(path).ok());
        let text = text.or_else(|| std::fs::read_to_string(self.folder.join("credentials")).ok())?;
        let (id, secret) = (value(&text, "AWS_ACCESS_KEY_ID")?, value(&text, "AWS_SECRET_ACCESS_KEY")?);
        Some(Credentials::new(id, secret))
    }

    /// Its certificate authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The value of a line that dsql-local wrote.
fn value(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}
