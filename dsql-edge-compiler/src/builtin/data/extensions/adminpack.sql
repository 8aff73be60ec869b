-- Objects of the extension adminpack in PostgreSQL 16.
CREATE FUNCTION pg_file_rename(text, text) RETURNS boolean LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION pg_file_rename(text, text, text) RETURNS boolean LANGUAGE c VOLATILE;
CREATE FUNCTION pg_file_sync(text) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION pg_file_unlink(text) RETURNS boolean LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION pg_file_write(text, text, boolean) RETURNS bigint LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION pg_logdir_ls() RETURNS SETOF record LANGUAGE c VOLATILE STRICT;
