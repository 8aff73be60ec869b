//! What PostgreSQL 16 ships in `pg_catalog` and `information_schema`: types, functions, operators,
//! casts and relations. Input: a name or an OID. Output: the row of the catalog.
//!
//! The rows lie in `data/*.txt`, written by `cargo xtask catalog` from a real PostgreSQL 16 and never
//! by hand (but for `never_null.txt`, the reviewed column). A proc macro runs unoptimised, so nothing
//! here builds a map or parses a file: each lookup is a binary search over the text, only the lines
//! that a query names are ever split into fields, and types, operators and casts only once (`memo`).
//!
//! Nothing here resolves overloads or depends on a user's schema.

mod cast;
mod function;
mod letters;
mod memo;
mod null_contract;
pub mod oid;
mod operator;
mod relation;
mod table;
mod types;

pub use cast::{Cast, cast, casts_from};
pub use function::{Function, OutColumn, extract_is_never_null, function_by_oid, function_names, functions};
pub use letters::{AggregateKind, CoercionContext, CoercionMethod, FunctionKind, RelationKind, TypeKind};
pub use null_contract::NullContract;
pub use oid::Oid;
pub use operator::{Operator, operator, operator_names, operators};
pub use relation::{Column, Relation, dsql_relation, relation, relation_names};
pub use types::{Type, array_of, type_by_name, type_by_oid, type_by_qualified_name, type_names};
