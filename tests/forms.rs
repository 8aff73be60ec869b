//! The forms of `sql!`, run against a real PostgreSQL 16 behind dsql-local.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use dsql_edge::types::{self, Column, ConversionError, NotNull, Param, Uuid};
use dsql_edge::{Config, Dsql, Error, Executor, sql, sql_file};
use dsql_edge_local::Local;
use dsql_edge_tests::UserId;

/// A cluster with the tables of `dsql-schema.sql`, two users and three posts.
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

    /// A query that also returns `Post`, but with its columns in another order.
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

/// This type implements neither Clone nor Serialize, but `sql!` can generate a row with this type.
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

#[derive(Debug, PartialEq)]
struct Views {
    title: String,
    views: i32,
}

#[tokio::test]
async fn sql_in_a_file() {
    let (local, dsql) = blog().await;
    let author = id(1);
    let rows = sql_file!("queries/posts_of.sql").fetch_all(&dsql).await.unwrap();
    assert_eq!((rows.len(), rows[0].views), (1, 10));
    let rows = sql_file!(Views, "queries/posts_of.sql", author = id(2)).fetch_all(&dsql).await.unwrap();
    assert_eq!(rows, [Views { title: "Second".to_owned(), views: 20 }]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn arrays_of_every_kind_of_rust() {
    let (local, dsql) = blog().await;
    let ids = vec![id(1), id(3)];
    let views = [10, 30];
    let titles = vec!["First".to_owned(), "Third".to_owned()];
    let slice: &[i32] = &views;
    let borrowed = &ids;
    for found in [
        sql!("SELECT title FROM posts WHERE id = ANY($ids)").execute(&dsql).await,
        sql!("SELECT title FROM posts WHERE id = ANY($borrowed)").execute(&dsql).await,
        sql!("SELECT title FROM posts WHERE id = ANY($1)", &ids[..]).execute(&dsql).await,
        sql!("SELECT title FROM posts WHERE views = ANY($slice)").execute(&dsql).await,
        sql!("SELECT title FROM posts WHERE views = ANY($views)").execute(&dsql).await,
        sql!("SELECT title FROM posts WHERE title = ANY($titles)").execute(&dsql).await,
        sql!("SELECT title FROM posts WHERE title = ANY($1)", ["First", "Third"]).execute(&dsql).await,
        by_titles(&["First", "Third"]).execute(&dsql).await,
        by_ids(&ids).execute(&dsql).await,
    ] {
        assert_eq!(found.unwrap(), 2);
    }
    local.stop().await.unwrap();
}

sql! {
    fn by_titles(titles) -> Title = "SELECT title FROM posts WHERE title = ANY($titles)";
    fn by_ids(ids) -> Title = "SELECT title FROM posts WHERE id = ANY($ids)";
}

sql! {
    fn user(id: UserId) -> pub(self) User = "SELECT id, name FROM users WHERE id = $id";
}

#[tokio::test]
async fn a_directive_gives_a_column_its_rust_type() {
    let (local, dsql) = blog().await;
    let ada: UserId = user(UserId(id(1))).fetch_one(&dsql).await.unwrap().id;
    let row = sql!("SELECT u.id, p.author_id, u.id AS \"plain: _\" FROM posts p LEFT JOIN users u ON u.id = p.author_id WHERE u.id = $ada")
        .fetch_one(&dsql)
        .await
        .unwrap();
    let (own, plain): (UserId, Uuid) = (row.id, row.plain);
    assert_eq!((own, plain, row.author_id), (ada, id(1), id(1)));
    local.stop().await.unwrap();
}

sql! {
    fn search(author, at_least: Option<i32>, limit) -> Views =
        "SELECT title, views FROM posts
          WHERE true {? AND (author_id = $author OR author_id IS NULL AND $author IS NULL) }
                     {?AND views >= $at_least}
          ORDER BY views {? - $at_least} LIMIT $limit";
}

sql! {
    /// Both parts of optional text would accept a NULL as the value of their parameter, but here NULL (`None`) only
    /// means that the part is left out.
    fn found(word, any) -> pub(self) Found =
        "SELECT title FROM posts
          WHERE true {? AND title LIKE concat($word::text, '%') } {? AND title = ANY (ARRAY[$any::text, 'Third']) }
          ORDER BY title";

    fn change(id, title, body) =
        "UPDATE posts SET views = views {? , title = $title } {? , body = $body } WHERE id = $id";

    fn page(views, id, most, limit: i64) -> pub(self) Page =
        "SELECT title FROM posts
          WHERE true {? AND (views, id) > ($views, $id) } {? AND views <= $most } ORDER BY views, id LIMIT $limit";
}

#[tokio::test]
async fn optional_text_has_a_second_option_only_for_null() {
    let (local, dsql) = blog().await;
    let titles = found(Some("Sec"), None).fetch_values(&dsql).await.unwrap();
    assert_eq!(titles, ["Second"]);
    assert_eq!(found(None, Some("First")).fetch_values(&dsql).await.unwrap(), ["First", "Third"]);
    let body = || sql!("SELECT body FROM posts WHERE id = $id", id = id(1)).fetch_value(&dsql);
    for (sent, expected) in [(Some(Some("text")), Some("text")), (None, Some("text")), (Some(None), None)] {
        assert_eq!(change(id(1), None, sent).execute(&dsql).await.unwrap(), 1);
        assert_eq!(body().await.unwrap().as_deref(), expected);
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn optional_text_of_two_parameters_needs_both() {
    let (local, dsql) = blog().await;
    for (views, number, most, expected) in [
        (None, None, None, &["First", "Second", "Third"][..]),
        (Some(10), Some(1), None, &["Second", "Third"]),
        (Some(10), Some(1), Some(20), &["Second"]),
        (None, None, Some(10), &["First"]),
    ] {
        let titles = page(views, number.map(id), most, 10).fetch_values(&dsql).await.unwrap();
        assert_eq!(titles, expected, "{views:?} {number:?} {most:?}");
    }
    for (views, number, most) in [(Some(10), None, None), (None, Some(1), Some(20))] {
        let error = page(views, number.map(id), most, 10).fetch_values(&dsql).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("needs both $views and $id") && text.contains("page, "), "{text}");
        assert!(error.is_conversion() && !error.is_outcome_unknown(), "{text}");
    }
    // The first optional text depends on `least` alone, so `least` may be given without `most`: then only the first
    // optional text is sent.
    for (least, most, expected) in [
        (Some(20), None, Ok(2)),
        (Some(10), Some(20), Ok(2)),
        (None, None, Ok(3)),
        (None, Some(20), Err("needs both $least and $most")),
    ] {
        let rows = sql!(
            "SELECT 1 AS one FROM posts WHERE true {? AND views >= $least } {? AND views - $least <= $most - $least }"
        );
        let rows = rows.execute(&dsql).await.map_err(|error| error.to_string());
        match expected {
            Ok(count) => assert_eq!(rows, Ok(count)),
            Err(words) => assert!(rows.clone().is_err_and(|error| error.contains(words)), "{rows:?}"),
        }
    }
    local.stop().await.unwrap();
}

sql! {
    /// The row of several expressions.
    #[derive(Eq, Hash)]
    #[serde(rename_all = "camelCase")]
    pub struct Reader = "SELECT length(name) AS name_length, name, email FROM users WHERE name = $name";

    struct Only = "SELECT title FROM posts";

    fn reader(id: Uuid) -> pub Reader =
        "SELECT email, length(name) AS name_length, name FROM users WHERE id = $id";
}

async fn readers(mut db: impl Executor) -> Result<Vec<Reader>, Error> {
    sql!(Reader, "SELECT name, email, length(name) AS name_length FROM users ORDER BY name")
        .fetch_all(&mut db)
        .await
}

#[tokio::test]
async fn declared_row_is_filled_by_expressions() {
    let (local, dsql) = blog().await;
    let readers = readers(&dsql).await.unwrap();
    assert_eq!(readers.first(), Some(&reader(id(1)).fetch_one(&dsql).await.unwrap()));
    let json = serde_json::to_string(&readers[1]).unwrap();
    assert_eq!(json, r#"{"nameLength":5,"name":"Grace","email":null}"#);
    let only: Vec<Only> =
        sql!(Only, "SELECT title FROM posts WHERE views > 20").fetch_all(&dsql).await.unwrap();
    assert_eq!(only.into_iter().map(|row| row.title).collect::<Vec<_>>(), ["Third"]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn values_of_one_column() {
    let (local, dsql) = blog().await;
    let titles = sql!("SELECT title FROM posts ORDER BY title").fetch_values(&dsql).await.unwrap();
    assert_eq!(titles, ["First", "Second", "Third"]);
    let emails = sql!("SELECT email FROM users ORDER BY name").fetch_values(&dsql).await.unwrap();
    assert_eq!(emails, [Some("ada@example.com".to_owned()), None]);
    for (number, email) in [(1, Some(Some("ada@example.com"))), (2, Some(None)), (3, None)] {
        let found =
            sql!("SELECT email FROM users WHERE id = $id", id = id(number)).fetch_optional_value(&dsql);
        let found = found.await.unwrap();
        assert_eq!(found.as_ref().map(Option::as_deref), email, "{number}");
    }
    let two = sql!("SELECT name FROM users").fetch_optional_value(&dsql).await.unwrap_err();
    assert!(two.is_too_many_rows(), "{two}");
    let piped = dsql.pipeline((
        sql!("SELECT views FROM posts ORDER BY views").values(),
        sql!("SELECT name FROM users WHERE id = $id", id = id(2)).optional_value(),
        sql!("SELECT name FROM users WHERE id = $id", id = id(3)).optional_value(),
    ));
    assert_eq!(piped.await.unwrap(), (vec![10, 20, 30], Some("Grace".to_owned()), None));
    let mut session = dsql.session();
    let setting = || sql!("SELECT set_config('timezone', 'UTC', false) AS zone");
    assert_eq!(setting().fetch_values(&mut session).await.unwrap(), ["UTC"]);
    let one = setting().fetch_optional_value(&mut session).await.unwrap();
    assert_eq!(one.as_deref(), Some("UTC"));
    local.stop().await.unwrap();
}

#[tokio::test]
async fn optional_text() {
    let (local, dsql) = blog().await;
    for (author, at_least, expected) in [
        (None, None, 3),
        (Some(Some(id(1))), None, 1),
        (Some(Some(id(1))), Some(20), 0),
        (Some(None), Some(20), 1),
        (None, Some(20), 2),
    ] {
        let found = search(author, at_least, 10).fetch_all(&dsql).await.unwrap();
        assert_eq!(found.len(), expected, "{author:?} {at_least:?}");
    }
    // `$most` is written before the optional text. If the optional text is left out, `$most` is the first parameter.
    for (title, expected) in [(Some("Second".to_owned()), 1), (None, 2)] {
        let rows = sql!(
            "SELECT title, '{? no }' AS text -- {? nor this
               FROM posts WHERE {? title = $title AND} views > 0 AND views <= $most",
            title = &title,
            most = 20
        );
        assert_eq!(rows.fetch_all(&dsql).await.unwrap().len(), expected);
    }
    local.stop().await.unwrap();
}

#[derive(Debug, PartialEq)]
struct Written {
    title: String,
    author: Option<Author>,
}

#[derive(Debug, PartialEq)]
struct Author {
    name: String,
    email: Option<String>,
}

sql! {
    /// Posts. Each row also has the author, if the post has one.
    fn with_authors(least) -> #[serde(rename_all = "camelCase")] pub(self) WithAuthor =
        r#"SELECT p.title, u.name AS "written_by.full_name", u.email AS "written_by.email",
                  p.views AS "numbers.views", length(u.email) AS "numbers.more.letters"
             FROM posts p LEFT JOIN users u ON u.id = p.author_id
            WHERE p.views >= $least ORDER BY p.views"#;

    fn into_own() -> Written { author: Author } =
        r#"SELECT p.title, u.name AS "author.name", u.email AS "author.email"
             FROM posts p LEFT JOIN users u ON u.id = p.author_id ORDER BY p.title"#;
}

#[tokio::test]
async fn nested_rows() {
    let (local, dsql) = blog().await;
    let rows = with_authors(10).fetch_all(&dsql).await.unwrap();
    let authors: Vec<Option<&WithAuthorWrittenBy>> = rows.iter().map(|row| row.written_by.as_ref()).collect();
    let [Some(ada), Some(grace), None] = authors[..] else { panic!("{authors:?}") };
    assert_eq!((ada.full_name.as_str(), ada.email.as_deref()), ("Ada", Some("ada@example.com")));
    assert_eq!((grace.full_name.as_str(), grace.email.as_deref()), ("Grace", None));
    // If one column of a group is always present, the group is not an `Option`.
    let numbers: Vec<(i32, Option<i32>)> =
        rows.iter().map(|row| (row.numbers.views, row.numbers.more.letters)).collect();
    assert_eq!(numbers, [(10, Some(15)), (20, None), (30, None)]);
    let json = serde_json::to_value(&rows[0]).unwrap();
    assert_eq!(json["writtenBy"]["fullName"], "Ada");

    let own = into_own().fetch_all(&dsql).await.unwrap();
    let author = Author { name: "Grace".to_owned(), email: None };
    assert_eq!(own[1], Written { title: "Second".to_owned(), author: Some(author) });
    assert_eq!(own[2], Written { title: "Third".to_owned(), author: None });

    // Anonymous rows with a group inside a group, from two joins: if the outer group is present, the inner group is
    // present too.
    let rows = sql!(
        r#"SELECT p.id, u.id AS "user.id", u.name AS "user.name", q.title AS "user.post.title", q.id AS "user.post.id"
             FROM posts p LEFT JOIN (users u JOIN posts q ON q.author_id = u.id) ON u.id = p.author_id
            ORDER BY p.views"#
    )
    .fetch_all(&dsql)
    .await
    .unwrap();
    let user = rows[1].user.as_ref().unwrap();
    assert_eq!((user.id, user.post.title.as_str(), user.post.id), (UserId(id(2)), "Second", id(2)));
    assert!(rows[2].user.is_none());
    // The second join has a match only if the first join has one, so the columns of the first join show whether the
    // group is `None`.
    let rows = sql!(
        r#"SELECT q.title AS "user.title", u.name AS "user.name"
             FROM posts p LEFT JOIN users u ON u.id = p.author_id AND u.name = 'Grace'
                          LEFT JOIN posts q ON q.author_id = u.id AND q.views > 20
            ORDER BY p.views"#
    )
    .fetch_all(&dsql)
    .await
    .unwrap();
    let users: Vec<Option<(&str, Option<&str>)>> = rows
        .iter()
        .map(|row| row.user.as_ref().map(|user| (user.name.as_str(), user.title.as_deref())))
        .collect();
    assert_eq!(users, [None, Some(("Grace", None)), None]);
    // The columns of the group come from two independent joins, and one join may have a row when the other has none. So
    // each column is an `Option`: an `Option` of the whole group would lose values.
    let rows = sql!(
        r#"SELECT u.name AS "both.name", q.title AS "both.title"
             FROM posts p LEFT JOIN users u ON u.id = p.author_id AND u.name = 'Ada'
                          LEFT JOIN posts q ON q.id = p.id AND q.views > 10
            ORDER BY p.views"#
    )
    .fetch_all(&dsql)
    .await
    .unwrap();
    let both: Vec<(Option<&str>, Option<&str>)> =
        rows.iter().map(|row| (row.both.name.as_deref(), row.both.title.as_deref())).collect();
    assert_eq!(both, [(Some("Ada"), None), (None, Some("Second")), (None, Some("Third"))]);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn many_rows_in_one_flight() {
    let (local, dsql) = blog().await;
    let count = || sql!("SELECT count(*) FROM users").fetch_value(&dsql);
    let people: Vec<(Uuid, String, Option<&str>)> = (10..500)
        .map(|number| (id(number), format!("user {number}"), (number % 2 == 0).then_some("x@y.z")))
        .collect();
    // The rows are sent as arrays.
    let added = sql!(
        "INSERT INTO users (id, name, email) VALUES ($id, $name, $email)",
        for (id, name, email) in &people
    );
    assert!(format!("{added:?}").contains("UNNEST"), "{added:?}");
    assert_eq!(added.execute(&dsql).await.unwrap(), 490);
    let even = sql!("SELECT count(*) FROM users WHERE email = 'x@y.z' AND name LIKE 'user %'");
    assert_eq!(even.fetch_value(&dsql).await.unwrap(), 245);

    // The statement is sent once for each row, because the statement returns rows.
    let names = sql!(
        "UPDATE users SET name = $name WHERE id = $id RETURNING name",
        for number in 10..20,
        id = id(number),
        name = format!("renamed {number}")
    )
    .fetch_all(&dsql)
    .await
    .unwrap();
    assert_eq!(names.len(), 10);
    assert_eq!(names[9].name, "renamed 19");

    // No row is inserted, because the last row already exists.
    for attempt in 0..2 {
        let before = count().await.unwrap();
        let ids = [id(1000), id(1001), id(10)];
        let refused = if attempt == 0 {
            sql!("INSERT INTO users (id, name) VALUES ($id, 'x')", for id in ids).execute(&dsql).await
        } else {
            sql!("INSERT INTO users (id, name) VALUES ($id, lower('X'))", for id in ids).execute(&dsql).await
        };
        assert!(refused.unwrap_err().is_unique_violation());
        assert_eq!(count().await.unwrap(), before);
    }

    let none: [Uuid; 0] = [];
    let nothing = sql!("INSERT INTO users (id, name) VALUES ($id, 'x')", for id in none).execute(&dsql).await;
    assert_eq!(nothing.unwrap(), 0);
    let nothing = sql!("DELETE FROM users WHERE id = $id", for id in none).execute(&dsql).await;
    assert_eq!(nothing.unwrap(), 0);
    // The answers are larger than the buffers of the connection, so the client must read answers while it sends the
    // remaining rows.
    let long = "x".repeat(20_000);
    let echoed = sql!("SELECT $text::text AS text", for text in std::iter::repeat_n(&long, 300));
    assert_eq!(echoed.fetch_all(&dsql).await.unwrap().len(), 300);
    local.stop().await.unwrap();
}
