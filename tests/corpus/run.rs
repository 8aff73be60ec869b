//! Runs the queries of a program on one database, each with its sets of arguments.
//!
//! Each run is a transaction that is rolled back, unless the statement changes its session: such a statement runs on a
//! session of its own. In the transaction, PostgreSQL first answers the statement as text. Then the runtime answers the
//! query that `sql!` compiled, from the same state: a savepoint restores the rows, and sequences are set to the same
//! number. So `now()` and the rows are the same, and only volatile functions differ.

use dsql_edge::dynamic::Sql;
use dsql_edge::{Config, Dsql, Error, Executor, Session, Transaction};

use crate::compare::{self, Text};
use crate::plan::{Column, Database, Outcome, Plan, Query};
use crate::{Answer, Compiled, Given, Run, Running};

/// If this number of runs have returned rows, spare arguments are not tried.
const ENOUGH: usize = 2;

/// Makes the state before a run the same for PostgreSQL's own answer and for the runtime's.
const BEFORE: &str =
    "SELECT setval(seqrelid::regclass, greatest(seqmin, least(seqmax, 1000)), false) FROM pg_sequence";

/// Runs all queries on one database. Queries run one after the other, because each may change any row.
pub(crate) async fn on_database(plan: &Plan, at: usize, queries: &[Compiled]) -> Result<Vec<Outcome>, Error> {
    let Some(database) = plan.databases.get(at) else { return Ok(Vec::new()) };
    let dsql = Dsql::new(Config::from_postgres(&database.url)?.max_attempts(1));
    let mut outcomes = Vec::new();
    for compiled in queries {
        let mut outcome = Outcome { number: compiled.number, ..Outcome::default() };
        match plan.queries.get(&compiled.number) {
            Some(query) => on_query(&dsql, database, at, query, compiled.run, &mut outcome).await,
            None => outcome.mismatch("the plan does not have this query".to_owned()),
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

async fn on_query(
    dsql: &Dsql,
    database: &Database,
    at: usize,
    query: &Query,
    run: Run,
    outcome: &mut Outcome,
) {
    let mut with_rows = 0;
    for arguments in query.arguments.get(at).into_iter().flatten() {
        if arguments.spare && with_rows >= ENOUGH {
            continue;
        }
        let rows = outcome.rows + outcome.changed;
        let once = Once { query, given: &arguments.values, beyond: database.beyond };
        match run {
            Run::InTransaction(run) => once.in_transaction(dsql, run, outcome).await,
            Run::OnSession(run) => once.on_session(dsql.session(), run, outcome).await,
        }
        with_rows += usize::from(outcome.rows + outcome.changed > rows);
    }
}

/// One run.
#[derive(Clone, Copy)]
struct Once<'a> {
    query: &'a Query,
    given: &'a Given,
    beyond: bool,
}

/// The answers of one run.
struct Answers {
    first: Result<Text, Error>,
    ours: Result<Answer, Error>,
    second: Text,
}

/// The end of a transaction, which is always rolled back.
enum End {
    Answered(Box<Answers>),
    /// PostgreSQL rejected the statement, so the transaction is over.
    Rejected(Error),
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> End {
        End::Failed(error)
    }
}

impl Once<'_> {
    async fn in_transaction(
        self,
        dsql: &Dsql,
        run: for<'a> fn(Transaction<'a>, &'a Given) -> Running<'a>,
        outcome: &mut Outcome,
    ) {
        let ended = dsql
            .transaction(async move |tx| {
                let first = match self.text(tx).await {
                    Ok(text) => text,
                    Err(error) => return Err::<(), End>(End::Rejected(error)),
                };
                restore(tx).await?;
                let ours = run(tx, self.given).await;
                let first = normalized(&self.query.columns, first, tx).await?;
                // Only if the answers differ, PostgreSQL runs the statement a second time, which shows whether
                // PostgreSQL itself returns the same values twice.
                let second = match &ours {
                    Ok(ours) if compare::differs(ours, &first) => {
                        restore(tx).await?;
                        let second = self.text(tx).await?;
                        normalized(&self.query.columns, second, tx).await?
                    }
                    _ => first.clone(),
                };
                Err(End::Answered(Box::new(Answers { first: Ok(first), ours, second })))
            })
            .await;
        match ended {
            Ok(()) => outcome.mismatch("a transaction was committed".to_owned()),
            Err(End::Answered(answers)) => self.compare(*answers, outcome),
            Err(End::Rejected(theirs)) => {
                let rejected = dsql.transaction(async move |tx| {
                    begin_with("SAVEPOINT before_run", tx).await?;
                    run(tx, self.given).await
                });
                outcome.compare_rejection(&theirs, &rejected.await);
            }
            Err(End::Failed(error)) => outcome.mismatch(format!("the run failed: {error}")),
        }
    }

    /// A statement that changes its session is not run in a transaction: each set of arguments has a separate session,
    /// in which both answers are computed.
    async fn on_session(
        self,
        mut session: Session,
        run: for<'a> fn(&'a mut Session, &'a Given) -> Running<'a>,
        outcome: &mut Outcome,
    ) {
        let first = self.answer(&mut session).await;
        let ours = run(&mut session, self.given).await;
        match first {
            Ok(text) => {
                let answers = Answers { second: text.clone(), first: Ok(text), ours };
                self.compare(answers, outcome);
            }
            Err(theirs) => outcome.compare_rejection(&theirs, &ours),
        }
    }

    fn compare(self, answers: Answers, outcome: &mut Outcome) {
        let columns = &self.query.columns;
        match (&answers.ours, &answers.first) {
            (Ok(ours), Ok(first)) => outcome.compare(columns, ours, first, &answers.second, self.beyond),
            (Err(error), Ok(first)) => outcome.compare_error(columns, error, first, self.beyond),
            (ours, Err(theirs)) => outcome.compare_rejection(theirs, ours),
        }
    }

    /// PostgreSQL's own answer, after a savepoint.
    async fn text(self, tx: Transaction<'_>) -> Result<Text, Error> {
        begin_with("SAVEPOINT before_run", tx).await?;
        self.answer(tx).await
    }

    async fn answer(self, executor: impl Executor) -> Result<Text, Error> {
        let sql = Sql::writing(self.query.sql.as_str());
        let given: Vec<Option<&str>> = self.given.iter().map(Option::as_deref).collect();
        if self.query.columns.is_empty() {
            return sql.command(&given).execute(executor).await.map(Text::Count);
        }
        let rows = sql.query(&given).fetch_all(executor).await?;
        Ok(Text::Rows(rows.into_iter().map(dsql_edge::dynamic::TextRow::into_values).collect()))
    }
}

/// Restores the state that the database had before PostgreSQL computed its own answer.
async fn restore(tx: Transaction<'_>) -> Result<(), Error> {
    begin_with("ROLLBACK TO before_run", tx).await
}

/// Runs a statement, then sets the sequences, whose state a savepoint does not restore.
async fn begin_with(sql: &str, tx: Transaction<'_>) -> Result<(), Error> {
    tx.pipeline((Sql::writing(sql).command(&[]), Sql::writing(BEFORE).query(&[]))).await.map(drop)
}

/// Replaces the values of columns that are compared as `jsonb` by the text of the `jsonb` value.
async fn normalized(columns: &[Column], text: Text, tx: Transaction<'_>) -> Result<Text, Error> {
    let Text::Rows(mut rows) = text else { return Ok(text) };
    let jsonb = Sql::reading("SELECT $1::text::jsonb::text");
    for row in &mut rows {
        for (column, value) in columns.iter().zip(row) {
            if column.as_jsonb && value.is_some() {
                let shown = jsonb.query(&[value.as_deref()]).fetch_one(tx).await?;
                *value = shown.value(0).map(str::to_owned);
            }
        }
    }
    Ok(Text::Rows(rows))
}
