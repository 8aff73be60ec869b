// The cases with the interface of node-postgres, for `pg` itself and for AWS's connector. As Cloudflare's page on
// node-postgres recommends, each request has its own client, which is closed after the answer.
//
// `connect(env, options)` returns a connected client. `transact(client, work)` runs a transaction. Queries that do not
// depend on each other use pg's pipeline mode ("Pipelining" in the documentation of node-postgres).

import { chunks, entries, summary, worker } from "./worker.js";

const INSERT_ALL = "INSERT INTO entry (run, n, note) SELECT $1, n, note FROM unnest($2::int4[], $3::text[]) AS t (n, note)";

export function pgCases(connect, transact) {
  async function using(env, context, work, options = {}) {
    const client = await connect(env, options);
    try {
      return await work(client);
    } finally {
      context.waitUntil(client.end());
    }
  }

  const insertAll = (client, run, rows) =>
    client.query(INSERT_ALL, [run, rows.map(({ n }) => n), rows.map(({ note }) => note)]);

  return worker({
    one: (env, context) =>
      using(env, context, async (client) => (await client.query("SELECT current_timestamp AS now")).rows[0]),

    rows: (env, context, category) =>
      using(env, context, async (client) => {
        const text = "SELECT id, title, views, published_at FROM item WHERE category = $1 ORDER BY id";
        return (await client.query(text, [category])).rows;
      }),

    three: (env, context, category, account) =>
      using(env, context, async (client) => {
        const [balance, items, top] = await Promise.all([
          client.query("SELECT balance FROM account WHERE id = $1", [account]),
          client.query("SELECT count(*)::int4 AS items FROM item WHERE category = $1", [category]),
          client.query("SELECT id, title FROM item WHERE category = $1 ORDER BY views DESC, id LIMIT 5", [category]),
        ]);
        return { balance: balance.rows[0].balance, items: items.rows[0].items, top: top.rows };
      }, { pipeline: true }),

    transaction: (env, context, from, to, amount) =>
      using(env, context, (client) =>
        transact(client, async (client) => {
          const before = await client.query("SELECT balance FROM account WHERE id = $1", [from]);
          await client.query("UPDATE account SET balance = balance - $1 WHERE id = $2", [amount, from]);
          await client.query("UPDATE account SET balance = balance + $1 WHERE id = $2", [amount, to]);
          const transfer = [from, to, amount];
          await client.query("INSERT INTO transfer (from_id, to_id, amount) VALUES ($1, $2, $3)", transfer);
          const after = await client.query("SELECT balance FROM account WHERE id = $1", [from]);
          return { before: before.rows[0].balance, after: after.rows[0].balance };
        })),

    megabytes: (env, context, rows) =>
      using(env, context, async (client) => {
        const text = "SELECT id, title, body, views, published_at FROM document WHERE id <= $1 ORDER BY id";
        return summary((await client.query(text, [rows])).rows);
      }),

    "insert-loop": (env, context, run) =>
      using(env, context, async (client) => {
        let inserted = 0;
        for (const { n, note } of entries(run, 100)) {
          const text = "INSERT INTO entry (run, n, note) VALUES ($1, $2, $3)";
          inserted += (await client.query(text, [run, n, note])).rowCount;
        }
        return inserted;
      }),

    "insert-best": (env, context, run) =>
      using(env, context, async (client) => (await insertAll(client, run, entries(run, 100))).rowCount),

    "insert-many": (env, context, run, count) =>
      using(env, context, async (client) => {
        const parts = chunks(entries(run, Number(count))).map((rows) => insertAll(client, run, rows));
        return (await Promise.all(parts)).reduce((sum, part) => sum + part.rowCount, 0);
      }, { pipeline: true }),

    conflict: (env, context, run, n, account) =>
      using(env, context, (client) =>
        transact(client, async (client) => {
          await client.query("INSERT INTO entry (run, n, note) VALUES ($1, $2, 'conflict')", [run, n]);
          const text = "UPDATE account SET balance = balance - 1 WHERE id = $1 RETURNING balance";
          return (await client.query(text, [account])).rows[0].balance;
        })),
  });
}
