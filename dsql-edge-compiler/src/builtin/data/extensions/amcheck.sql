-- Objects of the extension amcheck in PostgreSQL 16.
CREATE FUNCTION bt_index_check(index regclass) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION bt_index_check(index regclass, heapallindexed boolean) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION bt_index_parent_check(index regclass) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION bt_index_parent_check(index regclass, heapallindexed boolean) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION bt_index_parent_check(index regclass, heapallindexed boolean, rootdescend boolean) RETURNS void LANGUAGE c VOLATILE STRICT;
CREATE FUNCTION verify_heapam(relation regclass, on_error_stop boolean DEFAULT false, check_toast boolean DEFAULT false, skip text DEFAULT 'none'::text, startblock bigint DEFAULT NULL::bigint, endblock bigint DEFAULT NULL::bigint, OUT blkno bigint, OUT offnum integer, OUT attnum integer, OUT msg text) RETURNS SETOF record LANGUAGE c VOLATILE;
