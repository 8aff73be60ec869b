//! All mistakes of a query at once, in PostgreSQL's order.

use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT nme, lenght(email) FROM users WHERE id = 5");
}
