//! The traits of the types on which a query can run. Each executor implements these traits in its own file.

use super::run::Target;

/// A type on which a query can run: `&Dsql`, `&mut Session`, a `Transaction`.
///
/// A function that takes an `Executor` works with all three:
///
/// ```
/// # use dsql_edge::{Executor, sql};
/// async fn tags(mut db: impl Executor) -> Result<i64, dsql_edge::Error> {
///     sql!("DELETE FROM tag_master WHERE usage_count = 0").execute(&mut db).await?;
///     sql!("SELECT count(*) FROM tag_master").fetch_value(&mut db).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "a query cannot run on `{Self}`",
    label = "a query runs on `&Dsql`, `&mut Session` or a `Transaction`",
    note = "borrow it: `.fetch_all(&dsql)`"
)]
pub trait Executor: sealed::Sealed + Send {
    #[doc(hidden)]
    fn target(&mut self) -> Target<'_>;
}

impl<E: Executor> Executor for &mut E {
    fn target(&mut self) -> Target<'_> {
        E::target(self)
    }
}

/// An executor for statements that change their session: `&mut Session`, whose connection serves no other caller.
#[diagnostic::on_unimplemented(
    message = "a statement that changes its session cannot run on `{Self}`",
    label = "run it on `&mut Session`: other queries, and with a pool other tenants, share the connection used here",
    note = "open a session: `let mut session = dsql.session();`, and give it `&mut session`",
    note = "in a transaction, `SET LOCAL …` and `set_config(…, true)` last until the transaction ends"
)]
pub trait SessionExecutor: Executor {}

impl<E: SessionExecutor> SessionExecutor for &mut E {}

/// Keeps other crates from implementing [`Executor`].
pub(super) mod sealed {
    pub trait Sealed {}

    impl<E: Sealed> Sealed for &mut E {}
}
