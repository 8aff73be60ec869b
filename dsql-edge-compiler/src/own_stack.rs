//! A stack that is large enough for what the limits on nesting allow.
//!
//! The macro runs on rustc's threads (8 MB), the language server and `dsql-local` on those of a pool (2 MB), and a debug
//! build takes several times the stack of a release build. So the compiler counts on none of them: it runs on a thread
//! of its own. The system reserves the stack's addresses, and gives it memory only where it is used.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::thread;

/// Bytes of the stack: what the deepest input under all limits takes in a debug build, twice.
const STACK: usize = 512 << 20;

thread_local! {
    static IS_OWN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on a stack of [`STACK`] bytes; where no thread can be started, on the caller's.
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
