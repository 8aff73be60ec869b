//! The macros, and the input that each takes.

/// Checks a query against the schema snapshot when it is compiled, and gives a query to run.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// # async fn tags(dsql: &Dsql) -> Result<(), Error> {
/// let category = "Methodology";
/// let tags = sql!("SELECT tag_name, usage_count FROM tag_master WHERE tag_category = $category")
///     .fetch_all(dsql)
///     .await?; // Vec of { tag_name: String, usage_count: i32 }
/// # let _: Option<&String> = tags.first().map(|tag| &tag.tag_name);
/// # Ok(())
/// # }
/// ```
///
/// # Parameters
///
/// `$name` captures a variable in scope, by reference, as `format!` does; `name = expr` after the text gives it
/// another value. `$1`, `$2` take the arguments after the text in order. The two are not mixed. An `Option` is taken
/// where NULL means something, and is an error elsewhere. A list is an array: `WHERE id = ANY($ids)` takes `Vec<T>`,
/// `&[T]` and `[T; N]`.
///
/// # Rows
///
/// `sql!("…")` makes a struct for the row: its fields are the columns, in Rust types, and a column that is not proved
/// NOT NULL is an `Option`. `sql!(Post, "…")` fills your own struct by field names. A statement that returns no
/// columns has only `execute`.
///
/// Overrides are written into the column's name: `AS "x!"` (never NULL; a NULL is then an error at run time),
/// `AS "x?"` (an `Option`), `AS "x: T"` (a Rust type of your own). They are read in aliases that the query writes,
/// never in the name of a column of the database or of a view.
///
/// Columns named `"author.name"` and `"author.email"` are a struct in the row, in its field `author`. It is an
/// `Option` where an outer join can miss and a column of the group witnesses that: one that only the miss makes NULL,
/// and whose miss makes all columns of the group NULL. Without such a column it is a struct whose fields are
/// `Option`s, so that no value is ever lost. Your own structs are named with their fields:
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// struct Post {
///     title: String,
///     author: Option<Author>,
/// }
/// struct Author {
///     name: String,
///     email: Option<String>,
/// }
/// # async fn posts(dsql: &Dsql) -> Result<(), Error> {
/// let posts: Vec<Post> = sql!(
///     Post { author: Author },
///     r#"SELECT p.title, u.name AS "author.name", u.email AS "author.email"
///          FROM posts p LEFT JOIN users u ON u.id = p.author_id"#
/// )
/// .fetch_all(dsql)
/// .await?;
/// # drop(posts.into_iter().map(|post| (post.title, post.author.map(|author| (author.name, author.email)))));
/// # Ok(())
/// # }
/// ```
///
/// # Query functions
///
/// Among items, `sql!` makes functions, any number of them. Attributes before `fn` go to the function, those
/// after the arrow to the row:
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// sql! {
///     /// The newest posts of an author.
///     pub fn newest_posts(author: &str, limit) -> #[serde(rename_all = "camelCase")] pub Post =
///         "SELECT p.id, p.title, p.published_at FROM posts p JOIN users u ON u.id = p.author_id
///           WHERE u.name = $author ORDER BY p.published_at DESC LIMIT $limit";
///
///     pub fn post(id) -> pub Post = "SELECT id, title, published_at FROM posts WHERE id = $id";
///
///     pub fn rename_post(id, title) = "UPDATE posts SET title = $title WHERE id = $id";
/// }
/// # async fn ada(dsql: &Dsql) -> Result<Vec<Post>, Error> {
/// newest_posts("Ada", 10).fetch_all(dsql).await
/// # }
/// ```
///
/// - A parameter with a type keeps it, and rustc checks that it fits. Without one it has the type of its SQL type:
///   `&str`, `&[u8]` and `&[T]` where that owns memory, and an `Option` where NULL is as good a value as another
///   (not for `LIMIT`).
/// - `-> pub Post` makes the struct, with any visibility (`pub(self)` is a private one); `-> Post` fills your own,
///   `-> Post { author: Author }` with groups. Functions of one block that make the same struct share it, if their
///   columns are the same. Structs of groups are named `PostAuthor`, with the row's attributes.
/// - A row that is made here is Debug, Clone, PartialEq and, with the feature `serde`, Serialize; what `#[derive(…)]`
///   names comes from there instead. `#[serde(rename_all = "…")]` works without a derive.
/// - Where the SQL is wrong, the function keeps its signature and the columns that resolved, so that one error shows.
///
/// # Optional text
///
/// `{? … }` is there only if its parameter is:
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// sql! {
///     fn search(author, word, limit: i64) -> pub(self) Found =
///         "SELECT id, title FROM posts
///           WHERE views > 0 {? AND author_id = $author } {? AND title LIKE $word }
///           ORDER BY id LIMIT $limit";
/// }
/// # async fn found(dsql: &Dsql) -> Result<(), Error> {
/// let found = search(None, Some("%SQL%"), 10).fetch_all(dsql).await?;
/// # drop(found.into_iter().map(|found| (found.id, found.title)));
/// # Ok(())
/// # }
/// ```
///
/// A piece depends on the one parameter in it that is in optional text alone; its argument is an `Option`, and
/// the value in it is bound. Others must be outside too. Every combination is compiled (at most six parameters
/// decide), all agree in their columns and parameters, and the one that is meant is sent; a value never becomes text.
///
/// # Many rows
///
/// `for pattern in rows` after the text executes the statement once for each row, in one flight and one transaction:
/// all of it happens, or nothing.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql, types::Uuid};
/// # struct Post { id: Uuid, title: String }
/// # async fn add(dsql: &Dsql, posts: Vec<Post>) -> Result<(), Error> {
/// sql!("INSERT INTO posts (id, title) VALUES ($id, $title)", for post in &posts, id = post.id, title = &post.title)
///     .execute(dsql)
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// An `INSERT` of one row of parameters, casts of them and constants, without `RETURNING` and `DO UPDATE`, is sent as
/// one statement with an array for each parameter (`INSERT … SELECT … FROM UNNEST($1, $2)`); everything else is bound
/// and executed row by row. DSQL takes 3,000 rows in a transaction. `execute` counts all rows; of no rows nothing
/// happens.
///
/// # What it evaluates to
///
/// | statement | type | runs on |
/// |---|---|---|
/// | returns rows | [`Query`](crate::Query) | any [`Executor`](crate::Executor), a pipeline |
/// | returns none | [`Command`](crate::Command) | the same |
/// | `INSERT` of one row that cannot happen twice | [`KeyInsert`](crate::KeyInsert) | the same; an [idempotency key](crate::TransactionBuilder::idempotency_key) |
/// | changes its session: `SET`, `RESET`, `PREPARE`, `CREATE TEMP TABLE`, `set_config(…, false)`, `pg_advisory_lock` | [`SessionCommand`](crate::SessionCommand), [`SessionQuery`](crate::SessionQuery) | `&mut` [`Session`](crate::Session) |
/// | begins, ends or changes a transaction; `DO`, `CALL` | does not compile | [`Dsql::transaction`](crate::Dsql::transaction) |
///
/// `currval` and `lastval` run anywhere, and mean something only in a transaction or session that called `nextval`:
/// `RETURNING` gives the same number everywhere.
///
/// # Warnings
///
/// A suspicious statement is a warning. `sql!(#[allow(missing_where)] "DELETE FROM posts")` turns one off, in functions
/// the same attribute does; its code is the one the warning shows, with `_` for `-`.
///
/// # The snapshot
///
/// `dsql-schema.sql` beside `Cargo.toml`, or further up to the workspace's; `DSQL_EDGE_SCHEMA` names another,
/// relative to `Cargo.toml`. Cargo builds again when the variable or the file changes. Comments at its head are
/// directives:
///
/// ```sql
/// -- dsql-edge: search_path app, public
/// -- dsql-edge: type users.id = crate::UserId
/// ```
///
/// The second gives a Rust type to a column wherever it is selected unchanged, or (`type date = crate::Day`) to all
/// columns of an SQL type; `AS "id: _"` is without it. `crate` is the package's library there, in its tests, examples
/// and binaries too, so the type is `pub`. In a package without a library it is the binary.
///
/// A folder of migrations, read in the order of names (`*.down.sql` is passed over), serves too. Cargo would not see
/// new files, so a `build.rs` names the folder:
///
/// ```text
/// fn main() { println!("cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations\ncargo::rerun-if-changed=migrations") }
/// ```
///
/// # Errors
///
/// A statement that PostgreSQL would reject is an error here, in its words, with the place in the SQL.
pub use dsql_edge_macros::sql;

/// [`sql!`](crate::sql) with the SQL in a file, whose path is relative to `Cargo.toml`.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql_file};
/// # async fn top(dsql: &Dsql) -> Result<(), Error> {
/// let top = sql_file!("examples/top.sql", limit = 10).fetch_all(dsql).await?;
/// # drop(top.into_iter().map(|post| post.title));
/// # Ok(())
/// # }
/// ```
///
/// It takes the same input as `sql!` in the form of an expression. Errors have the line and the column in the file.
pub use dsql_edge_macros::sql_file;

/// The way out where `sql!` cannot follow: syntax and parameters are checked, the types are yours.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql_unchecked, types::Uuid};
/// # struct Post { id: Uuid, title: Option<String> }
/// # async fn post(dsql: &Dsql, id: Uuid) -> Result<Vec<Post>, Error> {
/// sql_unchecked!(Post { id: Uuid, title: Option<String> }, "SELECT id, title FROM posts WHERE id = $1", id)
///     .fetch_all(dsql)
///     .await
/// # }
/// ```
///
/// The fields name the columns in order. The server's description is still compared with the Rust types when the
/// query runs: a difference is an error that names the column, never a misread. Without a row
/// (`sql_unchecked!("…", …)`) the statement can only be executed.
///
/// Transaction control is rejected as in [`sql!`](crate::sql). A SELECT counts as one that reads, and runs again when
/// its answer is lost, if the snapshot proves it: then `sql!` would take it, and it names no function of the schema.
/// Every other statement may write, and may change its session; a statement that changes a session
/// belongs on a [`Session`](crate::Session), which is not checked here.
pub use dsql_edge_macros::sql_unchecked;
