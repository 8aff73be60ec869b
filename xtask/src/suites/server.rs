//! A dsql-local for one suite: fresh data, port 5432, and the cluster's host name that dsql-local prints.
//!
//! Input: a folder. Output: a server that runs until the value is dropped, and the environment of its clients.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use xtask::step::run;
use xtask::{project, setup};

/// AWS's clients cannot use another port.
const PORT: &str = "5432";

const REGION: &str = "us-east-1";

/// The text before the host name in dsql-local's output.
const HOST: &str = "cluster's host name: ";

pub(super) struct Server {
    process: Child,
    folder: PathBuf,
    host: String,
}

impl Server {
    pub(super) fn start(folder: &Path) -> Result<Server> {
        run(project::cargo().args(["build", "--locked", "--quiet", "-p", "dsql-edge-local"]))?;
        let mut command = Command::new(project::target().join("debug/dsql-local"));
        command.args([
            "serve",
            "--stop-on-eof",
            "--no-dev-vars",
            "--port",
            PORT,
            "--region",
            REGION,
            "--folder",
        ]);
        command.arg(folder).arg("--postgres").arg(setup::postgres()?);
        let mut process = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let errors = process.stderr.take().context("dsql-local has no standard error")?;
        let mut server = Server { process, folder: folder.to_owned(), host: String::new() };
        let mut lines = BufReader::new(errors).lines();
        while server.host.is_empty() {
            let Some(line) = lines.next().transpose()? else { bail!("dsql-local ended at its start") };
            if line.contains("is in use") {
                bail!("port {PORT} is in use, and AWS's clients use no other");
            }
            if let Some((_, host)) = line.split_once(HOST) {
                server.host = host.split_whitespace().next().unwrap_or_default().to_owned();
            }
        }
        // The later output is read and dropped, so that a full pipe does not block dsql-local.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    /// Sets the environment of a client: adds the endpoint and its keys and certificate, and removes this machine's AWS
    /// settings.
    pub(super) fn describe_to(&self, command: &mut Command) -> Result<()> {
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("PG"))
        {
            command.env_remove(name);
        }
        let ca = self.folder.join("ca.crt");
        for name in ["SSL_CERT_PATH", "SSL_CERT_FILE", "PGSSLROOTCERT", "NODE_EXTRA_CA_CERTS"] {
            command.env(name, &ca);
        }
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "REGION"] {
            command.env(name, REGION);
        }
        command.envs([
            ("CLUSTER_ENDPOINT", self.host.as_str()),
            ("CLUSTER_USER", "admin"),
            // With `PGHOSTADDR`, libpq connects to this address and does not resolve the host name.
            ("PGHOSTADDR", "127.0.0.1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ]);
        let credentials = fs::read_to_string(self.folder.join("credentials"))?;
        command.envs(credentials.lines().filter_map(|line| line.split_once('=')));
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
