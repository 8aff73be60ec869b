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

CREATE OR REPLACE PROCEDURE sys.wait_for_job(job_id text) LANGUAGE plpgsql AS $$
BEGIN
    IF job_id !~ '^[a-z2-7]{26}$' THEN
        RAISE EXCEPTION 'Unable to convert text to UUID' USING ERRCODE = '22P02';
    END IF;
END $$;
