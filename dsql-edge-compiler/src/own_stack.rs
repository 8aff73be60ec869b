//! Runs the compiler on a stack that is large enough for all input within the limits on nesting.
//!
//! The stacks of the callers differ: rustc's threads have 8 MB, the threads of `dsql-local` 2 MB. In a debug build, 100
//! nested subqueries overflow 2 MB. So the compiler runs on a separate thread. The system reserves addresses for the
//! whole stack, but memory only for the part that is used.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::thread;

/// Bytes of the stack. The deepest accepted input of `tests/limits.rs`, 155 parentheses of 499 operators each, takes
/// 0.4 GB in a debug build, including its tree.
const STACK: usize = 512 << 20;

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a stack of [`STACK`] bytes; if the system cannot start a thread, `work` runs on the caller's stack.
pub(crate) fn on_own_stack<T: Send>(work: impl Fn() -> T + Sync) -> T {
    if IS_OWN.get() {
        return work();
    }
    let done = thread::scope(|scope| {
        let of_thread = || {
            IS_OWN.set(true);
            work()
        };
        let started = thread::Builder::new().name("dsql-edge".to_owned()).stack_size(STACK);
        match started.spawn_scoped(scope, of_thread).ok()?.join() {
            Ok(done) => Some(done),
            Err(panic) => resume_unwind(panic),
        }
    });
    done.unwrap_or_else(work)
}
