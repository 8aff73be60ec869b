use dsql_edge::sql;

fn main() {
    let _ = sql!("SELECT title FROM posts WHERE views > $1", 10, 20);
    let _ = sql!("SELECT title FROM posts WHERE views > $minimum", minimum = 10, maximum = 20);
    let _ = sql!("SELECT title FROM posts", 10);
    let minimum = 10;
    let _ = sql!("SELECT title FROM posts WHERE views > $minimum AND title = $1", "x");
    let _ = sql!("SELECT title FROM posts WHERE views > $minimum", minimum = 10, minimum = 20);
    let _ = dsql_edge::sql_unchecked!("SELECT $a, $b", a = 1, b = 2, a = 3);
}
