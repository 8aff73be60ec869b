//! The cluster, for the ledger and the steps: SQL in, rows of text or a count out, over dsql-edge's own client.

use anyhow::Result;
use dsql_edge::private::{Arguments, Command, Effect, KeyConstraints, KeyInsert, Query, Statement};
use dsql_edge::{Config, Dsql, Error};

use crate::cluster::{statement, statement_at};
pub(super) use crate::pull::Row;
use crate::pull::text_row;

/// The cluster.
pub(super) struct Database {
    dsql: Dsql,
}

/// A statement of the user's, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Sql<'s> {
    pub(super) text: &'s str,
    pub(super) file: &'s str,
    pub(super) line: u32,
}

/// How often a write of ours is sent that may be sent any number of times.
const TIMES: u32 = 6;

/// The primary key of the ledger, whose columns each INSERT into it writes.
static LEDGER: KeyConstraints =
    KeyConstraints { names: &["migrations_pkey"], all: true, does_nothing: false };

impl Database {
    pub(super) fn new(config: Config) -> Database {
        Database { dsql: Dsql::new(config) }
    }

    /// Rows of a query that writes nothing.
    pub(super) async fn rows<const N: usize>(
        &self,
        sql: &'static str,
        parameters: &[Option<&str>],
    ) -> Result<Vec<Row<N>>, Error> {
        let query = Query::unchecked(statement(sql, Effect::Read), arguments(parameters), text_row::<N>);
        query.fetch_all(&self.dsql).await
    }

    /// A write that does the same however often it is done: it is sent again where its answer was lost.
    pub(super) async fn settle(&self, sql: &'static str, parameters: &[Option<&str>]) -> Result<u64, Error> {
        let statement = statement(sql, Effect::Write);
        let mut times = 1;
        loop {
            let done = Command::unchecked(statement, arguments(parameters)).execute(&self.dsql).await;
            match done {
                Err(error) if error.is_outcome_unknown() && times < TIMES => times += 1,
                done => return done,
            }
        }
    }

    /// A statement in a transaction of its own; the first column of its first row, if it has one.
    pub(super) async fn once(&self, sql: Sql<'_>) -> Result<Option<String>, Error> {
        let query =
            Query::unchecked(sql.owned(), arguments(&[]), |row| row.unchecked_column::<Option<String>>(0));
        Ok(query.fetch_all(&self.dsql).await?.into_iter().next().flatten())
    }

    /// Statements that change rows, and the ledger's row, in one transaction: all of it, once, or nothing.
    pub(super) async fn transaction(
        &self,
        statements: &[Sql<'_>],
        key: &'static str,
        parameters: &[Option<&str>],
    ) -> Result<(), Error> {
        let statements: Vec<&'static Statement> = statements.iter().map(Sql::owned).collect();
        let key = KeyInsert::unchecked(statement(key, Effect::Write), arguments(parameters), &LEDGER);
        self.dsql
            .transaction(async move |tx| {
                for statement in statements {
                    Command::unchecked(statement, arguments(&[])).execute(tx).await?;
                }
                Ok::<(), Error>(())
            })
            .idempotency_key(key)
            .await?;
        Ok(())
    }
}

impl Sql<'_> {
    /// One of ours.
    pub(super) fn own(text: &str) -> Sql<'_> {
        Sql { text, file: file!(), line: line!() }
    }

    fn owned(&self) -> &'static Statement {
        let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        statement_at(leak(self.text), Effect::Write, (leak(self.file), self.line))
    }
}

fn arguments(parameters: &[Option<&str>]) -> Arguments {
    let mut out = Arguments::with_capacity(parameters.len());
    for parameter in parameters {
        out.bind_unchecked(parameter);
    }
    out
}
