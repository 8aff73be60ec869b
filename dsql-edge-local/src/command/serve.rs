//! `dsql-local serve`: an endpoint until a signal.

use std::process::ExitCode;

use super::{CommandResult, Options, signals};

pub(crate) async fn serve(options: &Options) -> CommandResult<ExitCode> {
    let mut signals = signals::Signals::listen(options.stop_on_eof)?;
    let (local, _lock) = tokio::select! {
        started = options.start() => started?,
        stop = signals.next() => return Ok(stop.code()),
    };
    if !options.no_dev_vars {
        eprintln!("dsql-local: bindings in {}", options.dev_vars.display());
    }
    eprintln!(
        "dsql-local: certificate to trust: {0}, for Node and wrangler in NODE_EXTRA_CA_CERTS, for psql in PGSSLROOTCERT; \
         the command line dsql-edge finds it in this folder",
        options.ca_path().display()
    );
    let stop = signals.next().await;
    local.stop().await?;
    Ok(stop.code())
}
