//! The signals that stop a command: SIGINT, SIGTERM, SIGHUP, and on request the end of standard input.

use std::io;
use std::pin::Pin;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Receives each reason to stop that occurs after this value was created.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    input_ends: Pin<Box<dyn Future<Output = ()>>>,
}

/// A reason to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Interrupt,
    Terminate,
    Hangup,
    InputEnded,
}

impl Signals {
    pub(crate) fn listen(input: bool) -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            input_ends: if input { Box::pin(input_ends()) } else { Box::pin(std::future::pending()) },
        })
    }

    pub(crate) async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
            _ = self.hangup.recv() => Stop::Hangup,
            () = &mut self.input_ends => {
                self.input_ends = Box::pin(std::future::pending());
                Stop::InputEnded
            }
        }
    }
}

impl Stop {
    /// The exit status, as a shell reports it for a process that the signal ended. Ctrl-C and the end of input are the
    /// normal ways to stop a server: their status is 0.
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Stop::Interrupt | Stop::InputEnded => ExitCode::SUCCESS,
            Stop::Terminate => ExitCode::from(128 + 15),
            Stop::Hangup => ExitCode::from(128 + 1),
        }
    }
}

async fn input_ends() {
    // A separate thread reads, because standard input may be of any kind; the thread ends with the process.
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while matches!(io::Read::read(&mut io::stdin(), &mut chunk), Ok(1..)) {}
        let _ = send.send(());
    });
    let _ = receive.await;
}
