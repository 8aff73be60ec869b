//! Written by `sql!` for the query in `emission.rs`.
#![allow(
    unused,
    non_camel_case_types,
    unreachable_pub,
    missing_docs,
    clippy::all,
    reason = "as the macro writes it"
)]
fn types(status: &str, ip: &str) {
    let _ = match (&(status), &(ip)) {
        (p1, p2) => {
            #[allow(dead_code)]
            pub struct Row<T0, T2> {
                pub status: T0,
                pub ip: ::std::string::String,
                pub place: T2,
            }
            ::dsql_edge::private::row! { [Debug Clone PartialEq Serialize] { [< T0 , T2 >] Row [< T0 , T2 >] [[T0] [T2]] { status : "status" "status" , ip : "ip" "ip" , place : "place" "place" } } }
            fn decode<status, place>(
                row: &::dsql_edge::private::DataRow<'_>,
            ) -> ::core::result::Result<Row<super::Status, String>, ::dsql_edge::private::Error> {
                ::core::result::Result::Ok(Row {
                    status: row.field::<status, ::dsql_edge::types::sql::Text, super::Status>(0)?,
                    ip: row
                        .column::<::dsql_edge::types::sql::Unknown, ::dsql_edge::private::NotNull, _>(1)?,
                    place: row.field::<place, ::dsql_edge::types::sql::Unknown, String>(2)?,
                })
            }
            const _: () = {
                #[allow(unused_imports)]
                use ::dsql_edge::private::NotLabelled as _;
                ::dsql_edge::private::same_labels(
                    "orders.status",
                    &["draft", "in_review", "live"],
                    ::dsql_edge::private::LabelsOf::<super::Status>::LABELS,
                )
            };
            static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                sql: "SELECT status AS \"status: super::Status\", '10.0.0.1'::inet AS ip, '(1,2)'::point AS \"place: String\"\n                   FROM orders WHERE status = $1 AND inet_client_addr() = $2",
                name: "types",
                file: ::core::file!(),
                line: ::core::line!(),
                column: ::core::column!(),
                params: &[25, 869],
                columns: &[
                    ::dsql_edge::private::ColumnDesc {
                        name: "status: super::Status",
                        type_oid: 25,
                        type_name: "text",
                    },
                    ::dsql_edge::private::ColumnDesc { name: "ip", type_oid: 869, type_name: "inet" },
                    ::dsql_edge::private::ColumnDesc {
                        name: "place: String",
                        type_oid: 600,
                        type_name: "point",
                    },
                ],
                formats: &[
                    1,
                    0,
                    ::dsql_edge::private::format::<
                        ::dsql_edge::types::sql::Unknown,
                        ::dsql_edge::private::NotNull,
                        String,
                    >(),
                ],
                effect: ::dsql_edge::private::Effect::Read,
                session: ::dsql_edge::private::SessionEffect::Keeps,
                tables: &["orders"],
                search_path: "",
            };
            let mut arguments = ::dsql_edge::private::Arguments::with_capacity(2usize);
            {
                enum status {}
                enum ip {}
                ::dsql_edge::private::scalar::<status, ::dsql_edge::types::sql::Text, _>(
                    p1,
                    "parameter $status of type text",
                )
                .bind(&mut arguments);
                ::dsql_edge::private::argument::<
                    ip,
                    ::dsql_edge::types::sql::Unknown,
                    ::dsql_edge::private::NotNull,
                    _,
                >(p2, "parameter $ip of type inet")
                .bind_by_type(&mut arguments, ::dsql_edge::private::TypeOf { oid: 869, name: "inet" });
            }
            ::dsql_edge::private::Query::new(&STATEMENT, arguments, decode::<(), ()>)
        }
    };
}
