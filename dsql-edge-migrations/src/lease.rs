//! The SQL of the migration lease, which lets only one run at a time apply migrations. The lease is a row in the
//! database: it contains the name of the run and the time at which the lease ends. This module sends nothing.

/// Takes the lease if it is free, has expired, or already belongs to this run: $1 run, $2 length. Changes no row if
/// another run holds the lease.
pub const TAKE: &str = "INSERT INTO dsql_edge.migration_lease (name, holder, expires_at)
     VALUES ('migrate', $1, now() + $2::interval)
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
     WHERE migration_lease.holder = excluded.holder OR migration_lease.expires_at < now()";

/// Renews the lease: $1 run, $2 length. Changes no row if another run has taken over.
pub const RENEW: &str = "UPDATE dsql_edge.migration_lease SET expires_at = now() + $2::interval
     WHERE name = 'migrate' AND holder = $1";

/// Releases the lease: $1 run.
pub const RELEASE: &str = "DELETE FROM dsql_edge.migration_lease WHERE name = 'migrate' AND holder = $1";

/// Selects the holder, and the seconds until the lease ends.
pub const HOLDER: &str = "SELECT holder, ceil(extract(epoch FROM expires_at - now()))::bigint::text
     FROM dsql_edge.migration_lease WHERE name = 'migrate'";
