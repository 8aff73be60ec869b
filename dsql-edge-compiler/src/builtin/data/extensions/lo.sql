-- Objects of the extension lo in PostgreSQL 16.
CREATE DOMAIN lo AS oid;
CREATE FUNCTION lo_oid(lo) RETURNS oid LANGUAGE c IMMUTABLE STRICT;
