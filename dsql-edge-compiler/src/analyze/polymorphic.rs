//! Resolves polymorphic types: `check_generic_type_consistency` and `enforce_generic_type_consistency`.
//!
//! Input: the types of a call's arguments, and the types that the function or operator declares. Output: whether the
//! types agree, and the actual type of each `any…`.

use super::catalog::{Catalog, ERROR};
use super::coercion::{Context, common_type_of, is_compatible_polymorphic, is_polymorphic};
use crate::builtin::{Oid, TypeKind, oid};
use crate::source::Span;

/// The actual types of the `any…` types of one call; 0 if not yet determined.
#[derive(Default)]
struct Actual {
    element: Oid,
    array: Oid,
    range: Oid,
    multirange: Oid,
    compatible: Vec<Oid>,
    compatible_array: Oid,
    compatible_range: Oid,
    compatible_multirange: Oid,
    nonarray: bool,
    enumerated: bool,
    compatible_nonarray: bool,
    any_compatible: bool,
}

/// Whether the argument types `given` fit the declared types `declared`, some of which are polymorphic.
pub(super) fn consistent(catalog: Catalog<'_>, given: &[Oid], declared: &[Oid]) -> bool {
    collect(catalog, given, declared)
        .and_then(|actual| solve(catalog, &actual).map(|found| (found, actual)))
        .is_ok_and(
            // If the element type of an array is not known, the arguments do not fit anyenum, because the elements may
            // have a type that is not an enum.
            |(found, actual)| !(actual.enumerated && found.element == 0),
        )
}

/// The actual types of a call.
pub(super) struct ActualTypes {
    pub(super) args: Vec<Oid>,
    pub(super) returns: Oid,
    solution: Solution,
}

impl ActualTypes {
    /// Returns the actual type of an OUT parameter: `resolve_polymorphic_tupdesc`.
    pub(super) fn of_column(&self, catalog: Catalog<'_>, declared: Oid) -> Oid {
        self.solution.stands_for(catalog, declared)
    }
}

/// Returns the actual argument types of a call, and its result type.
///
/// # Errors
///
/// Returns PostgreSQL's message if the types do not agree.
pub(super) fn resolve(
    catalog: Catalog<'_>,
    given: &[Oid],
    declared: &[Oid],
    returns: Oid,
) -> Result<ActualTypes, String> {
    // If no parameter is polymorphic, the declared result type is the actual type: `array_in` returns `anyarray`.
    if !declared.iter().any(|it| is_polymorphic(*it)) {
        return Ok(ActualTypes { args: declared.to_vec(), returns, solution: Solution::default() });
    }
    if given.contains(&ERROR) {
        return Ok(ActualTypes { args: given.to_vec(), returns: ERROR, solution: Solution::default() });
    }
    let actual = collect(catalog, given, declared)?;
    if actual.array == oid::ANYARRAY {
        return any_array(given, declared, returns);
    }
    let solution = solve(catalog, &actual)?;
    let undetermined = || "could not determine polymorphic type because input has type unknown".to_owned();
    if solution.element == 0
        && declared.iter().any(|it| is_polymorphic(*it) && !is_compatible_polymorphic(*it))
    {
        return Err(undetermined());
    }
    let mut args = Vec::with_capacity(given.len());
    for declared in declared.iter().take(given.len()) {
        let stands_for = solution.stands_for(catalog, *declared);
        // An element type does not determine the range type, because several range types may have this element type.
        if stands_for == 0 && is_range(*declared) {
            let name = catalog.display(*declared, -1);
            return Err(format!(
                "could not determine polymorphic type {name} because input has type unknown"
            ));
        }
        if stands_for == 0 && *declared == oid::ANYCOMPATIBLEARRAY && solution.compatible != 0 {
            return Err(no_array_type(catalog, solution.compatible));
        }
        args.push(stands_for);
    }
    let returns = match solution.stands_for(catalog, returns) {
        0 if is_array(returns) && element_of(&solution, returns) != 0 => {
            return Err(no_array_type(catalog, element_of(&solution, returns)));
        }
        0 => return Err(undetermined()),
        found => found,
    };
    Ok(ActualTypes { args, returns, solution })
}

/// Determines the types of a call with an argument of type `anyarray`, such as a column of `pg_stats`. The element type
/// of this argument is not known, so no other argument and no result may depend on the element type.
fn any_array(given: &[Oid], declared: &[Oid], returns: Oid) -> Result<ActualTypes, String> {
    let of_family = |ty: &Oid| is_polymorphic(*ty) && !is_compatible_polymorphic(*ty);
    let count = declared.iter().filter(|it| of_family(it)).count();
    if count != 1 || returns != oid::ANYARRAY && of_family(&returns) {
        return Err("cannot determine element type of \"anyarray\" argument".to_owned());
    }
    let solution = Solution { array: oid::ANYARRAY, ..Solution::default() };
    let actual = |(declared, given): (&Oid, &Oid)| if of_family(declared) { *given } else { *declared };
    let args = declared.iter().zip(given).map(actual).collect();
    Ok(ActualTypes { args, returns, solution })
}

fn no_array_type(catalog: Catalog<'_>, element: Oid) -> String {
    format!("could not find array type for data type {}", catalog.display(element, -1))
}

fn is_array(declared: Oid) -> bool {
    matches!(declared, oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY)
}

fn is_range(declared: Oid) -> bool {
    matches!(
        declared,
        oid::ANYRANGE | oid::ANYMULTIRANGE | oid::ANYCOMPATIBLERANGE | oid::ANYCOMPATIBLEMULTIRANGE
    )
}

fn element_of(solution: &Solution, array: Oid) -> Oid {
    if array == oid::ANYARRAY { solution.element } else { solution.compatible }
}

fn collect(catalog: Catalog<'_>, given: &[Oid], declared: &[Oid]) -> Result<Actual, String> {
    let mut actual = Actual::default();
    let same = |slot: &mut Oid, found: Oid, name: &str| {
        if *slot != 0 && *slot != found {
            let (left, right) = (catalog.display(*slot, -1), catalog.display(found, -1));
            return Err(format!("arguments declared \"{name}\" are not all alike: {left} versus {right}"));
        }
        *slot = found;
        Ok(())
    };
    for (&given, &declared) in given.iter().zip(declared) {
        let base = catalog.base_type(given).0;
        let unknown = given == oid::UNKNOWN;
        match declared {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => {
                actual.nonarray |= declared == oid::ANYNONARRAY;
                actual.enumerated |= declared == oid::ANYENUM;
                if !unknown {
                    same(&mut actual.element, given, "anyelement")?;
                }
            }
            oid::ANYARRAY if !unknown => same(&mut actual.array, base, "anyarray")?,
            oid::ANYRANGE if !unknown => same(&mut actual.range, base, "anyrange")?,
            oid::ANYMULTIRANGE if !unknown => same(&mut actual.multirange, base, "anymultirange")?,
            oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => {
                actual.any_compatible = true;
                actual.compatible_nonarray |= declared == oid::ANYCOMPATIBLENONARRAY;
                if !unknown {
                    actual.compatible.push(given);
                }
            }
            oid::ANYCOMPATIBLEARRAY => {
                actual.any_compatible = true;
                if !unknown {
                    let Some(element) = catalog.element_type(given) else {
                        return Err(not_array("anycompatiblearray", &catalog.display(given, -1)));
                    };
                    actual.compatible_array = base;
                    actual.compatible.push(element);
                }
            }
            oid::ANYCOMPATIBLERANGE => {
                actual.any_compatible = true;
                if !unknown {
                    same(&mut actual.compatible_range, base, "anycompatiblerange")?;
                    actual.compatible.push(range_subtype(
                        catalog,
                        base,
                        TypeKind::Range,
                        "anycompatiblerange",
                    )?);
                }
            }
            oid::ANYCOMPATIBLEMULTIRANGE => {
                actual.any_compatible = true;
                if !unknown {
                    same(&mut actual.compatible_multirange, base, "anycompatiblemultirange")?;
                    actual.compatible.push(range_subtype(
                        catalog,
                        base,
                        TypeKind::Multirange,
                        "anycompatiblemultirange",
                    )?);
                }
            }
            _ => {}
        }
    }
    Ok(actual)
}

fn not_array(declared: &str, found: &str) -> String {
    format!("argument declared {declared} is not an array but type {found}")
}

fn range_subtype(catalog: Catalog<'_>, range: Oid, kind: TypeKind, declared: &str) -> Result<Oid, String> {
    let info = catalog.type_info(range);
    if info.kind != kind {
        let what = if kind == TypeKind::Range { "range" } else { "multirange" };
        return Err(format!(
            "argument declared {declared} is not a {what} type but type {}",
            catalog.display(range, -1)
        ));
    }
    Ok(info.subtype)
}

/// The actual types found so far; 0 if a type is not determined yet.
#[derive(Default)]
struct Solution {
    element: Oid,
    array: Oid,
    range: Oid,
    multirange: Oid,
    compatible: Oid,
    compatible_range: Oid,
    compatible_multirange: Oid,
}

fn solve(catalog: Catalog<'_>, actual: &Actual) -> Result<Solution, String> {
    let mut element = actual.element;
    let mut implied = |found: Oid, container: &str| {
        if element == 0 {
            element = found;
        } else if element != found && catalog.base_type(element).0 != found {
            let (outer, inner) = (container, catalog.display(element, -1));
            return Err(format!(
                "argument declared {outer} is not consistent with argument declared anyelement: {inner}"
            ));
        }
        Ok(())
    };
    let mut array = actual.array;
    if array != 0 && array != oid::ANYARRAY {
        let Some(found) = catalog.element_type(array) else {
            return Err(not_array("anyarray", &catalog.display(array, -1)));
        };
        implied(found, "anyarray")?;
    }
    let (mut range, mut multirange) = (actual.range, actual.multirange);
    if multirange != 0 {
        let subtype = range_subtype(catalog, multirange, TypeKind::Multirange, "anymultirange")?;
        let counterpart = catalog.type_info(multirange).counterpart;
        if range == 0 {
            range = counterpart;
        } else if range != counterpart {
            return Err(
                "argument declared anymultirange is not consistent with argument declared anyrange".into()
            );
        }
        implied(subtype, "anymultirange")?;
    }
    if range != 0 {
        implied(range_subtype(catalog, range, TypeKind::Range, "anyrange")?, "anyrange")?;
        if multirange == 0 {
            multirange = catalog.type_info(range).counterpart;
        }
    }
    if actual.nonarray && element != 0 && catalog.type_info(catalog.base_type(element).0).is_array {
        return Err(format!(
            "type matched to anynonarray is an array type: {}",
            catalog.display(element, -1)
        ));
    }
    if actual.enumerated && element != 0 && catalog.type_info(element).kind != TypeKind::Enum {
        return Err(format!("type matched to anyenum is not an enum type: {}", catalog.display(element, -1)));
    }
    if array == 0 && element != 0 {
        array = catalog.array_type(element).unwrap_or(0);
    }
    let mut compatible = 0;
    let mut compatible_range = actual.compatible_range;
    if actual.any_compatible {
        if actual.compatible_multirange != 0 {
            let counterpart = catalog.type_info(actual.compatible_multirange).counterpart;
            if compatible_range != 0 && compatible_range != counterpart {
                let message = "argument declared anycompatiblemultirange is not consistent with argument declared anycompatiblerange";
                return Err(message.to_owned());
            }
            compatible_range = counterpart;
        }
        compatible = match actual.compatible.as_slice() {
            // If all argument types are unknown, the type is text.
            [] => oid::TEXT,
            types => common_type_of(catalog, types.iter().map(|ty| (*ty, Span::default())))
                .map_err(|(left, right, _)| {
                    let (left, right) = (catalog.display(left, -1), catalog.display(right, -1));
                    format!("arguments of anycompatible family cannot be cast to a common type: {left} and {right}")
                })?,
        };
        if types_need(catalog, &actual.compatible, compatible).is_none() {
            return Err("arguments of anycompatible family cannot be cast to a common type".into());
        }
        if compatible_range != 0 && catalog.type_info(compatible_range).subtype != compatible {
            return Err(format!(
                "anycompatiblerange type {} does not match anycompatible type {}",
                catalog.display(compatible_range, -1),
                catalog.display(compatible, -1)
            ));
        }
        if actual.compatible_nonarray && catalog.type_info(compatible).is_array {
            return Err(format!(
                "type matched to anycompatiblenonarray is an array type: {}",
                catalog.display(compatible, -1)
            ));
        }
    }
    let compatible_multirange = match actual.compatible_multirange {
        0 if compatible_range != 0 => catalog.type_info(compatible_range).counterpart,
        found => found,
    };
    Ok(Solution { element, array, range, multirange, compatible, compatible_range, compatible_multirange })
}

/// Returns `Some` if each of the types can be coerced implicitly to the type `common`.
fn types_need(catalog: Catalog<'_>, types: &[Oid], common: Oid) -> Option<()> {
    types.iter().all(|ty| catalog.can_coerce(&[*ty], &[common], Context::Implicit)).then_some(())
}

impl Solution {
    /// Returns the actual type of a declared type: the declared type itself if it is not polymorphic, 0 if the actual
    /// type is not known.
    fn stands_for(&self, catalog: Catalog<'_>, declared: Oid) -> Oid {
        match declared {
            oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYENUM => self.element,
            oid::ANYARRAY => self.array,
            oid::ANYRANGE => self.range,
            oid::ANYMULTIRANGE => self.multirange,
            oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLENONARRAY => self.compatible,
            oid::ANYCOMPATIBLEARRAY => catalog.array_type(self.compatible).unwrap_or(0),
            oid::ANYCOMPATIBLERANGE => self.compatible_range,
            oid::ANYCOMPATIBLEMULTIRANGE => self.compatible_multirange,
            other => other,
        }
    }
}
