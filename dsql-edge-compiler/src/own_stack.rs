//! Runs the compiler on a stack that is large enough for its input.
//!
//! The stacks of the callers differ: rustc's threads have 8 MB, the threads of `dsql-local` 2 MB. In a debug build, 200
//! nested subqueries overflow 2 MB. So the compiler runs long input on a separate thread.
//!
//! Each token can open at most one more level of nesting, and in a debug build no level of any construct takes more
//! than 10 kB of stack (`tests/limits.rs` checks this). So 10 kB for each token are always enough. Most queries are
//! short enough for the caller's stack. A longer query gets a thread with a stack that the C library keeps for the next
//! thread, so that the system does not have to provide the memory of the stack again. Only very deep input gets a
//! larger stack. In `sql!`, a thread with a new stack for each query took a third of the time.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Input with fewer levels needs at most 1 MB, and runs on the caller's stack.
const SHALLOW: usize = 100;

/// Input with fewer levels of nesting needs at most 20 MB, and runs on a stack of [`KEPT_STACK`] bytes.
const MODERATE: usize = 2_000;

/// Bytes of a stack that glibc keeps when its thread ends. In total, glibc keeps 40 MB.
const KEPT_STACK: usize = 32 << 20;

/// Bytes of the largest stack. The system reserves addresses for the whole stack, but memory only for the part that is
/// used. The deepest accepted input of `tests/limits.rs`, 155 parentheses of 499 operators each, takes 0.4 GB in a
/// debug build, including its tree.
const STACK: usize = 512 << 20;

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a stack that is large enough for input with `levels` levels of nesting, including the definitions
/// that the input uses.
pub(crate) fn on_stack_for<T: Send>(levels: usize, work: impl FnOnce() -> T + Send) -> T {
    if levels < SHALLOW || IS_OWN.get() {
        work()
    } else if levels < MODERATE {
        on_thread(KEPT_STACK, work)
    } else {
        on_own_stack(work)
    }
}

/// Runs `work` on a stack of [`STACK`] bytes.
pub(crate) fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if IS_OWN.get() {
        return work();
    }
    on_thread(STACK, || {
        IS_OWN.set(true);
        work()
    })
}

/// Runs `work` on a new thread with a stack of `stack` bytes. If the system cannot start a thread, `work` runs on the
/// caller's stack.
fn on_thread<T: Send>(stack: usize, work: impl FnOnce() -> T + Send) -> T {
    let work = Mutex::new(Some(work));
    let run = || {
        let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
        work.map(|work| work())
    };
    let done = thread::scope(|scope| {
        let started = thread::Builder::new().name("dsql-edge".to_owned()).stack_size(stack);
        match started.spawn_scoped(scope, run) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => run(),
        }
    });
    match done {
        Some(done) => done,
        None => unreachable!("the work is taken once"),
    }
}
