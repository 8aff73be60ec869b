//! Which identities of AWS's may be which role of the database: what `AWS IAM GRANT` wrote.
//!
//! In: a role and who signs. Out: whether there is such a role that may log in, and a mapping between the two.

use std::path::Path;

use crate::postgres;

const MAPPED: &str =
    "SELECT EXISTS (SELECT FROM sys.iam_pg_role_mappings m JOIN pg_roles r ON r.oid = m.pg_role_oid
    WHERE m.pg_role_name = $1 AND m.arn = $2 AND r.rolcanlogin)";

/// Whether the identity may log in as the role.
///
/// # Errors
/// Where the PostgreSQL behind does not answer.
pub(crate) async fn exists(socket: &Path, role: &str, arn: &str) -> Result<bool, tokio_postgres::Error> {
    let client = postgres::session(socket, postgres::SUPERUSER).await?;
    client.query_one(MAPPED, &[&role, &arn]).await?.try_get(0)
}
