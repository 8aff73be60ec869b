-- What the extension file_fdw brings, as PostgreSQL 16 has it.
CREATE FUNCTION file_fdw_validator(text[], oid) RETURNS void LANGUAGE c VOLATILE STRICT;
