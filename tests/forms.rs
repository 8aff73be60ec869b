//! The forms of `sql!`, run against a real PostgreSQL 16 behind dsql-local.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use dsql_edge::types::{self, Column, ConversionError, NotNull, Param, Uuid};
use dsql_edge::{Config, Dsql, Error, Executor, sql};
use dsql_edge_local::Local;

/// A cluster that holds the tables of `dsql-schema.sql`, two users and three posts.
async fn blog() -> (Local, Dsql) {
    let local = Local::builder().start().await.unwrap();
    let bindings = local.bindings();
    let lookup =
        |name: &str| bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let dsql = Dsql::new(Config::from_bindings("", lookup).unwrap().extra_ca(local.ca_pem()));
    sql!("CREATE TABLE users (id uuid PRIMARY KEY, name text NOT NULL, email text)")
        .execute(&dsql)
        .await
        .unwrap();
    sql!(
        "CREATE TABLE posts (id uuid PRIMARY KEY, author_id uuid, title text NOT NULL, body text,
                             views integer DEFAULT 0 NOT NULL)"
    )
    .execute(&dsql)
    .await
    .unwrap();
    add_user(id(1), "Ada", Some("ada@example.com")).execute(&dsql).await.unwrap();
    add_user(id(2), "Grace", None).execute(&dsql).await.unwrap();
    for (number, author, title, views) in
        [(1, Some(id(1)), "First", 10), (2, Some(id(2)), "Second", 20), (3, None, "Third", 30)]
    {
        sql!(
            "INSERT INTO posts (id, author_id, title, views) VALUES ($id, $author, $title, $views)",
            id = id(number)
        )
        .execute(&dsql)
        .await
        .unwrap();
    }
    (local, dsql)
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

sql! {
    fn add_user(id, name, email) = "INSERT INTO users (id, name, email) VALUES ($id, $name, $email)";

    /// The posts with the most views.
    #[must_use]
    pub fn top_posts(at_least: i16, limit) -> #[derive(Eq, Hash)] #[serde(rename_all = "camelCase")] pub Post =
        "SELECT id, title, author_id FROM posts WHERE views >= $at_least ORDER BY views DESC LIMIT $limit";

    /// The same row, its columns in another order.
    pub(crate) fn post_of(r#type: &str) -> pub Post = "SELECT title, id, author_id FROM posts WHERE title = $1";

    fn titles() -> Title = "SELECT title FROM posts ORDER BY title";

    fn rename<'a>(title: Option<&'a str>, to: impl AsRef<str> + Param<types::sql::Text, NotNull>)
        -> pub(self) Renamed =
        "UPDATE posts SET title = $to WHERE title IS NOT DISTINCT FROM $title RETURNING title AS \"title: Shouted\"";
}

#[derive(Debug, PartialEq)]
struct Title {
    title: String,
}

/// Neither Clone nor Serialize: the row is nevertheless made.
#[derive(Debug)]
struct Shouted(String);

impl Column<types::sql::Text, NotNull> for Shouted {
    fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
        let text: Result<String, _> = Column::<types::sql::Text, NotNull>::decode(bytes);
        text.map(|text| Shouted(text.to_uppercase()))
    }
}

async fn shout(mut db: impl Executor, to: &str) -> Result<Shouted, Error> {
    rename(Some("Third"), to.to_owned()).fetch_value(&mut db).await
}

#[tokio::test]
async fn query_functions() {
    let (local, dsql) = blog().await;
    let top = top_posts(20, 10).fetch_all(&dsql).await.unwrap();
    assert_eq!(top.iter().map(|post| &post.title).collect::<Vec<_>>(), ["Third", "Second"]);
    let one: Post = post_of("Second").fetch_one(&dsql).await.unwrap();
    assert_eq!((one.author_id, Some(&one)), (Some(id(2)), top.get(1)));
    let json = serde_json::to_value(&one).unwrap();
    assert_eq!(json["authorId"], id(2).to_string());
    let titles = titles().fetch_all(&dsql).await.unwrap();
    assert_eq!(titles.first(), Some(&Title { title: "First".to_owned() }));
    assert_eq!(shout(&dsql, "Last").await.unwrap().0, "LAST");
    let error = post_of("a").fetch_one(&dsql).await.unwrap_err().to_string();
    assert!(error.contains("post_of"), "{error}");
    local.stop().await.unwrap();
}
