//! Tests values of types that the user defines, and of types that arrive as text: the values are sent to a real
//! PostgreSQL 16 and received from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod shop;

use core::marker::PhantomData;

use dsql_edge::types::{DateTime, Uuid};
use dsql_edge::{sql, sql_unchecked};
use dsql_edge_tests_types::{Code, Id, Location, Mood, OrderId, PointOfSale, Priority, Status};
use shop::shop;

fn order(number: u128) -> OrderId {
    Id(Uuid::from_u128(number), PhantomData)
}

fn location() -> Location {
    Location {
        mood: Some(Mood::SoSo),
        zip: Some(1050),
        street: Some("Kings \"Road\", (north)".to_owned()),
        from: DateTime::from_timestamp(1_700_000_000, 0),
        desk: Some(PointOfSale { floor: 2, desk: None }),
        tags: Some(vec![Some("a,b".to_owned()), None]),
    }
}

#[tokio::test]
async fn derived_types_survive_a_round_trip() {
    let (local, dsql) = shop().await;
    let dsql = &dsql;
    let (id, status, code, mood) = (order(1), Status::InReview, Code::Live, Some(Mood::SoSo));
    let moods = [Some(Mood::Happy), None, Some(Mood::Sad)];
    let (priority, quantity, quantities) = (Priority::High, 7, [Some(1), None, Some(3)]);
    let (address, addresses) = (location(), vec![Some(location()), None]);
    sql!(
        "INSERT INTO orders (id, status, code, mood, moods, priority, quantity, quantities, address, addresses)
         VALUES ($id, $status, $code, $mood, $moods, $priority, $quantity, $quantities, $address, $addresses)"
    )
    .execute(dsql)
    .await
    .unwrap();

    let row = sql!(
        r#"SELECT id, status, code AS "code: Code", mood, moods AS "moods: Vec<Option<Mood>>", priority, quantity,
                  quantities, address AS "address: Location", addresses AS "addresses: Vec<Option<Location>>"
             FROM orders WHERE id = $id"#
    )
    .fetch_one(dsql)
    .await
    .unwrap();
    assert_eq!((row.id, row.status, row.code), (id, status, Some(code)));
    assert_eq!((row.mood, row.moods, row.priority), (mood, moods.to_vec(), priority));
    assert_eq!((row.quantity, row.quantities), (quantity, quantities.to_vec()));
    assert_eq!((row.address, row.addresses), (Some(address), Some(addresses)));

    // PostgreSQL has the same values.
    let shown = sql!(
        r#"SELECT status || code AS "labels!", moods::text AS moods, quantities::text AS quantities,
                  (address).street AS "street!", ((address).desk).floor AS "floor!", (address).tags::text AS "tags!"
             FROM orders"#
    )
    .fetch_one(dsql)
    .await
    .unwrap();
    assert_eq!(shown.labels, "in_reviewlive");
    assert_eq!((shown.moods.as_str(), shown.quantities.as_str()), ("{happy,NULL,sad}", "{1,NULL,3}"));
    assert_eq!(
        (shown.street.as_str(), shown.floor, shown.tags.as_str()),
        ("Kings \"Road\", (north)", 2, "{\"a,b\",NULL}")
    );

    // Without an override, the same columns are text.
    let text = sql!("SELECT mood::text AS name, moods, address, addresses FROM orders")
        .fetch_one(dsql)
        .await
        .unwrap();
    assert_eq!(
        text.address.as_deref(),
        Some(r#"("Kings ""Road"", (north)",1050,"so so","2023-11-14 22:13:20+00","{""a,b"",NULL}","(2,)")"#)
    );
    assert_eq!(text.addresses.unwrap()[0], text.address);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn label_that_the_build_does_not_know_is_a_named_error() {
    let (local, dsql) = shop().await;
    let dsql = &dsql;
    let id = order(1);
    sql!("INSERT INTO orders (id, status, moods, priority, quantity, quantities) VALUES ($id, 'live', '{}', 'low', 1, '{}')")
        .execute(dsql)
        .await
        .unwrap();
    local
        .run_sql(
            "newer",
            "ALTER TYPE mood ADD VALUE 'angry';
             ALTER TABLE orders DROP CONSTRAINT orders_status_check, ALTER status SET DEFAULT 'live'",
        )
        .await
        .unwrap();
    local.run_sql("rows", "UPDATE orders SET status = 'lost', mood = 'angry'").await.unwrap();
    let status = sql!("SELECT status FROM orders").fetch_one(dsql).await.unwrap_err().to_string();
    assert!(status.contains("\"status\"") && status.contains("not a label of `Status`"), "{status}");
    assert!(!status.contains("lost"), "{status}");
    let mood = sql!("SELECT mood FROM orders").fetch_one(dsql).await.unwrap_err().to_string();
    assert!(mood.contains("\"mood\"") && mood.contains("not a label of `Mood`"), "{mood}");
    local.stop().await.unwrap();
}

struct Unchecked {
    id: OrderId,
    status: Status,
    mood: Option<Mood>,
    address: Option<Location>,
}

#[tokio::test]
async fn derived_types_fit_unchecked_queries() {
    let (local, dsql) = shop().await;
    let dsql = &dsql;
    let (id, status, mood, address) = (order(1), Status::Draft, Mood::Sad, location());
    let row = sql_unchecked!(
        Unchecked { id: OrderId, status: Status, mood: Option<Mood>, address: Option<Location> },
        "INSERT INTO orders (id, status, mood, address, moods, priority, quantity, quantities)
         VALUES ($id, $status, $mood, $address, '{}', 'low', 1, '{}') RETURNING id, status, mood, address"
    )
    .fetch_one(dsql)
    .await
    .unwrap();
    assert_eq!((row.id, row.status, row.mood, row.address), (id, status, Some(mood), Some(address)));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn types_without_a_decoder_arrive_as_postgresql_writes_them() {
    let (local, dsql) = shop().await;
    let dsql = &dsql;
    let (ip, net, mac, name, pairs, path) =
        ("10.0.0.1", "10.0.0.0/8", "08:00:2b:01:02:03", "Ada", "\"a\"=>\"b\", \"c\"=>NULL", "top.science");
    let (price, flags, more, words, page) = ("$12.50", "0101", "011", "'fat':2 'rat':3", "<a>b</a>");
    let (during, times, place) =
        ("[1,5)", "{[\"2024-01-01 00:00:00+00\",\"2024-02-01 00:00:00+00\")}", "(1,2)");
    let (ips, names, ranges) = (
        vec![Some("10.0.0.1".to_owned()), None],
        vec![Some("O\"Hara, \\ {}".to_owned()), Some("NULL".to_owned()), Some(String::new())],
        vec![Some("[1,5)".to_owned()), Some("empty".to_owned())],
    );
    let (boxes, desk, desks) =
        ("{(1,1),(0,0);(2,2),(0,0)}", "(3,\"a \"\"b\"\"\")", vec![Some("(3,)".to_owned())]);
    sql!(
        "INSERT INTO texts VALUES (1, $ip, $net, $mac, $name, $pairs, $path, $price, $flags, $more, $words, $page,
                                   $during, $times, $place, $ips, $names, $ranges, $boxes, $desk, $desks)"
    )
    .execute(dsql)
    .await
    .unwrap();
    let row = sql!("SELECT * FROM texts").fetch_one(dsql).await.unwrap();
    let one = |text: &Option<String>| text.clone().unwrap();
    assert_eq!([one(&row.ip), one(&row.net), one(&row.mac)], [ip, net, mac]);
    assert_eq!([one(&row.name), one(&row.pairs), one(&row.path)], [name, pairs, path]);
    assert_eq!([one(&row.price), one(&row.flags), one(&row.more)], [price, flags, more]);
    assert_eq!([one(&row.words), one(&row.page)], [words, page]);
    assert_eq!([one(&row.during), one(&row.times), one(&row.place)], [during, times, place]);
    assert_eq!((row.ips, row.names, row.ranges), (Some(ips), Some(names), Some(ranges)));
    assert_eq!([one(&row.boxes), one(&row.desk)], [boxes, desk]);
    assert_eq!(row.desks, Some(desks));

    // The same types as elements of array parameters, and in a comparison.
    let found = sql!(
        "SELECT id FROM texts WHERE ip = ANY($ips) AND name = ANY($names) AND during = $during",
        ips = &[ip],
        names = &["ADA"]
    )
    .fetch_value(dsql)
    .await
    .unwrap();
    assert_eq!(found, 1);
    local.stop().await.unwrap();
}
