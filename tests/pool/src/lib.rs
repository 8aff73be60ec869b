//! A Worker that runs the same operations in several ways. The first segment of the path selects the way: among others,
//! `direct` connects to the cluster, `pool` uses the pool, and `own` runs the operation in an object of this Worker
//! that contains a pool. Some segments are commands for the test, such as `gate` and `memory`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use dsql_edge::{Config, Dsql, Error, IdempotentOutcome, Pool, sql, sql_unchecked};
use futures_util::future::join_all;
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Context, Delay, DurableObject, Env, Request, Response, Result, State, durable_object, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    let path = request.path();
    let path = path.trim_start_matches('/');
    let (way, what) = path.split_once('/').unwrap_or((path, ""));
    match way {
        "direct" => answer(Dsql::from_env(&env), what).await,
        "pool" => answer(Dsql::from_pool(&env), what).await,
        // The client waits for a connection of the pool for at most 300 ms.
        "hurry" => {
            let config =
                Config::from_pool(&env).map(|config| config.connect_timeout(Duration::from_millis(300)));
            answer(config.map(Dsql::new), what).await
        }
        "brief" => {
            let config = Config::from_pool(&env).map(|config| config.query_timeout(Duration::from_secs(2)));
            answer(config.map(Dsql::new), what).await
        }
        // Sends a thousand requests at once. Each request is like a request of a separate Worker.
        "flood" => {
            let config =
                Config::from_pool(&env).map(|config| config.connect_timeout(Duration::from_secs(60)));
            let config = config.map_err(|error| error.to_string())?;
            let answers = (0..1000).map(async |_| run(&Dsql::new(config.clone()), what).await);
            let answers = join_all(answers).await;
            let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
            Response::from_json(
                &failed.first().map_or(json!(answers.len()), |error| json!(error.to_string())),
            )
        }
        // The size of this isolate's wasm memory in bytes.
        "memory" => Response::from_json(&(core::arch::wasm32::memory_size(0) * 65_536)),
        "collect-garbage" => {
            gc();
            Response::empty()
        }
        // Changes the value of a secret of the Secrets Store.
        "rotate" => {
            let (name, value) = what.split_once('/').unwrap_or((what, ""));
            JsFuture::from(rotate(&env, name, value)).await?;
            Response::from_json(&"done")
        }
        // The platform cannot deliver requests to the pool's object. The first word of the path selects the error.
        "broken" => {
            let (how, what) = what.split_once('/').unwrap_or((what, ""));
            answer(Dsql::from_pool(&with_broken_pool(&env, how).unchecked_into()), what).await
        }
        "own" => {
            let own = env.durable_object("Own")?.get_by_name("one")?;
            own.fetch_with_str(&format!("http://own/{what}")).await
        }
        "panic" => panic!("asked for"),
        // Requests to the isolate that contains only the objects.
        "objects" => {
            let objects = env.service("OBJECTS")?;
            objects.fetch(format!("http://objects/{what}"), None).await
        }
        // Returns how many times this isolate has received the request `asked`.
        "asked" => Response::from_json(&(ASKED.fetch_add(1, Ordering::Relaxed) + 1)),
        "gate" => {
            match what {
                "open" => IS_OPEN.store(true, Ordering::Relaxed),
                "shut" => IS_OPEN.store(false, Ordering::Relaxed),
                _ => {}
            }
            Response::from_json(&ARRIVED.load(Ordering::Relaxed))
        }
        _ => Response::error("there is nothing here", 404),
    }
}

#[wasm_bindgen(inline_js = "
const errors = {
  // The first message is documented; the other messages are in the source of workerd.
  overloaded: ['Durable Object is overloaded. Too many requests queued.', { overloaded: true }],
  remote: ['Durable Object is overloaded. Too many requests queued.', { overloaded: true, remote: true }],
  memory: ['Durable Object exceeded its memory limit and was reset.', { overloaded: true, durableObjectReset: true }],
  internal: ['internal error; reference = 0', { overloaded: true }],
  lost: ['Network connection lost.', { retryable: true }],
};
export const rotate = (env, name, value) => env[name].set(value);
export function with_broken_pool(env, how) {
  class DurableObjectNamespace {
    idFromName() {}
    get() {
      return {
        async fetch(url, { body }) {
          const [message, marks] = errors[how];
          const error = Object.assign(new Error(message), marks);
          // The request is not delivered, so its body is never read.
          await body.cancel?.(error);
          throw error;
        },
      };
    }
  }
  return { ...env, DSQL_POOL: new DurableObjectNamespace() };
}")]
extern "C" {
    fn with_broken_pool(env: &JsValue, how: &str) -> JsValue;
    fn rotate(env: &JsValue, name: &str, value: &str) -> Promise;
}

#[wasm_bindgen]
extern "C" {
    /// Collects garbage. This function exists only with V8's flag `--expose-gc`.
    fn gc();
}

static ASKED: AtomicU32 = AtomicU32::new(0);

/// Whether the gate is open. A transaction waits at the gate until another request opens it.
static IS_OPEN: AtomicBool = AtomicBool::new(false);
/// The number of transactions that have reached the gate.
static ARRIVED: AtomicU32 = AtomicU32::new(0);

async fn gate() {
    ARRIVED.fetch_add(1, Ordering::Relaxed);
    while !IS_OPEN.load(Ordering::Relaxed) {
        worker::send::SendFuture::new(Delay::from(Duration::from_millis(10))).await;
    }
}

/// A Durable Object that a user wrote, with its own pool.
#[durable_object(fetch)]
pub struct Own {
    pool: std::result::Result<Pool, Error>,
}

impl DurableObject for Own {
    fn new(_state: State, env: Env) -> Self {
        Own { pool: Config::from_env(&env).map(|config| Pool::new(config).max_connections(2)) }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let path = request.path();
        match &self.pool {
            Ok(pool) => answer(Ok(pool.dsql()), path.trim_start_matches('/')).await,
            Err(error) => Response::error(error.to_string(), 500),
        }
    }
}

struct Setting {
    value: String,
}

/// The compiler cannot determine what this statement does, so it must assume that the statement changes the session.
fn setting(tenant: i32) -> dsql_edge::Query<Setting> {
    sql_unchecked!(
        Setting { value: String },
        "SELECT set_config('my.tenant', ($tenant::int4)::text, false) AS value"
    )
}

async fn answer(dsql: std::result::Result<Dsql, Error>, what: &str) -> Result<Response> {
    let answered = match dsql {
        Ok(dsql) => run(&dsql, what).await,
        Err(error) => Err(error),
    };
    match answered {
        Ok(Some(value)) => Response::from_json(&value),
        Ok(None) => Response::error("there is nothing here", 404),
        Err(error) => Ok(Response::from_json(&json!({
            "error": error.to_string(),
            "timeout": error.is_timeout(),
            "overloaded": error.is_overloaded(),
            "unknown": error.is_outcome_unknown(),
            "unique": error.is_unique_violation(),
            "access_denied": error.is_access_denied(),
        }))?
        .with_status(500)),
    }
}

async fn run(dsql: &Dsql, what: &str) -> std::result::Result<Option<Value>, Error> {
    let (what, argument) = what.split_once('/').unwrap_or((what, ""));
    let argument: i32 = argument.parse().unwrap_or(0);
    Ok(match what {
        "one" | "three" | "many" | "stream" | "stream-dropped" | "pipeline" | "sleep" | "sleeps"
        | "together" => read(dsql, what, argument).await?,
        "add" | "holds" | "all" | "remove" | "pipeline-add" | "rows" | "rows-fused" | "rows-back" => {
            write(dsql, what, argument).await?
        }
        "transaction" | "fails" | "leave" | "pause" => transact(dsql, what, argument).await?,
        "gate-between" | "gate-between-once" | "gate-commit" | "gate-commit-keyed" => {
            wait_at_gate(dsql, what, argument).await?
        }
        "set" | "set-pipelined" | "set-in-transaction" | "setting" => set(dsql, what, argument).await?,
        "text-up" | "text-down" | "text-both" | "text-both-open" => send_text(dsql, what, argument).await?,
        _ => None,
    })
}

/// Queries that do not write.
async fn read(dsql: &Dsql, what: &str, argument: i32) -> std::result::Result<Option<Value>, Error> {
    Ok(Some(match what {
        "one" => json!(sql!("SELECT $argument::int4 + 1 AS n").fetch_one(dsql).await?.n),
        "three" => {
            let mut numbers = Vec::new();
            for n in 0..3 {
                numbers.push(sql!("SELECT $n::int4 + 1 AS n").fetch_one(dsql).await?.n);
            }
            json!(numbers)
        }
        "many" => {
            let rows = sql!("SELECT n, repeat('あ', 100) AS words FROM generate_series(1, 5000) AS n");
            let rows = rows.fetch_all(dsql).await?;
            json!([rows.len(), rows.iter().all(|row| row.words.chars().count() == 100)])
        }
        "stream" => {
            let rows = sql!("SELECT n, repeat('あ', 100) AS words FROM generate_series(1, 5000) AS n");
            let mut rows = rows.fetch(dsql);
            let mut sum = 0;
            while let Some(row) = rows.next().await {
                sum += row?.n;
            }
            json!(sum)
        }
        // The remaining rows of a million are not read.
        "stream-dropped" => {
            let rows = sql!("SELECT n, repeat('あ', 100) AS words FROM generate_series(1, 1000000) AS n");
            let mut rows = rows.fetch(dsql);
            let first = rows.next().await.transpose()?.map(|row| row.n);
            drop(rows);
            json!([first, sql!("SELECT 2 AS n").fetch_one(dsql).await?.n])
        }
        "pipeline" => {
            let queries = (1..=10).map(|n| sql!("SELECT $n::int4 AS n").one()).collect::<Vec<_>>();
            json!(dsql.pipeline(queries).await?.iter().map(|row| row.n).sum::<i32>())
        }
        "sleep" => {
            let seconds = f64::from(argument) / 1000.0;
            json!(sql!("SELECT pg_sleep($seconds)::text AS done").fetch_all(dsql).await?.len())
        }
        "sleeps" => {
            let queries = (0..argument).map(|_| sql!("SELECT pg_sleep(0.1)::text AS done").fetch_all(dsql));
            join_all(queries).await.into_iter().collect::<std::result::Result<Vec<_>, Error>>()?;
            json!(argument)
        }
        "together" => {
            let queries = (0..argument).map(|n| sql!("SELECT $n::int4 AS n").fetch_one(dsql));
            let mut sum = 0;
            for row in join_all(queries).await {
                sum += row?.n;
            }
            json!(sum)
        }
        _ => return Ok(None),
    }))
}

/// Runs an operation that writes without a transaction, or that reads the table. Returns `None` if `what` is another
/// operation.
async fn write(dsql: &Dsql, what: &str, argument: i32) -> std::result::Result<Option<Value>, Error> {
    Ok(Some(match what {
        "add" => json!(add(argument).execute(dsql).await?),
        "holds" => json!(sql!("SELECT count(*) FROM number WHERE n = $argument").fetch_value(dsql).await?),
        "all" => {
            let rows = sql!("SELECT n FROM number ORDER BY n").fetch_all(dsql).await?;
            json!(rows.iter().map(|row| row.n).collect::<Vec<_>>())
        }
        "remove" => json!(sql!("DELETE FROM number WHERE n > $argument").execute(dsql).await?),
        // The pipeline is applied as a whole or not at all.
        "pipeline-add" => {
            let (first, second) = dsql.pipeline((add(argument), add(argument + 1))).await?;
            json!(first + second)
        }
        "rows" => {
            let rows = sql!("INSERT INTO number (n) VALUES ($1)", for n in argument..argument + 100, n);
            json!(rows.execute(dsql).await?)
        }
        "rows-fused" => {
            let rows = sql!("INSERT INTO number (n) VALUES ($1)", for n in argument..argument + 100, n);
            json!(rows.fused().execute(dsql).await?)
        }
        // Sends more bytes than the buffers of a stream can contain, in both directions at once.
        "rows-back" => {
            let rows = sql!(
                "INSERT INTO number (n) VALUES ($1) RETURNING n, repeat('あ', 500) AS words",
                for n in argument..argument + 20_000, n
            );
            json!(rows.fetch_all(dsql).await?.iter().filter(|row| row.words.len() == 1500).count())
        }
        _ => return Ok(None),
    }))
}

/// Runs a transaction that commits, fails, is abandoned, or pauses.
async fn transact(dsql: &Dsql, what: &str, argument: i32) -> std::result::Result<Option<Value>, Error> {
    Ok(Some(match what {
        "transaction" => json!(
            dsql.transaction(async move |tx| {
                add(argument).execute(tx).await?;
                add(argument + 1).execute(tx).await?;
                sql!("SELECT count(*) FROM number WHERE n >= $argument").fetch_value(tx).await
            })
            .await?
        ),
        "fails" => {
            let done = dsql
                .transaction(async move |tx| {
                    add(argument).execute(tx).await?;
                    Err::<(), ClosureError>(ClosureError::Own)
                })
                .await;
            match done {
                Err(ClosureError::Database(error)) => return Err(error),
                Err(ClosureError::Own) => json!("failed"),
                Ok(()) => json!("committed"),
            }
        }
        // The request ends in the middle of a transaction.
        "leave" => {
            let transaction = dsql.transaction(async move |tx| {
                add(argument).execute(tx).await?;
                worker::send::SendFuture::new(Delay::from(Duration::from_secs(3600))).await;
                add(argument + 1).execute(tx).await
            });
            let mut transaction = Box::pin(async { transaction.await });
            let moment = Box::pin(Delay::from(Duration::from_millis(500)));
            let _ = futures_util::future::select(&mut transaction, moment).await;
            json!("left")
        }
        // A transaction that sends nothing for `argument` milliseconds.
        "pause" => {
            let time = Duration::from_millis(argument.unsigned_abs().into());
            let counted = dsql
                .transaction(async move |tx| {
                    add(argument).execute(tx).await?;
                    worker::send::SendFuture::new(Delay::from(time)).await;
                    add(argument + 1).execute(tx).await
                })
                .await?;
            json!(counted)
        }
        _ => return Ok(None),
    }))
}

/// A transaction with a gate between its statements or before COMMIT. The answer has the number of runs of the closure.
async fn wait_at_gate(dsql: &Dsql, what: &str, argument: i32) -> std::result::Result<Option<Value>, Error> {
    let runs = AtomicU32::new(0);
    let (between, runs) = (what.starts_with("gate-between"), &runs);
    let transaction = dsql.transaction(async move |tx| {
        runs.fetch_add(1, Ordering::Relaxed);
        add(argument).execute(tx).await?;
        if between {
            gate().await;
        }
        add(argument + 1).execute(tx).await?;
        if !between {
            gate().await;
        }
        Ok::<_, Error>(())
    });
    let when = match what {
        "gate-commit-keyed" => match transaction.idempotency_key(add(argument + 2)).await? {
            IdempotentOutcome::Committed(()) => "now",
            IdempotentOutcome::AlreadyCommitted => "before",
        },
        "gate-between-once" => transaction.max_attempts(1).await.map(|()| "now")?,
        _ => transaction.await.map(|()| "now")?,
    };
    Ok(Some(json!([when, runs.load(Ordering::Relaxed)])))
}

/// Changes a setting for longer than one statement: with a single statement, in a pipeline, or with the second
/// statement of a transaction.
async fn set(dsql: &Dsql, what: &str, argument: i32) -> std::result::Result<Option<Value>, Error> {
    Ok(Some(match what {
        "set" => json!(setting(argument).fetch_one(dsql).await?.value),
        "set-pipelined" => {
            let (_, set) = dsql.pipeline((sql!("SELECT 1 AS n"), setting(argument).one())).await?;
            json!(set.value)
        }
        "set-in-transaction" => json!(
            dsql.transaction(async move |tx| {
                sql!("SELECT 1 AS n").fetch_one(tx).await?;
                setting(argument).fetch_one(tx).await
            })
            .await?
            .value
        ),
        "setting" => {
            json!(
                sql!("SELECT nullif(current_setting('my.tenant', true), '') AS value")
                    .fetch_one(dsql)
                    .await?
                    .value
            )
        }
        _ => return Ok(None),
    }))
}

/// Sends a string of this length to the server, or receives such a string, or both.
async fn send_text(dsql: &Dsql, what: &str, argument: i32) -> std::result::Result<Option<Value>, Error> {
    Ok(Some(match what {
        "text-up" => {
            let text = "x".repeat(argument.unsigned_abs() as usize);
            json!(sql!("SELECT length($text::text) AS n").fetch_one(dsql).await?.n)
        }
        "text-down" => {
            let rows = sql!("SELECT repeat('x', $argument) AS words").fetch_one(dsql).await?;
            json!(rows.words.len())
        }
        "text-both" => {
            let text = "x".repeat(argument.unsigned_abs() as usize);
            let row = sql!("SELECT $text::text AS words").fetch_one(dsql).await?;
            json!(if row.words == text { text.len() } else { 0 })
        }
        // Sends and receives two strings of this length in one transaction, during which the lease stays open.
        "text-both-open" => {
            let text = &"x".repeat(argument.unsigned_abs() as usize);
            let lengths = dsql
                .transaction(async move |tx| {
                    let mut lengths = Vec::new();
                    for _ in 0..2 {
                        let row = sql!("SELECT $text::text AS words").fetch_one(tx).await?;
                        lengths.push(if row.words == *text { text.len() } else { 0 });
                    }
                    Ok::<_, Error>(lengths)
                })
                .await?;
            json!(lengths)
        }
        _ => return Ok(None),
    }))
}

sql! {
    fn add(n) = "INSERT INTO number (n) VALUES ($n)";
}

enum ClosureError {
    Own,
    Database(Error),
}

impl From<Error> for ClosureError {
    fn from(error: Error) -> Self {
        ClosureError::Database(error)
    }
}
