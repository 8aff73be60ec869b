// Clients of `cargo xtask suites` on Node: AWS's connector for node-postgres, and postgres.js with AWS's signer.
//
// Each function is a check; its name and outcome are written to the report, as for the other suites.

import { appendFileSync, readFileSync } from "node:fs";
import assert from "node:assert/strict";
import dns from "node:dns";

import { DsqlSigner } from "@aws-sdk/dsql-signer";
import { AuroraDSQLClient, AuroraDSQLPool } from "@aws/aurora-dsql-node-postgres-connector";
import postgres from "postgres";

const host = process.env.CLUSTER_ENDPOINT;
const region = process.env.AWS_REGION;
const ca = readFileSync(process.env.SSL_CERT_PATH, "utf8");

// The name of the cluster resolves to an address of this machine. A line in the hosts file would change the address of
// this name for all programs.
const lookup = dns.lookup;
dns.lookup = (name, options, callback) => lookup(name === host ? "127.0.0.1" : name, options, callback);

const signer = new DsqlSigner({ hostname: host, region });
const options = {
  host,
  port: 5432,
  database: "postgres",
  user: "admin",
  ssl: { ca },
  password: () => signer.getDbConnectAdminAuthToken(),
};

async function connectorClientQueries() {
  const client = new AuroraDSQLClient({ host, user: "admin" });
  await client.connect();
  try {
    const { rows } = await client.query("SELECT $1::int + 1 AS sum, current_user AS name", [1]);
    assert.deepEqual(rows, [{ sum: 2, name: "admin" }]);
  } finally {
    await client.end();
  }
}

async function connectorPoolRetriesAConflict() {
  const pool = new AuroraDSQLPool({ host, user: "admin", max: 3 });
  try {
    await pool.query("CREATE TABLE conflict_pg (id int PRIMARY KEY, value int)");
    await pool.query("INSERT INTO conflict_pg VALUES (1, 0)");
    let runs = 0;
    const work = async (client) => {
      runs += 1;
      const { rows } = await client.query("SELECT value FROM conflict_pg WHERE id = 1");
      if (runs === 1) {
        await pool.query("UPDATE conflict_pg SET value = 100 WHERE id = 1");
      }
      await client.query("UPDATE conflict_pg SET value = $1 WHERE id = 1", [rows[0].value + 1]);
    };
    await pool.transaction(work, { maxRetries: 5 });
    const { rows } = await pool.query("SELECT value FROM conflict_pg WHERE id = 1");
    assert.deepEqual([rows[0].value, runs], [101, 2]);
  } finally {
    await pool.query("DROP TABLE IF EXISTS conflict_pg");
    await pool.end();
  }
}

async function postgresJsQueriesAndTransactions() {
  const sql = postgres(options);
  try {
    assert.equal((await sql`SELECT ${1}::int + 1 AS sum`)[0].sum, 2);
    await sql`CREATE TABLE rows_js (id int PRIMARY KEY, words text)`;
    await sql.begin(async (tx) => {
      await tx`INSERT INTO rows_js ${tx([{ id: 1, words: "x" }, { id: 2, words: "y" }])}`;
    });
    assert.equal((await sql`SELECT count(*)::int AS count FROM rows_js`)[0].count, 2);
    const words = await Promise.all([1, 2].map((id) => sql`SELECT words FROM rows_js WHERE id = ${id}`));
    assert.deepEqual(words.map((rows) => rows[0].words), ["x", "y"]);
  } finally {
    await sql`DROP TABLE IF EXISTS rows_js`;
    await sql.end();
  }
}

async function postgresJsSeesTheErrorsOfDsql() {
  const sql = postgres(options);
  try {
    await assert.rejects(sql`TRUNCATE nothing`, { code: "0A000", message: "unsupported statement: Truncate" });
    assert.equal((await sql`SELECT 1 AS one`)[0].one, 1);
  } finally {
    await sql.end();
  }
}

async function postgresJsCancels() {
  const sql = postgres({ ...options, max: 1 });
  try {
    await sql`SELECT 1`;
    const slow = sql`SELECT pg_sleep(50)`;
    setTimeout(() => slow.cancel(), 1000);
    await assert.rejects(slow, { code: "57014" });
  } finally {
    await sql.end();
  }
}

const checks = [
  connectorClientQueries,
  connectorPoolRetriesAConflict,
  postgresJsQueriesAndTransactions,
  postgresJsSeesTheErrorsOfDsql,
  postgresJsCancels,
];

for (const check of checks) {
  let line = { test: check.name, outcome: "passed", reason: "" };
  try {
    await check();
  } catch (error) {
    line = { ...line, outcome: "failed", reason: `${error.name}: ${error.message}` };
  }
  appendFileSync(process.env.SUITES_REPORT, `${JSON.stringify(line)}\n`);
}
process.exit(0);
