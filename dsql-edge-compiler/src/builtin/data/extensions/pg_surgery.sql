-- Objects of the extension pg_surgery in PostgreSQL 16.
CREATE FUNCTION heap_force_freeze(reloid regclass, tids tid[]) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION heap_force_kill(reloid regclass, tids tid[]) RETURNS void LANGUAGE c VOLATILE STRICT;
