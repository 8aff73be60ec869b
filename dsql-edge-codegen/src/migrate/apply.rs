//! Applies the steps that are not applied yet, one by one, under the lease.
//!
//! Input: a folder and a server. Output: the applied steps, or the first error and its step. If a run fails or is
//! killed at any point, the next run continues at that point. Before the next run sends an interrupted statement again,
//! it looks for the statement's effect in the catalog.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use dsql_edge::{Config, Error};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::catalog;
use dsql_edge_migrations::ledger::run_name;
use dsql_edge_migrations::steps::{Job, Trace, Verdict, Work};
use dsql_edge_migrations::{Entry, File, Folder, Pending, PlanError, State, Step, plan};

use super::database::{Attempts, Database, FirstRow, Sql};
use super::explain::explained;
use super::interrupt::Signals;
use super::job::{self, Outcome};
use super::lease::{self, Lease};
use super::ledger::Ledger;
use super::leftovers;
use super::locks;
use super::names;
use super::progress::Progress;

/// A step that was applied.
#[derive(Debug)]
pub struct Applied {
    /// The file's name.
    pub file: String,
    /// The step's number.
    pub step: i32,
    /// Whether an earlier, interrupted run had applied the step.
    pub found: bool,
}

/// Applies the steps of a folder that are not applied yet. `lease` is the time after which another run takes over, if
/// this run no longer renews its lease.
///
/// # Errors
/// Returns the first error, with the file and the number of its step. The steps before this step stay applied, and the
/// next run continues with this step.
pub async fn migrate(
    folder: &Folder,
    config: Config,
    lease: Duration,
    report: &dyn Fn(Progress<'_>),
) -> Result<Vec<Applied>> {
    let database = Database::new(config, folder.dialect);
    let ledger = Ledger::new(&database, run_name());
    // Errors of the plan are reported now, before this run waits until another run has ended.
    let exists = ledger.exists().await?;
    let entries = if exists { ledger.read().await? } else { Vec::new() };
    plan(folder, &entries)?;
    if !exists {
        ledger.make().await?;
    }
    let mut signals = Signals::new()?;
    let lease = tokio::select! {
        lease = Lease::take(&database, ledger.run(), lease, report) => lease?,
        () = signals.next() => {
            // The cluster may have given the lease to this run, and the answer may not have arrived yet.
            tokio::select! {
                _ = lease::release(&database, ledger.run()) => {}
                () = signals.next() => {}
            }
            bail!("interrupted before the lease was taken: nothing was sent");
        }
    };
    let run = Run {
        database: &database,
        ledger: &ledger,
        lease: &lease,
        report,
        in_flight: Cell::new(false),
        may_end: Cell::new(false),
        is_stopping: Cell::new(false),
        place: RefCell::default(),
    };
    let done = run.until_signal(folder, &mut signals).await;
    // If a statement is in flight, the lease is not released, because the statement must have arrived before another
    // run reads the catalog.
    if !run.in_flight.get() {
        let released = tokio::select! {
            released = lease::release(&database, ledger.run()) => released,
            () = signals.next() => Err(anyhow!("interrupted")),
        };
        if done.is_ok() {
            released.context("releasing the lease")?;
        }
    }
    done
}

/// Checks that the names in the pending steps exist in earlier files or in the database. A folder that differs from the
/// ledger is not compared.
pub(super) async fn check_names(folder: &Folder, config: Config) -> Result<()> {
    let database = Database::new(config, folder.dialect);
    let ledger = Ledger::new(&database, run_name());
    let entries = if ledger.exists().await? { ledger.read().await? } else { Vec::new() };
    let pending = match plan(folder, &entries) {
        Ok(pending) => pending,
        Err(error @ PlanError::Misplaced(_)) => return Err(error.into()),
        Err(_) => return Ok(()),
    };
    names::check(folder, &pending, &database, &|progress| eprintln!("{}", progress.line())).await
}

/// A run that holds the lease.
pub(super) struct Run<'r> {
    pub(super) database: &'r Database,
    pub(super) ledger: &'r Ledger<'r>,
    lease: &'r Lease<'r>,
    pub(super) report: &'r dyn Fn(Progress<'_>),
    /// Whether a statement was sent and its outcome is not known.
    in_flight: Cell<bool>,
    /// Whether the run may end now without a loss, because the ledger contains everything that the next run needs.
    may_end: Cell<bool>,
    /// Whether the run ends as soon as the answer to the statement in flight is recorded.
    is_stopping: Cell<bool>,
    /// The description of the step that is being applied, or "".
    place: RefCell<String>,
}

/// How many times the answer to one statement may be lost before `migrate` ends with an error.
pub(super) const LOSSES: u32 = 5;

pub(super) const LOST: &str =
    "its answer was lost several times: run `dsql-edge migrate` again when the network works";

impl Run<'_> {
    /// Applies the steps until a signal arrives. After the first signal, the answer to a statement in flight is still
    /// awaited and recorded, so that the lease can be released; a second signal ends the wait.
    async fn until_signal(&self, folder: &Folder, signals: &mut Signals) -> Result<Vec<Applied>> {
        let mut all = pin!(self.all(folder));
        let mut kept = pin!(self.lease.keep());
        loop {
            tokio::select! {
                done = &mut all => return done,
                lost = &mut kept => return Err(lost),
                () = signals.next() => {
                    if self.may_end.get() || self.is_stopping.replace(true) {
                        return Err(self.interrupted());
                    }
                    if self.in_flight.get() {
                        (self.report)(Progress::Stopping);
                    }
                }
                () = self.can_end(), if self.is_stopping.get() => return Err(self.interrupted()),
            }
        }
    }

    async fn can_end(&self) {
        while !self.may_end.get() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Awaits a future during which the run may end.
    pub(super) async fn abandonable<T>(&self, future: impl Future<Output = T>) -> T {
        self.may_end.set(true);
        let done = future.await;
        self.may_end.set(false);
        done
    }

    /// Returns an error if a signal has arrived. Called before a statement is sent.
    fn is_to_continue(&self) -> Result<()> {
        if self.is_stopping.get() { Err(self.interrupted()) } else { Ok(()) }
    }

    async fn all(&self, folder: &Folder) -> Result<Vec<Applied>> {
        let mut done = Vec::new();
        // The ledger is read again, because another run may have changed it before this run got the lease.
        let pending = plan(folder, &self.ledger.read().await?)?;
        names::check(folder, &pending, self.database, self.report).await?;
        for Pending { file, steps, out_of_order } in pending {
            if out_of_order {
                (self.report)(Progress::OutOfOrder(file));
            }
            file.notes.iter().for_each(|note| (self.report)(Progress::Divided(file, note)));
            for (step, entry) in steps {
                self.is_to_continue()?;
                self.place.replace(file.place(step));
                let applied = tokio::select! {
                    applied = self.step(file, step, entry) => applied,
                    never = locks::report(file, step, self.database, self.report) => match never {},
                };
                self.place.take();
                let found = applied.with_context(|| {
                    format!("{}: {} {} was not applied", file.place(step), file.unit, step.number)
                })?;
                done.push(Applied { file: file.name.clone(), step: step.number, found });
            }
            let finished = self.ledger.finish(file).await;
            finished.with_context(|| {
                format!(
                    "{}: every {} is applied, and the file was not recorded as applied",
                    file.path, file.unit
                )
            })?;
        }
        Ok(done)
    }

    /// Returns the error of a run that the user interrupts. While PostgreSQL executes a statement, it does not detect
    /// that its client is gone; it detects this only at the end of the statement.
    fn interrupted(&self) -> anyhow::Error {
        let place = self.place.borrow();
        if self.in_flight.get() {
            let seconds = self.lease.length().as_secs_f64().ceil();
            return anyhow!(
                "interrupted before the answer to the statement that was sent ({place}) arrived. Run `dsql-edge migrate` again to \
                 continue: the lease of this run ends in at most {seconds} s, and the next run then looks whether the statement \
                 was applied"
            );
        }
        if place.is_empty() || self.database.dialect() == Dialect::Dsql {
            return anyhow!("interrupted: run `dsql-edge migrate` again to continue");
        }
        anyhow!(
            "interrupted: the server may continue the statement that was sent ({place}) until it ends, and then rolls back its \
             transaction. Until then, the next run waits for its locks: run `dsql-edge migrate` again to continue"
        )
    }

    /// Applies a step; returns whether it had been applied before.
    async fn step(&self, file: &File, step: &Step, entry: Option<Entry>) -> Result<bool> {
        if entry.as_ref().is_some_and(|entry| entry.state == State::Failed) {
            self.ledger.clear_failed(file, step).await?;
        }
        let entry = entry.filter(|entry| entry.state != State::Failed);
        if entry.is_some() {
            self.ledger.take_over(file, step).await?;
        }
        match &step.work {
            // A step that is a transaction writes its row of the ledger in the same transaction, so the ledger never
            // contains the step as `started`.
            Work::Transaction(_) if entry.is_some() => {
                Err(stuck(file, step, "do the rows already have the values that the statement writes?"))
            }
            Work::Transaction(statements) => {
                (self.report)(Progress::Sent(file, step));
                let statements: Vec<Sql<'_>> =
                    statements.iter().map(|span| Sql::of_file(file, *span)).collect();
                // The transaction also writes the row of the ledger, so the run may stop at any point of the
                // transaction.
                let applied = self.abandonable(self.ledger.apply_transaction(file, step, &statements)).await;
                applied.map_err(explained)?;
                Ok(false)
            }
            Work::Repeatable => {
                (self.report)(Progress::Sent(file, step));
                let sql = Sql::of_file(file, step.span);
                let repeated = self.repeat(sql).await;
                leftovers::report(sql.text, self.database, self.report).await?;
                repeated?;
                self.ledger.record(file, step).await?;
                Ok(false)
            }
            Work::Batches(batched) => {
                self.batches(file, step, batched, entry.is_some()).await?;
                Ok(false)
            }
            Work::Schema(trace) => self.schema(file, step, trace, entry).await,
            Work::Job(job @ Job::Concurrently { .. }) => self.concurrently(file, step, job, entry).await,
            Work::Job(job) => self.job(file, step, job, entry).await,
        }
    }

    /// Sends a statement that may run any number of times. After a lost answer this function waits, so that no attempt
    /// arrives after the next statement.
    pub(super) async fn repeat(&self, sql: Sql<'_>) -> Result<FirstRow> {
        let mut times = 0;
        loop {
            match self.send(sql).await? {
                Err(error) if error.is_outcome_unknown() && times < LOSSES => times += 1,
                done => return done.map_err(explained),
            }
            self.settle().await;
        }
    }

    async fn schema(&self, file: &File, step: &Step, trace: &Trace, entry: Option<Entry>) -> Result<bool> {
        let mut claimed = entry.map(|entry| entry.seen_before);
        for _ in 0..=LOSSES {
            let seen = catalog::look(trace, self.database).await?;
            if let Some(before) = &claimed {
                match trace.judge(before.as_deref(), seen.as_ref()) {
                    Verdict::Applied => {
                        (self.report)(Progress::Found(file, step));
                        self.ledger.applied(file, step, None).await?;
                        return Ok(true);
                    }
                    Verdict::Unknown(check) => return Err(stuck(file, step, &check)),
                    Verdict::NotApplied => {}
                }
            }
            let before = seen.map(|seen| seen.state);
            if !self.ledger.claim(file, step, before.as_deref()).await? {
                return Ok(true);
            }
            (self.report)(Progress::Sent(file, step));
            match self.send(Sql::of_file(file, step.span)).await? {
                Ok(_) => {
                    self.ledger.applied(file, step, None).await?;
                    return Ok(false);
                }
                Err(error) if error.is_outcome_unknown() => self.settle().await,
                Err(error) => {
                    // An earlier attempt, whose answer was lost, may have been applied and may now cause this error.
                    if claimed.is_some() {
                        let now = catalog::look(trace, self.database).await?;
                        if trace.judge(before.as_deref(), now.as_ref()) == Verdict::Applied {
                            self.ledger.applied(file, step, None).await?;
                            return Ok(true);
                        }
                    }
                    // If the row cannot be removed, the next run looks for the statement's effect.
                    let _ = self.ledger.withdraw(file, step).await;
                    return Err(explained(error));
                }
            }
            claimed = Some(before);
        }
        bail!(LOST)
    }

    async fn job(&self, file: &File, step: &Step, job: &Job, entry: Option<Entry>) -> Result<bool> {
        let found = entry.is_some();
        let (mut id, mut since) = entry.map_or((None, None), |entry| (entry.job, entry.started_at));
        for _ in 0..=LOSSES {
            if id.is_none()
                && let Some(since) = &since
            {
                // The statement was about to be sent, and may have been sent. Jobs are read before
                // the catalog, because a job may end between the two reads.
                id = job::find(job, self.database, since).await?;
                if id.is_none() && matches!(job::made(job, self.database).await?, Some((true, _))) {
                    (self.report)(Progress::Found(file, step));
                    self.ledger.applied(file, step, None).await?;
                    return Ok(true);
                }
            }
            if id.is_none() {
                match since {
                    // The answer was lost. If the statement left an invalid index, the statement would fail when it is
                    // sent again, so the index is dropped.
                    Some(_) => self.clear(job).await?,
                    None => self.is_free(job).await?,
                }
                if !self.ledger.claim(file, step, None).await? {
                    return Ok(true);
                }
                (self.report)(Progress::Sent(file, step));
                match self.send(Sql::of_file(file, step.span)).await? {
                    Ok(started) => id = started.into_iter().next().flatten(),
                    Err(error) if error.is_executed() => {}
                    Err(error) if error.is_outcome_unknown() => {
                        self.settle().await;
                        since = self.started_at(file, step).await?;
                        continue;
                    }
                    Err(error) => {
                        let _ = self.ledger.withdraw(file, step).await;
                        return Err(explained(error));
                    }
                }
            }
            if let Some(id) = &id {
                self.ledger.building(file, step, id).await?;
            }
            let ended = self.abandonable(job::wait(job, self.database, id.as_deref(), self.report)).await;
            return match ended? {
                Outcome::Done(details) => {
                    details.iter().for_each(|details| (self.report)(Progress::Details(details)));
                    self.ledger.applied(file, step, details.as_deref()).await?;
                    Ok(found)
                }
                Outcome::Failed(why) => {
                    self.clear(job).await?;
                    self.ledger.failed(file, step, &why).await?;
                    let left = match job {
                        Job::Index { .. } | Job::Concurrently { .. } => "The invalid index was dropped",
                        Job::Constraint { .. } => "The constraint is not validated",
                    };
                    Err(anyhow!("{} failed: {why}\n{left}. Correct the rows and run again", job.what()))
                }
                Outcome::Unknown(check) => Err(stuck(file, step, &check)),
            };
        }
        bail!(LOST)
    }

    /// Drops an index that this step created and whose build failed. Returns an error if a job still builds the
    /// index: this step did not start that job.
    pub(super) async fn clear(&self, job: &Job) -> Result<()> {
        let words = match job {
            Job::Index { .. } => "DROP INDEX",
            Job::Concurrently { .. } => "DROP INDEX CONCURRENTLY",
            Job::Constraint { .. } => return Ok(()),
        };
        if let Some((false, Some(index))) = job::made(job, self.database).await? {
            if let Some(other) = job::running(job, self.database).await? {
                bail!(
                    "the index {index} is being built by {other}, which this run did not start: run again when it has ended"
                );
            }
            let drop = format!("{words} IF EXISTS {index}");
            self.repeat(Sql::own(&drop)).await.context("dropping the index that failed")?;
        }
        Ok(())
    }

    /// Before this step is sent for the first time: returns an error if an invalid index with the step's name exists.
    /// Something else created this index; either the index is still being built, or its build has failed.
    pub(super) async fn is_free(&self, job: &Job) -> Result<()> {
        if matches!(job, Job::Constraint { .. }) {
            return Ok(());
        }
        let Some((false, Some(index))) = job::made(job, self.database).await? else { return Ok(()) };
        match job::running(job, self.database).await? {
            Some(other) => bail!(
                "an index {index}, which this folder did not create, is being built by {other}: run again when it has \
                 ended, or give your index another name"
            ),
            None => bail!(
                "an index {index}, which this folder did not create, exists and is not valid: DROP INDEX {index}, if it is \
                 not needed, and run again"
            ),
        }
    }

    async fn started_at(&self, file: &File, step: &Step) -> Result<Option<String>> {
        let entries = self.ledger.read().await?;
        let mine = entries.into_iter().find(|entry| entry.file == file.name && entry.step == step.number);
        Ok(mine.and_then(|entry| entry.started_at))
    }

    /// Sends a statement, and sends it again if it certainly had no effect. Each attempt confirms the lease first,
    /// because the machine may have slept since the last attempt.
    pub(super) async fn send(&self, sql: Sql<'_>) -> Result<std::result::Result<FirstRow, Error>> {
        let mut attempts = Attempts::new();
        loop {
            match self.send_once(sql).await? {
                Err(error) if attempts.another(&error).await => {}
                answer => return Ok(answer),
            }
        }
    }

    /// Whether a statement was sent and its outcome is not known.
    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight.get()
    }

    /// Confirms the lease and sends a statement.
    pub(super) async fn send_once(&self, sql: Sql<'_>) -> Result<std::result::Result<FirstRow, Error>> {
        self.is_to_continue()?;
        self.lease.confirm().await?;
        self.in_flight.set(true);
        let answer = self.database.once(sql).await;
        let lost = answer.as_ref().is_err_and(Error::is_outcome_unknown);
        self.in_flight.set(lost);
        Ok(answer)
    }

    /// Waits for as long as another run would have to wait for this run's lease. After that, the statement in flight
    /// has arrived or is lost.
    pub(super) async fn settle(&self) {
        (self.report)(Progress::Settling(self.lease.length()));
        self.abandonable(tokio::time::sleep(self.lease.length())).await;
        self.in_flight.set(false);
    }
}

fn stuck(file: &File, step: &Step, check: &str) -> anyhow::Error {
    let (name, number) = (&file.name, step.number);
    anyhow!(
        "a run was interrupted while it sent this statement, and the catalog does not show whether it was applied. Check: {check}\n\
         Then run `dsql-edge migrate resolve {name}:{number} --applied`, or --not-applied, and `dsql-edge migrate` again"
    )
}
