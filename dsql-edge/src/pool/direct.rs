//! A lease without a network: the client and the pool are in the same process, as in a user's own Durable Object.
//!
//! Input: a pool. Output: the client's end of a [`Transport`]; whenever the client polls it, the pool serves the other
//! end. Dropping the transport ends the lease: the connection is returned or closed, in the same way as for any other
//! client that leaves.

use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connections::Connections;
use super::relay;
use super::visitor::Visitor;
use crate::transport::{BoxFuture, Transport, TransportError, TransportErrorKind};

/// The bytes between the client and the pool.
#[derive(Default)]
struct Pipe {
    to_pool: Vec<u8>,
    to_client: Vec<u8>,
    client_left: bool,
    pool_left: bool,
    /// The waker of the pool while it waits for the client.
    waker: Option<Waker>,
}

type Shared = Arc<Mutex<Pipe>>;

fn lock(pipe: &Shared) -> MutexGuard<'_, Pipe> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a stream to this pool.
pub(super) fn reach(pool: &Arc<Connections>) -> Box<dyn Transport> {
    let pipe = Shared::default();
    let (pool, end) = (pool.clone(), PoolsEnd(pipe.clone()));
    let serving: BoxFuture<()> = Box::pin(async move {
        relay::receive(pool, Visitor::new(Box::new(end))).await;
    });
    Box::new(ClientsEnd { pipe, serving: Mutex::new(Some(serving)) })
}

struct ClientsEnd {
    pipe: Shared,
    /// A future is not `Sync`. The mutex makes this type `Sync`, and is never locked.
    serving: Mutex<Option<BoxFuture<()>>>,
}

impl ClientsEnd {
    fn serve(&mut self, context: &mut Context<'_>) {
        let serving = self.serving.get_mut().unwrap_or_else(PoisonError::into_inner);
        if serving.as_mut().is_some_and(|serving| serving.as_mut().poll(context).is_ready()) {
            *serving = None;
        }
    }
}

impl Transport for ClientsEnd {
    fn start_write(&mut self, bytes: Vec<u8>) {
        let mut pipe = lock(&self.pipe);
        pipe.to_pool.extend_from_slice(&bytes);
        if let Some(waker) = pipe.waker.take() {
            waker.wake();
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.serve(context);
        Poll::Ready(Ok(()))
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>> {
        into.clear();
        self.serve(context);
        let mut pipe = lock(&self.pipe);
        if pipe.to_client.is_empty() && !pipe.pool_left {
            return Poll::Pending;
        }
        into.append(&mut pipe.to_client);
        if let Some(waker) = pipe.waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn close(&mut self, _: &'static [u8]) {
        lock(&self.pipe).client_left = true;
        // The pool detects that the client has left, and ends the lease.
        self.serve(&mut Context::from_waker(Waker::noop()));
        self.serving = Mutex::default();
    }
}

struct PoolsEnd(Shared);

impl Transport for PoolsEnd {
    fn start_write(&mut self, bytes: Vec<u8>) {
        lock(&self.0).to_client.extend_from_slice(&bytes);
    }

    /// A write completes once the client has consumed it. This rule is the back-pressure: a client that stops reading
    /// stops the pool from reading.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        let mut pipe = lock(&self.0);
        if pipe.client_left {
            return Poll::Ready(Err(gone()));
        }
        if pipe.to_client.is_empty() {
            return Poll::Ready(Ok(()));
        }
        pipe.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportError>> {
        let mut pipe = lock(&self.0);
        into.clear();
        into.append(&mut pipe.to_pool);
        if !into.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if pipe.client_left {
            return Poll::Ready(Err(gone()));
        }
        pipe.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn close(&mut self, _: &'static [u8]) {
        lock(&self.0).pool_left = true;
    }
}

fn gone() -> TransportError {
    TransportError::new(TransportErrorKind::Lost, "the client has left")
}
