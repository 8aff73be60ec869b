//! Waits for the signals that ask the command to end: SIGINT, which Ctrl-C sends, and SIGTERM, which a supervisor
//! sends.
//!
//! Input: signals. Output: a future that completes when a signal arrives. From the first call of `new` (on
//! Windows, of `next`), such a signal no longer ends the process by itself.

use anyhow::{Context, Result};

/// The signals that ask the command to end.
pub(super) struct Signals {
    #[cfg(unix)]
    each: [tokio::signal::unix::Signal; 2],
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn new() -> Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let on = |kind| signal(kind).context("waiting for signals");
        Ok(Signals { each: [on(SignalKind::interrupt())?, on(SignalKind::terminate())?] })
    }

    /// Waits for the next signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate] = &mut self.each;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) fn new() -> Result<Signals> {
        Ok(Signals {})
    }

    /// Waits for the next signal.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.context("waiting for Ctrl-C").is_err() {
            std::future::pending::<()>().await;
        }
    }
}
