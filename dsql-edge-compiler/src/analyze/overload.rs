//! Decides to which of several functions or operators a call refers: `func_match_argtypes`, `func_select_candidate`.
//!
//! Input: the types of the arguments, and the declared types of each candidate. Output: the candidate that PostgreSQL
//! chooses, or the reason why there is none: no candidate fits, or several remain.
//!
//! # The order of the steps
//!
//! Each step keeps the best candidates, and the next step considers only these candidates (`parse_func.c`; in the
//! documentation, chapter "Type Conversion"):
//!
//! 1. A candidate whose parameter types all match exactly wins; the caller checks this first.
//! 2. A candidate is dropped if an argument cannot be coerced implicitly to the type that the candidate declares for
//!    it. An unknown constant or parameter can be coerced to any type.
//! 3. The candidates with the most exact matches among the arguments of known type remain. A domain counts as its base
//!    type.
//! 4. For each candidate, count the arguments whose type the candidate declares exactly, or for which it declares a
//!    preferred type of the argument's category; the candidates with the highest count remain. For example, `float8` is
//!    the preferred type among numbers, and `text` among strings.
//! 5. For each unknown argument: if all candidates declare types of one category, that category is used. If one
//!    candidate takes a string, the string category wins. Within the category, a preferred type wins.
//! 6. If all known arguments have the same type, the unknown arguments are assumed to have this type too. If then
//!    exactly one candidate accepts the arguments, this candidate wins.
//!
//! # Example
//!
//! `round($1)` has the candidates `round(float8)` and `round(numeric)`. Steps 3 and 4 change nothing, because the type
//! of `$1` is not known. In step 5 both candidates take a number, and `float8` is the preferred type among numbers:
//! `$1` is a `float8`. `$1 || $2` has candidates for arrays, `jsonb`, bit strings and `text`; in step 5 strings win.
//! `id = $1` is decided before step 2: for an operator, the caller first looks for an exact match in which the unknown
//! operand has the type of the other operand (`binary_oper_exact`). So `$1` gets the type of `id`.
//!
//! # Rejected
//!
//! A single score for each candidate (two points for an exact match, one for a preferred type) is not equivalent. If
//! `f(int4, name, name)` and `f(float8, text, text)` are called with an `int4` and two `varchar`, PostgreSQL chooses
//! the first: after step 3 only this candidate remains, with one exact match. With scores, the second candidate would
//! win with three points to two.

use super::catalog::{Catalog, ERROR};
use super::coercion::Context;
use crate::builtin::{Oid, oid};

/// The result of the choice.
pub(super) enum Choice {
    /// The index of the chosen candidate.
    One(usize),
    None,
    Ambiguous,
}

/// Chooses among candidates with the right number of arguments.
pub(super) fn choose(catalog: Catalog<'_>, args: &[Oid], candidates: &[&[Oid]]) -> Choice {
    let fitting: Vec<usize> = (0..candidates.len())
        .filter(|&at| catalog.can_coerce(args, candidates[at], Context::Implicit))
        .collect();
    match fitting.as_slice() {
        [] => Choice::None,
        [one] => Choice::One(*one),
        _ => match Selection::new(catalog, args, candidates, fitting).one() {
            Some(one) => Choice::One(one),
            None => Choice::Ambiguous,
        },
    }
}

/// The candidates that remain after the rules that were applied.
struct Selection<'c> {
    catalog: Catalog<'c>,
    /// The types of the arguments; a domain is replaced by its base type.
    bases: Vec<Oid>,
    candidates: &'c [&'c [Oid]],
    fitting: Vec<usize>,
}

/// The type category that all candidates accept for an unknown argument.
struct Accepted {
    category: u8,
    preferred: bool,
}

impl<'c> Selection<'c> {
    fn new(
        catalog: Catalog<'c>,
        args: &[Oid],
        candidates: &'c [&'c [Oid]],
        fitting: Vec<usize>,
    ) -> Selection<'c> {
        let base = |ty: &Oid| match *ty {
            oid::UNKNOWN | ERROR => oid::UNKNOWN,
            ty => catalog.base_type(ty).0,
        };
        Selection { catalog, bases: args.iter().map(base).collect(), candidates, fitting }
    }

    /// `func_select_candidate`.
    fn one(mut self) -> Option<usize> {
        self.keep_best(|_, base, declared| base == declared);
        if let [one] = self.fitting.as_slice() {
            return Some(*one);
        }
        self.keep_best(|catalog, base, declared| base == declared || is_preferred(catalog, base, declared));
        if let [one] = self.fitting.as_slice() {
            return Some(*one);
        }
        if !self.bases.contains(&oid::UNKNOWN) {
            return None;
        }
        self.keep_accepted();
        match self.fitting.as_slice() {
            [one] => Some(*one),
            _ => self.of_one_known_type(),
        }
    }

    /// Keeps the candidates for which the most arguments of known type match.
    fn keep_best(&mut self, matches: impl Fn(Catalog<'_>, Oid, Oid) -> bool) {
        let score = |at: &usize| {
            let pairs = self.bases.iter().zip(self.candidates[*at]);
            let known = pairs.filter(|(base, _)| **base != oid::UNKNOWN);
            known.filter(|(base, declared)| matches(self.catalog, **base, **declared)).count()
        };
        let scores: Vec<usize> = self.fitting.iter().map(score).collect();
        let best = scores.iter().copied().max().unwrap_or(0);
        let mut scores = scores.into_iter();
        self.fitting.retain(|_| scores.next() == Some(best));
    }

    /// Keeps the candidates that take each unknown argument in its accepted category. Keeps all candidates if an
    /// argument has no accepted category, or if no candidate would be left.
    fn keep_accepted(&mut self) {
        let unknown = |slot: &usize| self.bases[*slot] == oid::UNKNOWN;
        let slots: Vec<usize> = (0..self.bases.len()).filter(unknown).collect();
        let accepted: Option<Vec<Accepted>> = slots.iter().map(|slot| self.accepted(*slot)).collect();
        let Some(accepted) = accepted else { return };
        let takes = |at: &usize| {
            slots.iter().zip(&accepted).all(|(slot, accepted)| {
                let info = self.catalog.type_info(self.candidates[*at][*slot]);
                info.category == accepted.category && (!accepted.preferred || info.preferred)
            })
        };
        let kept: Vec<usize> = self.fitting.iter().copied().filter(takes).collect();
        if !kept.is_empty() {
            self.fitting = kept;
        }
    }

    /// Returns the category that all candidates accept for an argument; if a candidate accepts a string, the result is
    /// the string category.
    fn accepted(&self, slot: usize) -> Option<Accepted> {
        let mut found: Option<Accepted> = None;
        let mut is_conflict = false;
        for &at in &self.fitting {
            let info = self.catalog.type_info(self.candidates[at][slot]);
            match &mut found {
                Some(known) if known.category == info.category => known.preferred |= info.preferred,
                Some(known) if info.category != b'S' => is_conflict |= known.category != b'S',
                _ => {
                    found = Some(Accepted { category: info.category, preferred: info.preferred });
                    is_conflict = false;
                }
            }
        }
        found.filter(|_| !is_conflict)
    }

    /// If all known arguments have the same type, the unknown arguments are assumed to have this type too; returns
    /// the candidate if exactly one fits.
    fn of_one_known_type(&self) -> Option<usize> {
        let mut known = self.bases.iter().filter(|ty| **ty != oid::UNKNOWN);
        let first = *known.next()?;
        if !known.all(|ty| *ty == first) {
            return None;
        }
        let assumed = vec![first; self.bases.len()];
        let takes = |at: &&usize| self.catalog.can_coerce(&assumed, self.candidates[**at], Context::Implicit);
        let mut taking = self.fitting.iter().filter(takes);
        let one = taking.next().copied();
        one.filter(|_| taking.next().is_none())
    }
}

/// `IsPreferredType`.
fn is_preferred(catalog: Catalog<'_>, base: Oid, declared: Oid) -> bool {
    let (category, info) = (catalog.type_info(base).category, catalog.type_info(declared));
    info.preferred && (category == info.category || category == b'X')
}
