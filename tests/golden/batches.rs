//! Written by `sql!` for the query in `emission.rs`.
#![allow(
    unused,
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "as the macro writes it"
)]
fn in_batches(body: &str, least: i32) {
    let _ = match (&(body), &(least)) {
        (p1, p2) => {
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "WITH dsql_edge_batch AS (SELECT posts.id AS k1 FROM posts WHERE (body IS NULL AND views < $2) ORDER BY posts.id LIMIT 1000), dsql_edge_changed AS (UPDATE posts SET body = $1 WHERE (body IS NULL AND views < $2) AND (posts.id) IN (SELECT k1 FROM dsql_edge_batch) RETURNING 1) SELECT (SELECT ARRAY[k1::text] FROM dsql_edge_batch ORDER BY k1 DESC LIMIT 1) AS last, (SELECT count(*) FROM dsql_edge_changed) AS rows",
                name: "",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25, 23],
                columns: &[
                    ::dsql_edge::private::ColumnDesc { name: "last", type_oid: 1009, type_name: "_text" },
                    ::dsql_edge::private::ColumnDesc { name: "rows", type_oid: 20, type_name: "int8" },
                ],
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Write,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            static NEXT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "WITH dsql_edge_batch AS (SELECT posts.id AS k1 FROM posts WHERE (body IS NULL AND views < $2) AND (posts.id) > (($3::text[])[1]::uuid) ORDER BY posts.id LIMIT 1000), dsql_edge_changed AS (UPDATE posts SET body = $1 WHERE (body IS NULL AND views < $2) AND (posts.id) IN (SELECT k1 FROM dsql_edge_batch) RETURNING 1) SELECT (SELECT ARRAY[k1::text] FROM dsql_edge_batch ORDER BY k1 DESC LIMIT 1) AS last, (SELECT count(*) FROM dsql_edge_changed) AS rows",
                name: "",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25, 23, 1009],
                columns: &[
                    ::dsql_edge::private::ColumnDesc { name: "last", type_oid: 1009, type_name: "_text" },
                    ::dsql_edge::private::ColumnDesc { name: "rows", type_oid: 20, type_name: "int8" },
                ],
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Write,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(3usize);
            {
                enum body {}
                enum least {}
                ::dsql_edge::private::argument::<
                    body,
                    ::dsql_edge::types::sql::Text,
                    ::dsql_edge::private::Nullable,
                    _,
                >(p1, "parameter $body of type text")
                .bind(&mut arguments);
                ::dsql_edge::private::scalar::<least, ::dsql_edge::types::sql::Int4, _>(
                    p2,
                    "parameter $least of type int4",
                )
                .bind(&mut arguments);
            }
            ::dsql_edge::private::Batches::new(&STATEMENT, &NEXT, arguments)
        }
    };
}
