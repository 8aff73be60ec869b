-- Objects of the extension file_fdw in PostgreSQL 16.
CREATE FUNCTION file_fdw_validator(text[], oid) RETURNS void LANGUAGE c VOLATILE STRICT;
