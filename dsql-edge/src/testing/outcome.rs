//! The results that a test may have.

/// A result of a test: `()`, or a `Result` without a value.
#[diagnostic::on_unimplemented(
    message = "a test cannot return `{Self}`",
    label = "a test returns `()` or `Result<(), E>`"
)]
pub trait Outcome {
    /// Whether the test has failed.
    fn is_failure(&self) -> bool;
}

impl Outcome for () {
    fn is_failure(&self) -> bool {
        false
    }
}

impl<E> Outcome for Result<(), E> {
    fn is_failure(&self) -> bool {
        self.is_err()
    }
}
