//! The mapping of AWS identities to database roles. `AWS IAM GRANT` writes this mapping.
//!
//! Input: a role and an identity. Output: whether the role may log in and is mapped to the identity.

use crate::postgres::{Database, SUPERUSER};

const MAPPED: &str =
    "SELECT EXISTS (SELECT FROM sys.iam_pg_role_mappings m JOIN pg_roles r ON r.oid = m.pg_role_oid
    WHERE m.pg_role_name = $1 AND m.arn = $2 AND r.rolcanlogin)";

/// Whether the identity may log in as the role.
///
/// # Errors
/// Returns an error if the PostgreSQL behind dsql-local does not answer.
pub(crate) async fn exists(
    database: &Database,
    role: &str,
    arn: &str,
) -> Result<bool, tokio_postgres::Error> {
    let client = database.session(SUPERUSER).await?;
    client.query_one(MAPPED, &[&role, &arn]).await?.try_get(0)
}
