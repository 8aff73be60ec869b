//! `dsql-edge migrate-from-sqlx` on a crate with sqlx: its report in each form, and its changes, which are compiled
//! here and run. The expected output is next to the crate; `UPDATE=1` writes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use dsql_edge::types::Uuid;
use dsql_edge::{Config, Dsql};
use dsql_edge_codegen::migrate_from_sqlx::{Named, report};
use dsql_edge_local::Local;
use dsql_edge_tests::golden::compare;

// The changed sources refer to `sqlx::PgPool` and `sqlx::Error`, so this crate defines both names.
extern crate self as sqlx;
pub use dsql_edge::{Dsql as PgPool, Error};

/// `package/src/posts.rs` with the changes of the report.
#[path = "posts.changed.rs"]
#[rustfmt::skip]
#[allow(deprecated, unreachable_pub, clippy::needless_question_mark, reason = "as the command writes it")]
mod posts;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("from_sqlx")
}

#[test]
fn report_of_a_package_is_as_expected() {
    let (package, folder) = (folder().join("package"), folder());
    let report = report(&package, None, None).unwrap();
    assert!(report.fails());
    let human = format!("{}{}\n", report.human(), report.summary());
    compare(&folder.join("report.txt"), &human).unwrap();
    compare(&folder.join("report.json"), &report.json()).unwrap();
    compare(&folder.join("report.diff"), &report.patch()).unwrap();
    let of_dsql = self::report(&package, None, Some(Named::Dsql)).unwrap();
    let human = format!("{}{}\n", of_dsql.human(), of_dsql.summary());
    compare(&folder.join("dsql.txt"), &human).unwrap();
}

/// After `git apply`, the package has the source of the module `posts`.
#[test]
fn diff_of_the_report_applies() {
    let scratch = std::env::temp_dir().join(format!("dsql-edge-from-sqlx-{}", std::process::id()));
    std::fs::create_dir_all(scratch.join("src")).unwrap();
    for name in ["posts.rs", "cannot.rs"] {
        std::fs::copy(folder().join("package/src").join(name), scratch.join("src").join(name)).unwrap();
    }
    let patch = scratch.join("changes.diff");
    std::fs::write(&patch, report(&folder().join("package"), None, None).unwrap().patch()).unwrap();
    let applied = Command::new("git").arg("apply").arg(&patch).current_dir(&scratch).output().unwrap();
    let changed = std::fs::read_to_string(scratch.join("src/posts.rs")).unwrap();
    std::fs::remove_dir_all(&scratch).unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    compare(&folder().join("posts.changed.rs"), &changed).unwrap();
}

#[tokio::test]
async fn changed_queries_run() {
    let local = Local::builder().start().await.unwrap();
    let bindings = local.bindings();
    let lookup =
        |name: &str| bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let dsql = Dsql::new(Config::from_bindings("", lookup).unwrap().extra_ca(local.ca_pem()));
    for table in [
        dsql_edge::sql!("CREATE TABLE users (id uuid PRIMARY KEY, name text NOT NULL, email text)"),
        dsql_edge::sql!(
            "CREATE TABLE posts (id uuid PRIMARY KEY, author_id uuid, title text NOT NULL, body text,
                                 views integer DEFAULT 0 NOT NULL)"
        ),
    ] {
        table.execute(&dsql).await.unwrap();
    }
    dsql_edge::sql!("INSERT INTO users (id, name) VALUES ($id, 'Ada')", id = Uuid::from_u128(1))
        .execute(&dsql)
        .await
        .unwrap();
    let id = Uuid::from_u128(7);
    posts::add(&dsql, id, None, "First").await.unwrap();
    assert_eq!(posts::rename(&dsql, id, "Second").await.unwrap(), 1);
    assert_eq!(posts::titles(&dsql, 0).await.unwrap(), ["Second: 0"]);
    assert_eq!(posts::count(&dsql).await.unwrap(), 1);
    assert_eq!(posts::names(&dsql).await.unwrap(), ["Ada"]);
    assert_eq!(posts::email(&dsql, "Ada").await.unwrap(), Some(None));
    assert!(posts::is_there(&dsql, id).await.unwrap());
    let post = posts::post(&dsql, id).await.unwrap().unwrap();
    assert_eq!((post.title.as_str(), post.body), ("Second", None));
    assert_eq!(posts::Post::newest(&dsql).await.unwrap().len(), 1);
    assert!(posts::delete(&dsql, id).await.unwrap());
    assert!(!posts::delete(&dsql, id).await.unwrap());
    local.stop().await.unwrap();
}
