//! `dsql-local serve`: serves an endpoint until a signal arrives.

use std::path::Path;
use std::process::ExitCode;

use super::{CommandResult, Options, Started, migrations, signals};

pub(crate) async fn serve(options: &Options) -> CommandResult<ExitCode> {
    let mut signals = signals::Signals::listen(options.stop_on_eof)?;
    let Started { local, migrations, control, lock: _lock } = tokio::select! {
        started = options.start() => started?,
        stop = signals.next() => return Ok(stop.code()),
    };
    if !options.no_dev_vars {
        eprintln!("dsql-local: bindings in {}", options.dev_vars.display());
    }
    let certificate = options.ca_path();
    eprintln!(
        "dsql-local: certificate to trust: {}, for Node and wrangler in NODE_EXTRA_CA_CERTS, for psql in PGSSLROOTCERT; \
         {}",
        certificate.display(),
        if is_found(&certificate) {
            "the command line dsql-edge finds it in this folder"
        } else {
            "the command line dsql-edge needs this path in DSQL_EDGE_CA, and the keys of the file credentials beside it in AWS's \
             variables"
        }
    );
    let stop = tokio::select! {
        stop = signals.next() => stop,
        never = migrations::watch(migrations, &local) => match never {},
        never = control.serve(async |report| options.reset(&local, report).await) => match never {},
    };
    local.stop().await?;
    Ok(stop.code())
}

/// Whether `dsql-edge` finds this dsql-local without settings when `dsql-edge` runs in the working folder. `dsql-edge`
/// searches the subfolders of a package's folder, so dsql-local's folder must be directly in the working folder.
fn is_found(certificate: &Path) -> bool {
    let working = std::env::current_dir().and_then(|it| it.canonicalize()).ok();
    certificate.parent().and_then(Path::parent).is_some_and(|beside| working.as_deref() == Some(beside))
}
