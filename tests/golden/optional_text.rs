//! Written by `sql!` for the query in `emission.rs`.
#![allow(
    unused,
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "as the macro writes it"
)]
fn optional(least: i32, title: ::core::option::Option<&str>, body: ::core::option::Option<&str>) {
    let _ = match (&(least), &(title), &(body)) {
        (p1, p2, p3) => {
            #[allow(dead_code)]
            pub struct Row {
                pub found: i64,
            }
            ::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] Row [] [] { found : "found" "found" } } }
            impl ::dsql_edge::private::SingleColumn for Row {
                type Value = i64;
                fn into_value(self) -> i64 {
                    self.found
                }
            }
            fn decode(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Row, ::dsql_edge::private::Error> {
                ::core::result::Result::Ok(Row {
                    found: row
                        .column::<::dsql_edge::types::sql::Int8, ::dsql_edge::private::NotNull, _>(0)?,
                })
            }
            const COLUMNS: &[::dsql_edge::private::ColumnDesc] =
                &[::dsql_edge::private::ColumnDesc { name: "found", type_oid: 20, type_name: "int8" }];
            static STATEMENT_0: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE views > $1   AND title = $2    AND body = $3  ",
                name: "optional",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[23, 25, 25],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            static STATEMENT_1: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE views > $1    AND body = $2  ",
                name: "optional",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[23, 25],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            static STATEMENT_2: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE views > $1   AND title = $2   ",
                name: "optional",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[23, 25],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            static STATEMENT_3: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE views > $1   ",
                name: "optional",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[23],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(3usize);
            let p2 = ::dsql_edge::private::given(p2);
            let p3 = ::dsql_edge::private::given(p3);
            {
                enum least {}
                enum title {}
                enum body {}
                ::dsql_edge::private::scalar::<least, ::dsql_edge::types::sql::Int4, _>(
                    p1,
                    "parameter $least of type int4",
                )
                .bind(&mut arguments);
                if let ::core::option::Option::Some(p2) = p2 {
                    ::dsql_edge::private::scalar::<title, ::dsql_edge::types::sql::Text, _>(
                        p2,
                        "parameter $title of type text",
                    )
                    .bind(&mut arguments);
                }
                if let ::core::option::Option::Some(p3) = p3 {
                    ::dsql_edge::private::scalar::<body, ::dsql_edge::types::sql::Text, _>(
                        p3,
                        "parameter $body of type text",
                    )
                    .bind(&mut arguments);
                }
            }
            ::dsql_edge::private::Query::new(
                match (p2.is_some(), p3.is_some()) {
                    (true, true) => &STATEMENT_0,
                    (false, true) => &STATEMENT_1,
                    (true, false) => &STATEMENT_2,
                    (false, false) => &STATEMENT_3,
                },
                arguments,
                decode,
            )
        }
    };
}
fn together(
    title: ::core::option::Option<&str>,
    id: ::core::option::Option<::dsql_edge::types::Uuid>,
    most: ::core::option::Option<i32>,
) {
    let _ = match (&(title), &(id), &(most)) {
        (p1, p2, p3) => {
            #[allow(dead_code)]
            pub struct Row {
                pub found: i64,
            }
            ::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] Row [] [] { found : "found" "found" } } }
            impl ::dsql_edge::private::SingleColumn for Row {
                type Value = i64;
                fn into_value(self) -> i64 {
                    self.found
                }
            }
            fn decode(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Row, ::dsql_edge::private::Error> {
                ::core::result::Result::Ok(Row {
                    found: row
                        .column::<::dsql_edge::types::sql::Int8, ::dsql_edge::private::NotNull, _>(0)?,
                })
            }
            const COLUMNS: &[::dsql_edge::private::ColumnDesc] =
                &[::dsql_edge::private::ColumnDesc { name: "found", type_oid: 20, type_name: "int8" }];
            static STATEMENT_0: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE true   AND (title, id) > ($1, $2)     AND views < $3  ",
                name: "together",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25, 2950, 23],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            static STATEMENT_1: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE true     AND views < $1  ",
                name: "together",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[23],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            static STATEMENT_2: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE true   AND (title, id) > ($1, $2)    ",
                name: "together",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25, 2950],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            static STATEMENT_3: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT count(*) AS found FROM posts WHERE true    ",
                name: "together",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[],
                columns: COLUMNS,
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["posts"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(3usize);
            let p1 = ::dsql_edge::private::given(p1);
            let p2 = ::dsql_edge::private::given(p2);
            let p3 = ::dsql_edge::private::given(p3);
            {
                enum title {}
                enum id {}
                enum most {}
                if let ::core::option::Option::Some(p1) = p1 {
                    ::dsql_edge::private::scalar::<title, ::dsql_edge::types::sql::Text, _>(
                        p1,
                        "parameter $title of type text",
                    )
                    .bind(&mut arguments);
                }
                if let ::core::option::Option::Some(p2) = p2 {
                    ::dsql_edge::private::scalar::<id, ::dsql_edge::types::sql::Uuid, _>(
                        p2,
                        "parameter $id of type uuid",
                    )
                    .bind(&mut arguments);
                }
                if let ::core::option::Option::Some(p3) = p3 {
                    ::dsql_edge::private::scalar::<most, ::dsql_edge::types::sql::Int4, _>(
                        p3,
                        "parameter $most of type int4",
                    )
                    .bind(&mut arguments);
                }
            }
            ::dsql_edge::private::Query::new(
                match (p1.is_some(), p2.is_some(), p3.is_some()) {
                    (true, true, true) => &STATEMENT_0,
                    (false, false, true) => &STATEMENT_1,
                    (true, true, false) => &STATEMENT_2,
                    (false, false, false) => &STATEMENT_3,
                    _ => {
                        arguments.not_together(
                            &[p1.is_some(), p2.is_some(), p3.is_some()],
                            &[
                                (
                                    "its optional text needs both $title and $id: pass both, or neither",
                                    &[0, 1],
                                ),
                                ("its optional text needs all of $most: pass all, or none", &[2]),
                            ],
                        );
                        &STATEMENT_0
                    }
                },
                arguments,
                decode,
            )
        }
    };
}
