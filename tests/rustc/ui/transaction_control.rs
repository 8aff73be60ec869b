//! Only the runtime sends transaction control.

use dsql_edge::{sql, sql_unchecked};

sql! {
    pub fn give_up() = "ROLLBACK";
}

fn main() {
    let _ = sql!("COMMIT");
    let _ = sql!("SET LOCAL transaction_read_only = off");
    let _ = sql_unchecked!("BEGIN");
    let _ = sql_unchecked!("SAVEPOINT here");
    let _ = sql_unchecked!("DO 'BEGIN COMMIT; END'");
}
