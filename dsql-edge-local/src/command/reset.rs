//! `dsql-local reset`: makes the database of a dsql-local new again.
//!
//! Input: the folder of a dsql-local. Output: if the dsql-local runs, it has dropped everything, has run the SQL of
//! `--init`, and has applied its migrations. Output if the dsql-local does not run: its kept data is removed. The
//! command finds a dsql-local only by its folder, and never uses `DSQL_ENDPOINT`, so it cannot reach a cluster.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use dsql_edge_local::remove_kept_data;
use dsql_edge_migrations::running_local::{FOLDER, RunningLocal};

use super::folder_lock::FolderLock;
use super::{CommandResult, control};

#[derive(Args)]
pub(crate) struct ResetOptions {
    /// Folder of the dsql-local; default: the folder that dsql-local uses in this package
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(crate) async fn reset(options: &ResetOptions) -> CommandResult<ExitCode> {
    let folder = match &options.folder {
        Some(folder) => folder.clone(),
        None => found()?,
    };
    if !is_of_dsql_local(&folder) {
        let folder = folder.display();
        return Err(format!("{folder} is not the folder of a dsql-local: nothing was reset").into());
    }
    match FolderLock::take_if_free(&folder)? {
        None => control::request_reset(&folder).await?,
        // As long as the lock is held, no dsql-local starts here.
        Some(_lock) => remove(&folder)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a dsql-local was started with this folder: the folder then contains a certificate authority and keys.
fn is_of_dsql_local(folder: &Path) -> bool {
    ["ca.crt", "credentials"].iter().all(|name| folder.join(name).is_file())
}

/// The folder of this package's dsql-local. If there are several folders, the folder of a running dsql-local takes
/// precedence, and then the folder that is nearest to the working folder.
fn found() -> CommandResult<PathBuf> {
    let all = RunningLocal::all(&env::current_dir()?);
    let runs = all.iter().find(|local| local.runs());
    let last = runs.or(all.first()).map(|local| local.folder().to_owned());
    // If the first start has failed at a migration, `RunningLocal::all` does not find its folder, so the default folder
    // is tried.
    let usual = || Some(PathBuf::from(FOLDER)).filter(|folder| is_of_dsql_local(folder));
    last.or_else(usual).ok_or_else(|| {
        "no dsql-local was started in this package: nothing was reset. If its folder is elsewhere, name it with --folder"
            .into()
    })
}

fn remove(folder: &Path) -> CommandResult<()> {
    match remove_kept_data(folder)? {
        Some(data) => eprintln!(
            "dsql-local: {} is removed; the next start makes the database again, with --init and --migrations",
            data.display()
        ),
        None => eprintln!(
            "dsql-local: the dsql-local of {} does not run, and has no kept data: there is nothing to reset",
            folder.display()
        ),
    }
    Ok(())
}
