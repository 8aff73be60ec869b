//! Makes JavaScript's values `Send`, because Rust requires this in some places. Every other file of this crate is free
//! of `unsafe`, apart from generated code.

use core::task::{Context, Poll};
use std::future::Future;
use std::pin::Pin;

/// Wraps a JavaScript value, or a future that contains such values, where Rust requires `Send`: in axum's handlers and
/// in the futures of this crate. workers-rs does the same (`worker::send`).
pub(super) struct OneThread<T>(pub(super) T);

// SAFETY: on wasm32-unknown-unknown, as Workers runs it, there is one thread, and wasm memory is not shared: nothing
// can be sent to, or shared with, another thread. This file is compiled only for wasm32.
unsafe impl<T> Send for OneThread<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for OneThread<T> {}

impl<F: Future> Future for OneThread<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the field is pinned whenever the wrapper is pinned; nothing moves the field, and the wrapper has no
        // Drop of its own.
        unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(context)
    }
}
