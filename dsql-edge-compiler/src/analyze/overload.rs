//! Which of several functions or operators a call means: `func_match_argtypes`, `func_select_candidate`.
//!
//! In: the argument types and the candidates' declared types. Out: the one candidate PostgreSQL takes,
//! or that there is none or more than one.

use super::catalog::{Catalog, ERROR};
use super::coercion::Context;
use crate::builtin::{Oid, oid};

/// What came of the choice.
pub(super) enum Choice {
    /// The index of the candidate.
    One(usize),
    None,
    Ambiguous,
}

/// Chooses among candidates of the right number of arguments.
pub(super) fn choose(catalog: Catalog<'_>, args: &[Oid], candidates: &[&[Oid]]) -> Choice {
    let fitting: Vec<usize> = (0..candidates.len())
        .filter(|&at| catalog.can_coerce(args, candidates[at], Context::Implicit))
        .collect();
    match fitting.as_slice() {
        [] => Choice::None,
        [one] => Choice::One(*one),
        _ => match select(catalog, args, candidates, fitting) {
            Some(one) => Choice::One(one),
            None => Choice::Ambiguous,
        },
    }
}

/// `func_select_candidate`.
fn select(
    catalog: Catalog<'_>,
    args: &[Oid],
    candidates: &[&[Oid]],
    mut fitting: Vec<usize>,
) -> Option<usize> {
    let bases: Vec<Oid> = args
        .iter()
        .map(|ty| if matches!(*ty, oid::UNKNOWN | ERROR) { oid::UNKNOWN } else { catalog.base_type(*ty).0 })
        .collect();
    let unknowns = bases.iter().filter(|ty| **ty == oid::UNKNOWN).count();

    // The most exact matches on known types.
    keep_best(&mut fitting, |at| {
        bases
            .iter()
            .zip(candidates[at])
            .filter(|(base, declared)| **base != oid::UNKNOWN && base == declared)
            .count()
    });
    if let [one] = fitting.as_slice() {
        return Some(*one);
    }

    // Then exact matches or preferred types, for known types.
    let categories: Vec<u8> = bases.iter().map(|ty| catalog.type_info(*ty).category).collect();
    keep_best(&mut fitting, |at| {
        bases
            .iter()
            .zip(&categories)
            .zip(candidates[at])
            .filter(|((base, category), declared)| {
                **base != oid::UNKNOWN && (base == declared || is_preferred(catalog, **category, **declared))
            })
            .count()
    });
    if let [one] = fitting.as_slice() {
        return Some(*one);
    }
    if unknowns == 0 {
        return None;
    }

    // Unknown arguments: the category that all candidates accept there, strings first.
    let mut slot_categories = Vec::with_capacity(bases.len());
    let mut slot_preferred = Vec::with_capacity(bases.len());
    let mut resolved = false;
    for (slot, base) in bases.iter().enumerate() {
        if *base != oid::UNKNOWN {
            slot_categories.push(0);
            slot_preferred.push(false);
            continue;
        }
        resolved = true;
        let mut category = 0u8;
        let mut preferred = false;
        let mut conflict = false;
        for &at in &fitting {
            let info = catalog.type_info(candidates[at][slot]);
            if category == 0 {
                (category, preferred) = (info.category, info.preferred);
            } else if info.category == category {
                preferred |= info.preferred;
            } else if info.category == b'S' {
                // Strings win over any other category.
                (category, preferred) = (info.category, info.preferred);
                conflict = false;
            } else if category != b'S' {
                conflict = true;
            }
        }
        if conflict && category != b'S' {
            resolved = false;
            break;
        }
        slot_categories.push(category);
        slot_preferred.push(preferred);
    }
    if resolved {
        let kept: Vec<usize> = fitting
            .iter()
            .copied()
            .filter(|&at| {
                bases.iter().enumerate().all(|(slot, base)| {
                    if *base != oid::UNKNOWN {
                        return true;
                    }
                    let info = catalog.type_info(candidates[at][slot]);
                    info.category == slot_categories[slot] && (!slot_preferred[slot] || info.preferred)
                })
            })
            .collect();
        if !kept.is_empty() {
            fitting = kept;
        }
        if let [one] = fitting.as_slice() {
            return Some(*one);
        }
    }

    // All known arguments of one type: take the unknown ones as that type too.
    if unknowns < bases.len() {
        let mut known = bases.iter().filter(|ty| **ty != oid::UNKNOWN);
        let first = *known.next()?;
        if known.all(|ty| *ty == first) {
            let assumed = vec![first; bases.len()];
            let mut last = None;
            for &at in &fitting {
                if catalog.can_coerce(&assumed, candidates[at], Context::Implicit) {
                    if last.is_some() {
                        return None;
                    }
                    last = Some(at);
                }
            }
            return last;
        }
    }
    None
}

/// `IsPreferredType`.
fn is_preferred(catalog: Catalog<'_>, category: u8, declared: Oid) -> bool {
    let info = catalog.type_info(declared);
    info.preferred && (category == info.category || category == b'X')
}

/// Keeps the candidates with the highest score, if any scores at all.
fn keep_best(fitting: &mut Vec<usize>, score: impl Fn(usize) -> usize) {
    let best = fitting.iter().map(|&at| score(at)).max().unwrap_or(0);
    fitting.retain(|&at| score(at) >= best);
}
