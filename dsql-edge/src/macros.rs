//! The macros and their input.

/// Checks a query at compile time, against the schema (a snapshot, or a folder of migrations), and returns a value that
/// runs the query.
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
/// `$name` captures a variable in scope, by reference, as `format!` does; `name = expr` after the SQL gives `$name`
/// another value. `$1`, `$2` take the arguments after the SQL in order. A query uses either names or numbers, not both.
/// An `Option` is accepted where NULL has a meaning, and is an error elsewhere. A list is an array: `WHERE id =
/// ANY($ids)` takes `Vec<T>`, `&[T]` and `[T; N]`.
///
/// # Rows
///
/// `sql!("…")` makes a struct for the row: its fields are the columns, in Rust types, and a column that is not proved
/// NOT NULL is an `Option`. `sql!(Post, "…")` fills your own struct by field names. A statement without result columns
/// has only `execute`.
///
/// The struct of `sql!("…")` has no name, so a function cannot return it. As an item, `sql! { pub struct Tag = "…"; }`
/// declares the struct of a row. Any number of `sql!` expressions can then return this struct:
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// sql! {
///     /// A tag, with the columns of the table.
///     #[derive(Eq)]
///     pub struct Tag = "SELECT * FROM tag_master";
/// }
///
/// pub async fn tags(dsql: &Dsql, category: &str) -> Result<Vec<Tag>, Error> {
///     sql!(Tag, "SELECT * FROM tag_master WHERE tag_category = $category").fetch_all(dsql).await
/// }
/// ```
///
/// If the caller of a function only serializes the rows, the function can return `Result<Vec<impl serde::Serialize>,
/// Error>`, so the struct needs no name. A [query function](#query-functions) declares the function and its row
/// together.
///
/// Overrides are written into the column's name: `AS "x!"` (never NULL; a NULL is then an error at run time), `AS "x?"`
/// (an `Option`), `AS "x: T"` (a Rust type that you define). Overrides have an effect only in an alias of the query,
/// not in the name of a column of a table or view.
///
/// Columns named `"author.name"` and `"author.email"` are a group: they become a struct in the row's field `author`.
/// The field is an `Option` if the group is on the nullable side of an outer join and has a witness. A witness is a
/// column that is NULL only if the join finds no matching row; in that case, all columns of the group are NULL. Without
/// a witness, the field is a struct whose fields are `Option`s, so that no value is lost. To use your own structs, name
/// the struct of the row, and for each group its field and its struct:
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
/// As an item, `sql!` declares any number of functions. Attributes before `fn` belong to the function, and attributes
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
/// - A parameter with a type keeps that type, and rustc checks that the type fits. If the type is a Rust enum, its
///   variants are checked, too. If the SQL uses the parameter only for one column with labels, or for one SQL enum,
///   each variant must be one of these labels. A parameter without a type has the Rust type of its SQL type: `&str`,
///   `&[u8]` and `&[T]` instead of types that own memory, and an `Option` where NULL is an ordinary value (not for
///   `LIMIT`).
/// - `-> pub Post` declares the struct `Post`. Any other visibility can be written instead of `pub`; for a private
///   struct, write `pub(self)`. `-> Post` fills your own struct; with groups, write `-> Post { author: Author }`.
///   Functions of one block that declare the same struct share it, if their columns are the same. The struct of a group
///   is named `PostAuthor`, and has the row's attributes.
/// - A row that `sql!` generates is Debug, Clone, PartialEq and, with the feature `serde`, Serialize. If your
///   `#[derive(…)]` contains one of these traits, that derive implements the trait. `#[serde(rename_all = "…")]` works
///   without a derive.
/// - If the SQL is wrong, the function keeps its signature and the columns that resolved, so that rustc shows one
///   error.
///
/// # Optional text
///
/// `{? … }` is a part of the SQL only if its parameters are `Some`:
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
/// A parameter that occurs only in a part of optional text decides whether this part is sent: the argument is an
/// `Option`, and the part is sent if all arguments of the part are `Some`. The values are bound; a value never becomes
/// text. Every combination of parts is compiled. A query can have at most 64 combinations, for example with six parts,
/// each of which has a different parameter. All combinations must return the same columns, and a parameter must have
/// the same type in every combination that contains it.
///
/// Several parameters of one part belong together, for example the position of a page:
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql, types::{DateTime, Utc, Uuid}};
/// sql! {
///     fn page(at, id, limit: i64) -> pub(self) Listed =
///         "SELECT id, title, published_at FROM posts
///           WHERE published_at IS NOT NULL {? AND (published_at, id) < ($at, $id) }
///           ORDER BY published_at DESC, id DESC LIMIT $limit";
/// }
/// # async fn pages(dsql: &Dsql, last: Option<(DateTime<Utc>, Uuid)>) -> Result<(), Error> {
/// let (at, id) = last.unzip();
/// let listed = page(at, id, 10).fetch_all(dsql).await?;
/// # drop(listed.into_iter().map(|post| (post.id, post.title, post.published_at)));
/// # Ok(())
/// # }
/// ```
///
/// A value that is given is never ignored: if `at` is `Some` and `id` is `None`, nothing is sent, and the query returns
/// an error that contains the names `at` and `id`.
///
/// In a query function, a parameter that decides whether a part is sent, and that is declared without a type, is an
/// `Option<T>`. The type is `Option<Option<T>>`, and `Some(None)` sends NULL, if the SQL writes the parameter to a
/// nullable column (`{? , body = $body }`) or tests the parameter for NULL (`IS NOT DISTINCT FROM $author`). To send
/// NULL to a function (`concat($word)`), name the type of the parameter.
///
/// # Many rows
///
/// `for pattern in rows` after the SQL executes the statement once for each row. Up to 3,000 rows and 8 MiB are sent as
/// one chunk. Outside a transaction, each chunk is a separate transaction: all rows of a chunk are committed, or none
/// ([`BulkCommand`](crate::BulkCommand)).
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql, types::Uuid};
/// # struct Post { id: Uuid, title: String }
/// # async fn add(dsql: &Dsql, posts: Vec<Post>) -> Result<(), Error> {
/// sql!(
///     "INSERT INTO posts (id, title) VALUES ($id, $title)",
///     for post in &posts, id = post.id, title = &post.title
/// )
///     .execute(dsql)
///     .await?;
/// # Ok(())
/// # }
/// ```
///
/// Some `INSERT`s are sent as one statement with an array for each parameter (`INSERT … SELECT … FROM UNNEST($1, $2)`).
/// Such an `INSERT` has one row, whose values are parameters, casts of parameters or constants, and has neither
/// `RETURNING` nor `DO UPDATE`. Every other statement is bound and executed row by row. `execute` counts the rows of
/// all chunks; without rows, nothing is sent.
///
/// # Batches
///
/// `in batches of 1000` after the SQL divides an `UPDATE` or `DELETE`: each batch changes at most this number of rows,
/// and is a separate transaction. In a query function, `in batches of 1000` follows the parameters.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// sql! {
///     fn archive(least: i32) in batches of 1000 = "DELETE FROM posts WHERE views < $least";
/// }
/// # async fn run(dsql: &Dsql) -> Result<(), Error> {
/// let rows = archive(10).execute(dsql).await?;
/// let least = 10;
/// let more = sql!("UPDATE posts SET views = 0 WHERE views < $least", in batches of 500)
///     .execute(dsql)
///     .await?;
/// # let _: u64 = rows + more;
/// # Ok(())
/// # }
/// ```
///
/// The batches follow the primary key, or another unique key whose columns are NOT NULL. The statement compiles if
///
/// - it does not change the key, and its table has no triggers, rules, child tables or row level security;
/// - it reads nothing that an earlier batch may have changed. So the statement must not read other rows of the table
///   that it changes, directly or through a view. The statement also must not read a table whose rows a foreign key
///   changes together with the rows of the statement. Each function of the schema that the statement calls must be
///   `IMMUTABLE`;
/// - no batch can violate a constraint that the whole statement would satisfy. For example, an `UPDATE` that sets a
///   unique column to different values (`SET n = m + 1`) needs the condition that the column was NULL (`WHERE n IS
///   NULL`);
/// - it can be repeated: if the new values of an `UPDATE` depend on columns that it changes, its condition must exclude
///   the rows that it has changed already, such as `WHERE done IS NULL` with `SET …, done = true`.
///
/// The statement must not have `WITH`, `RETURNING` or optional text. For DSQL, a batch has at most 3,000 rows.
///
/// A batch is sent as one statement, `WITH … AS (UPDATE … RETURNING 1) SELECT …`. DSQL's documentation does not mention
/// such a `WITH`; `dsql-edge doctor --probe` tests whether a cluster accepts it.
///
/// # What it evaluates to
///
/// | statement | type | runs on |
/// |---|---|---|
/// | returns rows | [`Query`](crate::Query) | any [`Executor`](crate::Executor), a pipeline |
/// | returns no rows | [`Command`](crate::Command) | any [`Executor`](crate::Executor), a pipeline |
/// | `INSERT` of one row that cannot succeed twice | [`KeyInsert`](crate::KeyInsert) | any [`Executor`](crate::Executor), a pipeline; as an [idempotency key](crate::TransactionBuilder::idempotency_key) |
/// | for many rows (`for … in …`) | [`BulkCommand`](crate::BulkCommand), [`BulkQuery`](crate::BulkQuery) | any [`Executor`](crate::Executor), a pipeline |
/// | `UPDATE` or `DELETE` in batches | [`Batches`](crate::Batches) | [`Dsql`](crate::Dsql) |
/// | changes its session | [`SessionCommand`](crate::SessionCommand), [`SessionQuery`](crate::SessionQuery) | `&mut` [`Session`](crate::Session) |
/// | begins, ends or changes a transaction; `DO`, `CALL` | does not compile | [`Dsql::transaction`](crate::Dsql::transaction) |
///
/// These statements change their session: `SET`, `RESET`, `PREPARE`, `CREATE TEMP TABLE`, and calls of
/// `set_config(…, false)` or `pg_advisory_lock`.
///
/// `currval` and `lastval` run anywhere, but are meaningful only in a transaction or session that called `nextval`.
/// `RETURNING` returns the same number and works everywhere.
///
/// # Warnings
///
/// A suspicious statement causes a warning: an UPDATE or DELETE without WHERE, a comparison with NULL, a comparison of
/// a column with a string that the column never contains, a parameter in quotes (`'$name'`), `ORDER BY` a parameter,
/// and an override without effect. `sql!(#[allow(missing_where)] "DELETE FROM posts")` turns the warning off; before a
/// function, use the same attribute. The name in the attribute is the code in the warning, with `_` instead of `-`.
///
/// # The snapshot
///
/// The snapshot is `dsql-schema.sql` next to `Cargo.toml`, or in a parent folder, up to the workspace's folder. The
/// variable `DSQL_EDGE_SCHEMA` sets another path, relative to `Cargo.toml`. Cargo builds again when the variable or the
/// file changes. Comments at the head of the snapshot are directives:
///
/// ```sql
/// -- dsql-edge: search_path app, public
/// -- dsql-edge: type users.id = crate::UserId
/// ```
///
/// The second directive gives a Rust type to a column wherever the column is selected unchanged, or (`type date =
/// crate::Day`) to all columns of an SQL type; `AS "id: _"` ignores the directive. In a directive, `crate` is the
/// package's library, also in the package's tests, examples and binaries, so the type must be `pub`. In a package
/// without a library, `crate` is the binary.
///
/// A folder of migrations also works; its files are read in the order of their names. Files that undo a migration
/// (`*.down.sql`, `*.undo.sql`, `*.rollback.sql`, `U1__*.sql`) are left out. Cargo does not detect new files in the
/// folder by itself, so a `build.rs` must print the folder's path:
///
/// ```text
/// fn main() {
///     println!("cargo::rustc-env=DSQL_EDGE_MIGRATIONS=migrations");
///     println!("cargo::rerun-if-changed=migrations");
/// }
/// ```
///
/// # Errors
///
/// A statement that PostgreSQL would reject is a compile error, with PostgreSQL's message and the position in the SQL.
#[doc(alias = "query")]
#[doc(alias = "query_as")]
#[doc(alias = "query_scalar")]
#[doc(alias = "bind")]
pub use dsql_edge_macros::sql;

/// [`sql!`](crate::sql) with its SQL in a file. The path of the file is relative to `Cargo.toml`.
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
/// The arguments are the same as for `sql!` as an expression. Errors have the line and the column in the file.
#[doc(alias = "query_file")]
#[doc(alias = "query_file_as")]
#[doc(alias = "query_file_scalar")]
pub use dsql_edge_macros::sql_file;

/// A query that `sql!` cannot analyze: its syntax and parameters are checked, and you declare the types.
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
/// The names of the fields are the names of the columns, and the order is the same. When the query runs, the server's
/// description is compared with the Rust types: a difference is an error that names the column; a value is never
/// misread. Without a row struct (`sql_unchecked!("…", …)`), the result has only the method `execute`.
///
/// Transaction control is rejected as in [`sql!`](crate::sql). A SELECT runs again after a lost answer if the snapshot
/// proves that the SELECT only reads. For this proof, `sql!` must accept the SELECT, and the SELECT must not contain
/// the name of a function of the schema. Every other statement is treated as a statement that may write and may change
/// its session. `sql_unchecked!` does not check where a statement that changes its session runs: run it on a
/// [`Session`](crate::Session).
#[doc(alias = "query_unchecked")]
#[doc(alias = "query_as_unchecked")]
pub use dsql_edge_macros::sql_unchecked;

/// Makes a type that you define fit columns and parameters. An override (`"author_id: UserId"`) or a directive of the
/// snapshot (`-- dsql-edge: type users.id = crate::UserId`) can then refer to the type.
///
/// A **newtype** fits each SQL type that its field fits. Other fields may be `PhantomData`; a struct with one named
/// field is a newtype with `#[dsql(transparent)]`.
///
/// ```
/// use dsql_edge::types::Uuid;
///
/// #[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
/// struct UserId(Uuid);
/// ```
///
/// An **enum** is a list of labels. Such a type fits an enum of PostgreSQL, and a text column, for example with `CHECK
/// (status IN ('draft', 'in_review'))`. The label of a variant is its name, changed by `rename_all` (serde's rules) or
/// `rename`. The snapshot lists the labels of a column if the column is an enum, or if the column or its domain has
/// such a `CHECK`. If an override or a directive gives the Rust type to such a column, the variants must be exactly the
/// labels; otherwise, the build fails. At run time, an unknown label is an error that names the column.
///
/// ```
/// #[derive(Debug, Clone, Copy, PartialEq, dsql_edge::Type)]
/// #[dsql(rename_all = "snake_case")]
/// enum Status {
///     Draft,
///     InReview,
///     #[dsql(rename = "live")]
///     Published,
/// }
/// ```
///
/// A **struct with named fields** is a composite type of the snapshot, `CREATE TYPE address AS (street text, zip
/// integer)`. The composite type has the name of the struct in snake_case, or the name in `#[dsql(name =
/// "schema.address")]`. The struct must have exactly the fields of the composite type, in any order, each with a Rust
/// type that fits; otherwise, the build fails. A field of a composite value can be NULL, so it is an `Option`;
/// `#[dsql(not_null)]` declares that it is never NULL, and `#[dsql(rename = "…")]` gives the name of the field in
/// PostgreSQL. DSQL does not have composite types. Values are sent in PostgreSQL's binary format, which PostgreSQL 14
/// and later accept for types of the schema.
///
/// ```
/// // The row type of a table is a composite type, too:
/// // CREATE TABLE tag_master (tag_name text PRIMARY KEY, tag_category text NOT NULL, usage_count integer)
/// #[derive(dsql_edge::Type)]
/// #[dsql(name = "tag_master")]
/// struct Tag {
///     #[dsql(rename = "tag_name", not_null)]
///     name: String,
///     #[dsql(rename = "tag_category", not_null)]
///     category: String,
///     usage_count: Option<i32>,
/// }
/// ```
#[doc(inline)]
pub use dsql_edge_macros::Type;

/// A test with its own cluster: an `async fn` that takes a [`Dsql`](crate::Dsql). The attribute needs the feature
/// `test`, which belongs in `[dev-dependencies]`. The attribute is not available on wasm.
///
/// ```toml
/// [dev-dependencies]
/// dsql-edge = { version = "0.1", features = ["test"] }
/// ```
///
/// A function that takes an [`Executor`](crate::Executor) runs in the Worker and in tests:
///
/// ```
/// use dsql_edge::{Dsql, Executor, sql};
///
/// /// Adds a tag, or counts one more use of it. The Worker calls this with the `Dsql` of a request.
/// pub async fn use_tag(mut db: impl Executor, name: &str) -> Result<i32, dsql_edge::Error> {
///     sql!(
///         "INSERT INTO tag_master (tag_name, tag_category, usage_count) VALUES ($name, 'new', 1)
///          ON CONFLICT (tag_name) DO UPDATE SET usage_count = tag_master.usage_count + 1
///          RETURNING usage_count"
///     )
///     .fetch_value(&mut db)
///     .await
/// }
///
/// #[dsql_edge::test]
/// async fn second_use_is_counted(dsql: Dsql) -> Result<(), dsql_edge::Error> {
///     assert_eq!(use_tag(&dsql, "sql").await?, 1);
///     assert_eq!(use_tag(&dsql, "sql").await?, 2);
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// `cargo test` runs the test. The test returns `()` or a `Result<(), E>`; `should_panic`, `ignore` and other
/// attributes of tests are written as usual. The runtime is tokio's, with one thread.
///
/// # The cluster
///
/// Each test has its own endpoint and its own database, so tests run at the same time. A dsql-local is the endpoint,
/// with TLS, tokens, and DSQL's rules, limits and conflicts. The database has the schema that
/// [`sql!`](macro@crate::sql) uses: the snapshot, or the folder of migrations. `migrations = "folder"` sets another
/// folder, relative to `Cargo.toml`. DSQL's rules apply to the statements of migrations. DSQL's rules do not apply to
/// the statements of a snapshot, which may be a dump. But the test fails if the snapshot has an object that a cluster
/// cannot have.
///
/// All tests share one PostgreSQL 16, which dsql-local finds. The first test process starts this PostgreSQL. The
/// PostgreSQL ends two seconds after the last test process, even if that process is killed. The data folder, with the
/// last schemas, stays in `target/dsql-edge-test`, so that the next start is quick. A test that passes leaves no
/// files outside this folder.
///
/// If the dialect of the schema is PostgreSQL, `Dsql` connects to the PostgreSQL directly, without dsql-local's rules.
///
/// # Arguments
///
/// - `fixtures("users", "posts")` runs `fixtures/users.sql` and `fixtures/posts.sql`, relative to the source file, in
///   this order; a fixture can also be a path, such as `"../data/users.sql"`. Each statement runs by DSQL's rules.
/// - `faults("conflict=1", "latency=20")` switches on faults of `dsql-local` when the test begins. If a fault did not
///   happen, the test fails, even if its function succeeded. A latency is exempt.
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql};
/// #[dsql_edge::test(faults("conflict=1"))]
/// async fn conflict_is_retried(dsql: Dsql) -> Result<(), Error> {
///     let rows = sql!("DELETE FROM tag_master").execute(&dsql).await?;
///     assert_eq!(rows, 0);
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// - `own_server` starts a PostgreSQL for this test only. This takes about a second. All databases of a PostgreSQL
///   share its roles, so `CREATE ROLE` is an error in the shared PostgreSQL. If the schema or the fixtures of a test
///   change roles, the test gets its own PostgreSQL even without `own_server`.
/// - `roles("app")` adds a database role that logs in with its own keys, as `dsql-local --user app` does, and implies
///   `own_server`. The function takes one more `Dsql` for each role. The role gets its privileges from the schema, a
///   fixture or the test itself (`GRANT`).
///
/// ```
/// # use dsql_edge::{Dsql, Error, sql, sql_unchecked};
/// #[dsql_edge::test(roles("app"))]
/// async fn app_cannot_read_tags(dsql: Dsql, app: Dsql) -> Result<(), Error> {
///     sql_unchecked!("REVOKE ALL ON tag_master FROM app").execute(&dsql).await?;
///     let denied = sql!("SELECT tag_name FROM tag_master").fetch_all(&app).await.unwrap_err();
///     assert_eq!(denied.sqlstate().unwrap().as_str(), "42501");
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// # A test that fails
///
/// A failed test keeps its database until the test runs again, for a week at most. The output of the test has the
/// command that opens the database with psql, and the statements that DSQL rejected, each with an alternative. If the
/// process is killed, its database is dropped by the next run.
///
/// # Differences from a cluster
///
/// The differences between dsql-local and a cluster apply, and one more: `current_database()` returns the name of the
/// test's database, not `postgres`.
#[cfg(all(feature = "test", not(target_arch = "wasm32")))]
#[doc(inline)]
pub use dsql_edge_macros::test;
