//! Decides whether the columns of a foreign key can be compared with the referenced columns:
//! `ATAddForeignKeyConstraint`.
//!
//! Input: the types of two columns. Output: `None` if a foreign key can compare the two types; otherwise the names of
//! both types, for the error message. PostgreSQL uses the equality operator of the referenced column's index. The types
//! can be compared if the operator family of the index has an operator for both, or if the referencing column has an
//! implicit cast to the type that the index compares.

use super::catalog::Catalog;
use super::coercion::Context;
use crate::builtin::{Oid, TypeKind, oid};
use crate::schema::{Schema, UserTypeKind};
use crate::syntax::ast::TypeName;

/// The operator families of `btree` that compare different types.
const FAMILIES: [&[Oid]; 4] = [
    &[oid::INT2, oid::INT4, oid::INT8],
    &[oid::FLOAT4, oid::FLOAT8],
    &[oid::DATE, oid::TIMESTAMP, oid::TIMESTAMPTZ],
    &[oid::TEXT, oid::NAME],
];

/// Returns the names of the two types if a foreign key cannot compare them. Also returns `None` if one of the types
/// cannot be resolved, or is a base type of the schema, whose operators are not checked here.
pub(super) fn incompatible(
    schema: &Schema,
    referencing: &TypeName,
    referenced: &TypeName,
) -> Option<[String; 2]> {
    let catalog = Catalog::now(schema);
    let from = catalog.resolve_stored(referencing).ok()?.0;
    let to = catalog.resolve_stored(referenced).ok()?.0;
    let fits = fits(catalog, catalog.base_type(from).0, catalog.base_type(to).0);
    (!fits).then(|| [from, to].map(|ty| catalog.display(ty, -1)))
}

/// Whether a value of the type `from` can be compared with a key of the type `to`.
fn fits(catalog: Catalog<'_>, from: Oid, to: Oid) -> bool {
    let is_own = |ty: Oid| matches!(catalog.user_kind(ty), Some(UserTypeKind::Base { .. }));
    if from == to || is_own(from) || is_own(to) {
        return true;
    }
    if FAMILIES.iter().any(|family| family.contains(&from) && family.contains(&to)) {
        return true;
    }
    let info = catalog.type_info(to);
    match info.kind {
        // For these kinds of types, an operator compares only values of the same type.
        TypeKind::Enum | TypeKind::Range | TypeKind::Multirange => false,
        TypeKind::Composite => catalog.is_complex(from),
        _ if info.is_array => false,
        _ => catalog.can_coerce_one(from, compared(to), Context::Implicit),
    }
}

/// Returns the type that the default operator class of a type compares: `opcintype`.
fn compared(ty: Oid) -> Oid {
    match ty {
        oid::VARCHAR => oid::TEXT,
        oid::CIDR => oid::INET,
        oid::REGCLASS
        | oid::REGTYPE
        | oid::REGPROC
        | oid::REGPROCEDURE
        | oid::REGOPER
        | oid::REGOPERATOR
        | oid::REGROLE
        | oid::REGNAMESPACE
        | oid::REGCONFIG
        | oid::REGDICTIONARY
        | oid::REGCOLLATION => oid::OID,
        _ => ty,
    }
}
