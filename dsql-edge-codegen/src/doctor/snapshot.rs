//! Compares the snapshot of the package with the schema of the server, as `pull --check` does.

use std::path::Path;

use anyhow::Result;
use dsql_edge_macro_input::schema_path::SchemaPath;
use similar::{ChangeTag, TextDiff};

use super::check::Check;
use crate::server::Server;
use crate::{package_schema, pull, schema_files};

/// The name of the check.
pub(super) const NAME: &str = "snapshot";

const PULL: &str =
    "`dsql-edge check` shows the difference and the queries that break; `dsql-edge pull` writes the snapshot";

/// Returns the check for the snapshot that the package's build reads.
pub(super) async fn check(package: &Path, server: Server) -> Check {
    let path = match package_schema::of(package) {
        Ok(Some(SchemaPath::File(path))) => path,
        Ok(Some(SchemaPath::Migrations(path))) => {
            let why = format!("the schema is the folder {}, see `migrations`", path.display());
            return Check::left_out(NAME, why);
        }
        Ok(None) => {
            return Check::warning(
                NAME,
                "the package has no schema that `sql!` could read",
                "`dsql-edge init` sets one up, or `dsql-edge pull` writes a snapshot of the server",
            );
        }
        Err(error) => return Check::wrong(NAME, format!("{error:#}"), "name an existing file or folder"),
    };
    match compared(&path, server).await {
        Ok(None) => Check::ok(NAME, format!("{} is the schema of the server", path.display())),
        Ok(Some(difference)) => {
            Check::wrong(NAME, format!("{} is stale: {difference}", path.display()), PULL)
        }
        Err(error) => {
            Check::wrong(NAME, format!("{}: {error:#}", path.display()), "fix the snapshot, or pull it again")
        }
    }
}

/// Describes the difference, if there is one.
async fn compared(path: &Path, server: Server) -> Result<Option<String>> {
    let old = pull::read(path)?;
    let new = pull::snapshot(server, &old).await?;
    let (old, new) = (schema_files::canonical(&old), schema_files::canonical(&new));
    let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
    let mut changes = diff.iter_all_changes().filter(|it| it.tag() != ChangeTag::Equal).peekable();
    let Some(first) = changes.peek().map(|change| {
        let sign =
            if change.tag() == ChangeTag::Delete { "only in the snapshot" } else { "only in the server" };
        format!("`{}` is {sign}", change.value().trim())
    }) else {
        return Ok(None);
    };
    let number = changes.count();
    Ok(Some(if number == 1 { first } else { format!("{number} lines differ, the first: {first}") }))
}
