"""Clients of `cargo xtask suites` in Python and in C: psycopg and its libpq, asyncpg, psql.

Each function is a check; its name and outcome are written to the report, as for the suites.
"""

import asyncio
import os
import shutil
import ssl
import subprocess
import threading
import time

import asyncpg
import boto3
import psycopg
from plugin import write

HOST = os.environ["CLUSTER_ENDPOINT"]
CA = os.environ["SSL_CERT_PATH"]
REGION = os.environ["AWS_REGION"]


def token():
    return boto3.client("dsql", region_name=REGION).generate_db_connect_admin_auth_token(HOST, REGION)


def conninfo(**more):
    options = {"host": HOST, "user": "admin", "dbname": "postgres", "sslmode": "verify-full", "sslrootcert": CA}
    return psycopg.conninfo.make_conninfo(**(options | more))


def connect(**more):
    return psycopg.connect(conninfo(password=token(), **more), autocommit=True)


def libpq_is_18():
    assert psycopg.pq.version() >= 180000, psycopg.pq.version()


def psycopg_queries_and_transactions():
    with connect() as connection:
        assert connection.execute("SELECT 1 + %s", (1,)).fetchone() == (2,)
        with connection.transaction():
            assert connection.execute("SELECT current_user").fetchone() == ("admin",)


def psycopg_with_direct_tls():
    with connect(sslnegotiation="direct") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def psycopg_without_tls_is_refused():
    try:
        psycopg.connect(conninfo(password=token(), sslmode="disable"))
    except psycopg.OperationalError as error:
        assert "SSL is mandatory" in str(error), error
    else:
        raise AssertionError("a session without TLS was opened")


def expect_cancel(connection):
    """Runs a long query, which must be canceled."""
    try:
        connection.execute("SELECT pg_sleep(50)")
    except psycopg.errors.QueryCanceled:
        return
    raise AssertionError("the query was not canceled")


def cancels(**more):
    with connect(**more) as connection:
        # A request that arrives before the query has begun has no effect.
        failures = []
        ended = threading.Event()

        def cancel():
            while not ended.wait(0.2):
                try:
                    connection.cancel_safe(timeout=20)
                except psycopg.Error as error:
                    failures.append(error)

        thread = threading.Thread(target=cancel)
        thread.start()
        start = time.monotonic()
        try:
            expect_cancel(connection)
        finally:
            ended.set()
            thread.join()
        assert not failures, failures
        assert time.monotonic() - start < 50


def libpq_cancels_over_tls():
    cancels()


def libpq_cancels_over_direct_tls():
    cancels(sslnegotiation="direct")


def libpq_old_cancel_cancels():
    with connect() as connection:
        timers = [threading.Timer(0.3 * number, connection.cancel) for number in range(1, 6)]
        for timer in timers:
            timer.start()
        try:
            expect_cancel(connection)
        finally:
            for timer in timers:
                timer.cancel()


def psycopg_pipelines():
    with connect() as connection, connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", (number,)) for number in range(10)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(10))


def psycopg_copies_rows_in_and_out():
    with connect() as connection:
        connection.execute("CREATE TABLE copied (id int PRIMARY KEY, words text)")
        try:
            with connection.cursor().copy("COPY copied FROM STDIN") as copy:
                for number in range(100):
                    copy.write_row((number, "x"))
            assert connection.execute("SELECT count(*) FROM copied").fetchone() == (100,)
            with connection.cursor().copy("COPY copied TO STDOUT") as copy:
                assert len(list(copy.rows())) == 100
        finally:
            connection.execute("DROP TABLE copied")


async def asyncpg_connect():
    context = ssl.create_default_context(cafile=CA)
    return await asyncpg.connect(host=HOST, user="admin", database="postgres", password=token(), ssl=context)


async def asyncpg_queries_and_transactions():
    connection = await asyncpg_connect()
    assert await connection.fetchval("SELECT 1 + $1::int", 1) == 2
    async with connection.transaction():
        assert await connection.fetchval("SELECT current_user") == "admin"
    await connection.close()


async def asyncpg_cancels_at_a_timeout():
    connection = await asyncpg_connect()
    try:
        await connection.execute("SELECT pg_sleep(50)", timeout=2)
    except TimeoutError:
        pass
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()


def psql_runs_a_script_and_describes_tables():
    if shutil.which("psql") is None:
        return "psql is not on PATH"
    script = "CREATE TABLE psql_t (id int PRIMARY KEY);\n\\d psql_t\n\\dt\nDROP TABLE psql_t;\n"
    done = subprocess.run(
        ["psql", "-X", "-v", "ON_ERROR_STOP=1", conninfo()],
        input=script,
        env=os.environ | {"PGPASSWORD": token()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "psql_t_pkey" in done.stdout, done.stdout


CHECKS = [
    libpq_is_18,
    psycopg_queries_and_transactions,
    psycopg_with_direct_tls,
    psycopg_without_tls_is_refused,
    psycopg_pipelines,
    psycopg_copies_rows_in_and_out,
    libpq_cancels_over_tls,
    libpq_cancels_over_direct_tls,
    libpq_old_cancel_cancels,
    asyncpg_queries_and_transactions,
    asyncpg_cancels_at_a_timeout,
    psql_runs_a_script_and_describes_tables,
]

for check in CHECKS:
    try:
        done = check()
        skipped = asyncio.run(done) if asyncio.iscoroutine(done) else done
        write(check.__name__, "skipped" if skipped else "passed", skipped or "")
    except Exception as error:
        write(check.__name__, "failed", f"{type(error).__name__}: {error}")
