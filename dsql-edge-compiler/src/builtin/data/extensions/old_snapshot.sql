-- What the extension old_snapshot brings, as PostgreSQL 16 has it.
CREATE FUNCTION pg_old_snapshot_time_mapping(OUT array_offset integer, OUT end_timestamp timestamp with time zone, OUT newest_xmin xid) RETURNS SETOF record LANGUAGE c VOLATILE STRICT;
