//! Database roles and AWS identities: the grants between them, the keys, and the proxy's answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "each test that includes it uses a part of it")]
mod client;
#[allow(dead_code, reason = "each test that includes it uses a part of it")]
#[path = "client/session.rs"]
mod session;

use client::{message, startup, token};
use dsql_edge_local::{Credentials, Local};
use session::{Session, error};
use tokio::io::AsyncWriteExt;

const OWNER: &str = "arn:aws:iam::000000000000:user/dsql-local";

/// Logs in with these keys. Returns the session, or the SQLSTATE and the HINT.
async fn login(local: &Local, user: &str, keys: &Credentials) -> Result<Session, (String, String)> {
    let action = if user == "admin" { "DbConnectAdmin" } else { "DbConnect" };
    let token = token(local, |of| (of.keys, of.action) = (keys.clone(), action));
    let mut tls = client::dial(local).to(local).await.unwrap();
    let password = message(b'p', format!("{token}\0").as_bytes());
    tls.write_all(&[startup(user, &[]), password].concat()).await.unwrap();
    let mut session = Session { tls };
    match session.begins().await {
        Ok(_) => Ok(session),
        Err(fields) => {
            let field = |code: char| fields.split('\0').find_map(|field| field.strip_prefix(code));
            assert_eq!(field('M'), Some("unable to accept connection, access denied"));
            Err((field('C').unwrap().to_owned(), field('H').unwrap_or_default().to_owned()))
        }
    }
}

fn not_mapped() -> Option<(String, String)> {
    Some(("28000".to_owned(), String::new()))
}

#[tokio::test]
async fn role_is_granted_to_an_identity_and_revoked() {
    let local = Local::builder().start().await.unwrap();
    let mut admin = Session::open(&local).await;
    let keys = local.credentials();
    for extended in [false, true] {
        let mut run = async |sql: &str| match extended {
            true => admin.extended(sql).await,
            false => admin.simple(sql).await,
        };
        let role = format!("reader_{extended}");
        let (grant, revoke) =
            (format!("AWS IAM GRANT {role} TO '{OWNER}'"), format!("AWS IAM REVOKE {role} FROM '{OWNER}'"));
        assert_eq!(run(&grant).await.errors, error("42704", &format!("role \"{role}\" does not exist")));
        assert!(run(&format!("CREATE ROLE {role} WITH LOGIN")).await.errors.is_empty());
        assert_eq!(login(&local, &role, keys).await.err(), not_mapped());
        let answer = run(&grant).await;
        assert_eq!((answer.errors, answer.done), (Vec::new(), vec!["AWS IAM GRANT".to_owned()]));
        assert!(!answer.tags.contains('N') && answer.values.is_empty());
        assert_eq!(run(&grant).await.errors[0].0, "42710", "it is not idempotent");
        let mapped = format!(
            "SELECT pg_role_name || ' ' || arn FROM sys.iam_pg_role_mappings WHERE iam_oid > 0 AND pg_role_name = '{role}'"
        );
        assert_eq!(run(&mapped).await.values, [format!("{role} {OWNER}")]);
        let mut reader = login(&local, &role, keys).await.unwrap();
        assert_eq!(reader.simple("SELECT current_user").await.values, [role.as_str()]);
        assert_eq!(reader.simple(&grant).await.errors, error("42501", "permission denied"));
        assert_eq!(run(&revoke).await.done, ["AWS IAM REVOKE"]);
        assert_eq!(run(&mapped).await.values, [""; 0]);
        assert_eq!(login(&local, &role, keys).await.err(), not_mapped());
        // AWS IAM GRANT is a schema change.
        let multiple = error("0A000", "multiple ddl statements not supported in a transaction");
        run("BEGIN").await;
        run(&grant).await;
        assert_eq!(run(&revoke).await.errors, multiple);
        run("ROLLBACK").await;
        assert_eq!(run("AWS IAM GRANT nobody 'x'").await.errors[0].0, "42601");
        assert_eq!(run(&format!("AWS IAM GRANT {role} TO 'me'")).await.errors[0].0, "22023");
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn user_has_keys_of_its_own() {
    let schema = "CREATE SCHEMA app; CREATE TABLE app.t (id int); CREATE ROLE writer WITH LOGIN;
        AWS IAM GRANT writer TO 'arn:aws:iam::000000000000:role/reader';
        CREATE INDEX ASYNC ON app.t (id); GRANT USAGE ON SCHEMA app TO writer; GRANT SELECT ON app.t TO writer;";
    let local = Local::builder().init_sql(schema).user("reader").start().await.unwrap();
    let keys = local.user_credentials("reader").unwrap();
    let bindings = local.bindings_of_user("reader").unwrap();
    assert!(bindings.contains(&("DSQL_USER", "reader".to_owned())));
    assert!(bindings.contains(&("AWS_ACCESS_KEY_ID", keys.access_key_id().to_owned())));
    // `user("reader")` maps the identity `role/reader` to the role `reader`, and the SQL above also maps this identity
    // to `writer`. The identity may not connect as `admin`.
    let mut reader = login(&local, "reader", keys).await.unwrap();
    assert_eq!(reader.simple("SELECT id FROM app.t").await.errors[0].0, "42501");
    let mut writer = login(&local, "writer", keys).await.unwrap();
    assert!(writer.simple("SELECT id FROM app.t").await.errors.is_empty());
    let (state, hint) = login(&local, "admin", keys).await.err().unwrap();
    assert_eq!(state, "08006");
    let words =
        "User: arn:aws:iam::000000000000:role/reader is not authorized to perform: dsql:DbConnectAdmin";
    assert!(hint.starts_with(words), "{hint}");
    // The keys of `admin` do not work for another role.
    assert_eq!(login(&local, "reader", local.credentials()).await.err(), not_mapped());
    local.stop().await.unwrap();
    let wrong = Local::builder().user("admin").start().await.unwrap_err();
    assert!(wrong.to_string().contains("user \"admin\": this role exists already"), "{wrong}");
}

#[tokio::test]
async fn settings_are_reported_as_dsql_reports_them() {
    let local = Local::builder().start().await.unwrap();
    let mut tls = client::dial(&local).to(&local).await.unwrap();
    let password = message(b'p', format!("{}\0", token(&local, |_| {})).as_bytes());
    let settings = [("application_name", "mine"), ("timezone", "Asia/Tokyo")];
    tls.write_all(&[startup("admin", &settings), password].concat()).await.unwrap();
    let mut session = Session { tls };
    let mut reported = session.begins().await.unwrap();
    reported.sort();
    let expected = [
        "DateStyle=ISO, MDY",
        "IntervalStyle=postgres",
        "TimeZone=Asia/Tokyo",
        "client_encoding=UTF8",
        "default_transaction_read_only=off",
        "in_hot_standby=off",
        "integer_datetimes=on",
        "is_superuser=off",
        "server_encoding=UTF8",
        "server_version=16.15",
        "standard_conforming_strings=on",
    ];
    assert_eq!(reported, expected);
    for (show, shown) in [
        ("server_version", "16.15"),
        ("server_version_num", "160015"),
        ("transaction_isolation", "repeatable read"),
    ] {
        assert_eq!(session.simple(&format!("SHOW {show}")).await.values, [shown]);
    }
    local.stop().await.unwrap();
}
