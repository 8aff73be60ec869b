//! Mistakes in `#[dsql_edge::test]`.

use dsql_edge::Dsql;

#[dsql_edge::test]
fn is_not_async(dsql: Dsql) {}

#[dsql_edge::test]
async fn has_no_dsql() {}

#[dsql_edge::test]
async fn has_two(dsql: Dsql, other: Dsql) {}

#[dsql_edge::test(roles("app", "reader"))]
async fn has_too_few(dsql: Dsql, app: Dsql) {}

#[dsql_edge::test]
async fn is_generic<T>(dsql: Dsql) {}

#[dsql_edge::test(fixture("users"))]
async fn has_an_unknown_argument(dsql: Dsql) {}

#[dsql_edge::test(fixtures = "users")]
async fn has_an_argument_of_another_form(dsql: Dsql) {}

#[dsql_edge::test(migrations("migrations"))]
async fn has_a_folder_of_another_form(dsql: Dsql) {}

#[dsql_edge::test(own_server, own_server)]
async fn has_an_argument_twice(dsql: Dsql) {}

#[dsql_edge::test(migrations = "queries/nowhere")]
async fn has_no_folder(dsql: Dsql) {}

#[dsql_edge::test(faults("conflict=1", "latency=5, explosion=1"))]
async fn has_an_unknown_fault(dsql: Dsql) {}

#[dsql_edge::test(faults("conflict=0"))]
async fn has_a_fault_with_a_wrong_number(dsql: Dsql) {}

#[dsql_edge::test(faults("conflict=1, expired-hour"))]
async fn has_a_fault_of_open_connections(dsql: Dsql) {}

#[dsql_edge::test(faults("latency=40000", "latency=40000"))]
async fn has_too_much_latency(dsql: Dsql) {}

#[dsql_edge::test(roles("app", "Reader"))]
async fn has_a_role_with_a_wrong_name(dsql: Dsql, app: Dsql, reader: Dsql) {}

#[dsql_edge::test]
struct NotAFunction;

fn main() {}
