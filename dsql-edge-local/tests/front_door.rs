//! The proxy from the client's side: TLS, tokens, startup parameters, and a session.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod client;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use client::{Dial, dial, message, startup, token};
use dsql_edge_local::iam::{Claims, sign};
use dsql_edge_local::{Credentials, DirectTls, Error, Local};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{NamedGroup, ProtocolVersion};

/// Sends startup, password and one simple query in a single write. Returns the server's messages.
async fn flight(
    tls: &mut TlsStream<TcpStream>,
    startup: &[u8],
    token: &str,
    sql: &str,
) -> Vec<(u8, Vec<u8>)> {
    let password = message(b'p', format!("{token}\0").as_bytes());
    let query = message(b'Q', format!("{sql}\0").as_bytes());
    let goodbye = message(b'X', b"");
    tls.write_all(&[startup, &password, &query, &goodbye].concat()).await.unwrap();
    messages(tls).await
}

/// Reads the messages up to the end of a connection.
async fn messages(stream: &mut (impl AsyncRead + Unpin)) -> Vec<(u8, Vec<u8>)> {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let mut messages = Vec::new();
    let mut rest = answer.as_slice();
    while let Some(head) = rest.first_chunk::<5>() {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        messages.push((head[0], rest[5..=length].to_vec()));
        rest = &rest[length + 1..];
    }
    assert!(rest.is_empty());
    messages
}

/// The SQLSTATE, the message and the HINT of the ErrorResponse that ends a connection.
fn first_error(messages: &[(u8, Vec<u8>)]) -> (String, String, String) {
    let (tag, body) = messages.last().expect("the server sends an error");
    assert_eq!(*tag, b'E', "{messages:?}");
    let field = |code: char| {
        String::from_utf8_lossy(body)
            .split('\0')
            .find_map(|field| field.strip_prefix(code).map(str::to_owned))
            .unwrap_or_default()
    };
    assert_eq!(field('S'), "FATAL");
    (field('C'), field('M'), field('H'))
}

async fn local() -> Local {
    Local::builder()
        .init_sql("CREATE TABLE greeting (id int PRIMARY KEY, words text NOT NULL);")
        .named_init_sql(
            "seed.sql",
            "INSERT INTO greeting VALUES (1, 'こんにちは'); CREATE ROLE reader LOGIN;
             AWS IAM GRANT reader TO 'arn:aws:iam::000000000000:user/dsql-local'",
        )
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn valid_token_opens_a_session_and_others_are_rejected() {
    let local = local().await;
    let good = token(&local, |_| {});
    let mut tls = dial(&local).to(&local).await.unwrap();
    assert_eq!(tls.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(tls.get_ref().1.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519);
    let answer = flight(
        &mut tls,
        &startup("admin", &[("TimeZone", "Asia/Tokyo")]),
        &good,
        "SELECT words FROM greeting",
    )
    .await;
    let tags: String = answer.iter().map(|(tag, _)| char::from(*tag)).filter(|tag| *tag != 'S').collect();
    assert_eq!(tags, "RRKZTDCZ");
    assert_eq!(answer[0].1, [0, 0, 0, 3]);
    assert!(answer.iter().any(|(tag, body)| *tag == b'D' && body.ends_with("こんにちは".as_bytes())));
    assert!(answer.iter().any(|(tag, body)| *tag == b'S' && body == b"TimeZone\0Asia/Tokyo\0"));

    let reader = token(&local, |of| of.action = "DbConnect");
    let elsewhere = token(&local, |of| of.host = "abc.dsql.us-east-1.on.aws".to_owned());
    let expired = token(&local, |of| of.at -= Duration::from_secs(901));
    let future = token(&local, |of| of.at += Duration::from_secs(600));
    let stranger = token(&local, |of| of.keys = Credentials::made_up().unwrap());
    let wrong_secret =
        token(&local, |of| of.keys = Credentials::new(of.keys.access_key_id(), "not-it", None));
    let tampered = good.replace("Expires=900", "Expires=604800");
    let eternal = token(&local, |of| of.expires = Duration::from_secs(604_801));
    let denied = "unable to accept connection, access denied";
    let differs = "The request signature we calculated does not match";
    let invalid = "The security token included in the request is invalid.";
    let (plain, timeout) = (startup("admin", &[]), startup("admin", &[("statement_timeout", "5s")]));
    let (as_reader, as_nobody) = (startup("reader", &[]), startup("nosuch", &[]));
    for (name, packet, token, sqlstate, text, hint) in [
        ("host", &plain, &elsewhere, "08006", denied, differs),
        ("expired", &plain, &expired, "08006", denied, "Signature expired: "),
        ("future", &plain, &future, "08006", denied, "Signature not yet current: "),
        ("key", &plain, &stranger, "08006", denied, invalid),
        ("secret", &plain, &wrong_secret, "08006", denied, differs),
        ("tampered", &plain, &tampered, "08006", denied, differs),
        ("eternal", &plain, &eternal, "08006", denied, "X-Amz-Expires must be less than a week (in seconds)"),
        (
            "action",
            &plain,
            &reader,
            "08006",
            denied,
            "Wrong user to action mapping. user: admin, action: DbConnect",
        ),
        (
            "user",
            &as_reader,
            &good,
            "08006",
            denied,
            "Wrong user to action mapping. user: reader, action: DbConnectAdmin",
        ),
        ("no role", &as_nobody, &reader, "28000", denied, ""),
        ("superuser", &startup("postgres", &[]), &reader, "28000", denied, ""),
        ("malformed", &plain, &"hunter2".to_owned(), "08006", denied, invalid),
        (
            "setting",
            &timeout,
            &good,
            "0A000",
            "setting configuration parameter \"statement_timeout\" not supported",
            "",
        ),
        ("setting, no token", &timeout, &expired, "08006", denied, "Signature expired: "),
    ] {
        let mut tls = dial(&local).to(&local).await.unwrap();
        let answer = flight(&mut tls, packet, token, "SELECT 1").await;
        let (got_state, got_text, got_hint) = first_error(&answer);
        assert_eq!((got_state.as_str(), got_text.as_str()), (sqlstate, text), "{name}");
        assert!(got_hint.starts_with(hint) && got_hint.is_empty() == hint.is_empty(), "{name}: {got_hint}");
        assert!(answer.iter().all(|(tag, _)| matches!(tag, b'R' | b'E')), "{name}: nothing ran");
    }
    let mut tls = dial(&local).to(&local).await.unwrap();
    let answer = flight(&mut tls, &as_reader, &reader, "SELECT current_user, 1/0").await;
    assert!(answer.iter().any(|(tag, body)| *tag == b'E' && body.windows(6).any(|w| w == b"C22012")));
    local.stop().await.unwrap();

    let later = Local::builder().clock_ahead(Duration::from_secs(3600)).start().await.unwrap();
    let mut tls = dial(&later).to(&later).await.unwrap();
    let answer = flight(&mut tls, &plain, &token(&later, |_| {}), "SELECT 1").await;
    assert!(first_error(&answer).2.starts_with("Signature expired: "));
    later.stop().await.unwrap();
}

#[tokio::test]
async fn messages_before_the_session_are_dsqls() {
    let local = local().await;
    let good = token(&local, |_| {});
    // Without a server name, DSQL's error is sent after the handshake.
    let mut tls = Dial { sni: false, ..dial(&local) }.to(&local).await.unwrap();
    let answer = flight(&mut tls, &startup("admin", &[]), &good, "SELECT 1").await;
    let (state, text, _) = first_error(&answer);
    assert_eq!(
        (state.as_str(), text.as_str()),
        ("08006", "unable to accept connection, sni was not received")
    );
    // The certificate also contains an address, for which clients send no server name.
    let mut tls = Dial { name: "127.0.0.1", ..dial(&local) }.to(&local).await.unwrap();
    assert_eq!(first_error(&flight(&mut tls, &startup("admin", &[]), &good, "").await).1, text);
    // The certificate also contains a host name in the form of a cluster's host name, and tokens can be signed for this
    // name.
    let host = local.cluster_host();
    let (id, rest) = host.split_once('.').unwrap();
    assert!(id.len() == 26 && id.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()), "{host}");
    assert_eq!(rest, "dsql.us-east-1.on.aws");
    let of_cluster = token(&local, |of| of.host = host.to_owned());
    for (token, opens) in [(&of_cluster, true), (&good, false)] {
        let mut tls = Dial { name: host, ..dial(&local) }.to(&local).await.unwrap();
        let answer = flight(&mut tls, &startup("admin", &[]), token, "SELECT 1").await;
        assert_eq!(answer.iter().any(|(tag, _)| *tag == b'D'), opens);
    }
    // A certificate is valid only for its names, and only for clients that trust the authority.
    assert!(Dial { name: "example.com", ..dial(&local) }.to(&local).await.is_err());
    let other = Local::builder().start().await.unwrap();
    assert!(Dial { ca: other.ca_pem().to_owned(), ..dial(&local) }.to(&local).await.is_err());
    other.stop().await.unwrap();
    // Direct TLS needs the protocol's name (ALPN).
    let mut tls = Dial { direct: true, alpn: true, ..dial(&local) }.to(&local).await.unwrap();
    let answer = flight(&mut tls, &startup("admin", &[]), &good, "SELECT 1").await;
    assert!(answer.iter().any(|(tag, _)| *tag == b'D'));
    let mut tls = Dial { direct: true, ..dial(&local) }.to(&local).await.unwrap();
    assert!(tls.write_all(&startup("admin", &[])).await.is_err() || tls.read_u8().await.is_err());
    // A session in plain text is rejected, and GSSAPI is declined.
    let mut tcp = TcpStream::connect(("127.0.0.1", local.port())).await.unwrap();
    tcp.write_all(&[0, 0, 0, 8, 4, 210, 22, 48]).await.unwrap();
    assert_eq!(tcp.read_u8().await.unwrap(), b'N');
    tcp.write_all(&startup("admin", &[])).await.unwrap();
    let answer = messages(&mut tcp).await;
    let (state, text, _) = first_error(&answer);
    assert_eq!((state.as_str(), text.as_str()), ("08P01", "SSL is mandatory"));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn direct_tls_is_accepted_as_the_option_says() {
    let accepts =
        [(DirectTls::Alpn, [true, false]), (DirectTls::Any, [true, true]), (DirectTls::Never, [false; 2])];
    for (option, accepts) in accepts {
        let local = Local::builder().direct_tls(option).start().await.unwrap();
        assert_eq!(option.to_string().parse(), Ok(option));
        for (alpn, accepts) in [true, false].into_iter().zip(accepts) {
            let answer = async {
                let mut tls = Dial { direct: true, alpn, ..dial(&local) }.to(&local).await?;
                tls.write_all(&startup("admin", &[])).await?;
                tls.read_u8().await
            };
            assert_eq!(answer.await.ok(), accepts.then_some(b'R'), "{option}, ALPN {alpn}");
        }
        // SSLRequest is always accepted.
        let mut tls = dial(&local).to(&local).await.unwrap();
        tls.write_all(&startup("admin", &[])).await.unwrap();
        assert_eq!(tls.read_u8().await.unwrap(), b'R');
        local.stop().await.unwrap();
    }
    assert!("x".parse::<DirectTls>().is_err());
}

/// Like libpq 18, rustls returns an error for a connection that ends without close_notify.
#[tokio::test]
async fn cancel_over_tls_cancels_and_ends_with_close_notify() {
    let local = local().await;
    let password = message(b'p', format!("{}\0", token(&local, |_| {})).as_bytes());
    let query = message(b'Q', b"SELECT pg_sleep(60)\0");
    let mut sleeper = dial(&local).to(&local).await.unwrap();
    sleeper.write_all(&[startup("admin", &[]), password, query].concat()).await.unwrap();
    let mut key = Vec::new();
    while key.is_empty() {
        let tag = sleeper.read_u8().await.unwrap();
        let mut body = vec![0; sleeper.read_u32().await.unwrap() as usize - 4];
        sleeper.read_exact(&mut body).await.unwrap();
        if tag == b'K' {
            key = body;
        }
    }
    let request = [&[0, 0, 0, 16, 4, 210, 22, 46], key.as_slice()].concat();
    let canceled = async {
        let mut answer = Vec::new();
        while !answer.ends_with(b"Z\0\0\0\x05I") || !answer.windows(6).any(|it| it == b"C57014") {
            assert!(sleeper.read_buf(&mut answer).await.unwrap() > 0);
        }
    };
    let cancel = async || {
        for (direct, alpn) in [(false, false), (true, true)] {
            let mut tls = Dial { direct, alpn, ..dial(&local) }.to(&local).await.unwrap();
            tls.write_all(&request).await.unwrap();
            assert_eq!(tls.read_to_end(&mut Vec::new()).await.unwrap(), 0);
        }
    };
    // The query may not have begun when a request arrives, so requests are repeated until one request cancels the
    // query.
    let cancels = async {
        loop {
            cancel().await;
        }
    };
    let answered = async {
        tokio::select! { () = canceled => {}, () = cancels => {} }
    };
    tokio::time::timeout(Duration::from_secs(50), answered).await.unwrap();
    cancel().await;
    local.stop().await.unwrap();
}

/// dsql-local's signer and AWS's signer make the same token.
#[tokio::test]
async fn own_token_is_that_of_the_aws_sdk() {
    let local = local().await;
    let at = SystemTime::now();
    let session = Credentials::new("DSQLLOCALKEY", "se/cr+et", Some("a/session+token==".to_owned()));
    for keys in [local.credentials(), &session] {
        let aws = token(&local, |of| (of.at, of.keys) = (at, keys.clone()));
        let claims = Claims { user: "admin", host: "localhost", region: local.region(), expires: 900 };
        let own = sign(claims, keys, at.into());
        let parts = |token: &str| token.split(['?', '&']).map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(parts(&own), parts(&aws));
    }
}

/// Tokens with invalid dates and numbers, or with an invalid form.
#[tokio::test]
async fn hostile_tokens_are_rejected_with_an_error() {
    let local = local().await;
    let good = token(&local, |_| {});
    let date = good.split("X-Amz-Date=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let dated = |stamp: &str| good.replace(&date, stamp).replace(&date[..8], &stamp[..8]);
    let expires = |seconds: &str| good.replace("Expires=900", &format!("Expires={seconds}"));
    for bad in [
        dated("99991231T235959Z"),
        dated("99991231T235959Z").replace("Expires=900", "Expires=604800"),
        dated("00000101T000000Z"),
        dated("00010101T000000Z"),
        expires("0"),
        expires("-1"),
        expires("604801"),
        expires("4294967296"),
        expires("99999999999999999999999999999999"),
        good.replace("localhost/", "/"),
        good.replace("X-Amz-Signature=", "X-Amz-Signature=%"),
        good.replace('&', "&&"),
        String::new(),
    ] {
        let mut tls = dial(&local).to(&local).await.unwrap();
        let answer = flight(&mut tls, &startup("admin", &[]), &bad, "SELECT 1").await;
        let (sqlstate, text, _) = first_error(&answer);
        let denied = "unable to accept connection, access denied";
        assert_eq!((sqlstate.as_str(), text.as_str()), ("08006", denied), "{bad}");
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn hostile_bytes_end_only_their_own_connection() {
    let local = local().await;
    for bytes in [
        &[0u8, 0, 0, 3, 0, 0, 0, 0][..],
        &[0xff; 64],
        &[0x16, 3, 1, 0xff, 0xff, 0],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut tcp = TcpStream::connect(("127.0.0.1", local.port())).await.unwrap();
        tcp.write_all(bytes).await.unwrap();
        tcp.shutdown().await.unwrap();
        let _ = tcp.read_to_end(&mut Vec::new()).await;
    }
    // A message in a session, with a length above DSQL's maximum.
    let good = token(&local, |_| {});
    let password = message(b'p', format!("{good}\0").as_bytes());
    let mut tls = dial(&local).to(&local).await.unwrap();
    tls.write_all(&[startup("admin", &[]).as_slice(), &password, b"Q\x7f\xff\xff\xff"].concat())
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(30), tls.read_to_end(&mut Vec::new())).await.unwrap().ok();
    // A message that is not a password, and a password that is too long.
    for frame in [
        message(b'Q', b"SELECT 1\0"),
        message(b'p', &[b'a'; 70_000]),
        message(b'p', b"a\0b\0"),
        message(b'p', b""),
    ] {
        let mut tls = dial(&local).to(&local).await.unwrap();
        tls.write_all(&[startup("admin", &[]), frame].concat()).await.unwrap();
        let mut answer = Vec::new();
        tls.read_to_end(&mut answer).await.unwrap();
        assert!(answer.windows(6).any(|w| w == b"C08P01"), "{answer:?}");
    }
    let mut tls = dial(&local).to(&local).await.unwrap();
    let answer = flight(&mut tls, &startup("admin", &[]), &good, "SELECT 1").await;
    assert!(answer.iter().any(|(tag, _)| *tag == b'D'));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn client_library_works_with_and_without_the_front_door() {
    let keys = Credentials::new("DSQLLOCALKEY", "secret", Some("a/session+token==".to_owned()));
    let local = Local::builder().credentials(keys).region("eu-west-1").start().await.unwrap();
    let again = Local::builder().port(local.port()).start().await.unwrap();
    assert_ne!(again.port(), local.port(), "a port that is taken is not a failure");
    again.stop().await.unwrap();

    let tls = dial(&local).to(&local).await.unwrap();
    let mut config = tokio_postgres::Config::new();
    config
        .user("admin")
        .dbname("postgres")
        .password(token(&local, |_| {}))
        .ssl_mode(tokio_postgres::config::SslMode::Disable);
    let (client, connection) = config.connect_raw(tls, tokio_postgres::NoTls).await.unwrap();
    let session = tokio::spawn(connection);
    client.batch_execute("CREATE TABLE t (id int PRIMARY KEY)").await.unwrap();
    client.batch_execute("INSERT INTO t VALUES (1), (2)").await.unwrap();
    let row = client
        .query_one("SELECT count(*), current_setting('transaction_isolation') FROM t WHERE id > $1", &[&1])
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, &str>(1)), (1, "repeatable read"));
    assert!(client.batch_execute("CREATE ROLE x SUPERUSER").await.is_err(), "admin is not a superuser");

    let (oracle, connection) =
        tokio_postgres::connect(&local.postgres_url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let row = oracle.query_one("SELECT tableowner FROM pg_tables WHERE tablename = 't'", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "admin");
    oracle.batch_execute("CREATE TEMPORARY TABLE mine AS SELECT 1 AS a").await.unwrap();
    // A megabyte each way, through both relays.
    let long = "あ".repeat(400_000);
    let row = client.query_one("SELECT $1::text || 'x'", &[&long]).await.unwrap();
    assert_eq!(row.get::<_, String>(0).len(), 1_200_001);
    // The reason why PostgreSQL ends a session reaches the client.
    oracle
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'admin'", &[])
        .await
        .unwrap();
    let ended = session.await.unwrap().unwrap_err();
    assert_eq!(ended.code().map(|code| code.code()), Some("57P01"), "{ended}");
    local.stop().await.unwrap();
    assert!(client.query_one("SELECT 1", &[]).await.is_err());
}

#[tokio::test]
async fn wrong_sql_of_the_start_is_reported_with_its_place() {
    let error = Local::builder()
        .named_init_sql("schema.sql", "CREATE TABLE a (id int);\nCREATE TABLE b (id nosuch);")
        .start()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "schema.sql:2:20: 42704: type \"nosuch\" does not exist");
    assert!(matches!(error, Error::InitSql { .. }));
}

#[tokio::test]
async fn folder_keeps_authority_keys_and_data() {
    let folder = std::env::temp_dir().join(format!("dsql-local-kept-{}", std::process::id()));
    let start =
        || Local::builder().folder(&folder).keep_data(true).init_sql("CREATE TABLE kept (id int)").start();
    let first = start().await.unwrap();
    let (ca, keys) = (first.ca_pem().to_owned(), first.credentials().clone());
    first.run_sql("test", "INSERT INTO kept VALUES (7)").await.unwrap();
    first.stop().await.unwrap();
    let second = start().await.unwrap();
    assert_eq!((second.ca_pem(), second.credentials()), (ca.as_str(), &keys));
    let mut tls = dial(&second).to(&second).await.unwrap();
    let answer =
        flight(&mut tls, &startup("admin", &[]), &token(&second, |_| {}), "SELECT id FROM kept").await;
    assert!(answer.iter().any(|(tag, body)| *tag == b'D' && body.ends_with(b"7")));
    second.stop().await.unwrap();
    // For root, PostgreSQL's data is in a folder that another account can reach.
    let mark = folder.canonicalize().unwrap().to_string_lossy().replace(|c: char| !c.is_alphanumeric(), "-");
    let _ = std::fs::remove_dir_all(format!("/var/tmp/dsql-local{mark}"));
    std::fs::remove_dir_all(&folder).unwrap();
}
