//! The roles of PostgreSQL that dsql-local itself uses.

/// The role that owns the server. DSQL has no login as this role, and the proxy rejects such a
/// login.
pub(crate) const SUPERUSER: &str = "postgres";

/// DSQL's administrator: not a superuser.
pub(crate) const ADMIN: &str = "admin";
