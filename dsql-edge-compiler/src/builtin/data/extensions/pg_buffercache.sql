-- Objects of the extension pg_buffercache in PostgreSQL 16.
CREATE FUNCTION pg_buffercache_pages() RETURNS SETOF record LANGUAGE c VOLATILE;
CREATE FUNCTION pg_buffercache_summary(OUT buffers_used integer, OUT buffers_unused integer, OUT buffers_dirty integer, OUT buffers_pinned integer, OUT usagecount_avg double precision) RETURNS record LANGUAGE c VOLATILE;
CREATE FUNCTION pg_buffercache_usage_counts(OUT usage_count integer, OUT buffers integer, OUT dirty integer, OUT pinned integer) RETURNS SETOF record LANGUAGE c VOLATILE;
CREATE VIEW pg_buffercache AS SELECT bufferid, relfilenode, reltablespace, reldatabase, relforknumber, relblocknumber, isdirty, usagecount, pinning_backends FROM pg_buffercache_pages() p(bufferid integer, relfilenode oid, reltablespace oid, reldatabase oid, relforknumber smallint, relblocknumber bigint, isdirty boolean, usagecount smallint, pinning_backends integer);
