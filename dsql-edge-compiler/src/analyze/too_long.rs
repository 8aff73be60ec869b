//! Finds constants that are too long for the column to which the statement writes them.
//!
//! Input: a value and the type of its column, such as `varchar(13)`. Output: a diagnostic, if the value never fits.
//! PostgreSQL prepares the statement, and reports the error each time it plans or runs the statement. The diagnostic is
//! an error in the DSQL dialect, and a warning in the PostgreSQL dialect.
//!
//! Spaces at the end of a string are removed if the string is too long, and an explicit cast cuts a string off, so
//! neither is reported. A number is reported only if the digits before its decimal point do not fit: other digits are
//! rounded.

use super::analyzer::Analyzer;
use super::fails_at_run_time::Failure;
use super::tree::{Node, NodeKind};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic, quotation};
use crate::schema::Dialect;
use crate::source::Span;

impl Analyzer<'_> {
    /// Reports a constant that is too long for its column; returns whether it is too long.
    pub(super) fn check_length(&mut self, ty: Oid, typmod: i32, node: &Node) -> bool {
        let (base, of_domain) = self.catalog.base_type(ty);
        let typmod = if base == ty { typmod } else { of_domain };
        if typmod < 0 {
            return false;
        }
        let shown = self.catalog.display(base, typmod);
        let found = match base {
            oid::VARCHAR | oid::BPCHAR => string(node).and_then(|at| too_long(at, typmod - 4, &shown)),
            oid::NUMERIC => number(node).and_then(|at| overflow(at, typmod - 4, &shown)),
            _ => None,
        };
        let Some((code, failure)) = found else { return false };
        if self.catalog.schema.dialect == Dialect::Dsql {
            let Failure { span, message, hint } = failure;
            self.runtime_error(Diagnostic::error(code, span, message).with_hint(hint));
        } else {
            self.found_later(failure.warning());
        }
        true
    }
}

fn too_long((text, span): (&str, Span), length: i32, ty: &str) -> Option<(Code, Failure)> {
    let length = usize::try_from(length).ok()?;
    let characters = text.chars().count();
    if text.chars().skip(length).all(|it| it == ' ') {
        return None;
    }
    let message = format!("value too long for type {ty}");
    let cast = format!("{}::{ty}", quotation::operand(span));
    let hint = format!("the string has {characters} characters: shorten it, or cut it off by a cast: {cast}");
    Some((Code::ValueTooLong, Failure { span, message, hint }))
}

/// `apply_typmod`: the digits before the decimal point.
fn overflow((text, span): (&str, Span), modifier: i32, ty: &str) -> Option<(Code, Failure)> {
    let precision = modifier >> 16;
    // The scale has 11 bits and may be negative.
    let scale = ((modifier & 0x7ff) ^ 1024) - 1024;
    let whole = text.split('.').next()?.trim_start_matches('0');
    let is_plain = text.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let digits = i32::try_from(whole.len()).ok()?;
    // The scale of `numeric(3, 4)`, whose values are below 0.1, is greater than the precision.
    let most = (precision - scale).max(0);
    if !is_plain || digits <= most {
        return None;
    }
    let message = "numeric field overflow".to_owned();
    let hint = format!("{ty} has at most {most} digits before the decimal point");
    Some((Code::OutOfRange, Failure { span, message, hint }))
}

/// Returns a string without a length of its own, with or without a cast to `text` or `varchar`.
fn string(node: &Node) -> Option<(&str, Span)> {
    if node.typmod != -1 || !matches!(node.ty, oid::UNKNOWN | oid::TEXT | oid::VARCHAR) {
        return None;
    }
    match &node.kind {
        NodeKind::Constant(Some(text)) => Some((text, node.span)),
        NodeKind::Cast { arg, function: None } => string(arg),
        _ => None,
    }
}

/// Returns a number as written, without a cast.
fn number(node: &Node) -> Option<(&str, Span)> {
    match &node.kind {
        NodeKind::Constant(Some(text))
            if matches!(node.ty, oid::UNKNOWN | oid::INT4 | oid::INT8 | oid::NUMERIC) =>
        {
            Some((text, node.span))
        }
        _ => None,
    }
}
