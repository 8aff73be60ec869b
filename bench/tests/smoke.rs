//! Each client of `cargo xtask bench peers` gives the right answers, without delay.

use dsql_edge_bench::cases::CASES;
use dsql_edge_bench::database::{self, Database};
use dsql_edge_bench::site::Site;
use dsql_edge_bench::turns;
use xtask::peers::{self, CLIENTS};

#[tokio::test(flavor = "multi_thread")]
async fn each_client_answers_each_case() {
    let local = database::local().start().await.unwrap();
    let database = Database::connect(&local).await;
    let mut numbers = 0;
    for (number, client) in CLIENTS.iter().enumerate() {
        let bundle = peers::packed(client).unwrap();
        let site = Site::start(*client, &bundle, &local, None).await;
        for case in CASES {
            turns::turn(&site, number, &case, &database, &mut numbers).await;
        }
        site.stop().await;
    }
    local.stop().await.unwrap();
}
