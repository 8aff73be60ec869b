//! Defines the functions that PostgreSQL creates with a range type: `makeRangeConstructors` and
//! `makeMultirangeConstructors`.
//!
//! Input: a function name. Output: the constructors that have this name and that a range type of the schema creates.
//! `CREATE TYPE span AS RANGE (subtype = date)` creates `span(date, date)`, `span(date, date, text)`,
//! `span_multirange()`, `span_multirange(span)` and `span_multirange(VARIADIC span[])`.

use super::catalog::Catalog;
use crate::builtin::{NullContract, Oid, TypeKind, oid};

/// A constructor of a range or a multirange.
#[derive(Clone, Debug)]
pub(super) struct RangeFunction {
    /// The name with the schema: `schema.name`.
    pub(super) name: String,
    pub(super) args: Vec<Oid>,
    /// The element type of the VARIADIC argument; 0 if the function has no VARIADIC argument.
    pub(super) variadic: Oid,
    pub(super) returns: Oid,
    pub(super) null: NullContract,
}

impl Catalog<'_> {
    /// Returns the constructors of this name in a schema.
    pub(super) fn range_functions(self, schema: &str, name: &str) -> Vec<RangeFunction> {
        let Some(found) = self.type_named(Some(schema), name) else { return Vec::new() };
        let info = self.type_info(found);
        let function = |args: &[Oid], variadic, null| RangeFunction {
            name: format!("{schema}.{name}"),
            args: args.to_vec(),
            variadic,
            returns: found,
            null,
        };
        match info.kind {
            TypeKind::Range => vec![
                // A bound that is NULL is infinite.
                function(&[info.subtype, info.subtype], 0, NullContract::Always),
                function(&[info.subtype, info.subtype, oid::TEXT], 0, NullContract::Always),
            ],
            TypeKind::Multirange => {
                let range = info.counterpart;
                let array = self.array_type(range).unwrap_or(0);
                vec![
                    function(&[], 0, NullContract::Always),
                    function(&[range], 0, NullContract::OfValues),
                    function(&[array], range, NullContract::OfValues),
                ]
            }
            _ => Vec::new(),
        }
    }
}
