//! The example in workerd, between a dsql-local and a D1, with faults on both sides.
//!
//! Input: SQL for both databases, and a plan for the next run. Output: the run's line in the log, and the differences
//! between the databases.

use std::path::PathBuf;
use std::time::Duration;

use dsql_edge_local::Local;
use dsql_edge_tests::cutter::Cutter;
use dsql_edge_tests::workerd::{self, Extras, Workerd};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use xtask::d1::D1;

const SCHEMA: &str = include_str!("../../examples/edge-cache/dsql-schema.sql");
const TABLES: &str = include_str!("../../examples/edge-cache/migrations/0001_cache.sql");
const FRONT: &str = include_str!("front.js");

/// The tables of D1 that a run changes, except the lease.
const CHANGED: [&str; 5] = ["product", "copy_pass", "full_pass", "ranking", "ranking_pointer"];

pub(crate) struct Site {
    pub(crate) local: Local,
    pub(crate) network: Cutter,
    workerd: Option<Workerd>,
    folder: TempDir,
    vars: Vec<(&'static str, String)>,
}

impl Site {
    /// Starts DSQL and D1 with empty tables, and the Worker with these variables.
    pub(crate) async fn start(vars: &[(&'static str, &str)]) -> Site {
        let local = Local::builder().named_init_sql("schema", SCHEMA).start().await.unwrap();
        let network = Cutter::intact(local.port()).await;
        let folder = tempfile::tempdir().unwrap();
        let vars = vars.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let mut site = Site { local, network, workerd: None, folder, vars };
        site.start_workerd().await;
        let statements: Vec<String> = statements(TABLES);
        site.d1_batch(&statements.iter().map(|sql| json!({ "sql": sql })).collect::<Vec<_>>()).await;
        site
    }

    /// Starts workerd on the files of D1, as they are.
    pub(crate) async fn start_workerd(&mut self) {
        let mut bindings = self.local.bindings();
        bindings.iter_mut().find(|(name, _)| *name == "DSQL_ENDPOINT").unwrap().1 = self.network.endpoint();
        bindings.extend(self.vars.clone());
        let folder: PathBuf = self.folder.path().into();
        let d1 = Some(D1 { binding: "DB", folder: &folder, front: FRONT });
        let extras = Extras { d1, ..Extras::default() };
        let bundle = workerd::edge_cache_example().await;
        self.workerd = Some(Workerd::start_with(bundle, self.local.ca_pem(), &bindings, &extras).await);
    }

    /// Kills workerd, and starts it again.
    pub(crate) async fn kill(&mut self) {
        self.workerd.take().unwrap().stop().await;
        self.start_workerd().await;
    }

    pub(crate) async fn stop(self) {
        self.workerd.unwrap().stop().await;
        self.local.stop().await.unwrap();
    }

    pub(crate) fn workerd(&self) -> &Workerd {
        self.workerd.as_ref().unwrap()
    }

    /// Sets the plan for the next run, and forgets the report of the last one.
    pub(crate) async fn plan(&self, plan: Value) {
        self.workerd().post("/plan", &plan.to_string()).await;
    }

    pub(crate) async fn report(&self) -> Report {
        let report: Value = serde_json::from_str(&self.workerd().get("/report").await.body).unwrap();
        let batches = report["batches"].as_array().unwrap();
        Report {
            batches: batches.iter().map(|count| count.as_u64().unwrap().try_into().unwrap()).collect(),
            broke: report["broke"].as_bool().unwrap(),
            holds: report["holds"].as_bool().unwrap(),
            observed: report["observed"].as_array().unwrap().clone(),
        }
    }

    /// Runs the cron trigger, and returns its line in the log.
    pub(crate) async fn run(&self) -> String {
        let before = self.workerd().log().len();
        self.begin().await.unwrap();
        for _ in 0..2000 {
            let log = self.workerd().log();
            if let Some((_, line)) = log[before..].split_once("edge-cache: ")
                && let Some((line, _)) = line.split_once('\n')
            {
                return line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the run wrote nothing to the log: {}", self.workerd().log());
    }

    /// Begins a run. The request fails if workerd is killed during the run, and this error is ignored.
    pub(crate) fn begin(&self) -> JoinHandle<()> {
        let url = format!("http://127.0.0.1:{}/scheduled", self.workerd().port());
        tokio::task::spawn_blocking(move || drop(ureq::post(url).send("")))
    }

    /// Waits until a run is held at the batch that the plan specifies. Returns false if the run has ended.
    pub(crate) async fn is_held(&self, running: &JoinHandle<()>) -> bool {
        while !running.is_finished() {
            if self.report().await.holds {
                return true;
            }
        }
        self.report().await.holds
    }

    /// Runs the cron trigger until D1 is up to date, and returns the number of runs.
    pub(crate) async fn run_to_the_end(&self) -> usize {
        self.plan(json!({})).await;
        for runs in 1..100 {
            match self.run().await.as_str() {
                "D1 is up to date" => return runs,
                "the next run continues" => {}
                other => panic!("{other}\n{}", self.workerd().log()),
            }
        }
        panic!("100 runs did not reach the end\n{}", self.workerd().log());
    }

    /// Lets the lease's time pass.
    pub(crate) async fn expire_lease(&self) {
        self.d1("UPDATE lease SET expires_at = 0").await;
    }

    /// Runs one statement in D1, and returns its rows.
    pub(crate) async fn d1(&self, sql: &str) -> Vec<Value> {
        let answers = self.d1_batch(&[json!({ "sql": sql })]).await;
        answers[0]["results"].as_array().unwrap().clone()
    }

    async fn d1_batch(&self, statements: &[Value]) -> Value {
        let answer = self.workerd().post("/d1", &json!(statements).to_string()).await;
        let value: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(value.is_array(), "{value}");
        value
    }

    /// All rows of D1, except the lease.
    pub(crate) async fn dump(&self) -> Vec<(&'static str, Vec<Value>)> {
        let mut tables = Vec::new();
        for table in CHANGED {
            tables.push((table, self.d1(&format!("SELECT * FROM {table}")).await));
        }
        tables
    }

    /// Restores the rows of D1 as they were, and frees the lease.
    pub(crate) async fn restore(&self, tables: &[(&'static str, Vec<Value>)]) {
        let mut batch = vec![json!({ "sql": "UPDATE lease SET expires_at = 0" })];
        for (table, rows) in tables {
            batch.push(json!({ "sql": format!("DELETE FROM {table}") }));
            let Some(Value::Object(first)) = rows.first() else { continue };
            let columns: Vec<&str> = first.keys().map(String::as_str).collect();
            let values: Vec<String> = columns.iter().map(|column| format!("value ->> '{column}'")).collect();
            let (columns, values) = (columns.join(", "), values.join(", "));
            let sql = format!("INSERT INTO {table} ({columns}) SELECT {values} FROM json_each(?1)");
            batch.push(json!({ "sql": sql, "params": [json!(rows).to_string()] }));
        }
        self.d1_batch(&batch).await;
    }

    /// Runs SQL in the database of dsql-local, without DSQL's rules.
    pub(crate) async fn dsql(&self, sql: &str) {
        self.local.run_sql("test", sql).await.unwrap();
    }

    /// The products that DSQL has.
    pub(crate) async fn products(&self) -> Vec<Value> {
        self.dsql_json(
            "SELECT coalesce(json_agg(json_build_object('id', id, 'category_id', category_id, 'name', name,
                'price_cents', price_cents, 'version', version) ORDER BY id), '[]')::text
            FROM product WHERE deleted_at IS NULL",
        )
        .await
    }

    /// The array of JSON that a query of DSQL returns.
    pub(crate) async fn dsql_json(&self, sql: &str) -> Vec<Value> {
        let (client, connection) =
            tokio_postgres::connect(&self.local.postgres_url(), tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let text: String = client.query_one(sql, &[]).await.unwrap().get(0);
        drop(client);
        connection.await.unwrap().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The ranking that DSQL computes now.
    pub(crate) async fn ranking(&self) -> Value {
        self.json("/direct/ranking").await["ranking"].take()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = self.workerd().get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}\n{}", answer.body, self.workerd().log());
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Compares all of D1 with DSQL.
    pub(crate) async fn compare(&self) -> Difference {
        let (expected, found) = (self.products().await, self.rows_of_d1().await);
        let mut difference = Difference::between(&expected, &found);
        let (expected, found) = (self.ranking().await, self.json("/ranking").await["ranking"].take());
        let places = |value: &Value| value.as_array().unwrap().clone();
        difference.add(&Difference::between(&places(&expected), &places(&found)));
        difference
    }

    /// The products that D1 has.
    pub(crate) async fn rows_of_d1(&self) -> Vec<Value> {
        let (mut rows, mut after) = (Vec::new(), String::new());
        loop {
            // An answer may have 10 MB.
            let page = self
                .d1(&format!(
                    "SELECT id, category_id, name, price_cents, version FROM product
                     WHERE id > '{after}' ORDER BY id LIMIT 20000"
                ))
                .await;
            let Some(last) = page.last() else { return rows };
            last["id"].as_str().unwrap().clone_into(&mut after);
            rows.extend(page);
        }
    }
}

/// The records of the front (`front.js`, the Worker in front of D1) since the last plan.
pub(crate) struct Report {
    /// The number of statements of each batch.
    pub(crate) batches: Vec<usize>,
    pub(crate) broke: bool,
    pub(crate) holds: bool,
    pub(crate) observed: Vec<Value>,
}

/// Rows that are in one database only, or twice.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Rows of DSQL that D1 does not have.
    pub(crate) lost: usize,
    /// Rows that D1 has more than once.
    pub(crate) doubled: usize,
    /// Rows of D1 that DSQL does not have.
    pub(crate) wrong: usize,
}

impl Difference {
    pub(crate) const NONE: Difference = Difference { lost: 0, doubled: 0, wrong: 0 };

    fn between(expected: &[Value], found: &[Value]) -> Difference {
        let texts = |rows: &[Value]| {
            let mut texts: Vec<String> = rows.iter().map(Value::to_string).collect();
            texts.sort();
            texts
        };
        let (expected, mut found) = (texts(expected), texts(found));
        let all = found.len();
        found.dedup();
        let doubled = all - found.len();
        let lost = expected.iter().filter(|row| found.binary_search(row).is_err()).count();
        let wrong = found.iter().filter(|row| expected.binary_search(row).is_err()).count();
        Difference { lost, doubled, wrong }
    }

    pub(crate) fn add(&mut self, other: &Difference) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.wrong += other.wrong;
    }
}

/// The statements of a migration. A statement ends with a semicolon at the end of a line that is not indented, or with
/// `END;`.
fn statements(sql: &str) -> Vec<String> {
    let (mut statements, mut statement) = (Vec::new(), String::new());
    for line in sql.lines().filter(|line| !line.starts_with("--")) {
        statement.push_str(line);
        statement.push('\n');
        if line.ends_with(';') && !line.starts_with(' ') {
            statements.push(std::mem::take(&mut statement));
        }
    }
    statements
}
