//! Determines which types can be coerced to which other types: the part of `parse_coerce.c` that needs only types.
//!
//! Input: two types, or a list of types that need a common type. Output: for two types, whether and how the first type
//! can be coerced to the second; for several types, their common type. The contexts are PostgreSQL's: implicit,
//! assignment, explicit. The module `coerce` converts the expressions accordingly.

use super::catalog::{Catalog, ERROR, USER_TYPES};
pub(super) use crate::builtin::CoercionContext as Context;
use crate::builtin::{self, CoercionMethod, Oid, TypeKind, oid};
use crate::source::Span;
use crate::syntax::ast::{CastContext, CastMethod};

/// How a coercion is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pathway {
    None,
    Relabel,
    Function(Oid, bool),
    ViaIo,
    Array,
}

/// Whether a type is polymorphic: a pseudo-type whose actual type is determined for each call.
pub(super) fn is_polymorphic(type_oid: Oid) -> bool {
    matches!(
        type_oid,
        oid::ANYELEMENT
            | oid::ANYARRAY
            | oid::ANYNONARRAY
            | oid::ANYENUM
            | oid::ANYRANGE
            | oid::ANYMULTIRANGE
    ) || is_compatible_polymorphic(type_oid)
}

pub(super) fn is_compatible_polymorphic(type_oid: Oid) -> bool {
    matches!(
        type_oid,
        oid::ANYCOMPATIBLE
            | oid::ANYCOMPATIBLEARRAY
            | oid::ANYCOMPATIBLENONARRAY
            | oid::ANYCOMPATIBLERANGE
            | oid::ANYCOMPATIBLEMULTIRANGE
    )
}

impl Catalog<'_> {
    /// `find_coercion_pathway`.
    pub(super) fn pathway(self, target: Oid, source: Oid, context: Context) -> Pathway {
        let (target, source) = (self.base_type(target).0, self.base_type(source).0);
        if target == source {
            return Pathway::Relabel;
        }
        if let Some(cast) = builtin::cast(source, target) {
            return match cast.method {
                _ if context < cast.context => Pathway::None,
                CoercionMethod::Function => Pathway::Function(cast.function, cast.never_null),
                CoercionMethod::InOut => Pathway::ViaIo,
                CoercionMethod::Binary => Pathway::Relabel,
            };
        }
        if let Some(own) = self.own_cast(source, target) {
            let allowed = match own.context {
                CastContext::Implicit => true,
                CastContext::Assignment => context >= Context::Assignment,
                CastContext::Explicit => context >= Context::Explicit,
            };
            return match own.method {
                _ if !allowed => Pathway::None,
                CastMethod::Function(_) => Pathway::Function(0, false),
                CastMethod::Binary => Pathway::Relabel,
                CastMethod::InOut => Pathway::ViaIo,
            };
        }
        let (target_info, source_info) = (self.type_info(target), self.type_info(source));
        if target != oid::OIDVECTOR
            && target != oid::INT2VECTOR
            && target_info.is_array
            && source_info.is_array
        {
            return match self.pathway(target_info.elem, source_info.elem, context) {
                Pathway::None => Pathway::None,
                _ => Pathway::Array,
            };
        }
        // If a range type is created, PostgreSQL also creates the cast from the range to its multirange.
        if target >= USER_TYPES
            && target_info.kind == TypeKind::Multirange
            && target_info.counterpart == source
        {
            return if context >= Context::Explicit { Pathway::Relabel } else { Pathway::None };
        }
        if (context >= Context::Assignment && target_info.category == b'S')
            || (context >= Context::Explicit && source_info.category == b'S')
        {
            return Pathway::ViaIo;
        }
        Pathway::None
    }

    pub(super) fn is_complex(self, type_oid: Oid) -> bool {
        self.type_info(self.base_type(type_oid).0).kind == TypeKind::Composite
    }

    /// Whether every row of the type `child` is also a row of the type `parent`: `typeInheritsFrom` and
    /// `typeIsOfTypedTable`.
    fn inherits(self, child: Oid, parent: Oid) -> bool {
        let of = |ty: Oid| Catalog::relation_of(self.base_type(ty).0);
        let Some(child) = of(child) else { return false };
        let relations = &self.schema.relations;
        if relations
            .get(child)
            .and_then(|it| it.of_type)
            .is_some_and(|at| Catalog::user_type_oid(at) == parent)
        {
            return true;
        }
        let Some(parent) = of(parent) else { return false };
        let (mut found, mut next) = (vec![child], 0);
        while let Some(at) = found.get(next).copied() {
            next += 1;
            for above in relations.get(at).map_or(&[] as &[usize], |it| &it.parents) {
                if *above == parent {
                    return true;
                }
                if !found.contains(above) {
                    found.push(*above);
                }
            }
        }
        false
    }

    /// Whether a value of one type can be coerced to another type that is not polymorphic: the part of
    /// `can_coerce_type` for one argument.
    pub(super) fn can_coerce_one(self, input: Oid, target: Oid, context: Context) -> bool {
        if input == target || target == oid::ANY || input == ERROR || target == ERROR || input == oid::UNKNOWN
        {
            return true;
        }
        if self.pathway(target, input, context) != Pathway::None {
            return true;
        }
        if (input == oid::RECORD && self.is_complex(target))
            || (target == oid::RECORD && self.is_complex(input))
        {
            return true;
        }
        if self.inherits(input, target) {
            return true;
        }
        target == oid::RECORDARRAY && self.element_type(input).is_some_and(|element| self.is_complex(element))
    }
}

/// Returns the common type of `types`. If a type does not match, returns an error: the common type of the types before
/// it, the type that does not match, and the position of that type.
pub(super) fn common_type_of(
    catalog: Catalog<'_>,
    types: impl Iterator<Item = (Oid, Span)> + Clone,
) -> Result<Oid, (Oid, Oid, Span)> {
    let mut rest = types.clone();
    let Some((first, _)) = rest.next() else { return Ok(oid::TEXT) };
    if types.clone().any(|(ty, _)| ty == ERROR) {
        return Ok(ERROR);
    }
    if first != oid::UNKNOWN && rest.clone().all(|(ty, _)| ty == first) {
        return Ok(first);
    }
    let mut chosen = catalog.base_type(first).0;
    let mut info = catalog.type_info(chosen);
    for (ty, span) in rest {
        let candidate = catalog.base_type(ty).0;
        if candidate == oid::UNKNOWN || candidate == chosen {
            continue;
        }
        let candidate_info = catalog.type_info(candidate);
        if chosen == oid::UNKNOWN {
            (chosen, info) = (candidate, candidate_info);
        } else if candidate_info.category != info.category {
            return Err((chosen, candidate, span));
        } else if !info.preferred
            && catalog.can_coerce_one(chosen, candidate, Context::Implicit)
            && !catalog.can_coerce_one(candidate, chosen, Context::Implicit)
        {
            (chosen, info) = (candidate, candidate_info);
        }
    }
    Ok(if chosen == oid::UNKNOWN { oid::TEXT } else { chosen })
}
