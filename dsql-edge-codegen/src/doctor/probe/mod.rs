//! stub
use crate::cluster::Cluster;
use anyhow::{Result, bail};
use clap::Args;
use std::path::Path;
use std::process::ExitCode;
#[derive(Args)]
pub(super) struct Options {
    /// x
    #[arg(long)]
    probe: bool,
}
impl Options {
    pub(super) fn is_requested(&self) -> bool {
        self.probe
    }
}
pub(super) async fn run(_: &Options, _: &Cluster, _: &Path) -> Result<ExitCode> {
    bail!("x")
}
