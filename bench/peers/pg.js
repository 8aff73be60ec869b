// node-postgres with AWS's signer. The documentation of node-postgres describes a transaction as BEGIN, COMMIT and
// ROLLBACK on one client ("Transactions"); nothing retries a conflict.

import pg from "pg";
import { pgCases } from "./pg-cases.js";
import { address } from "./address.js";
import { token } from "./signer.js";

async function connect(env, options) {
  const client = new pg.Client({ ...address(env), ssl: true, password: await token(env), ...options });
  await client.connect();
  return client;
}

async function transact(client, work) {
  try {
    await client.query("BEGIN");
    const result = await work(client);
    await client.query("COMMIT");
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

export default pgCases(connect, transact);
