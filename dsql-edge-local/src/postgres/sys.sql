-- The schema sys of a DSQL cluster: the log of jobs, the procedure that waits for a job, the session's id, the mappings
-- of IAM. dsql-local's other objects are in pg_catalog, where tools do not look for objects of users.
SET allow_system_table_mods = on;
CREATE SCHEMA IF NOT EXISTS sys;
GRANT USAGE ON SCHEMA sys TO PUBLIC;
CREATE TABLE IF NOT EXISTS pg_catalog.dsql_local_jobs (
    job_id text PRIMARY KEY,
    status text NOT NULL,
    details text,
    job_type text NOT NULL,
    class_id oid,
    object_id oid,
    object_name text,
    start_time timestamptz NOT NULL,
    update_time timestamptz NOT NULL
);
-- The identities that may log in as a role. AWS IAM GRANT and REVOKE write them.
CREATE TABLE IF NOT EXISTS pg_catalog.dsql_local_iam (
    iam_oid bigint NOT NULL,
    arn text NOT NULL,
    pg_role_name text NOT NULL,
    grantor_pg_role_name text NOT NULL,
    PRIMARY KEY (pg_role_name, arn)
);
-- The key of the seals on the statements with which dsql-local replaces a client's statements.
CREATE TABLE IF NOT EXISTS pg_catalog.dsql_local_seal_key (key bytea NOT NULL);
REVOKE ALL ON pg_catalog.dsql_local_jobs, pg_catalog.dsql_local_iam, pg_catalog.dsql_local_seal_key FROM PUBLIC;

-- In a folder of an earlier version, dsql-local's own objects are in sys.
DO $$
DECLARE
    routine regprocedure;
BEGIN
    IF to_regclass('sys.dsql_local_jobs') IS NOT NULL THEN
        INSERT INTO pg_catalog.dsql_local_jobs SELECT * FROM sys.dsql_local_jobs;
        INSERT INTO pg_catalog.dsql_local_iam SELECT * FROM sys.dsql_local_iam;
        DROP TABLE sys.dsql_local_jobs, sys.dsql_local_iam, sys.dsql_local_oversize CASCADE;
        DROP PROCEDURE sys.wait_for_job(text);
        FOR routine IN SELECT oid FROM pg_proc WHERE proname ~ '^dsql_local_' AND pronamespace = 'sys'::regnamespace LOOP
            EXECUTE format('DROP ROUTINE %s CASCADE', routine);
        END LOOP;
    END IF;
END $$;

-- A cluster keeps the rows of jobs for 30 minutes.
CREATE OR REPLACE VIEW sys.jobs AS
    SELECT * FROM pg_catalog.dsql_local_jobs WHERE update_time > now() - interval '30 minutes';
GRANT SELECT ON sys.jobs TO PUBLIC;

-- These views do not show objects that a cluster does not have.
DO $$
DECLARE
    view text;
    name text;
    definition text;
BEGIN
    FOR view, name IN VALUES
        ('pg_catalog.pg_tables', 'tablename'), ('pg_catalog.pg_indexes', 'indexname'),
        ('information_schema.routines', 'specific_name'), ('information_schema.parameters', 'specific_name'),
        ('information_schema.routine_privileges', 'specific_name')
    LOOP
        definition := rtrim(pg_get_viewdef(view::regclass), '; ');
        IF definition !~ 'dsql_local' THEN
            EXECUTE format($view$CREATE OR REPLACE VIEW %s AS SELECT * FROM (%s) shown WHERE %I !~ '^dsql_local_'$view$,
                view, definition, name);
        END IF;
    END LOOP;
END $$;

-- In this file and in limits.sql, pg_temp is the last schema in the search_path of each SECURITY DEFINER function. If a
-- search_path does not name pg_temp, PostgreSQL searches pg_temp first for tables and types, and a client could create
-- its own there.

-- Only dsql-local makes seals, so a client's own statement cannot call a function that requires a seal. Each run of
-- characters outside ASCII counts as one `?`, because the seal is made before the encoding of these characters is
-- known.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_check_seal(statement text, seal text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    sealed bytea := convert_to(regexp_replace(statement, '[^\x01-\x7f]+', '?', 'g'), 'UTF8');
BEGIN
    IF seal IS DISTINCT FROM (SELECT encode(sha256(key || sealed || key), 'hex') FROM pg_catalog.dsql_local_seal_key) THEN
        RAISE EXCEPTION 'permission denied for function of dsql-local' USING ERRCODE = '42501';
    END IF;
END $$;

-- Whether the rules apply in a session. Sessions without the proxy, such as those of DSQL_LOCAL_POSTGRES_URL, have no
-- limit of rows and no rules.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_has_rules() RETURNS boolean LANGUAGE sql STABLE
RETURN coalesce(pg_catalog.current_setting('dsql_local.limit_rows', true), '') <> '';
REVOKE EXECUTE ON FUNCTION pg_catalog.dsql_local_has_rules() FROM PUBLIC;

-- The settings that a session may change; the rules for SET are the same. The proxy finds a change of the encoding by
-- the words of the client's text (`Encoding::may_change`, with the same list), so a function, a view or a default that
-- hides the words must not change the encoding.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_check_setting(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_catalog.dsql_local_has_rules() OR lower(name) ~ '^enable_' OR lower(name) IN
        ('application_name', 'datestyle', 'extra_float_digits', 'intervalstyle', 'search_path', 'timezone')
        OR lower(name) = 'client_encoding' AND current_query() ~* 'client_encoding|names|set_config|pg_settings|u&"'
    THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'setting configuration parameter "%" not supported', name USING ERRCODE = '0A000';
END $$;

-- Another function replaces PostgreSQL's set_config, which gets another name, because PostgreSQL finds the code of its
-- own functions by their OIDs, regardless of their definition.
DO $$
BEGIN
    IF to_regprocedure('pg_catalog.dsql_local_set_config(text, text, boolean)') IS NULL THEN
        ALTER FUNCTION pg_catalog.set_config(text, text, boolean) RENAME TO dsql_local_set_config;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION pg_catalog.dsql_local_set_config(text, text, boolean) FROM PUBLIC;

-- A SET clause would undo the new setting at the end of the call, so all names are qualified instead.
CREATE OR REPLACE FUNCTION pg_catalog.set_config(text, text, boolean) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $$
BEGIN
    PERFORM pg_catalog.dsql_local_check_setting($1);
    RETURN pg_catalog.dsql_local_set_config($1, $2, $3);
END $$;

-- A job's id: 26 letters and digits.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_job_id() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(substr('abcdefghijklmnopqrstuvwxyz234567', 1 + floor(random() * 32)::int, 1), '')
    FROM generate_series(1, 26)
$$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_log_job(
    kind text, class regclass, object oid, name text, state text, details text, statement text, seal text
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id text := dsql_local_job_id();
BEGIN
    PERFORM dsql_local_check_seal(statement, seal);
    INSERT INTO pg_catalog.dsql_local_jobs
    VALUES (id, state, details, kind, class, object, name, date_trunc('second', now()), date_trunc('second', now()));
    RETURN id;
END $$;

-- Puts an index into the state after a failed unique build: the index is not valid, but it is enforced for new rows.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_fail_index(index oid, statement text, seal text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM dsql_local_check_seal(statement, seal);
    UPDATE pg_catalog.pg_index SET indisunique = true, indisvalid = false WHERE indexrelid = index;
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_name(relation oid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nspname || '.' || relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
    WHERE pg_class.oid = relation
$$;

-- Builds at once the index that DSQL builds in a job. If the build fails for a row, the job fails and not the
-- statement. `plain` is the statement without UNIQUE, for the index of a failed unique build. `probe` is a query of the
-- index's expressions without rows; if the query also fails, the error does not depend on rows, and the statement
-- fails. With IF NOT EXISTS and an existing `name`, no index is built, and the job is that of the existing index.
DROP FUNCTION IF EXISTS pg_catalog.dsql_local_build_index(text, text, text, text);
DROP FUNCTION IF EXISTS pg_catalog.dsql_local_build_index(text, text, text, text, text);
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_build_index(
    target text, name text, statement text, plain text, probe text, seal text
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    of_table oid := to_regclass(target);
    before oid[] := ARRAY(SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = of_table);
    -- The same as `seal::joined`.
    sealed text := replace(statement, E'\x01', E'\x01\x01') || E'\x01.' || replace(plain, E'\x01', E'\x01\x01')
        || E'\x01.' || replace(probe, E'\x01', E'\x01\x01');
    duplicates boolean := false;
    of_statement boolean := false;
    made oid;
    details text;
BEGIN
    PERFORM pg_catalog.dsql_local_check_seal(sealed, seal);
    BEGIN
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN unique_violation THEN
            duplicates := true;
            EXECUTE plain;
        END;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
        BEGIN
            EXECUTE probe;
        EXCEPTION WHEN OTHERS THEN
            of_statement := true;
        END;
        IF of_statement THEN
            RAISE;
        END IF;
        details := SQLERRM;
    END;
    IF details IS NULL THEN
        SELECT coalesce(
            (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = of_table AND indexrelid <> ALL (before)),
            (SELECT i.oid FROM pg_catalog.pg_class i JOIN pg_catalog.pg_class t USING (relnamespace)
             WHERE t.oid = of_table AND i.relname = name)
        ) INTO made;
        IF duplicates THEN
            details := 'found duplicate key(s) while validating index uniqueness';
            PERFORM pg_catalog.dsql_local_fail_index(made, sealed, seal);
        END IF;
    END IF;
    RETURN pg_catalog.dsql_local_log_job('INDEX_BUILD', 'pg_catalog.pg_class', made,
        coalesce(pg_catalog.dsql_local_name(made), (
            SELECT nspname || '.' || nullif(name, '') FROM pg_catalog.pg_class
            JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace WHERE pg_class.oid = of_table
        )),
        CASE WHEN details IS NULL THEN 'completed' ELSE 'failed' END, details, sealed, seal);
END $$;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_validate(target text, name text, statement text, seal text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    of_table oid := to_regclass(target);
    object oid;
    details text;
BEGIN
    PERFORM pg_catalog.dsql_local_check_seal(statement, seal);
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN check_violation OR foreign_key_violation THEN
        details := SQLERRM;
    END;
    SELECT oid INTO object FROM pg_catalog.pg_constraint WHERE conrelid = of_table AND conname = name;
    RETURN pg_catalog.dsql_local_log_job('VALIDATE_CONSTRAINT', 'pg_catalog.pg_constraint', object,
        pg_catalog.dsql_local_name(of_table), CASE WHEN details IS NULL THEN 'completed' ELSE 'failed' END, details, statement, seal);
END $$;

CREATE OR REPLACE PROCEDURE sys.wait_for_job(job_id text, INOUT succeeded boolean DEFAULT NULL)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF job_id !~ '^[a-z2-7]{26}$' THEN
        RAISE EXCEPTION 'Unable to convert text to UUID' USING ERRCODE = '22P02';
    END IF;
    SELECT status = 'completed' INTO succeeded FROM sys.jobs WHERE jobs.job_id = wait_for_job.job_id;
END $$;

-- An id of the session, which the tests of AWS's adapter for Tortoise need: it stays the same for a connection, and
-- differs between connections.
CREATE OR REPLACE FUNCTION sys.current_session_id() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT md5(pid::text || backend_start::text)::uuid FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()
$$;

CREATE OR REPLACE VIEW sys.iam_pg_role_mappings AS
    SELECT m.iam_oid::oid AS iam_oid, m.arn, r.oid AS pg_role_oid, m.pg_role_name,
        g.oid AS grantor_pg_role_oid, m.grantor_pg_role_name
    FROM pg_catalog.dsql_local_iam m
    JOIN pg_roles r ON r.rolname = m.pg_role_name
    LEFT JOIN pg_roles g ON g.rolname = m.grantor_pg_role_name;
GRANT SELECT ON sys.iam_pg_role_mappings TO PUBLIC;

CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_next_iam_oid() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(iam_oid), 26399) + 1 FROM pg_catalog.dsql_local_iam
$$;

CREATE OR REPLACE PROCEDURE pg_catalog.dsql_local_iam(command text, pg_role text, principal text, seal text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM dsql_local_check_seal(command || pg_role || principal, seal);
    -- Replaces this procedure's own command tag.
    RAISE NOTICE 'dsql_local_tag AWS IAM %', command;
    IF session_user NOT IN ('admin', 'postgres') THEN
        RAISE EXCEPTION 'permission denied' USING ERRCODE = '42501';
    ELSIF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = pg_role) THEN
        RAISE EXCEPTION 'role "%" does not exist', pg_role USING ERRCODE = '42704';
    ELSIF principal !~ '^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[a-z-]+/.+$' THEN
        RAISE EXCEPTION 'invalid IAM ARN "%"', principal USING ERRCODE = '22023';
    ELSIF command = 'GRANT' THEN
        INSERT INTO pg_catalog.dsql_local_iam
        VALUES (dsql_local_next_iam_oid(), principal, pg_role, session_user) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'role "%" is already granted to "%"', pg_role, principal USING ERRCODE = '42710';
        END IF;
    ELSE
        DELETE FROM pg_catalog.dsql_local_iam WHERE pg_role_name = pg_role AND arn = principal;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'role "%" is not granted to "%"', pg_role, principal USING ERRCODE = '42704';
        END IF;
    END IF;
END $$;

-- Creates the role of --user if it is missing, and maps an identity to the role.
CREATE OR REPLACE FUNCTION pg_catalog.dsql_local_user(pg_role text, principal text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = pg_role) THEN
        EXECUTE format('CREATE ROLE %I WITH LOGIN', pg_role);
    END IF;
    INSERT INTO pg_catalog.dsql_local_iam
    VALUES (pg_catalog.dsql_local_next_iam_oid(), principal, pg_role, 'admin') ON CONFLICT DO NOTHING;
END $$;
REVOKE EXECUTE ON FUNCTION pg_catalog.dsql_local_user(text, text), pg_catalog.dsql_local_next_iam_oid() FROM PUBLIC;
