// A Worker between the example's D1 binding and D1. Each request of the binding is one batch, which D1 runs as one
// transaction. The front counts the batches of a run, loses or rejects one of them, and after each batch records what a
// reader sees.
//
// POST /plan       { at, how, statement, observes } for the next run. `how` is
//                    "before": batch `at` does not arrive;  "after": it arrives, and its answer is lost;
//                    "fails":  its statement number `statement` fails in D1;
//                    "holds":  it waits for POST /go;       "held after": it arrives, and its answer waits for POST /go;
//                  and with `dies`, no later batch of the run arrives, as if the run had been killed.
// GET  /report     what has happened since then
// POST /scheduled  runs the cron trigger
// POST /d1         a batch from outside, past the plan
// otherwise        the Worker, whose binding of D1 passes the plan, too

let plan, report, holding;
reset({});

function reset(next) {
  plan = next;
  report = { batches: [], broke: false, observed: [], holds: false };
  holding = false;
}

const URL_OF_D1 = 'http://d1/query?resultsFormat=ARRAY_OF_OBJECTS';
const PRODUCTS = 'SELECT id, category_id, name, price_cents, version FROM product ORDER BY id';

const post = (d1, url, headers, body) => d1.fetch(url, { method: 'POST', headers, body });

async function observe(env) {
  const ranking = await (await env.READER.fetch('http://reader/ranking')).json();
  const answer = await (await post(env.D1, URL_OF_D1, {}, JSON.stringify([{ sql: PRODUCTS, params: [] }]))).json();
  const seen = { ranking: ranking.ranking ?? null, products: answer[0].results };
  if (JSON.stringify(seen) !== JSON.stringify(report.observed.at(-1))) report.observed.push(seen);
}

async function hold() {
  [holding, report.holds] = [true, true];
  while (holding) await scheduler.wait(2);
}

async function batch(request, env) {
  let body = await request.text();
  const statements = [JSON.parse(body)].flat();
  const here = report.batches.push(statements.length) - 1 === plan.at;
  const lost = () => {
    report.broke = true;
    throw new Error('Network connection lost.');
  };
  if (report.broke && plan.dies) lost();
  if (here && plan.how === 'before') lost();
  if (here && plan.how === 'holds') await hold();
  if (here && plan.how === 'fails') {
    statements[plan.statement] = { sql: "SELECT json('a fault of D1')", params: [] };
    body = JSON.stringify(statements);
    report.broke = true;
  }
  const response = await post(env.D1, request.url, request.headers, body);
  const text = await response.text();
  if (plan.observes) await observe(env);
  if (here && plan.how === 'held after') await hold();
  if (here && plan.how === 'after') lost();
  return new Response(text, { status: response.status, headers: response.headers });
}

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.hostname === 'd1') return batch(request, env);
    switch (url.pathname) {
      case '/plan':
        reset(await request.json());
        return Response.json(true);
      case '/report':
        return Response.json(report);
      case '/go':
        holding = false;
        return Response.json(true);
      case '/scheduled':
        return Response.json(await env.WORKER.scheduled({ cron: '* * * * *', scheduledTime: new Date(0) }));
      case '/d1':
        return post(env.D1, URL_OF_D1, {}, await request.text());
      default:
        return env.READER.fetch(request);
    }
  },
};
