//! The roles of PostgreSQL that dsql-local itself uses.

/// The role that owns the server. DSQL has no such login, and the proxy rejects it.
pub(crate) const SUPERUSER: &str = "postgres";

/// DSQL's administrator: not a superuser.
pub(crate) const ADMIN: &str = "admin";
