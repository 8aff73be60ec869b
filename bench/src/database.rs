//! Configures the local DSQL, and connects to its PostgreSQL to read the rows that the clients have written.

use std::fs;

use dsql_edge_local::{Builder, Local};
use tokio_postgres::{Client, NoTls};
use xtask::{peers, setup};

/// A connection to PostgreSQL as the superuser, which bypasses the rules of DSQL.
pub struct Database(Client);

/// The options of a local DSQL with the tables and the rows of the cases.
pub fn local() -> Builder {
    let text = |name: &str| fs::read_to_string(peers::folder().join(name)).unwrap();
    setup::runtime().unwrap();
    let builder = Local::builder().postgres_bin(setup::postgres().unwrap());
    builder.named_init_sql("tables", text("schema.sql")).named_init_sql("rows", text("rows.sql"))
}

impl Database {
    /// Connects to the PostgreSQL of a local DSQL.
    pub async fn connect(local: &Local) -> Database {
        let (client, connection) = tokio_postgres::connect(&local.postgres_url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client.execute("ANALYZE", &[]).await.unwrap();
        Database(client)
    }

    /// Returns the number of entries of a run; returns 0 if the note of an entry is not the note that the clients
    /// insert.
    pub async fn entries(&self, run: &str) -> i64 {
        let text = "SELECT count(*) FILTER (WHERE ok) FROM (
            SELECT bool_and(note = 'note ' || n) OVER () AS ok FROM entry WHERE run = $1) AS entries";
        self.number(text, run).await
    }

    /// Returns the number of entries of a run, whatever their notes are.
    pub async fn rows_of(&self, run: &str) -> i64 {
        self.number("SELECT count(*) FROM entry WHERE run = $1", run).await
    }

    async fn number(&self, text: &str, run: &str) -> i64 {
        self.0.query_one(text, &[&run]).await.unwrap().get(0)
    }

    /// Removes all rows that clients have inserted.
    pub async fn remove_entries(&self) {
        self.0.batch_execute("TRUNCATE entry").await.unwrap();
    }

    /// The sum of all balances, and the number of transfers.
    pub async fn accounts(&self) -> (i64, i64) {
        let text = "SELECT (SELECT sum(balance) FROM account), (SELECT count(*) FROM transfer)";
        let row = self.0.query_one(text, &[]).await.unwrap();
        (row.get(0), row.get(1))
    }

    /// The balance of one account.
    pub async fn balance(&self, account: i32) -> i32 {
        self.0.query_one("SELECT balance FROM account WHERE id = $1", &[&account]).await.unwrap().get(0)
    }

    /// PostgreSQL's version.
    pub async fn version(&self) -> String {
        self.0.query_one("SHOW server_version", &[]).await.unwrap().get(0)
    }
}
