-- What a DSQL cluster has in its schema sys: the log of jobs, and the procedure that waits for one.
CREATE SCHEMA IF NOT EXISTS sys;
GRANT USAGE ON SCHEMA sys TO PUBLIC;
CREATE TABLE IF NOT EXISTS sys.dsql_local_jobs (
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
CREATE OR REPLACE VIEW sys.jobs AS SELECT * FROM sys.dsql_local_jobs;
GRANT SELECT ON sys.jobs TO PUBLIC;

-- 26 letters and digits, as a job's id has.
CREATE OR REPLACE FUNCTION sys.dsql_local_job_id() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(substr('abcdefghijklmnopqrstuvwxyz234567', 1 + floor(random() * 32)::int, 1), '')
    FROM generate_series(1, 26)
$$;

CREATE OR REPLACE FUNCTION sys.dsql_local_log_job(kind text, object text, state text, said text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE id text := sys.dsql_local_job_id();
BEGIN
    INSERT INTO sys.dsql_local_jobs
    VALUES (id, state, said, kind, 'pg_class'::regclass, NULL, object, date_trunc('second', now()), date_trunc('second', now()));
    RETURN id;
END $$;

-- Does at once what DSQL does in a job: what the rows forbid fails the job and not the statement.
CREATE OR REPLACE FUNCTION sys.dsql_local_run_job(kind text, object text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        EXECUTE statement;
    EXCEPTION WHEN unique_violation OR check_violation OR foreign_key_violation THEN
        RETURN sys.dsql_local_log_job(kind, object, 'failed', SQLERRM);
    END;
    RETURN sys.dsql_local_log_job(kind, object, 'completed', NULL);
END $$;

-- Who may log in as which role: AWS IAM GRANT and REVOKE.
CREATE TABLE IF NOT EXISTS sys.dsql_local_iam (
    iam_oid bigint GENERATED ALWAYS AS IDENTITY (START 26400),
    arn text NOT NULL,
    pg_role_name text NOT NULL,
    grantor_pg_role_name text NOT NULL,
    PRIMARY KEY (pg_role_name, arn)
);
CREATE OR REPLACE VIEW sys.iam_pg_role_mappings AS
    SELECT m.iam_oid::oid AS iam_oid, m.arn, r.oid AS pg_role_oid, m.pg_role_name,
        g.oid AS grantor_pg_role_oid, m.grantor_pg_role_name
    FROM sys.dsql_local_iam m
    JOIN pg_roles r ON r.rolname = m.pg_role_name
    LEFT JOIN pg_roles g ON g.rolname = m.grantor_pg_role_name;
GRANT SELECT ON sys.iam_pg_role_mappings TO PUBLIC;

CREATE OR REPLACE PROCEDURE sys.dsql_local_iam(command text, pg_role text, principal text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    -- Takes the place of this procedure's own command tag.
    RAISE NOTICE 'dsql_local_tag AWS IAM %', command;
    IF session_user NOT IN ('admin', 'postgres') THEN
        RAISE EXCEPTION 'permission denied' USING ERRCODE = '42501';
    ELSIF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = pg_role) THEN
        RAISE EXCEPTION 'role "%" does not exist', pg_role USING ERRCODE = '42704';
    ELSIF principal !~ '^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[a-z-]+/.+$' THEN
        RAISE EXCEPTION 'invalid IAM ARN "%"', principal USING ERRCODE = '22023';
    ELSIF command = 'GRANT' THEN
        INSERT INTO sys.dsql_local_iam (arn, pg_role_name, grantor_pg_role_name)
        VALUES (principal, pg_role, session_user) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'role "%" is already granted to "%"', pg_role, principal USING ERRCODE = '42710';
        END IF;
    ELSE
        DELETE FROM sys.dsql_local_iam WHERE pg_role_name = pg_role AND arn = principal;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'role "%" is not granted to "%"', pg_role, principal USING ERRCODE = '42704';
        END IF;
    END IF;
END $$;

-- A user that dsql-local was told to have.
CREATE OR REPLACE FUNCTION sys.dsql_local_user(pg_role text, principal text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = pg_role) THEN
        EXECUTE format('CREATE ROLE %I WITH LOGIN', pg_role);
    END IF;
    INSERT INTO sys.dsql_local_iam (arn, pg_role_name, grantor_pg_role_name)
    VALUES (principal, pg_role, 'admin') ON CONFLICT DO NOTHING;
END $$;
REVOKE EXECUTE ON FUNCTION sys.dsql_local_user(text, text) FROM PUBLIC;

CREATE OR REPLACE PROCEDURE sys.wait_for_job(job_id text) LANGUAGE plpgsql AS $$
BEGIN
    IF job_id !~ '^[a-z2-7]{26}$' THEN
        RAISE EXCEPTION 'Unable to convert text to UUID' USING ERRCODE = '22P02';
    END IF;
END $$;
