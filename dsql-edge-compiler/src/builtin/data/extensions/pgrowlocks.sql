-- Objects of the extension pgrowlocks in PostgreSQL 16.
CREATE FUNCTION pgrowlocks(relname text, OUT locked_row tid, OUT locker xid, OUT multi boolean, OUT xids xid[], OUT modes text[], OUT pids integer[]) RETURNS SETOF record LANGUAGE c VOLATILE STRICT;
