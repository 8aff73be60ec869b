// A literal that a column never has is an error where it is written, and a warning where it is compared.
#![deny(warnings)]

use dsql_edge::sql;

fn main() {
    let _ = sql!("UPDATE orders SET status = 'drfat' WHERE id = $id", id = dsql_edge::types::Uuid::nil());
    let _ = sql!("SELECT id FROM orders WHERE status = 'drfat'");
    let _ = sql!(#[allow(excluded_value)] "SELECT id FROM orders WHERE status = 'drfat'");
}
