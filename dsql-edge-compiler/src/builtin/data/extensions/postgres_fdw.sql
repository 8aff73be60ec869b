-- Objects of the extension postgres_fdw in PostgreSQL 16.
CREATE FUNCTION postgres_fdw_disconnect(text) RETURNS boolean LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION postgres_fdw_disconnect_all() RETURNS boolean LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION postgres_fdw_get_connections(OUT server_name text, OUT valid boolean) RETURNS SETOF record LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION postgres_fdw_validator(text[], oid) RETURNS void LANGUAGE c VOLATILE STRICT;
