use dsql_edge::{Dsql, Error, sql};

async fn run(dsql: &Dsql) -> Result<(), Error> {
    sql!("UPDATE users SET email = NULL WHERE name = 'x'").fetch_all(dsql).await?;
    sql!("SELECT id, name FROM users").fetch_value(dsql).await?;
    Ok(())
}

fn main() {}
