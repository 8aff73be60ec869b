//! Query functions: a function with a mistake causes one error, and the calls of this function cause no further errors.

use dsql_edge::{Dsql, Error, sql};

sql! {
    /// The column `vews` does not exist; the column `title` exists.
    pub fn posts_of(author: dsql_edge::types::Uuid, limit) -> pub Post =
        "SELECT p.title, p.vews AS views FROM posts p WHERE p.author_id = $author LIMIT $limit";

    fn by_title(title) -> pub(self) Titled = "SELECT views FROM posts WHERE titel = $title";

    fn one_more(minimum: i64, maximum) -> pub(self) More =
        "SELECT title FROM posts WHERE views > $minimum AND views < $limit";

    fn no_row() = "SELECT title FROM posts";

    fn no_columns() -> pub(self) Nothing = "DELETE FROM posts WHERE views = 0";

    fn too_few($1) = "SELECT 1";

    async fn waiting() = "DELETE FROM posts WHERE views = 0";

    fn first() -> pub(self) Shared = "SELECT title, body FROM posts";
    fn second() -> pub(self) Shared = "SELECT title, views::text AS body FROM posts";
    fn third() -> pub(self) Shared = "SELECT title FROM posts";

    fn attributes() -> #[derive(Eq)] Own = "SELECT title FROM posts";
    fn serde_of_derive() -> #[serde(deny_unknown_fields)] pub(self) Strict = "SELECT title FROM posts";
    fn by_number(minimum) -> pub(self) Numbered = "SELECT title FROM posts WHERE views > $1 AND views < $2";
}

sql! {
    fn does_not_fit(title: i32) -> pub(self) Title = "SELECT title FROM posts WHERE title = $title";
}

async fn run(dsql: &Dsql, author: dsql_edge::types::Uuid) -> Result<String, Error> {
    let _ = by_title(5).fetch_value(dsql).await?;
    let titles: Vec<String> = no_row().fetch_all(dsql).await?.into_iter().map(|post| post.title).collect();
    let _ = (titles, no_row().fetch_value(dsql).await?.len());
    let posts = posts_of(author, 10).fetch_all(dsql).await?;
    Ok(posts.into_iter().map(|post| post.title).collect())
}

fn main() {}
