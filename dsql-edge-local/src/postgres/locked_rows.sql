-- Writes the rows that the session's transaction has locked with FOR UPDATE, before the COMMIT of this transaction.
--
-- On DSQL, FOR UPDATE adds a row to the writes of the transaction: of two overlapping transactions that lock a row,
-- only the first to commit succeeds. PostgreSQL forgets a lock at the end of its transaction, so a transaction with an
-- older snapshot could then lock, change and commit the same row. A new version of the row, with the same values,
-- prevents this: PostgreSQL rejects a write or a lock of a row that has a newer version than the snapshot. A
-- transaction that begins after the COMMIT sees the new version, and no list of rows needs to be kept.
--
-- The locked rows are those whose xmax is this transaction, in the tables on which the session has the lock of FOR
-- UPDATE (RowShareLock). A foreign key also sets xmax: a transaction that inserts a child locks the parent with FOR KEY
-- SHARE. A new version of the parent would be a false conflict: two transactions may insert children of one parent.
-- xmax does not show the strength of the lock, but a subtransaction does (heap_lock_tuple in heapam.c of PostgreSQL
-- 16): if the subtransaction asks for FOR SHARE, a row with FOR UPDATE stays as it is, and a row with FOR KEY SHARE
-- gets another xmax, of both transactions. The subtransaction is then rolled back.
CREATE OR REPLACE PROCEDURE pg_catalog.dsql_local_write_locked_rows()
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- The proxy removes the answer to this call only if it gets the notice, so the session must not suppress the notice. As
-- a replica, the session runs neither the triggers of the limits nor those of foreign keys.
SET client_min_messages = notice SET session_replication_role = replica AS $$
DECLARE
    own xid := pg_current_xact_id_if_assigned()::xid;
    locked_table regclass;
    written_column name;
    locked tid[];
BEGIN
    RAISE NOTICE 'dsql_local_tag';
    FOR locked_table, written_column IN
        SELECT oid, (SELECT attname FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0
            AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a' ORDER BY attnum LIMIT 1)
        FROM pg_class WHERE relkind = 'r' AND oid IN
            (SELECT relation FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'RowShareLock')
    LOOP
        CONTINUE WHEN written_column IS NULL;
        BEGIN
            -- A row that this transaction has written (xmin) needs no other version.
            EXECUTE format('SELECT array_agg(ctid) FROM (SELECT ctid FROM ONLY %s WHERE xmax = $1 AND xmin <> $1
                FOR SHARE SKIP LOCKED) own', locked_table) INTO locked USING own;
            EXECUTE format('SELECT array_agg(ctid) FROM ONLY %s WHERE ctid = ANY ($1) AND xmax = $2', locked_table)
                INTO locked USING locked, own;
            RAISE EXCEPTION 'the end of the subtransaction' USING ERRCODE = 'DL000';
        EXCEPTION WHEN SQLSTATE 'DL000' THEN NULL;
        END;
        BEGIN
            EXECUTE format('UPDATE ONLY %s SET %2$I = %2$I WHERE ctid = ANY ($1)', locked_table, written_column)
                USING locked;
        EXCEPTION WHEN check_violation OR unique_violation OR lock_not_available THEN
            -- The rows do not fit a constraint that is NOT VALID, or an index whose job has failed; or another session
            -- is changing the table.
            NULL;
        END;
    END LOOP;
END $$;
