// A newtype fits only the SQL types that its field fits.

use dsql_edge::sql;
use dsql_edge::types::Uuid;

#[derive(dsql_edge::Type)]
struct UserId(Uuid);

fn main() {
    let _ = sql!(r#"SELECT id AS "id: UserId", name AS "name: UserId" FROM users"#);
}
