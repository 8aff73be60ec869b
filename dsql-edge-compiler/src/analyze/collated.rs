//! Defines the collations of an analysis, and the collation of an expression with its strength.

use crate::source::Span;

/// A collation, by its number in [`Collations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Collation(usize);

/// The database's default collation.
pub(super) const DEFAULT: Collation = Collation(0);
pub(super) const C: Collation = Collation(1);

/// The collations that occur in the analysis.
#[derive(Debug)]
pub(super) struct Collations {
    names: Vec<String>,
    /// Whether a collation other than the database's default occurs.
    pub(super) matter: bool,
}

impl Default for Collations {
    fn default() -> Self {
        Collations { names: vec!["default".to_owned(), "C".to_owned()], matter: false }
    }
}

impl Collations {
    /// Returns the collation of this name, from COLLATE or a column.
    pub(super) fn named(&mut self, name: &str) -> Collation {
        self.matter |= name != "default";
        let known = self.names.iter().position(|it| it == name);
        Collation(known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        }))
    }

    /// Records that the type `name`, which has its own collation, occurs in the statement.
    pub(super) fn meet_name(&mut self) {
        self.matter = true;
    }

    pub(super) fn name(&self, collation: Collation) -> &str {
        self.names.get(collation.0).map_or("?", String::as_str)
    }
}

/// The strength of a collation: `CollateStrength`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// The expression has no collation.
    #[default]
    None,
    /// The collation of a column or a constant.
    Implicit,
    /// Two implicit collations conflict.
    Conflict,
    /// The collation of a `COLLATE`.
    Explicit,
}

/// The collation of an expression.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Collated {
    pub(super) strength: Strength,
    pub(super) collation: Option<Collation>,
    /// If two collations conflict, the second of these collations.
    pub(super) other: Option<Collation>,
    pub(super) span: Span,
}

impl Collated {
    pub(super) fn implicit(collation: Option<Collation>, span: Span) -> Collated {
        let strength = if collation.is_some() { Strength::Implicit } else { Strength::None };
        Collated { strength, collation, other: None, span }
    }

    /// Returns the collation that a query's column has in the outer query.
    pub(super) fn seen(self) -> Option<Collation> {
        self.collation.filter(|_| self.strength != Strength::Conflict)
    }
}
