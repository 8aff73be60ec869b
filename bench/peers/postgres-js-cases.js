// The cases with postgres.js. As the README of postgres.js and Cloudflare's page on postgres.js recommend, each request
// has its own client, which is closed after the answer. Queries that do not depend on each other are sent without
// waiting.

import postgres from "postgres";
import { address } from "./address.js";
import { token } from "./signer.js";
import { chunks, entries, summary, worker } from "./worker.js";

export function postgresJs(options) {
  async function using(env, context, work) {
    const sql = postgres({ ...address(env), ssl: "require", password: () => token(env), ...options });
    try {
      return await work(sql);
    } finally {
      context.waitUntil(sql.end());
    }
  }

  return worker({
    one: (env, context) =>
      using(env, context, async (sql) => (await sql`SELECT current_timestamp AS now`)[0]),

    rows: (env, context, category) =>
      using(env, context, (sql) =>
        sql`SELECT id, title, views, published_at FROM item WHERE category = ${category} ORDER BY id`),

    three: (env, context, category, account) =>
      using(env, context, async (sql) => {
        const [[{ balance }], [{ items }], top] = await Promise.all([
          sql`SELECT balance FROM account WHERE id = ${account}`,
          sql`SELECT count(*)::int4 AS items FROM item WHERE category = ${category}`,
          sql`SELECT id, title FROM item WHERE category = ${category} ORDER BY views DESC, id LIMIT 5`,
        ]);
        return { balance, items, top };
      }),

    transaction: (env, context, from, to, amount) =>
      using(env, context, (sql) =>
        sql.begin(async (sql) => {
          const [{ balance: before }] = await sql`SELECT balance FROM account WHERE id = ${from}`;
          await sql`UPDATE account SET balance = balance - ${amount} WHERE id = ${from}`;
          await sql`UPDATE account SET balance = balance + ${amount} WHERE id = ${to}`;
          await sql`INSERT INTO transfer (from_id, to_id, amount) VALUES (${from}, ${to}, ${amount})`;
          const [{ balance: after }] = await sql`SELECT balance FROM account WHERE id = ${from}`;
          return { before, after };
        })),

    megabytes: (env, context, rows) =>
      using(env, context, async (sql) =>
        summary(await sql`SELECT id, title, body, views, published_at FROM document WHERE id <= ${rows} ORDER BY id`)),

    "insert-loop": (env, context, run) =>
      using(env, context, async (sql) => {
        let inserted = 0;
        for (const { n, note } of entries(run, 100)) {
          inserted += (await sql`INSERT INTO entry (run, n, note) VALUES (${run}, ${n}, ${note})`).count;
        }
        return inserted;
      }),

    // "Multiple inserts in one query" in the README.
    "insert-best": (env, context, run) =>
      using(env, context, async (sql) => (await sql`INSERT INTO entry ${sql(entries(run, 100))}`).count),

    "insert-many": (env, context, run, count) =>
      using(env, context, async (sql) => {
        const parts = chunks(entries(run, Number(count))).map((rows) => sql`INSERT INTO entry ${sql(rows)}`);
        return (await Promise.all(parts)).reduce((sum, part) => sum + part.count, 0);
      }),

    conflict: (env, context, run, n, account) =>
      using(env, context, (sql) =>
        sql.begin(async (sql) => {
          await sql`INSERT INTO entry (run, n, note) VALUES (${run}, ${n}, 'conflict')`;
          const [{ balance }] = await sql`UPDATE account SET balance = balance - 1 WHERE id = ${account} RETURNING balance`;
          return balance;
        })),
  });
}
