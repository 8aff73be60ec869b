//! Pulls from a PostgreSQL.
//!
//! Input: a configuration. Output: DDL that `sql!` reads, and from which the server creates the same schema again. The
//! DDL does not contain owners, privileges, policies, storage and comments.
//!
//! Everything is read in one read-only transaction, so that all queries see the same schema. The search path is set for
//! this transaction alone, because behind a pooler in transaction mode, the next transaction may run in another
//! session.

mod bytes;
mod dependencies;
mod objects;
mod order;
mod queries;
mod relations;
mod rows;

use anyhow::{Context, Result};
use dsql_edge::dynamic::Sql;
use dsql_edge::{Config, Dsql, Error};
use rows::Rows;

/// Statements for the transaction: all queries see one schema, and the server returns qualified names.
const BEFORE: [&str; 2] = [
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SELECT pg_catalog.set_config('search_path', '', true)",
];

/// Returns the DDL of the schema.
pub(super) async fn schema(config: Config) -> Result<String> {
    let dsql = Dsql::new(config);
    let mut queries = queries::OBJECTS.to_vec();
    queries.extend(objects::QUERIES);
    queries.extend([dependencies::DEPENDENCIES, queries::LEFT_OUT]);
    let answers = dsql
        .transaction(async move |tx| {
            for sql in BEFORE {
                Sql::reading(sql).query(&[]).fetch_all(tx).await?;
            }
            let mut answers = Vec::with_capacity(queries.len());
            for sql in queries {
                let rows = Sql::reading(sql).query(&[]).fetch_all(tx).await?;
                answers.push(rows.into_iter().map(|row| row.into_values()).collect::<Rows>());
            }
            Ok::<_, Error>(answers)
        })
        .read_only()
        .await;
    let answers = match answers {
        Err(error) if bytes::are_not_utf8(&error) => return Err(bytes::explained(&dsql, &error).await),
        answers => answers.context("reading the catalog")?,
    };
    let mut answers = answers.into_iter();
    let of_objects: Rows = answers.by_ref().take(queries::OBJECTS.len()).flatten().collect();
    let of_relations: [Rows; objects::QUERIES.len()] =
        std::array::from_fn(|_| answers.next().unwrap_or_default());
    let mut needs = answers.next().unwrap_or_default();
    needs.extend(objects::needs(&of_relations));
    let mut ddl = order::print(objects::all(of_objects, of_relations), &needs);
    let mut left_out = answers.next().unwrap_or_default().into_iter().peekable();
    if left_out.peek().is_some() {
        ddl += "\n-- The schema also has these objects, which a snapshot cannot create:\n";
        ddl.extend(left_out.map(comment));
    }
    Ok(ddl)
}

/// Returns a row as a comment of one line: if a name had a line break, the text after the line break would be read as
/// SQL.
fn comment(row: Vec<Option<String>>) -> String {
    let words = row.into_iter().flatten().collect::<Vec<_>>().join(" ");
    format!("-- {}\n", words.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_with_a_line_break_stays_in_its_comment() {
        let row = ["operator class", "public.\"x\r\nDROP TABLE users; --\""].map(|it| Some(it.to_owned()));
        let comment = comment(row.to_vec());
        assert_eq!(comment.lines().count(), 1, "{comment}");
        assert!(!comment.trim_end().contains(['\r', '\n']), "{comment}");
    }
}
