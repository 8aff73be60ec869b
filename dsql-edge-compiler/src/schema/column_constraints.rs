//! Checks the constraints of one column, as PostgreSQL's `transformColumnDefinition` and `transformConstraintAttrs` do.
//!
//! Input: the constraints as written. Output: the first error that PostgreSQL reports, if the constraints contradict
//! each other. In PostgreSQL's grammar DEFERRABLE is a separate constraint in the list, and applies to the constraint
//! before it.

use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Constraint, ConstraintAttribute, ConstraintKind};

/// Applies each attribute, such as DEFERRABLE, to the constraint before the attribute, and returns the constraints.
pub(super) fn with_attributes(constraints: Vec<Constraint>) -> Vec<Constraint> {
    let mut out: Vec<Constraint> = Vec::with_capacity(constraints.len());
    for constraint in constraints {
        let ConstraintKind::Attribute(attribute) = constraint.kind else {
            out.push(constraint);
            continue;
        };
        match out.last_mut().map(|last| &mut last.kind) {
            Some(ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key)) => {
                key.deferrable |= attribute.defers();
            }
            Some(ConstraintKind::ForeignKey(key)) => key.deferrable |= attribute.defers(),
            _ => {}
        }
    }
    out
}

/// Returns an error if an attribute is misplaced, or if a column's constraints contradict each other. `column` is the
/// column's name with its table, for the message; if `is_serial` is true, the constraints that the type `serial` adds
/// are checked too.
pub(super) fn contradiction(constraints: &[Constraint], column: &str, is_serial: bool) -> Option<Diagnostic> {
    misplaced_attribute(constraints).or_else(|| contradicting_values(constraints, column, is_serial))
}

fn error(constraint: &Constraint, message: String) -> Option<Diagnostic> {
    Some(Diagnostic::error(Code::SyntaxError, constraint.span, message))
}

/// Does the work of `transformConstraintAttrs`.
fn misplaced_attribute(constraints: &[Constraint]) -> Option<Diagnostic> {
    let mut supported = false;
    let (mut deferrable, mut deferred): (Option<bool>, Option<bool>) = (None, None);
    for constraint in constraints {
        let ConstraintKind::Attribute(attribute) = constraint.kind else {
            supported = matches!(
                constraint.kind,
                ConstraintKind::PrimaryKey(_)
                    | ConstraintKind::Unique(_)
                    | ConstraintKind::Exclude(_)
                    | ConstraintKind::ForeignKey(_)
            );
            (deferrable, deferred) = (None, None);
            continue;
        };
        if !supported {
            return error(constraint, format!("misplaced {} clause", attribute.words()));
        }
        let (seen, value, clauses) = match attribute {
            ConstraintAttribute::Deferrable => (&mut deferrable, true, "DEFERRABLE/NOT DEFERRABLE"),
            ConstraintAttribute::NotDeferrable => (&mut deferrable, false, "DEFERRABLE/NOT DEFERRABLE"),
            ConstraintAttribute::InitiallyDeferred => (&mut deferred, true, "INITIALLY IMMEDIATE/DEFERRED"),
            ConstraintAttribute::InitiallyImmediate => (&mut deferred, false, "INITIALLY IMMEDIATE/DEFERRED"),
        };
        if seen.replace(value).is_some() {
            return error(constraint, format!("multiple {clauses} clauses not allowed"));
        }
        if deferrable == Some(false) && deferred == Some(true) {
            let message = "constraint declared INITIALLY DEFERRED must be DEFERRABLE".to_owned();
            return error(constraint, message);
        }
    }
    None
}

/// Does the work of the loop over constraints in `transformColumnDefinition`.
fn contradicting_values(constraints: &[Constraint], column: &str, is_serial: bool) -> Option<Diagnostic> {
    let (mut not_null, mut identity, mut generated): (Option<bool>, bool, bool) = (None, false, false);
    // The type `serial` adds a default and NOT NULL. Both count as present from the start, so that the error is at the
    // written constraint that contradicts them.
    let mut default = is_serial;
    for constraint in constraints {
        let nullable = match constraint.kind {
            ConstraintKind::Null => Some(true),
            ConstraintKind::NotNull | ConstraintKind::Identity { .. } => Some(false),
            _ => None,
        };
        let repeated = match constraint.kind {
            ConstraintKind::Default(_) => std::mem::replace(&mut default, true).then_some("default values"),
            ConstraintKind::Identity { .. } => {
                std::mem::replace(&mut identity, true).then_some("identity specifications")
            }
            ConstraintKind::Generated(_) => {
                std::mem::replace(&mut generated, true).then_some("generation clauses")
            }
            _ => None,
        };
        if let Some(what) = repeated {
            let specified = if what == "identity specifications" { "" } else { " specified" };
            return error(constraint, format!("multiple {what}{specified} for column {column}"));
        }
        if let Some(nullable) = nullable {
            if not_null == Some(nullable) || is_serial && nullable {
                let message = format!("conflicting NULL/NOT NULL declarations for column {column}");
                return error(constraint, message);
            }
            not_null = Some(!nullable);
        }
        let both = match (default, identity, generated) {
            (true, true, _) => "default and identity",
            (true, _, true) => "default and generation expression",
            (_, true, true) => "identity and generation expression",
            _ => continue,
        };
        return error(constraint, format!("both {both} specified for column {column}"));
    }
    None
}
