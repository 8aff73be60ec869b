//! The roles of PostgreSQL that dsql-local itself uses.

/// The role that owns the server. On DSQL, a client cannot log in as this role, so the proxy rejects such a login.
pub(crate) const SUPERUSER: &str = "postgres";

/// DSQL's administrator: not a superuser.
pub(crate) const ADMIN: &str = "admin";
