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
    #[doc = "`text[] NOT NULL`"]
    pub bodies: ::std::vec::Vec<::core::option::Option<::std::string::String>>,
}
::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] Post [] [] { title : "title" "title" , bodies : "bodies" "bodies" } } }
#[doc = "A function."]
pub fn posts(ids: &[::dsql_edge::types::Uuid], limit: i64) -> ::dsql_edge::private::Query<Post> {
    match (&(ids), &(limit)) {
        (p1, p2) => {
            fn decode(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Post, ::dsql_edge::private::Error> {
                :: core :: result :: Result :: Ok (Post { title : row . column ::<:: dsql_edge :: types :: sql :: Text , :: dsql_edge :: private :: NotNull , _ > (0) ?, bodies : row . column ::<:: dsql_edge :: types :: sql :: Array <:: dsql_edge :: types :: sql :: Text >, :: dsql_edge :: private :: NotNull , _ > (1) ?, })
            }
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT title, array_agg(body) AS bodies FROM posts WHERE id = ANY($1) GROUP BY title LIMIT $2",
                name: "posts",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[2951, 20],
                columns: &[
                    ::dsql_edge::private::ColumnDesc { name: "title", type_oid: 25, type_name: "text" },
                    ::dsql_edge::private::ColumnDesc { name: "bodies", type_oid: 1009, type_name: "_text" },
                ],
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(2usize);
            {
                enum ids {}
                enum limit {}
                ::dsql_edge::private::argument::<
                    ids,
                    ::dsql_edge::types::sql::Array<
                        ::dsql_edge::types::sql::Uuid,
                        ::dsql_edge::private::NotNull,
                    >,
                    ::dsql_edge::private::NotNull,
                    _,
                >(p1, "parameter $ids of type uuid[]")
                .bind(&mut arguments);
                ::dsql_edge::private::argument::<
                    limit,
                    ::dsql_edge::types::sql::Int8,
                    ::dsql_edge::private::Nullable,
                    _,
                >(p2, "parameter $limit of type int8")
                .bind(&mut arguments);
            }
            ::dsql_edge::private::Query::new(&STATEMENT, arguments, decode)
        }
    }
}
