-- DSQL's limits of a transaction: triggers that clients do not see count the rows that are written. The triggers are
-- active only in sessions with dsql_local.limit_rows and dsql_local.limit_bytes, which the proxy sets if the rules
-- apply.
CREATE TABLE IF NOT EXISTS pg_catalog.dsql_local_oversize (bytes bigint NOT NULL);

-- The sums so far are settings of the transaction, and end with it.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_sum(name text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting(name, true), ''), '0')::bigint
$$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_size(bytes bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN bytes % 1048576 = 0 THEN bytes / 1048576 || 'mb' ELSE bytes || ' bytes' END
$$;

-- Makes COMMIT fail, because DSQL checks the size at COMMIT.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_defer_size(bytes bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO pg_catalog.dsql_local_oversize VALUES (bytes)
$$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_oversize() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    allowed text := pg_catalog.dsql_local_size(pg_catalog.dsql_local_sum('dsql_local.limit_bytes'));
BEGIN
    RAISE EXCEPTION 'transaction size limit % exceeded', allowed USING ERRCODE = '54000',
        DETAIL = format('Current transaction size %smb > %s', ceil(pg_catalog.dsql_local_sum('dsql_local.bytes') / 1048576.0), allowed);
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_count() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most_rows bigint := pg_catalog.dsql_local_sum('dsql_local.limit_rows');
    most_bytes bigint := pg_catalog.dsql_local_sum('dsql_local.limit_bytes');
    bytes_before bigint;
    rows bigint;
    bytes bigint;
BEGIN
    IF most_rows = 0 THEN
        RETURN NULL;
    END IF;
    SELECT count(*), coalesce(sum(pg_column_size(r)), 0) INTO rows, bytes FROM dsql_local_rows r;
    IF rows = 0 THEN
        RETURN NULL;
    END IF;
    rows := rows + pg_catalog.dsql_local_sum('dsql_local.rows');
    IF rows > most_rows THEN
        RAISE EXCEPTION 'transaction row limit exceeded' USING ERRCODE = '54000';
    END IF;
    PERFORM pg_catalog.dsql_local_set_config('dsql_local.rows', rows::text, true);
    IF TG_OP <> 'DELETE' THEN
        bytes_before := pg_catalog.dsql_local_sum('dsql_local.bytes');
        bytes := bytes + bytes_before;
        PERFORM pg_catalog.dsql_local_set_config('dsql_local.bytes', bytes::text, true);
        IF bytes > most_bytes AND bytes_before <= most_bytes THEN
            PERFORM pg_catalog.dsql_local_defer_size(bytes);
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_attach(new_table oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    event text;
BEGIN
    FOREACH event IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE'] LOOP
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = new_table AND tgname = 'dsql_local_' || lower(event));
        EXECUTE format(
            'CREATE TRIGGER dsql_local_%s AFTER %s ON %s REFERENCING %s TABLE AS dsql_local_rows
             FOR EACH STATEMENT EXECUTE FUNCTION pg_catalog.dsql_local_count()',
            lower(event), event, new_table::regclass, CASE event WHEN 'DELETE' THEN 'OLD' ELSE 'NEW' END);
    END LOOP;
    -- The triggers are internal, like those of foreign keys, so that psql, pg_dump and information_schema leave them
    -- out.
    UPDATE pg_catalog.pg_trigger SET tgisinternal = true WHERE tgrelid = new_table AND tgname LIKE 'dsql\_local\_%';
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_attach_new() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.dsql_local_attach(command.objid)
    FROM pg_event_trigger_ddl_commands() command JOIN pg_class ON pg_class.oid = command.objid
    WHERE command.command_tag = 'CREATE TABLE' AND relkind = 'r';
END $$;

-- The rules for CREATE cannot determine the schema of an unqualified name: search_path, or the tables of a view, can
-- make it pg_temp.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_check_schema() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    made record;
BEGIN
    IF NOT pg_catalog.dsql_local_has_rules() THEN
        RETURN;
    END IF;
    FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE schema_name ~ '^pg_temp' LOOP
        RAISE EXCEPTION 'TEMPORARY or TEMP % not supported for %',
            CASE WHEN made.object_type IN ('table', 'view', 'sequence') THEN made.object_type ELSE 'object' END,
            made.command_tag USING ERRCODE = '0A000';
    END LOOP;
END $$;

-- Clients cannot create triggers, so DROP TRIGGER and ALTER TRIGGER find only dsql-local's own triggers. The two
-- statements would remove or rename the triggers that count the rows of a table.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_keep_triggers() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.dsql_local_attach(pg_class.oid)
    FROM pg_event_trigger_dropped_objects() dropped
    JOIN pg_namespace ON nspname = dropped.address_names[1]
    JOIN pg_class ON relnamespace = pg_namespace.oid AND relname = dropped.address_names[2]
    WHERE dropped.object_type = 'trigger';
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_reject_trigger() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'trigger for table "%" does not exist',
        (SELECT split_part(object_identity, ' on ', 2) FROM pg_event_trigger_ddl_commands() LIMIT 1)
        USING ERRCODE = '42704';
END $$;

-- The rules for columns check the types that a statement names, but not types that come from LIKE or from a domain.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_check_types() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unsupported text;
BEGIN
    IF NOT pg_catalog.dsql_local_has_rules() THEN
        RETURN;
    END IF;
    WITH RECURSIVE types AS (
        SELECT atttypid AS type
        FROM pg_event_trigger_ddl_commands() command JOIN pg_attribute ON attrelid = command.objid
        WHERE command.classid = 'pg_class'::regclass AND command.object_type = 'table' AND attnum > 0 AND NOT attisdropped
      UNION
        SELECT typbasetype FROM types JOIN pg_type ON pg_type.oid = type WHERE typtype = 'd'
    )
    SELECT format_type(type, NULL) INTO unsupported FROM types JOIN pg_type ON pg_type.oid = type
    WHERE typtype <> 'd' AND format_type(type, NULL) <> ALL (pg_catalog.dsql_local_column_types()) LIMIT 1;
    IF unsupported IS NOT NULL THEN
        RAISE EXCEPTION 'datatype % not supported', unsupported USING ERRCODE = '0A000';
    END IF;
END $$;

-- A schema change in the body of a function would not be counted as DDL of the transaction, and no other session would
-- get OC001. dsql-local's own functions are in PL/pgSQL, which clients do not have. PostgreSQL does not fire event
-- triggers for roles.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_check_caller() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    calls text;
BEGIN
    IF NOT pg_catalog.dsql_local_has_rules() THEN
        RETURN;
    END IF;
    GET DIAGNOSTICS calls = PG_CONTEXT;
    IF EXISTS (
        SELECT FROM regexp_split_to_table(calls, '\n') AS call
        WHERE call ~ '^(SQL|PL/pgSQL) function ' AND call !~ '^PL/pgSQL function (pg_catalog\.)?dsql_local_'
    ) THEN
        RAISE EXCEPTION '% in the body of a function not supported', TG_TAG USING ERRCODE = '0A000';
    END IF;
END $$;

-- The SET clause of a function may change only settings that a session may change.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_check_function() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.dsql_local_check_setting(split_part(setting, '=', 1))
    FROM pg_event_trigger_ddl_commands() command JOIN pg_proc ON pg_proc.oid = command.objid, unnest(proconfig) setting
    WHERE command.classid = 'pg_proc'::regclass AND pg_proc.proowner <> 'postgres'::regrole;
END $$;

-- The clients' roles may not call these functions.
REVOKE EXECUTE ON FUNCTION pg_catalog.dsql_local_attach(oid), pg_catalog.dsql_local_sum(text),
    pg_catalog.dsql_local_size(bigint), pg_catalog.dsql_local_defer_size(bigint) FROM PUBLIC;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'dsql_local_attach') THEN
        DROP TRIGGER IF EXISTS dsql_local_oversize ON pg_catalog.dsql_local_oversize;
        CREATE CONSTRAINT TRIGGER dsql_local_oversize AFTER INSERT ON pg_catalog.dsql_local_oversize
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_catalog.dsql_local_oversize();
        UPDATE pg_trigger SET tgisinternal = true WHERE tgname = 'dsql_local_oversize';
        CREATE EVENT TRIGGER dsql_local_attach ON ddl_command_end
            WHEN TAG IN ('CREATE TABLE', 'CREATE SCHEMA') EXECUTE FUNCTION pg_catalog.dsql_local_attach_new();
        CREATE EVENT TRIGGER dsql_local_check_function ON ddl_command_end
            WHEN TAG IN ('CREATE FUNCTION', 'ALTER FUNCTION', 'CREATE PROCEDURE', 'ALTER PROCEDURE')
            EXECUTE FUNCTION pg_catalog.dsql_local_check_function();
        -- Tables in a data folder of an earlier version have no triggers yet.
        PERFORM pg_catalog.dsql_local_attach(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema', 'sys');
    END IF;
END $$;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'dsql_local_check_schema') THEN
        CREATE EVENT TRIGGER dsql_local_check_schema ON ddl_command_end
            EXECUTE FUNCTION pg_catalog.dsql_local_check_schema();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'dsql_local_keep_triggers') THEN
        CREATE EVENT TRIGGER dsql_local_keep_triggers ON sql_drop WHEN TAG IN ('DROP TRIGGER')
            EXECUTE FUNCTION pg_catalog.dsql_local_keep_triggers();
        CREATE EVENT TRIGGER dsql_local_reject_trigger ON ddl_command_end WHEN TAG IN ('ALTER TRIGGER')
            EXECUTE FUNCTION pg_catalog.dsql_local_reject_trigger();
        CREATE EVENT TRIGGER dsql_local_check_types ON ddl_command_end
            WHEN TAG IN ('CREATE TABLE', 'CREATE SCHEMA', 'ALTER TABLE')
            EXECUTE FUNCTION pg_catalog.dsql_local_check_types();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'dsql_local_check_caller') THEN
        CREATE EVENT TRIGGER dsql_local_check_caller ON ddl_command_start
            EXECUTE FUNCTION pg_catalog.dsql_local_check_caller();
    END IF;
END $$;
