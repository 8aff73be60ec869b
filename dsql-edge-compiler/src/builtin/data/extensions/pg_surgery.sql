-- What the extension pg_surgery brings, as PostgreSQL 16 has it.
CREATE FUNCTION heap_force_freeze(reloid regclass, tids tid[]) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION heap_force_kill(reloid regclass, tids tid[]) RETURNS void LANGUAGE c VOLATILE STRICT;
