//! Written by `sql!` for the query in `emission.rs`.
#![allow(
    unused,
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "as the macro writes it"
)]
#[doc = "A row."]
pub struct Post {
    #[doc = "`text NOT NULL`"]
    pub title: ::std::string::String,
    #[doc = "`None` if an outer join has no matching row."]
    pub author: ::core::option::Option<PostAuthor>,
}
::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] Post [] [] { title : "title" "title" , author : "author" "author" } } }
#[doc = "A group of the columns of [`Post`]."]
pub struct PostAuthor {
    #[doc = "`text NOT NULL`"]
    pub name: ::std::string::String,
    #[doc = "`text`"]
    pub email: ::core::option::Option<::std::string::String>,
}
::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] PostAuthor [] [] { name : "name" "name" , email : "email" "email" } } }
#[doc = "A function."]
pub fn nested() -> ::dsql_edge::private::Query<Post> {
    match () {
        () => {
            fn decode(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Post, ::dsql_edge::private::Error> {
                ::core::result::Result::Ok(Post {
                    title: row
                        .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::NotNull, _>(0)?,
                    author: row.group(1, |row| {
                        ::core::result::Result::Ok(PostAuthor {
                            name: row
                                .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::NotNull, _>(
                                    1,
                                )?,
                            email: row
                                .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::Nullable, _>(
                                    2,
                                )?,
                        })
                    })?,
                })
            }
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT p.title, u.name AS \"author.name\", u.email AS \"author.email\"\n                   FROM posts p LEFT JOIN users u ON u.name = p.title",
                name: "nested",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[],
                columns: &[
                    ::dsql_edge::private::ColumnDesc { name: "title", type_oid: 25, type_name: "text" },
                    ::dsql_edge::private::ColumnDesc { name: "author.name", type_oid: 25, type_name: "text" },
                    ::dsql_edge::private::ColumnDesc {
                        name: "author.email",
                        type_oid: 25,
                        type_name: "text",
                    },
                ],
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts", "users"],
                search_path: "",
            };
            let arguments = ::dsql_edge::private::Arguments::with_capacity(0usize);
            {}
            ::dsql_edge::private::Query::new(&STATEMENT, arguments, decode)
        }
    }
}
