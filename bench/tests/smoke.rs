//! Each client of `cargo xtask bench peers` gives the right answers (here without the delaying network), and the
//! network counts the round trips that a client waits for.

use std::time::Duration;

use dsql_edge_bench::cases::CASES;
use dsql_edge_bench::database::{self, Database};
use dsql_edge_bench::site::Site;
use dsql_edge_bench::turns;
use xtask::peers::{self, CLIENTS, OURS};

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

#[tokio::test(flavor = "multi_thread")]
async fn query_on_a_new_connection_takes_four_round_trips() {
    let local = database::local().start().await.unwrap();
    let bundle = peers::packed(&OURS).unwrap();
    let site = Site::start(OURS, &bundle, &local, Some(Duration::from_millis(40))).await;
    for _ in 0..2 {
        site.count();
        site.get("/one").await.success().unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let traffic = site.traffic();
    assert_eq!((traffic.connections, traffic.round_trips), (1, 4));
    site.stop().await;
    local.stop().await.unwrap();
}
