//! Contains the objects of PostgreSQL 16 in `pg_catalog` and `information_schema`: types, functions, operators, casts
//! and relations. Also contains PostgreSQL's settings and time zones. Input: a name or an OID. Output: the row of the
//! catalog.
//!
//! The rows are in `data/*.txt`, which `cargo xtask catalog` writes from a real PostgreSQL 16; only `never_null.txt`,
//! the reviewed list of the functions that do not return NULL, is written by hand. A proc macro runs unoptimized, so
//! this module does not build maps or parse files: each lookup is a binary search over the text, and only the lines
//! found are split into fields. The lines of types, operators and casts are split into fields only once, and the fields
//! are cached (`memo`).
//!
//! This module does not resolve overloads and does not depend on a user's schema.

mod cast;
mod function;
mod letters;
mod memo;
mod null_contract;
pub mod oid;
mod operator;
mod relation;
mod setting;
mod table;
mod time_zone;
mod types;

pub use cast::{Cast, cast, casts_from};
pub use function::{Function, OutColumn, extract_is_never_null, function_by_oid, function_names, functions};
pub use letters::{AggregateKind, CoercionContext, CoercionMethod, FunctionKind, RelationKind, TypeKind};
pub use null_contract::NullContract;
pub use oid::Oid;
pub use operator::{Operator, operator, operator_names, operators};
pub use relation::{Column, Relation, dsql_relation, relation, relation_names};
pub use setting::{setting, setting_names};
pub use time_zone::{Abbreviation, AbbreviationSet, TimeZone, time_zone, time_zone_abbreviation};
pub use types::{Type, array_of, type_by_name, type_by_oid, type_by_qualified_name, type_names};
