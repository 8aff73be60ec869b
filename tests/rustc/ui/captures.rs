use dsql_edge::sql;

struct User {
    name: String,
}

fn main() {
    let user = User { name: String::new() };
    let _ = sql!("SELECT id FROM users WHERE name = $user.name");
    let text = "SELECT 1 AS one";
    let _ = sql!(text);
}
