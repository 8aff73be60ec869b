//! A conflict on every third commit: which client retries, and which client loses a write.
//!
//! Each request inserts a row and changes a balance in one transaction. The requests follow each other, so that no
//! other conflict happens. Afterwards the rows are counted.

use dsql_edge_local::{Fault, Local};
use serde_json::{Value, json};

use crate::database::Database;
use crate::record::{progress, record};
use crate::site::Site;

/// The account of the first client; each client has its own.
const ACCOUNTS: usize = 40;

/// Measures the clients one after another.
pub async fn measure(sites: &[Site], requests: u64, local: &Local, database: &Database) {
    for (client, site) in sites.iter().enumerate() {
        let (run, account) = (format!("conflict-{client}"), ACCOUNTS + client);
        let before = database.balance(i32::try_from(account).unwrap()).await;
        let faults: Vec<Fault> = (1..=requests).map(|n| Fault::Conflict(3 * n)).collect();
        local.set_faults(&faults);
        let (mut answered, mut errors) = (0_u64, Vec::new());
        for n in 0..requests {
            match site.get(&format!("/conflict/{run}/{n}/{account}")).await.success() {
                Ok(Value::Number(_)) => answered += 1,
                Ok(other) => panic!("{}: {other}", site.client.title),
                Err(error) => errors.push(error),
            }
        }
        local.set_faults(&[]);
        let rows = u64::try_from(database.rows_of(&run).await).unwrap();
        let after = database.balance(i32::try_from(account).unwrap()).await;
        assert_eq!(
            u64::from((before - after).unsigned_abs()),
            rows,
            "{}: a torn transaction",
            site.client.title
        );
        record(
            "conflicts",
            json!({
                "client": site.client.name, "requests": requests, "answered": answered,
                "rows": rows, "error": errors.first(),
            }),
        );
    }
    progress(&format!("conflicts: {requests} requests of each client"));
}
