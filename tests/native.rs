//! Tests the client outside Workers, over tokio and rustls, with a real PostgreSQL 16 behind dsql-local: sending and
//! receiving each type, values that are rejected, and the reuse of connections.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::time::Duration;

use dsql_edge::dynamic::Sql;
use dsql_edge::private::{Arguments, ColumnDesc, DataRow, Effect, Query, SessionEffect, Statement};
use dsql_edge::types::sql::{Array, SqlType};
use dsql_edge::types::{
    Column, DateTime, Decimal, Interval, JsonValue, NaiveDate, NaiveDateTime, NaiveTime, NotNull, Nullable,
    Numeric, Param, PgDate, PgTime, PgTimestamp, TimeTz, Utc, Uuid, sql,
};
use dsql_edge::{Config, Dsql, Error};
use dsql_edge_local::Local;

fn config(local: &Local) -> Config {
    let bindings = local.bindings();
    let lookup =
        |name: &str| bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    Config::from_bindings("", lookup).unwrap().extra_ca(local.ca_pem())
}

/// Makes the statement that `sql!` would generate for this text.
fn statement(
    sql: String,
    params: &[u32],
    columns: &[(&'static str, u32, &'static str)],
) -> &'static Statement {
    let described: Vec<ColumnDesc> =
        columns.iter().map(|&(name, type_oid, type_name)| ColumnDesc { name, type_oid, type_name }).collect();
    Box::leak(Box::new(Statement {
        sql: sql.leak(),
        name: "",
        file: file!(),
        line: line!(),
        column: column!(),
        params: params.to_vec().leak(),
        columns: described.leak(),
        // Of the types in these tests, only inet has no decoder: its values are requested as text.
        formats: columns.iter().map(|column| i16::from(column.2 != "inet")).collect::<Vec<_>>().leak(),
        effect: Effect::Read,
        session: SessionEffect::Keeps,
        tables: &[],
        search_path: "",
    }))
}

/// The type's name in SQL: quoted, so that `"char"` is not `character`.
fn in_sql<S: SqlType>() -> String {
    match S::NAME.strip_suffix("[]") {
        Some(element) => format!("\"{element}\"[]"),
        None => format!("\"{}\"", S::NAME),
    }
}

fn value<S: SqlType, T: Column<S, NotNull>>(row: &DataRow<'_>) -> Result<T, Error> {
    row.column::<S, NotNull, T>(0)
}

/// Returns the value that the client decodes from the answer to a literal of the type `S`.
async fn literal<S: SqlType, T: Column<S, NotNull> + Send + 'static>(
    dsql: &Dsql,
    literal: &str,
) -> Result<T, Error> {
    let sql = format!("SELECT '{literal}'::{} AS v", in_sql::<S>());
    let statement = statement(sql, &[], &[("v", S::OID, S::NAME)]);
    Query::new(statement, Arguments::with_capacity(0), value::<S, T>).fetch_one(dsql).await
}

/// Sends each value, receives it back, and returns PostgreSQL's text for each value.
async fn echo<S: SqlType, T>(dsql: &Dsql, values: &[T]) -> Vec<String>
where
    T: Param<S, NotNull> + Column<S, NotNull> + PartialEq + Debug + Send + 'static,
{
    fn both<S: SqlType, T: Column<S, NotNull>>(row: &DataRow<'_>) -> Result<(T, String), Error> {
        Ok((value::<S, T>(row)?, row.column::<sql::Text, NotNull, String>(1)?))
    }
    let name = in_sql::<S>();
    let statement = statement(
        format!("SELECT $1::{name} AS v, $1::{name}::text AS t"),
        &[S::OID],
        &[("v", S::OID, S::NAME), ("t", 25, "text")],
    );
    let mut texts = Vec::new();
    for sent in values {
        let mut arguments = Arguments::with_capacity(1);
        arguments.bind::<S, NotNull, _>(sent);
        let (back, text) = Query::new(statement, arguments, both::<S, T>).fetch_one(dsql).await.unwrap();
        assert_eq!(back, *sent, "{name}");
        texts.push(text);
    }
    texts
}

/// Like [`echo`], and compares PostgreSQL's text with the type's own `Display`.
async fn echo_and_show<S: SqlType, T>(dsql: &Dsql, values: &[T])
where
    T: Param<S, NotNull> + Column<S, NotNull> + PartialEq + Debug + Display + Send + 'static,
{
    let shown: Vec<String> = values.iter().map(T::to_string).collect();
    assert_eq!(echo::<S, T>(dsql, values).await, shown);
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn every_type_goes_there_and_back() {
    let local = Local::builder().start().await.unwrap();
    let dsql = &Dsql::new(config(&local));

    echo_and_show::<sql::Bool, bool>(dsql, &[true, false]).await;
    echo_and_show::<sql::Int2, i16>(dsql, &[i16::MIN, 0, i16::MAX]).await;
    echo_and_show::<sql::Int4, i32>(dsql, &[i32::MIN, 0, i32::MAX]).await;
    echo_and_show::<sql::Int8, i64>(dsql, &[i64::MIN, 0, i64::MAX]).await;
    echo::<sql::Float4, f32>(dsql, &[1.5, f32::INFINITY, f32::MIN_POSITIVE, -0.0]).await;
    echo::<sql::Float8, f64>(dsql, &[1.5, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE]).await;
    let decimals = ["1.50", "-0.000001", "79228162514264337593543950335", "0", "0.00", "-12345678.9"];
    echo_and_show::<sql::Numeric, Decimal>(dsql, &decimals.map(|text| text.parse().unwrap())).await;
    let numerics =
        ["1e131071", "NaN", "Infinity", "-Infinity", "0.0000", "100000", "1e-20", "1e-16383", "-9999.99990"];
    echo_and_show::<sql::Numeric, Numeric>(dsql, &numerics.map(|text| text.parse().unwrap())).await;
    let texts = ["", "日本語", "a'b\"\\ \n"].map(str::to_owned);
    echo_and_show::<sql::Text, String>(dsql, &texts).await;
    echo_and_show::<sql::Varchar, String>(dsql, &texts).await;
    echo_and_show::<sql::Name, String>(dsql, &texts).await;
    // The trailing blanks of a bpchar are not part of its text, but they are sent and received.
    echo::<sql::Bpchar, String>(dsql, &["x  ".to_owned()]).await;
    echo_and_show::<sql::Char, String>(dsql, &["".to_owned(), "x".to_owned()]).await;
    assert_eq!(echo::<sql::Bytea, Vec<u8>>(dsql, &[vec![], vec![0, 255]]).await, ["\\x", "\\x00ff"]);
    echo_and_show::<sql::Uuid, Uuid>(dsql, &[Uuid::nil(), Uuid::from_u128(0x1234_5678)]).await;
    echo_and_show::<sql::Date, NaiveDate>(dsql, &[time("2026-11-21T00:00:00Z").date_naive()]).await;
    echo_and_show::<sql::Date, PgDate>(dsql, &[PgDate::INFINITY, PgDate::NEG_INFINITY, PgDate { days: 0 }])
        .await;
    echo::<sql::Time, NaiveTime>(dsql, &[time("2000-01-01T23:59:59.999999Z").time()]).await;
    let midnight = PgTime { microseconds: 86_400_000_000 };
    echo_and_show::<sql::Time, PgTime>(dsql, &[midnight, PgTime { microseconds: 1 }]).await;
    let time_tz = |utc_offset| TimeTz { time: midnight, utc_offset };
    echo_and_show::<sql::Timetz, TimeTz>(dsql, &[time_tz(-12_600), time_tz(0), time_tz(32_401)]).await;
    echo::<sql::Timestamp, NaiveDateTime>(dsql, &[time("2026-11-21T01:02:03.456789Z").naive_utc()]).await;
    echo::<sql::Timestamptz, DateTime<Utc>>(dsql, &[time("1969-12-31T23:59:59.999999Z")]).await;
    let timestamps = [PgTimestamp::INFINITY, PgTimestamp::NEG_INFINITY, PgTimestamp { microseconds: -1 }];
    echo_and_show::<sql::Timestamp, PgTimestamp>(dsql, &timestamps).await;
    echo::<sql::Timestamptz, PgTimestamp>(dsql, &timestamps).await;
    let interval = |months, days, microseconds| Interval { months, days, microseconds };
    let intervals =
        [interval(0, 0, 0), interval(14, -3, 14_706_500_000), interval(i32::MIN, i32::MIN, i64::MIN)];
    echo_and_show::<sql::Interval, Interval>(dsql, &intervals).await;
    let json: JsonValue = r#"{"題":[1,null,"\"x\""]}"#.parse().unwrap();
    echo_and_show::<sql::Json, JsonValue>(dsql, std::slice::from_ref(&json)).await;
    echo::<sql::Jsonb, JsonValue>(dsql, &[json]).await;
    echo_and_show::<sql::Oid, u32>(dsql, &[0, u32::MAX]).await;
    let numbers = [vec![], vec![Some(1), None, Some(-1)]];
    assert_eq!(echo::<Array<sql::Int4>, Vec<Option<i32>>>(dsql, &numbers).await, ["{}", "{1,NULL,-1}"]);
    assert_eq!(
        echo::<Array<sql::Text>, Vec<String>>(dsql, &[vec!["".into(), "日".into()]]).await,
        ["{\"\",日}"]
    );
    echo::<Array<sql::Numeric>, Vec<Decimal>>(dsql, &[vec![Decimal::ONE, Decimal::ZERO]]).await;
    echo::<Array<sql::Uuid>, Vec<Uuid>>(dsql, &[vec![Uuid::nil()]]).await;
    echo::<Array<sql::Timestamptz>, Vec<DateTime<Utc>>>(dsql, &[vec![time("2026-11-21T01:02:03Z")]]).await;

    literal::<sql::Void, ()>(dsql, "").await.unwrap();
    local.stop().await.unwrap();
}

#[tokio::test]
async fn value_out_of_range_names_the_type_to_use() {
    let local = Local::builder().start().await.unwrap();
    let dsql = &Dsql::new(config(&local));
    let refused: Vec<(Result<(), Error>, &str)> = vec![
        (literal::<sql::Date, NaiveDate>(dsql, "infinity").await.map(drop), "PgDate"),
        (literal::<sql::Date, NaiveDate>(dsql, "5874897-12-31").await.map(drop), "PgDate"),
        (literal::<sql::Time, NaiveTime>(dsql, "24:00").await.map(drop), "PgTime"),
        (literal::<sql::Timestamp, NaiveDateTime>(dsql, "-infinity").await.map(drop), "PgTimestamp"),
        (literal::<sql::Timestamptz, DateTime<Utc>>(dsql, "infinity").await.map(drop), "PgTimestamp"),
        (literal::<sql::Numeric, Decimal>(dsql, "NaN").await.map(drop), "Numeric"),
        (literal::<sql::Numeric, Decimal>(dsql, "1e32").await.map(drop), "Numeric"),
        (
            literal::<sql::Numeric, Decimal>(dsql, "0.1234567890123456789012345678901").await.map(drop),
            "Numeric",
        ),
        (literal::<Array<sql::Int4>, Vec<i32>>(dsql, "{1,NULL}").await.map(drop), "Option"),
        (literal::<Array<sql::Int4>, Vec<i32>>(dsql, "{{1},{2}}").await.map(drop), "dimension"),
    ];
    for (result, word) in refused {
        let error = result.unwrap_err();
        assert!(error.is_conversion() && error.column() == Some("v"), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    // A type without a decoder is received as text; a domain is received as its base type.
    let text = statement("SELECT '1.2.3.4'::inet AS v".to_owned(), &[], &[("v", 869, "inet")]);
    let text = Query::new(text, Arguments::with_capacity(0), value::<sql::Unknown, String>);
    assert_eq!(text.fetch_one(dsql).await.unwrap(), "1.2.3.4");
    local.run_sql("test", "CREATE DOMAIN positive AS int4 CHECK (VALUE > 0)").await.unwrap();
    for oid in [0, 23] {
        let domain = statement("SELECT $1::positive AS v".to_owned(), &[0], &[("v", oid, "positive")]);
        let mut arguments = Arguments::with_capacity(1);
        arguments.bind::<sql::Int4, NotNull, _>(&7);
        assert_eq!(Query::new(domain, arguments, value::<sql::Int4, i32>).fetch_one(dsql).await.unwrap(), 7);
    }
    local.stop().await.unwrap();
}

/// A generator that returns the same numbers in each run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number of any magnitude, usually small.
    fn any(&mut self) -> i64 {
        let shift = self.next() % 64;
        self.next().cast_signed() >> shift
    }
}

/// Checks, for many values in one query, that `Display` writes the same text as PostgreSQL.
async fn shown_alike<S: SqlType, T>(dsql: &Dsql, values: &[T])
where
    T: Param<S, Nullable> + Display,
{
    let sql = format!("SELECT array(SELECT x::text FROM unnest($1::{}[]) x) AS v", in_sql::<S>());
    let statement = statement(sql, &[S::ARRAY_OID], &[("v", 1009, "_text")]);
    let mut arguments = Arguments::with_capacity(1);
    arguments.bind::<Array<S>, NotNull, _>(values);
    let texts = Query::new(statement, arguments, value::<Array<sql::Text>, Vec<String>>)
        .fetch_one(dsql)
        .await
        .unwrap();
    assert_eq!(texts, values.iter().map(T::to_string).collect::<Vec<_>>());
}

#[tokio::test]
async fn values_show_as_postgresql_shows_them() {
    let local = Local::builder().start().await.unwrap();
    let dsql = &Dsql::new(config(&local));
    let mut numbers = Numbers(1);
    let mut many = || (0..500).map(|_| numbers.any()).collect::<Vec<i64>>();
    let small = |number: i64| i32::try_from(number % (1 << 31)).unwrap();

    // PostgreSQL's years are 4713 BC to 5874897 AD for dates, and 4713 BC to 294276 AD for timestamps.
    let dates: Vec<_> =
        many().iter().map(|n| PgDate { days: small(*n).clamp(-2_451_545, 2_145_031_948) }).collect();
    shown_alike::<sql::Date, _>(dsql, &dates).await;
    let timestamps: Vec<_> = many()
        .iter()
        .map(|n| PgTimestamp {
            microseconds: (*n).clamp(-211_813_488_000_000_000, 9_223_371_331_199_999_999),
        })
        .collect();
    shown_alike::<sql::Timestamp, _>(dsql, &timestamps).await;
    let times: Vec<_> = many()
        .iter()
        .map(|n| TimeTz {
            time: PgTime { microseconds: n.rem_euclid(86_400_000_001) },
            utc_offset: small(n / 7) % 57_600,
        })
        .collect();
    shown_alike::<sql::Timetz, _>(dsql, &times).await;
    let intervals: Vec<_> = many()
        .chunks_exact(3)
        .map(|part| Interval { months: small(part[0]), days: small(part[1]), microseconds: part[2] })
        .collect();
    shown_alike::<sql::Interval, _>(dsql, &intervals).await;
    let numerics: Vec<Numeric> = many()
        .chunks_exact(2)
        .map(|part| {
            let (exponent, digits) = (part[1].rem_euclid(60) - 30, part[0]);
            format!("{digits}{:09}e{exponent}", part[1].unsigned_abs() % 1_000_000_000).parse().unwrap()
        })
        .collect();
    shown_alike::<sql::Numeric, _>(dsql, &numerics).await;
    local.stop().await.unwrap();
}

fn pid() -> Query<i32> {
    let sql = "SELECT pg_backend_pid() AS v FROM pg_sleep(0.2)".to_owned();
    Query::new(
        statement(sql, &[], &[("v", 23, "int4")]),
        Arguments::with_capacity(0),
        value::<sql::Int4, i32>,
    )
}

#[tokio::test]
async fn connections_are_kept_shared_and_closed() {
    // DSQL does not report the process of a connection. In this test, PostgreSQL reports the process of a connection,
    // so the process id distinguishes connections.
    let local = Local::builder().rules(false).start().await.unwrap();
    let dsql = Dsql::new(config(&local).application_name("given-back"));

    assert_eq!(pid().fetch_one(&dsql).await.unwrap(), pid().fetch_one(&dsql).await.unwrap());
    let run = || pid().fetch_one(&dsql);
    let (a, b, c, d, e) = tokio::join!(run(), run(), run(), run(), run());
    let used: BTreeSet<i32> = [a, b, c, d, e].into_iter().map(Result::unwrap).collect();
    assert_eq!(used.len(), 3, "three connections serve five queries");

    let mut session = dsql.session();
    let own = pid().fetch_one(&mut session).await.unwrap();
    assert!(!used.contains(&own));
    assert_eq!(pid().fetch_one(&mut session).await.unwrap(), own);

    // A dropped query closes its connection; the next query gets another connection.
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_millis(20), pid().fetch_one(&dsql)).await;
        assert!(given_up.is_err());
    }
    assert!(!used.contains(&pid().fetch_one(&dsql).await.unwrap()));

    drop((dsql, session));
    let watcher = Dsql::new(config(&local));
    let sql =
        "SELECT count(*)::int4 AS v FROM pg_stat_activity WHERE application_name = 'given-back'".to_owned();
    let open = statement(sql, &[], &[("v", 23, "int4")]);
    let mut left = i32::MAX;
    for _ in 0..100 {
        left = Query::new(open, Arguments::with_capacity(0), value::<sql::Int4, i32>)
            .fetch_one(&watcher)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(left, 0, "sessions stay open at the server");
    local.stop().await.unwrap();
}

#[tokio::test]
async fn unknown_authority_is_rejected_and_unpipelined_login_works() {
    let local = Local::builder().rules(false).start().await.unwrap();
    let other = Local::builder().start().await.unwrap();
    let distrusted = Dsql::new(config(&local).extra_ca(other.ca_pem()));
    let error = pid().fetch_one(&distrusted).await.unwrap_err();
    assert!(error.is_connect() && error.to_string().contains("certificate"), "{error}");

    let keys = local.credentials();
    let credentials = dsql_edge::Credentials::new(keys.access_key_id(), keys.secret_access_key());
    let careful =
        Config::dangerous_endpoint("localhost", local.port(), "localhost", local.region(), credentials);
    let careful = Dsql::new(careful.unwrap().extra_ca(local.ca_pem()));
    assert!(pid().fetch_one(&careful).await.is_ok());
    other.stop().await.unwrap();
    local.stop().await.unwrap();
}

/// Sends and receives text; the server determines the types.
#[tokio::test]
async fn dynamic_sql_sends_and_returns_text() {
    let local = Local::builder().start().await.unwrap();
    let dsql = Dsql::new(config(&local));
    let sql = Sql::reading("SELECT $1::int4 + 1, $2::date, $3::text, 1.50, true, ARRAY['a', NULL]");
    for number in [1, 2] {
        let (number, next) = (number.to_string(), (number + 1).to_string());
        let rows = sql.query(&[Some(&number), Some("2026-11-28"), None]).fetch_all(&dsql).await.unwrap();
        let expected =
            [Some(next.as_str()), Some("2026-11-28"), None, Some("1.50"), Some("t"), Some("{a,NULL}")];
        let values: Vec<Option<&str>> = (0..6).map(|column| rows[0].value(column)).collect();
        assert_eq!((rows.len(), &values[..]), (1, &expected[..]));
        assert_eq!(rows[0].value(6), None);
    }
    Sql::writing("CREATE TABLE t (id int PRIMARY KEY)").command(&[]).execute(&dsql).await.unwrap();
    let insert = Sql::writing("INSERT INTO t VALUES ($1)").at("seed.sql", 3);
    assert_eq!(insert.command(&[Some("1")]).execute(&dsql).await.unwrap(), 1);
    let error = insert.command(&[Some("1")]).execute(&dsql).await.unwrap_err();
    assert!(error.is_unique_violation() && error.to_string().contains("seed.sql:3"), "{error}");
    let error = insert.command(&[Some("one")]).execute(&dsql).await.unwrap_err();
    assert!(error.is_database() && !error.to_string().contains("one"), "{error}");
    local.stop().await.unwrap();
}
