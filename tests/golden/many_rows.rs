//! Written by `sql!` for the query in `emission.rs`.
#![allow(
    unused,
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "as the macro writes it"
)]
fn at_once(people: &[(::dsql_edge::types::Uuid, &str, ::core::option::Option<&str>)]) {
    let _ = match ::dsql_edge::private::arrays(
        &[2950u32, 25u32, 25u32],
        people,
        |(id, name, email), arguments: &mut ::dsql_edge::private::ManyRows| match (&(id), &(name), &(email)) {
            (p1, p2, p3) => {
                enum id {}
                enum name {}
                enum email {}
                ::dsql_edge::private::scalar::<id, ::dsql_edge::types::sql::Uuid, _>(
                    p1,
                    "parameter $id of type uuid",
                )
                .append(arguments, 0);
                ::dsql_edge::private::scalar::<name, ::dsql_edge::types::sql::Text, _>(
                    p2,
                    "parameter $name of type text",
                )
                .append(arguments, 1);
                ::dsql_edge::private::argument::<
                    email,
                    ::dsql_edge::types::sql::Text,
                    ::dsql_edge::private::Nullable,
                    _,
                >(p3, "parameter $email of type text")
                .append(arguments, 2);
            }
        },
    ) {
        rows => {
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "INSERT INTO users (id, name, email) SELECT dsql_edge_rows.p1, dsql_edge_rows.p2, dsql_edge_rows.p3 FROM UNNEST($1, $2, $3) AS dsql_edge_rows(p1, p2, p3)",
                name: "at_once",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[2951, 1009, 1009],
                columns: &[],
                formats: &[],
                effect: ::dsql_edge::private::Effect::Write,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["users"],
                search_path: "",
            };
            ::dsql_edge::private::BulkCommand::new(&STATEMENT, rows)
        }
    };
}
fn one_by_one(people: &[(&str, ::dsql_edge::types::Uuid)]) {
    let _ = match ::dsql_edge::private::rows(
        people,
        |(name, id), arguments: &mut ::dsql_edge::private::Arguments| match (&(name), &(id)) {
            (p1, p2) => {
                enum name {}
                enum id {}
                ::dsql_edge::private::scalar::<name, ::dsql_edge::types::sql::Text, _>(
                    p1,
                    "parameter $name of type text",
                )
                .bind(arguments);
                ::dsql_edge::private::scalar::<id, ::dsql_edge::types::sql::Uuid, _>(
                    p2,
                    "parameter $id of type uuid",
                )
                .bind(arguments);
            }
        },
    ) {
        rows => {
            #[allow(dead_code)]
            pub struct Row {
                pub email: ::core::option::Option<::std::string::String>,
            }
            ::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] Row [] [] { email : "email" "email" } } }
            impl ::dsql_edge::private::SingleColumn for Row {
                type Value = ::core::option::Option<::std::string::String>;
                fn into_value(self) -> ::core::option::Option<::std::string::String> {
                    self.email
                }
            }
            fn decode(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Row, ::dsql_edge::private::Error> {
                ::core::result::Result::Ok(Row {
                    email: row
                        .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::Nullable, _>(0)?,
                })
            }
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "UPDATE users SET name = $1 WHERE id = $2 RETURNING email",
                name: "one_by_one",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25, 2950],
                columns: &[::dsql_edge::private::ColumnDesc {
                    name: "email",
                    type_oid: 25,
                    type_name: "text",
                }],
                formats: &[1],
                effect: ::dsql_edge::private::Effect::Write,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["users"],
                search_path: "",
            };
            ::dsql_edge::private::BulkQuery::new(&STATEMENT, rows, decode)
        }
    };
}
