//! Applies a folder of migrations, and records them in the ledger of `dsql-edge migrate`.
//!
//! Input: a folder, and a running endpoint. Output: the files that were applied, or the place and the reason of the first
//! error. The statements go through the endpoint as `admin`, so DSQL's rules and limits apply, and a file that passes here
//! fails on a cluster only for reasons that dsql-local does not have.
//!
//! The folder is read, divided and planned by the code of `dsql-edge migrate` (`dsql-edge-migrations`), and the rows of the
//! ledger are the same: `dsql-edge migrate` finds everything applied, and the reverse. What this module does not need is
//! the care for lost answers: PostgreSQL runs on this machine. If dsql-local is killed between a statement and its row in
//! the ledger, the next run decides by the catalog, as `dsql-edge migrate` does.

mod database;
mod failure;
mod lease;
mod rules;
mod step;

use std::path::Path;

use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::catalog::Rows;
use dsql_edge_migrations::ledger::{READ, RECORD, THERE, missing, run_name};
use dsql_edge_migrations::{Entry, File, Folder, PlanError, files, plan};

use crate::front_door;
use crate::iam::{Claims, sign};
use crate::postgres::ADMIN;
use crate::{Error, Local};
use database::Database;
use failure::of_ledger;
use lease::Lease;

/// The seconds for which the token is valid: the connection is opened at once.
const TOKEN_LIFE: u32 = 60;

/// A file of the folder that a run applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedFile {
    /// The name of the file.
    pub name: String,
    /// The number of statements that this run applied.
    pub statements: usize,
}

impl Local {
    /// Applies the migrations of a folder that are not applied yet, as `dsql-edge migrate` does, and records them in the
    /// same ledger. The statements go through the endpoint as `admin`. `report` gets lines for people.
    ///
    /// # Errors
    /// Returns the first error, with the file, line and column of the statement. The statements before it stay applied, and
    /// the next run continues with it. Returns an error if a file was changed after it was applied.
    pub async fn migrate(
        &self,
        folder: &Path,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<AppliedFile>, Error> {
        let folder =
            read(folder, self.applies_rules()).map_err(|error| Error::Migrations(format!("{error:#}")))?;
        let _alone = self.migrating().lock().await;
        let claims =
            Claims { user: ADMIN, host: front_door::HOST, region: self.region(), expires: TOKEN_LIFE };
        let token = sign(claims, self.credentials(), self.now());
        let connected = front_door::connect(self.port(), self.ca_pem(), &token).await;
        let database = Database(connected.map_err(|error| {
            Error::Migrations(format!("dsql-local's own endpoint cannot be used for the migrations: {error}"))
        })?);
        // What to do about a file that was changed after it was applied.
        let advice = match self.kept_data() {
            Some(data) => format!(
                "the data of this dsql-local is kept (--keep): stop it, remove the folder of the data ({}) and start it \
                 again, and it applies all files as they are now",
                data.display()
            ),
            None => "the data of this dsql-local is not kept: start it again, and it applies all files as they are now"
                .to_owned(),
        };
        run(&database, &folder, report, &advice).await.map_err(Error::Migrations)
    }
}

/// Reads the folder. `rules`: whether the endpoint applies DSQL's rules.
fn read(path: &Path, rules: bool) -> anyhow::Result<Folder> {
    let problems = |texts| if rules { rules::problems(texts) } else { Default::default() };
    let folder = Folder::open(path, Dialect::Dsql, &problems)?;
    if folder.files.is_empty() {
        anyhow::bail!(files::no_migrations(path, "--migrations")?);
    }
    if let Some(file) = folder.files.iter().find(|file| files::dialect(&file.text) == Some(Dialect::Postgres))
    {
        anyhow::bail!(
            "{} has the directive `dialect postgres`, and dsql-local is a DSQL: apply the folder to a PostgreSQL with \
             `dsql-edge migrate --postgres-url`",
            file.path
        );
    }
    Ok(folder)
}

async fn run(
    database: &Database,
    folder: &Folder,
    report: &(dyn Fn(&str) + Sync),
    advice: &str,
) -> Result<Vec<AppliedFile>, String> {
    make_ledger(database).await?;
    let lease = Lease::take(database, report).await?;
    let done = apply(database, folder, &run_name(), &lease, advice).await;
    let released = lease.release().await;
    let done = done?;
    released.map(|()| done)
}

/// Creates the missing parts of the ledger.
async fn make_ledger(database: &Database) -> Result<(), String> {
    loop {
        let there = database.rows::<1>(THERE, &[]).await;
        let there = there.map_err(|error| of_ledger("looking for the ledger", &error))?;
        let Some(ddl) = missing(there.iter().filter_map(|[name]| name.as_deref())) else { return Ok(()) };
        database.send(ddl).await.map_err(|error| of_ledger("creating the ledger", &error))?;
    }
}

async fn apply(
    database: &Database,
    folder: &Folder,
    run: &str,
    lease: &Lease<'_>,
    advice: &str,
) -> Result<Vec<AppliedFile>, String> {
    let rows = database.rows(READ, &[]).await.map_err(|error| of_ledger("reading the ledger", &error))?;
    let entries: anyhow::Result<Vec<Entry>> = rows.into_iter().map(Entry::of_row).collect();
    let entries = entries.map_err(|error| error.to_string())?;
    let pending = plan(folder, &entries).map_err(|error| match error {
        PlanError::Differs(_) => format!("{error}\n{advice}"),
        PlanError::Rejected(_) => error.to_string(),
    })?;
    let mut done = Vec::new();
    for pending in pending {
        let mut applied = AppliedFile { name: pending.file.name.clone(), statements: 0 };
        for (step, entry) in pending.steps {
            lease.renew().await?;
            step::apply(database, run, pending.file, step, entry).await?;
            applied.statements += 1;
        }
        finish(database, run, pending.file).await?;
        done.push(applied);
    }
    Ok(done)
}

/// Records that all steps of a file are applied.
async fn finish(database: &Database, run: &str, file: &File) -> Result<(), String> {
    let parameters = [Some(file.name.as_str()), Some("0"), Some(&file.checksum.text), Some(run)];
    let written = database.write(RECORD, &parameters).await;
    written.map_err(|error| of_ledger("writing the ledger", &error)).map(drop)
}
