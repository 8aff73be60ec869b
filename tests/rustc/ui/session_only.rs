//! A statement that changes its session runs only on a session.

use dsql_edge::{Dsql, Error, sql};

sql! {
    pub fn in_zone(zone: &str) -> pub Zone = "SELECT set_config('timezone', $zone, false) AS zone";
}

async fn settings(dsql: &Dsql, zones: Vec<String>) -> Result<(), Error> {
    let mut session = dsql.session();
    sql!("SET search_path TO app, public").execute(&mut session).await?;
    in_zone("UTC").fetch_one(&mut session).await?;
    let zone = "UTC";
    sql!("SELECT set_config('timezone', $zone, true) AS zone").fetch_one(dsql).await?;

    sql!("SET search_path TO app, public").execute(dsql).await?;
    in_zone("UTC").fetch_one(dsql).await?;
    dsql.pipeline(sql!("RESET ALL")).await?;
    sql!("SELECT set_config('timezone', $zone, false)", for zone in &zones).execute(&mut session).await?;
    dsql.transaction(async |tx| sql!("SET timezone = 'UTC'").execute(tx).await).await?;
    Ok(())
}

fn main() {
    let _ = settings;
}
