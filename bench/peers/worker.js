// The Worker around each client in JavaScript: the first word of the path is the name of a case, the other words are
// its arguments. The answer is JSON. An error of the client becomes the status 500.

export const worker = (cases) => ({
  async fetch(request, env, context) {
    const [name, ...words] = new URL(request.url).pathname.slice(1).split("/");
    if (name === "nothing") return Response.json("nothing");
    try {
      return Response.json(await cases[name](env, context, ...words));
    } catch (error) {
      return Response.json({ error: String(error?.message ?? error), code: error?.code }, { status: 500 });
    }
  },
});

// Returns the rows that the cases with an INSERT write.
export const entries = (run, count) =>
  Array.from({ length: count }, (_, n) => ({ run, n, note: `note ${n}` }));

// DSQL's limit for the rows that a transaction changes.
const ROWS_PER_TRANSACTION = 3000;

// Divides the rows into parts that DSQL accepts.
export function chunks(rows) {
  const parts = [];
  for (let at = 0; at < rows.length; at += ROWS_PER_TRANSACTION) {
    parts.push(rows.slice(at, at + ROWS_PER_TRANSACTION));
  }
  return parts;
}

// Computes the answer to the cases with megabytes from every value of every row.
export function summary(rows) {
  const sum = { rows: rows.length, ids: 0, characters: 0, views: 0, published_at: 0 };
  for (const row of rows) {
    sum.ids += row.id;
    sum.characters += row.title.length + row.body.length;
    sum.views += row.views;
    sum.published_at += row.published_at.getTime() / 1000;
  }
  return sum;
}
