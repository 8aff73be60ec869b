use dsql_edge::sql;

fn main() {
    let email: Option<String> = None;
    let _ = sql!("SELECT name FROM users WHERE email = $email");
    let name: Option<&str> = None;
    let _ = sql!("UPDATE users SET name = $name WHERE true");
    // Here NULL has a meaning.
    let _ = sql!("UPDATE users SET name = coalesce($name, name) WHERE true");
    let _ = sql!("UPDATE users SET email = $email WHERE name = 'x'");
    let _ = sql!("SELECT name FROM users WHERE email IS NOT DISTINCT FROM $email");
}
