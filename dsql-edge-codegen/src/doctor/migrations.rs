//! Compares the folder of migrations with the ledger of the server, as `migrate status` does.
//!
//! Input: the package, and a session. Output: the check. The check only reads, so it needs no right except to read the
//! ledger.

use std::path::Path;

use anyhow::Result;
use dsql_edge::dynamic::{Sql, TextRow};
use dsql_edge::{Dsql, Error};
use dsql_edge_compiler::schema::Dialect;
use dsql_edge_macro_input::schema_path::SchemaPath;
use dsql_edge_migrations::ledger::{READ, THERE, missing};
use dsql_edge_migrations::{Entry, Folder, PlanError, plan};

use super::check::Check;
use crate::settings_file::is_of_d1;
use crate::{migrate, package_schema, pull};

/// The name of the check.
pub(super) const NAME: &str = "migrations";

/// The maximum number of files that a line lists.
const SHOWN: usize = 5;

/// The server of the check.
pub(super) struct Site<'s> {
    pub(super) dsql: &'s Dsql,
    pub(super) dialect: Dialect,
    /// The role of the session.
    pub(super) user: &'s str,
    /// The options that specify the server, as `migrate` takes them.
    pub(super) options: String,
}

/// Returns the check for the folder that the package's build reads or that `migrate` applies.
pub(super) async fn check(package: &Path, site: &Site<'_>) -> Check {
    let path = package_schema::migrations_of(package);
    let is_schema = matches!(package_schema::of(package), Ok(Some(SchemaPath::Migrations(_))));
    if !path.is_dir() {
        return Check::left_out(NAME, "the package has no folder of migrations");
    }
    let shown = package_schema::shown(&path);
    if !is_schema && is_of_d1(package, &path) {
        return Check::left_out(
            NAME,
            format!("{} is a folder of D1, by wrangler's settings", shown.display()),
        );
    }
    let folder = match Folder::open(&shown, site.dialect, migrate::rules(site.dialect)) {
        Ok(folder) => folder,
        Err(error) => return Check::wrong(NAME, format!("{error:#}"), "fix the file"),
    };
    let ledger = ledger(site.dsql).await;
    // If the folder is empty but the ledger has entries, applied files are missing, and the check is not left out.
    let is_unused = ledger.as_ref().is_ok_and(|entries| entries.as_ref().is_none_or(Vec::is_empty));
    if folder.files.is_empty() && is_unused {
        return Check::left_out(NAME, format!("{} has no migrations", shown.display()));
    }
    match ledger {
        Ok(Some(entries)) => match entries.into_iter().map(Entry::of_row).collect::<Result<Vec<_>>>() {
            Ok(entries) => of(&folder, &shown, Some(&entries), is_schema, &site.options),
            Err(error) => Check::wrong(NAME, format!("{error:#}"), "cargo install dsql-edge-codegen"),
        },
        Ok(None) => of(&folder, &shown, None, is_schema, &site.options),
        // Only the role that runs `migrate` needs the ledger.
        Err(error) if error.sqlstate().is_some_and(|state| state.as_str() == "42501") => Check::left_out(
            NAME,
            format!("{} may not read the ledger, dsql_edge.migrations: only `migrate` needs it", site.user),
        ),
        Err(error) => Check::warning(
            NAME,
            format!("the ledger could not be read: {error}"),
            format!("look at it with `dsql-edge migrate status{}`", site.options),
        ),
    }
}

/// Returns the rows of the ledger, or `None` if it does not exist.
async fn ledger(dsql: &Dsql) -> Result<Option<Vec<[Option<String>; 8]>>, Error> {
    let rows = |sql: &'static str| async move { Sql::reading(sql).query(&[]).fetch_all(dsql).await };
    let there = rows(THERE).await?;
    if missing(there.iter().filter_map(|row| row.value(0))).is_some() {
        return Ok(None);
    }
    let rows: Vec<TextRow> = rows(READ).await?;
    Ok(Some(rows.into_iter().map(pull::columns).collect()))
}

/// `entries`: the rows of the ledger, if it exists.
fn of(folder: &Folder, path: &Path, entries: Option<&[Entry]>, is_schema: bool, options: &str) -> Check {
    let (path, entries_known) = (path.display(), entries.unwrap_or_default());
    let files = folder.files.iter();
    let is_applied = |name: &str| entries_known.iter().any(|entry| entry.step == 0 && entry.file == name);
    let files = files.filter(|file| !file.has_nothing_to_apply());
    let pending: Vec<&str> = files.map(|file| file.name.as_str()).filter(|name| !is_applied(name)).collect();
    let rejected = match plan(folder, entries_known) {
        Err(PlanError::Differs(lines)) => {
            let first = lines.first().map_or("", String::as_str);
            let more = if lines.len() > 1 { format!(" ({} more)", lines.len() - 1) } else { String::new() };
            let remedy = format!("`dsql-edge migrate status{options}` shows each file");
            return Check::wrong(NAME, format!("{first}{more}"), remedy);
        }
        Ok(_) if pending.is_empty() => {
            return Check::ok(NAME, format!("every file of {path} is applied"));
        }
        done => done.is_err(),
    };
    let mut names = pending.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if pending.len() > SHOWN {
        names += &format!(" and {} more", pending.len() - SHOWN);
    }
    let mut detail = format!("pending in {path}: {names} ({} of {})", pending.len(), folder.files.len());
    let mut remedy = match rejected {
        true => format!(
            "`dsql-edge lint --for-migrate {path}` shows what the server rejects; then run `dsql-edge migrate{options}`"
        ),
        false => format!("`dsql-edge migrate{options}` applies them"),
    };
    if entries.is_none() {
        detail +=
            "; `migrate` has never run on this server: its ledger, dsql_edge.migrations, does not exist";
        remedy +=
            "; if the database has the effect of a file already: `dsql-edge migrate resolve FILE --applied`";
    }
    // The queries of the build need the whole folder only if it is their schema.
    if is_schema { Check::wrong(NAME, detail, remedy) } else { Check::warning(NAME, detail, remedy) }
}
