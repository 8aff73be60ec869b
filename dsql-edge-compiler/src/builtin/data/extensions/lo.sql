-- What the extension lo brings, as PostgreSQL 16 has it.
CREATE DOMAIN lo AS oid;
CREATE FUNCTION lo_oid(lo) RETURNS oid LANGUAGE c IMMUTABLE STRICT;
