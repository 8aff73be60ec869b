//! Written by `sql!` for the query in `emission.rs`.
#![allow(
    unused,
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "as the macro writes it"
)]
fn key(id: ::dsql_edge::types::Uuid, name: &str) {
    let _ = match (&(id), &(name)) {
        (p1, p2) => {
            static KEY: ::dsql_edge::private::KeyConstraints = ::dsql_edge::private::KeyConstraints {
                names: &["users_pkey"],
                all: true,
                does_nothing: true,
            };
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "INSERT INTO users (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                name: "key",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[2950, 25],
                columns: &[],
                formats: &[],
                effect: ::dsql_edge::private::Effect::Write,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["users"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(2usize);
            {
                enum id {}
                enum name {}
                ::dsql_edge::private::scalar::<id, ::dsql_edge::types::sql::Uuid, _>(
                    p1,
                    "parameter $id of type uuid",
                )
                .bind(&mut arguments);
                ::dsql_edge::private::scalar::<name, ::dsql_edge::types::sql::Text, _>(
                    p2,
                    "parameter $name of type text",
                )
                .bind(&mut arguments);
            }
            ::dsql_edge::private::KeyInsert::new(&STATEMENT, arguments, &KEY)
        }
    };
}
fn command(name: &str) {
    let _ = match (&(name),) {
        (p1,) => {
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "INSERT INTO users (id, name) VALUES (gen_random_uuid(), $1)",
                name: "command",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25],
                columns: &[],
                formats: &[],
                effect: ::dsql_edge::private::Effect::Write,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["users"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(1usize);
            {
                enum name {}
                ::dsql_edge::private::scalar::<name, ::dsql_edge::types::sql::Text, _>(
                    p1,
                    "parameter $name of type text",
                )
                .bind(&mut arguments);
            }
            ::dsql_edge::private::Command::new(&STATEMENT, arguments)
        }
    };
}
fn session_command() {
    let _ = match () {
        () => {
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SET timezone = 'UTC'",
                name: "session_command",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[],
                columns: &[],
                formats: &[],
                effect: ::dsql_edge::private::Effect::Write,
                session: ::dsql_edge::private::SessionEffect::Changes,
                tables: &[],
                search_path: "",
            };
            let arguments = ::dsql_edge::private::Arguments::with_capacity(0usize);
            {}
            ::dsql_edge::private::SessionCommand::new(&STATEMENT, arguments)
        }
    };
}
fn session_query(zone: ::core::option::Option<&str>) {
    let _ = match (&(zone),) {
        (p1,) => {
            #[allow(dead_code)]
            pub struct Row {
                pub zone: ::core::option::Option<::std::string::String>,
            }
            ::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [] Row [] [] { zone : "zone" "zone" } } }
            impl ::dsql_edge::private::SingleColumn for Row {
                type Value = ::core::option::Option<::std::string::String>;
                fn into_value(self) -> ::core::option::Option<::std::string::String> {
                    self.zone
                }
            }
            fn decode(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Row, ::dsql_edge::private::Error> {
                ::core::result::Result::Ok(Row {
                    zone: row
                        .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::Nullable, _>(0)?,
                })
            }
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT set_config('timezone', $1, false) AS zone",
                name: "session_query",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25],
                columns: &[::dsql_edge::private::ColumnDesc {
                    name: "zone",
                    type_oid: 25,
                    type_name: "text",
                }],
                formats: &[1],
                effect: ::dsql_edge::private::Effect::MayWrite,
                session: ::dsql_edge::private::SessionEffect::Changes,
                tables: &[],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(1usize);
            {
                enum zone {}
                ::dsql_edge::private::argument::<
                    zone,
                    ::dsql_edge::types::sql::Text,
                    ::dsql_edge::private::Nullable,
                    _,
                >(p1, "parameter $zone of type text")
                .bind(&mut arguments);
            }
            ::dsql_edge::private::SessionQuery::new(&STATEMENT, arguments, decode)
        }
    };
}
