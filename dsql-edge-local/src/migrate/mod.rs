//! Applies a folder of migrations, and records them in the ledger of `dsql-edge migrate`.
//!
//! Input: a folder, and a running endpoint. Output: the files that were applied, or the first error with its location
//! and its reason. The statements go through the endpoint as `admin`, so DSQL's rules and limits apply. If dsql-local
//! has applied a file, the file can fail on a cluster only because dsql-local differs from the cluster.
//!
//! The code of `dsql-edge migrate` (`dsql-edge-migrations`) lints, reads, divides and plans the folder. So no statement
//! of the folder is sent before the folder passes the linter and the plan of `dsql-edge migrate`, and the rows of the
//! ledger are the same: dsql-local and `dsql-edge migrate` each recognize what the other has applied. Only
//! `dsql-edge migrate` also looks up in the catalog, before it sends a statement, the names that the files do not
//! create; here such a name is reported when its statement runs. This module does not handle lost answers, because
//! PostgreSQL runs on this machine. If dsql-local is killed between a statement and its row in the ledger, the next run
//! decides by the catalog, as `dsql-edge migrate` does.

mod database;
mod failure;
mod lease;
mod step;

use std::path::Path;

use dsql_edge_compiler::schema::Dialect;
use dsql_edge_migrations::catalog::Rows;
use dsql_edge_migrations::ledger::{READ, RECORD, THERE, missing, run_name};
use dsql_edge_migrations::lint::errors_of_migrations;
use dsql_edge_migrations::{Entry, File, Folder, PlanError, Problems, files, plan};
use tokio_postgres::Client;

use crate::created_roles;
use crate::front_door;
use crate::iam::{Claims, sign};
use crate::postgres::ADMIN;
use crate::{Error, Local};
use database::Database;
use failure::of_ledger;
use lease::Lease;

/// How long a token is valid, in seconds: a minute is enough, because the connection is opened at once.
const TOKEN_LIFE: u32 = 60;

/// What to do about a file that was changed after it was applied.
const RESET: &str = "to apply all files as they are now to an empty database, run `dsql-local reset`. To keep the data, run \
                     `dsql-edge migrate resolve` while dsql-local runs; if dsql-local ends with this error, start it without \
                     --migrations before you run `resolve`";

/// A file of the folder that a run applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedFile {
    /// The name of the file.
    pub name: String,
    /// The number of statements that this run applied.
    pub statements: usize,
}

impl Local {
    /// Applies the migrations of a folder that are not applied yet, as `dsql-edge migrate` does, and records them in
    /// the same ledger. The statements go through the endpoint as `admin`. `report` gets lines for people.
    ///
    /// # Errors
    /// Returns the first error, with the file, line and column of the statement. The statements before the failed
    /// statement stay applied, and the next run continues with the failed statement. Returns an error if a file was
    /// changed after it was applied.
    pub async fn migrate(
        &self,
        folder: &Path,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<AppliedFile>, Error> {
        let folder = self.read(folder)?;
        let _alone = self.migrating().lock().await;
        self.apply(&folder, report).await
    }

    /// Drops everything in the database, and every role. Then runs the initial SQL again, with its files as they
    /// are now, applies the migrations, and creates the roles of [`Builder::user`](crate::Builder::user). Every session
    /// ends. `report` gets lines for people.
    ///
    /// # Errors
    /// Returns an error if the initial SQL cannot be read, or if the migrations do not pass DSQL's rules: then
    /// nothing is dropped. If a statement fails, returns the first error, with the location of the statement.
    pub async fn reset(
        &self,
        migrations: Option<&Path>,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<AppliedFile>, Error> {
        let folder = migrations.map(|folder| self.read(folder)).transpose()?;
        if let Some(folder) = &folder
            && let Some(rejection) = folder.rejection(&folder.files.iter().collect::<Vec<_>>())
        {
            return Err(Error::Migrations(rejection));
        }
        let _alone = self.migrating().lock().await;
        let created: Option<Vec<String>> = folder
            .as_ref()
            .map(|folder| folder.files.iter().flat_map(|file| created_roles(&file.text)).collect());
        self.renew(created.as_deref()).await?;
        report("the database is reset");
        let applied = match &folder {
            Some(folder) => self.apply(folder, report).await?,
            None => Vec::new(),
        };
        self.admit_users().await?;
        Ok(applied)
    }

    fn read(&self, folder: &Path) -> Result<Folder, Error> {
        read(folder, self.applies_rules()).map_err(|error| Error::Migrations(format!("{error:#}")))
    }

    async fn apply(
        &self,
        folder: &Folder,
        report: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<AppliedFile>, Error> {
        let claims =
            Claims { user: ADMIN, host: front_door::HOST, region: self.region(), expires: TOKEN_LIFE };
        let token = sign(claims, self.credentials(), self.now());
        let connected = front_door::connect(self.port(), self.ca_pem(), &token).await;
        let database = Database(connected.map_err(|error| {
            Error::Migrations(format!("dsql-local's own endpoint cannot be used for the migrations: {error}"))
        })?);
        run(&database, folder, report, RESET).await.map_err(Error::Migrations)
    }
}

/// The rules of `dsql-edge migrate`.
const DSQL_RULES: Problems<'_> = &errors_of_migrations;
const NO_RULES: Problems<'_> = &|_| Default::default();

/// Applies files to a new database and records them in the ledger, as `dsql-edge migrate` does. `client` is a session
/// of the endpoint or, for the dialect PostgreSQL, a session of the server itself.
pub(crate) async fn apply_to_new(
    client: Client,
    files: Vec<(String, String)>,
    dialect: Dialect,
) -> Result<(), Error> {
    let rules = if dialect == Dialect::Dsql { DSQL_RULES } else { NO_RULES };
    let folder = Folder::of(files, dialect, rules);
    let folder = folder.map_err(|error| Error::Migrations(format!("{error:#}")))?;
    let done = run(&Database(client), &folder, &|_| {}, "").await;
    done.map(drop).map_err(Error::Migrations)
}

/// Reads the folder. `rules`: whether the endpoint applies DSQL's rules.
fn read(path: &Path, rules: bool) -> anyhow::Result<Folder> {
    let folder = Folder::open(path, Dialect::Dsql, if rules { DSQL_RULES } else { NO_RULES })?;
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
        PlanError::Rejected(_) | PlanError::Misplaced(_) => error.to_string(),
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
