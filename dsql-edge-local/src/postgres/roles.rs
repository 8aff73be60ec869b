//! The roles of PostgreSQL that dsql-local itself uses.

/// The role that owns the server. DSQL has no such login; it does not pass the front door.
pub(crate) const SUPERUSER: &str = "postgres";

/// DSQL's administrator: not a superuser.
pub(crate) const ADMIN: &str = "admin";
