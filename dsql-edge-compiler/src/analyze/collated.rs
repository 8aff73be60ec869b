//! Holds the collations that an analysis has met, and that of an expression with its strength.

use crate::source::Span;

/// A collation by its number among those that the analysis has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Collation(usize);

/// The database's own, and that of `name`.
pub(super) const DEFAULT: Collation = Collation(0);
pub(super) const C: Collation = Collation(1);

/// The collations that the analysis has met.
#[derive(Debug)]
pub(super) struct Collations {
    names: Vec<String>,
    /// One that is not the database's own has been met.
    pub(super) matter: bool,
}

impl Default for Collations {
    fn default() -> Self {
        Collations { names: vec!["default".to_owned(), "C".to_owned()], matter: false }
    }
}

impl Collations {
    /// One that is written, or that a column has.
    pub(super) fn named(&mut self, name: &str) -> Collation {
        self.matter |= name != "default";
        let known = self.names.iter().position(|it| it == name);
        Collation(known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        }))
    }

    /// A `name` has been met, which has a collation of its own.
    pub(super) fn meet_name(&mut self) {
        self.matter = true;
    }

    pub(super) fn name(&self, collation: Collation) -> &str {
        self.names.get(collation.0).map_or("?", String::as_str)
    }
}

/// How sure a collation is: `CollateStrength`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// It has none.
    #[default]
    None,
    /// Of a column or a constant.
    Implicit,
    /// Two implicit ones have met.
    Conflict,
    /// Of a `COLLATE`.
    Explicit,
}

/// The collation of an expression.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Collated {
    pub(super) strength: Strength,
    pub(super) collation: Option<Collation>,
    /// The other one, of a conflict.
    pub(super) other: Option<Collation>,
    pub(super) span: Span,
}

impl Collated {
    pub(super) fn implicit(collation: Option<Collation>, span: Span) -> Collated {
        let strength = if collation.is_some() { Strength::Implicit } else { Strength::None };
        Collated { strength, collation, other: None, span }
    }

    /// Of a column of a query, as it is seen from around it.
    pub(super) fn seen(self) -> Option<Collation> {
        self.collation.filter(|_| self.strength != Strength::Conflict)
    }
}
