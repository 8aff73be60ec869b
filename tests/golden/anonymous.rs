//! Written by `sql!` for the query in `emission.rs`.
#![allow(
    unused,
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "as the macro writes it"
)]
fn anonymous(author: ::dsql_edge::types::Uuid, least: i32) {
    let _ = match (&(author), &(least)) {
        (p1, p2) => {
            #[allow(dead_code)]
            pub struct Row {
                pub title: ::std::string::String,
                pub body: ::core::option::Option<::std::string::String>,
            }
            ::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] Row [] [] { title : "title" "title" , body : "body" "body" } } }
            fn decode(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Row, ::dsql_edge::private::Error> {
                ::core::result::Result::Ok(Row {
                    title: row
                        .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::NotNull, _>(0)?,
                    body: row
                        .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::Nullable, _>(1)?,
                })
            }
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT title, body FROM posts WHERE author_id = $1 AND views > $2",
                name: "anonymous",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[2950, 23],
                columns: &[
                    ::dsql_edge::private::ColumnDesc { name: "title", type_oid: 25, type_name: "text" },
                    ::dsql_edge::private::ColumnDesc { name: "body", type_oid: 25, type_name: "text" },
                ],
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(2usize);
            {
                enum author {}
                enum least {}
                ::dsql_edge::private::scalar::<author, ::dsql_edge::types::sql::Uuid, _>(
                    p1,
                    "parameter $author of type uuid",
                )
                .bind(&mut arguments);
                ::dsql_edge::private::scalar::<least, ::dsql_edge::types::sql::Int4, _>(
                    p2,
                    "parameter $least of type int4",
                )
                .bind(&mut arguments);
            }
            ::dsql_edge::private::Query::new(&STATEMENT, arguments, decode)
        }
    };
}
