//! Applies one step of a file, and records it.
//!
//! Input: a step, and its row in the ledger if an earlier run began it. Output: the step is applied, and the ledger
//! records the step as applied.
//!
//! A step that changes rows writes its row of the ledger in the same transaction. A step that changes the schema cannot
//! write its row in the same transaction, because DSQL rejects DDL and rows in one transaction. So the row of a schema
//! change is written before the change, with the state `started` and with the state of the catalog.

use dsql_edge_compiler::source::Span;
use dsql_edge_migrations::catalog::{OF_JOB, Rows, look, made};
use dsql_edge_migrations::ledger::{
    APPLIED, BUILDING, CLAIM, CLEAR_FAILED, FAILED, RECORD, TAKE_OVER, TOGETHER, TOGETHER_WITH_FILE, WITHDRAW,
};
use dsql_edge_migrations::steps::{Job, Trace, Verdict, Work};
use dsql_edge_migrations::{Entry, File, State, Step};
use tokio_postgres::error::SqlState;

use super::database::{Attempts, Database};
use super::failure::{of_ledger, of_statement};

/// Applies the step.
pub(super) async fn apply(
    database: &Database,
    run: &str,
    file: &File,
    step: &Step,
    entry: Option<Entry>,
) -> Result<(), String> {
    let this = StepRun { database, run, file, step, number: step.number.to_string() };
    let state = entry.as_ref().map(|entry| entry.state);
    if state == Some(State::Failed) {
        this.write(CLEAR_FAILED, &[]).await?;
    }
    let entry = entry.filter(|entry| entry.state != State::Failed);
    if entry.is_some() {
        this.write(TAKE_OVER, &[Some(run)]).await?;
    }
    match &step.work {
        // A step that changes rows writes its row of the ledger in the same transaction, so the ledger never contains
        // this row as `started`.
        Work::Transaction(_) if entry.is_some() => {
            Err(this.stuck("do the rows already have the values that the statement writes?"))
        }
        Work::Transaction(statements) => this.transaction(statements).await,
        Work::Batches(_) => {
            // `dsql-edge migrate` has begun the batches and written this row. The row is deleted here, because
            // `batches` inserts it again.
            if entry.is_some() {
                this.write(WITHDRAW, &[Some(run)]).await?;
            }
            this.batches().await
        }
        Work::Repeatable => {
            this.send().await?;
            this.write(RECORD, &[Some(&step.checksum.text), Some(run)]).await
        }
        Work::Schema(trace) => this.schema(trace, entry).await,
        Work::Job(Job::Concurrently { .. }) => this.concurrently(entry).await,
        Work::Job(job) => this.job(job, entry).await,
    }
}

/// A step that is being applied.
struct StepRun<'r> {
    database: &'r Database,
    run: &'r str,
    file: &'r File,
    step: &'r Step,
    /// The number of the step, as text.
    number: String,
}

impl StepRun<'_> {
    /// Runs a statement of the ledger whose first parameters are the file and the step.
    async fn write(&self, sql: &str, more: &[Option<&str>]) -> Result<(), String> {
        let mut parameters = vec![Some(self.file.name.as_str()), Some(self.number.as_str())];
        parameters.extend(more);
        let written = self.database.write(sql, &parameters).await;
        written.map_err(|error| of_ledger("writing the ledger", &error)).map(drop)
    }

    /// Runs the statement of the step in a separate transaction.
    async fn send(&self) -> Result<Option<String>, String> {
        let sent = self.database.send(self.file.sql(self.step)).await;
        sent.map_err(|error| of_statement(self.file, self.step.span, &error))
    }

    /// Runs the statements and writes the row of the ledger in one transaction.
    async fn transaction(&self, statements: &[Span]) -> Result<(), String> {
        let mut attempts = Attempts::new();
        loop {
            let Err((place, error)) = self.transaction_once(statements).await else { return Ok(()) };
            // If the connection is lost, nothing is left to roll back.
            let _ = self.database.0.batch_execute("ROLLBACK").await;
            if !attempts.another(&error).await {
                return Err(match place {
                    Some(statement) => of_statement(self.file, statement, &error),
                    None => of_statement(self.file, self.step.span, &error),
                });
            }
        }
    }

    /// Runs the transaction once. An error comes with the statement of the file that caused the error; `None` if BEGIN,
    /// COMMIT or a statement of the ledger caused it.
    async fn transaction_once(
        &self,
        statements: &[Span],
    ) -> Result<(), (Option<Span>, tokio_postgres::Error)> {
        let client = &self.database.0;
        client.batch_execute("BEGIN").await.map_err(|error| (None, error))?;
        for statement in statements {
            let sql = statement.text(&self.file.text);
            client.batch_execute(sql).await.map_err(|error| (Some(*statement), error))?;
        }
        let mut parameters = vec![
            Some(self.file.name.as_str()),
            Some(&self.number),
            Some(self.step.checksum.text.as_str()),
            Some(self.run),
        ];
        let is_last = self.file.steps.last().is_some_and(|last| last.number == self.step.number);
        if is_last {
            parameters.push(Some(&self.file.checksum.text));
        }
        let key = if is_last { TOGETHER_WITH_FILE } else { TOGETHER };
        self.database.write_once(key, &parameters).await.map_err(|error| (None, error))?;
        client.batch_execute("COMMIT").await.map_err(|error| (None, error))
    }

    /// Runs the statement as a whole. The compiler accepts only a statement whose batches have the same result as the
    /// statement itself, and a database for development rarely has more rows than fit in one transaction.
    async fn batches(&self) -> Result<(), String> {
        let mut attempts = Attempts::new();
        loop {
            let Err((_, error)) = self.transaction_once(&[self.step.span]).await else { return Ok(()) };
            let _ = self.database.0.batch_execute("ROLLBACK").await;
            if attempts.another(&error).await {
                continue;
            }
            let failed = of_statement(self.file, self.step.span, &error);
            return Err(match error.code() {
                Some(state) if *state == SqlState::PROGRAM_LIMIT_EXCEEDED => format!(
                    "{failed}\n  dsql-local runs a statement with the comment `in batches` as a whole: run `dsql-edge migrate`, \
                     which runs it in batches, while this dsql-local runs"
                ),
                _ => failed,
            });
        }
    }

    async fn schema(&self, trace: &Trace, entry: Option<Entry>) -> Result<(), String> {
        let seen = look(trace, self.database).await;
        let seen = seen.map_err(|error| of_ledger("reading the catalog", &error))?;
        if let Some(entry) = &entry {
            match trace.judge(entry.seen_before.as_deref(), seen.as_ref()) {
                Verdict::Applied => return self.write(APPLIED, &[Some(self.run), None]).await,
                Verdict::Unknown(check) => return Err(self.stuck(&check)),
                Verdict::NotApplied => {}
            }
        }
        self.claim(seen.as_ref().map(|seen| seen.state.as_str())).await?;
        self.send_claimed().await?;
        self.write(APPLIED, &[Some(self.run), None]).await
    }

    async fn claim(&self, seen: Option<&str>) -> Result<(), String> {
        self.write(CLAIM, &[Some(&self.step.checksum.text), seen, Some(self.run)]).await
    }

    /// Sends a statement after its row was written as `started`. After an error, the row is removed, because the
    /// statement had no effect.
    async fn send_claimed(&self) -> Result<Option<String>, String> {
        let sent = self.send().await;
        if sent.is_err() {
            // If the row cannot be removed, the next run looks for the effect of the statement.
            let _ = self.write(WITHDRAW, &[Some(self.run)]).await;
        }
        sent
    }

    /// Starts a job and reads its result. A job of dsql-local has always ended when dsql-local returns its id.
    async fn job(&self, job: &Job, entry: Option<Entry>) -> Result<(), String> {
        if entry.is_some() {
            if matches!(self.made(job).await?, Some((true, _))) {
                return self.write(APPLIED, &[Some(self.run), None]).await;
            }
            self.drop_invalid(job).await?;
        }
        self.claim(None).await?;
        let id = self.send_claimed().await?;
        let id = id.as_deref();
        self.write(BUILDING, &[Some(self.run), id]).await?;
        let rows = self.database.rows::<3>(OF_JOB, &[id]).await;
        let rows = rows.map_err(|error| of_ledger("reading sys.jobs", &error))?;
        let (status, details) = match rows.into_iter().next() {
            Some([_, status, details]) => (status.unwrap_or_default(), details.unwrap_or_default()),
            None => (String::new(), String::new()),
        };
        if matches!(self.made(job).await?, Some((true, _))) {
            let details = Some(details.as_str()).filter(|details| !details.is_empty());
            return self.write(APPLIED, &[Some(self.run), details]).await;
        }
        self.drop_invalid(job).await?;
        let why = format!("its job {}: {details}", status.to_lowercase());
        self.write(FAILED, &[Some(self.run), Some(&why)]).await?;
        let place = self.file.place(self.step);
        Err(format!("{place}: {} failed: {why}; correct the rows, then run again", job.what()))
    }

    /// Builds an index of a PostgreSQL: the index is built when the statement is answered. dsql-local runs migrations
    /// on a PostgreSQL only to fill a new database, so an earlier run cannot have been interrupted.
    async fn concurrently(&self, entry: Option<Entry>) -> Result<(), String> {
        if entry.is_some() {
            return Err(self.stuck("is the index valid?"));
        }
        self.claim(None).await?;
        self.send_claimed().await?;
        self.write(APPLIED, &[Some(self.run), None]).await
    }

    /// Returns whether the job's object is valid, and its name.
    async fn made(&self, job: &Job) -> Result<Option<(bool, Option<String>)>, String> {
        made(job, self.database).await.map_err(|error| of_ledger("reading the catalog", &error))
    }

    /// Drops an index that is not valid, so that the statement can be sent again.
    async fn drop_invalid(&self, job: &Job) -> Result<(), String> {
        if !matches!(job, Job::Constraint { .. })
            && let Some((false, Some(index))) = self.made(job).await?
        {
            let dropped = self.database.send(&format!("DROP INDEX IF EXISTS {index}")).await;
            dropped.map_err(|error| of_ledger("dropping the index that is not valid", &error))?;
        }
        Ok(())
    }

    fn stuck(&self, check: &str) -> String {
        let (place, name, number) = (self.file.place(self.step), &self.file.name, self.step.number);
        format!(
            "{place}: a run was interrupted while it sent this statement, and the catalog does not show whether it was \
             applied. Check: {check}\nThen run `dsql-edge migrate resolve {name}:{number} --applied`, or --not-applied"
        )
    }
}
