//! Tests types of other packages that implement `FromSql` and `ToSql`: their values are sent to a real PostgreSQL 16
//! and received from it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod shop;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::SystemTime;

use bit_vec::BitVec;
use cidr::{IpCidr, IpInet};
use dsql_edge::sql;
use dsql_edge::types::Pg;
use geo_types::Point;
use postgres_types::{FromSql, ToSql};
use shop::shop;
use time::OffsetDateTime;

type Pairs = HashMap<String, Option<String>>;

/// The enum `mood`, derived by the package `postgres-types`, which cannot compare it with the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, FromSql, ToSql)]
#[postgres(name = "mood", allow_mismatch)]
enum Feeling {
    #[postgres(name = "happy")]
    Happy,
    #[postgres(name = "so so")]
    Soso,
    #[postgres(name = "sad")]
    Sad,
}

/// A newtype of such a type.
#[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
struct Address(Pg<IpInet>);

#[tokio::test]
async fn types_of_other_packages_survive_a_round_trip() {
    let (local, dsql) = shop().await;
    let dsql = &dsql;
    let ip = Address(Pg("10.0.0.1/24".parse().unwrap()));
    let net: Pg<IpCidr> = Pg("10.0.0.0/8".parse().unwrap());
    let pairs: Pg<Pairs> =
        Pg(HashMap::from([("a".to_owned(), Some("b".to_owned())), ("c".to_owned(), None)]));
    let (path, name) = (Pg("top.science".to_owned()), Pg("Ada".to_owned()));
    let flags = Pg(BitVec::from_fn(4, |bit| bit % 2 == 1));
    let place = Pg(Point::new(1.0, 2.0));
    let ips: Pg<Vec<Option<IpAddr>>> = Pg(vec![Some("10.0.0.1".parse().unwrap()), None]);
    let none: Option<Pg<IpCidr>> = None;
    sql!(
        "INSERT INTO texts (id, ip, net, pairs, path, name, flags, place, ips)
         VALUES (1, $ip, $net, $pairs, $path, $name, $flags, $place, $ips), (2, $ip, $none, $pairs, $path, $name, $flags, $place, $ips)"
    )
    .execute(dsql)
    .await
    .unwrap();
    let row = sql!(
        r#"SELECT ip AS "ip: Address", net AS "net: Pg<IpCidr>", pairs AS "pairs: Pg<Pairs>",
                  path AS "path: Pg<String>", name AS "name: Pg<String>", flags AS "flags: Pg<BitVec>",
                  place AS "place: Pg<Point>", ips AS "ips: Pg<Vec<Option<IpAddr>>>", ip AS "text: String"
             FROM texts WHERE id = 1 AND (ip = $ip OR net = $net::cidr)"#
    )
    .fetch_one(dsql)
    .await
    .unwrap();
    assert_eq!((row.ip, row.net, row.pairs), (Some(ip), Some(net), Some(pairs)));
    assert_eq!((row.path, row.name, row.flags), (Some(path), Some(name), Some(flags)));
    assert_eq!((row.place, row.ips, row.text.as_deref()), (Some(place), Some(ips), Some("10.0.0.1/24")));

    let null =
        sql!(r#"SELECT net AS "net: Pg<IpCidr>" FROM texts WHERE id = 2"#).fetch_value(dsql).await.unwrap();
    assert_eq!(null, None);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn types_that_this_crate_decodes_can_be_those_of_other_packages() {
    let (local, dsql) = shop().await;
    let dsql = &dsql;
    let now = Pg(OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap());
    let row = sql!(
        r#"SELECT $now::timestamptz AS "same: Pg<OffsetDateTime>", $now::timestamptz AS "std: Pg<SystemTime>",
                  'sad'::mood AS "mood: Pg<Feeling>", $mood::mood AS "sent: Pg<Feeling>",
                  ARRAY['happy'::mood] AS "moods: Pg<Vec<Feeling>>""#,
        mood = Pg(Feeling::Soso)
    )
    .fetch_one(dsql)
    .await
    .unwrap();
    assert_eq!(row.same, now);
    assert_eq!(row.std.0.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 1_700_000_000);
    assert_eq!((row.mood, row.sent), (Pg(Feeling::Sad), Pg(Feeling::Soso)));
    assert_eq!(row.moods, Pg(vec![Feeling::Happy]));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn a_type_that_does_not_accept_the_column_is_a_named_error() {
    let (local, dsql) = shop().await;
    let dsql = &dsql;
    let wrong =
        sql!(r#"SELECT '10.0.0.1'::inet AS "ip: Pg<i64>""#).fetch_value(dsql).await.unwrap_err().to_string();
    assert!(
        wrong.contains("\"ip: Pg<i64>\"") && wrong.contains("inet does not fit the Rust type i64"),
        "{wrong}"
    );
    let sent = sql!("SELECT $price::money::text", price = Pg(1.0_f64))
        .fetch_value(dsql)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        sent.contains("parameter $price of type money")
            && sent.contains("money does not fit the Rust type f64"),
        "{sent}"
    );
    local.stop().await.unwrap();
}
