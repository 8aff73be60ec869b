//! An INSERT that could succeed twice is rejected as an idempotency key, but can still be executed as a command.

use dsql_edge::{Dsql, Error, KeyInsert, sql, types::Uuid};

sql! {
    pub fn done(id) = "INSERT INTO users (id, name) VALUES ($id, 'done')";

    pub fn made_up(name) = "INSERT INTO users (id, name) VALUES (gen_random_uuid(), $name)";
}

async fn once(dsql: &Dsql, id: Uuid) -> Result<(), Error> {
    // These statements are accepted as keys.
    let key: KeyInsert = sql!("INSERT INTO users (id, name) VALUES ($id, 'done') ON CONFLICT (id) DO NOTHING");
    dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key(key).await?;
    dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key(done(id)).await?;
    done(id).execute(dsql).await?;
    dsql.pipeline((done(id), sql!("SELECT count(*) FROM users").value())).await?;
    dsql.pipeline(vec![done(id).into(), made_up("Ada")]).await?;
    let key = sql!("INSERT INTO bookings (seat, request) VALUES ($id, $id) ON CONFLICT (request) DO NOTHING");
    dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key(key).await?;
    // These statements are rejected as keys.
    dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key(made_up("Ada")).await?;
    dsql.transaction(async |_| Ok::<_, Error>(()))
        .idempotency_key(sql!("UPDATE users SET name = 'done' WHERE id = $id"))
        .await?;
    // These values are not statements.
    dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key(id).await?;
    dsql.transaction(async |_| Ok::<_, Error>(())).idempotency_key("order 7").await?;
    // A second run may violate the index of `seat` first.
    dsql.transaction(async |_| Ok::<_, Error>(()))
        .idempotency_key(sql!("INSERT INTO bookings (seat, request) VALUES ($id, $id)"))
        .await?;
    Ok(())
}

fn main() {
    let _ = once;
}
