//! Code in the form of `sql!`'s output, written by hand. This code must compile, its futures must be `Send`, and its
//! rows must serialize.

#![allow(unreachable_pub, reason = "the same code as the macro's")]
#![allow(clippy::unwrap_used, reason = "a test")]

use dsql_edge::types::{Column, ConversionError, IsNull, NotNull, Param, Uuid, sql};
use dsql_edge::{Config, Credentials, Dsql, Error, Executor};

/// `sql!("SELECT tag_name, usage_count FROM tag_master WHERE tag_category = $category")`
macro_rules! tags {
    ($category:expr) => {
        match (&$category,) {
            (p1,) => {
                pub struct Row {
                    pub tag_name: ::std::string::String,
                    pub usage_count: ::core::option::Option<i32>,
                }
                ::dsql_edge::private::row! {
                    [Debug Clone PartialEq Serialize]
                    { [] Row [] [] { tag_name: "tag_name" "tag_name", usage_count: "usage_count" "usage_count" } }
                }
                fn decode(
                    row: &::dsql_edge::private::DataRow<'_>,
                ) -> ::core::result::Result<Row, ::dsql_edge::private::Error> {
                    ::core::result::Result::Ok(Row {
                        tag_name: row
                            .column::<::dsql_edge::types::sql::Text, ::dsql_edge::private::NotNull, _>(0)?,
                        usage_count: row
                            .column::<::dsql_edge::types::sql::Int4, ::dsql_edge::private::Nullable, _>(1)?,
                    })
                }
                static STATEMENT: ::dsql_edge::private::Statement = ::dsql_edge::private::Statement {
                    sql: "SELECT tag_name, usage_count FROM tag_master WHERE tag_category = $1",
                    name: "",
                    file: ::core::file!(),
                    line: ::core::line!(),
                    column: ::core::column!(),
                    params: &[25],
                    columns: &[
                        ::dsql_edge::private::ColumnDesc {
                            name: "tag_name",
                            type_oid: 25,
                            type_name: "text",
                        },
                        ::dsql_edge::private::ColumnDesc {
                            name: "usage_count",
                            type_oid: 23,
                            type_name: "int4",
                        },
                    ],
                    formats: &[1],
                    effect: ::dsql_edge::private::Effect::Read,
                    session: ::dsql_edge::private::SessionEffect::Keeps,
                    tables: &["tag_master"],
                    search_path: "",
                };
                let mut arguments = ::dsql_edge::private::Arguments::with_capacity(1);
                {
                    #[allow(non_camel_case_types)]
                    enum category {}
                    ::dsql_edge::private::scalar::<category, ::dsql_edge::types::sql::Text, _>(p1, "parameter $category of type text")
                        .bind(&mut arguments);
                }
                ::dsql_edge::private::Query::new(&STATEMENT, arguments, decode)
            }
        }
    };
}

/// A row with an overridden column: `"SELECT n AS \"n: T\""`.
pub struct Generic<T0> {
    /// The column.
    pub n: T0,
}

dsql_edge::private::row! {
    [Debug Clone PartialEq Serialize]
    { [<T0>] Generic [<T0>] [[T0]] { n: "n" "n" } }
}

fn database() -> Dsql {
    let endpoint = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";
    Dsql::new(Config::new(endpoint, Credentials::new("id", "key")).unwrap())
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn futures_are_send_and_queries_outlive_their_arguments() {
    let dsql = database();
    let query = {
        let category = String::from("Methodology");
        tags!(category)
    };
    drop(is_send(is_send(query).fetch_all(&dsql)));
    drop(is_send(tags!("a &str").fetch_optional(&dsql)));
    drop(is_send(tags!("a reference to a reference").fetch_one(&&dsql)));
    let mut session = dsql.session();
    drop(is_send(tags!(std::borrow::Cow::Borrowed("a Cow")).execute(&mut session)));
    is_send(session);
    is_send(dsql);
}

#[test]
fn a_function_can_take_any_executor_and_use_it_twice() {
    async fn both(mut executor: impl Executor) -> Result<usize, Error> {
        let rows = tags!("Methodology").fetch_all(&mut executor).await?;
        let row = tags!("Methodology").fetch_one(&mut executor).await?;
        Ok(rows.len() + row.tag_name.len())
    }
    let dsql = database();
    drop(is_send(both(&dsql)));
    drop(is_send(both(&mut dsql.session())));
}

#[test]
fn a_debugged_query_shows_its_sql_and_no_argument() {
    let text = format!("{:?}", tags!("canary"));
    assert!(text.contains("tag_master") && !text.contains("canary"), "{text}");
}

#[cfg(feature = "serde")]
#[test]
fn rows_serialize_by_the_names_of_their_columns() {
    assert_eq!(serde_json::to_string(&Generic { n: Some(1) }).unwrap(), r#"{"n":1}"#);
}

#[test]
fn own_type_fits_with_two_impls() {
    #[derive(Debug, PartialEq)]
    struct UserId(Uuid);

    impl Column<sql::Uuid, NotNull> for UserId {
        fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {
            Uuid::decode(bytes).map(UserId)
        }
    }

    impl<N> Param<sql::Uuid, N> for UserId {
        fn encode(&self, out: &mut Vec<u8>) -> Result<IsNull, ConversionError> {
            <Uuid as Param<sql::Uuid, NotNull>>::encode(&self.0, out)
        }
    }

    let mut out = Vec::new();
    let some: Result<IsNull, _> =
        Param::<sql::Uuid, dsql_edge::types::Nullable>::encode(&Some(&UserId(Uuid::nil())), &mut out);
    assert_eq!(some, Ok(IsNull::No));
    assert_eq!(Column::<sql::Uuid, dsql_edge::types::Nullable>::decode(&out), Ok(Some(UserId(Uuid::nil()))));
}
