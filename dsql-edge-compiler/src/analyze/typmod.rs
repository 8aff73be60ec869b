//! Computes type modifiers: `anychar_typmodin`, `anybit_typmodin`, `numerictypmodin` and related functions.
//!
//! Input: a type, and the numbers in parentheses after its name. Output: the number that `pg_attribute.atttypmod` would
//! contain, or the error that PostgreSQL reports.

use super::catalog::{Catalog, TypeError};
use crate::builtin::{Oid, oid};
use crate::syntax::ast::{ExprKind, Literal, TypeName};

/// `MaxAttrSize`: the maximum length of `char` and `varchar`.
const MAX_LENGTH: i32 = 10_485_760;
/// The maximum length of `bit` and `varbit`.
const MAX_BITS: i32 = MAX_LENGTH * 8;

impl Catalog<'_> {
    /// Returns the type modifier that the type's `typmodin` returns; -1 without modifiers.
    pub(super) fn typmod(self, type_oid: Oid, written: &TypeName) -> Result<i32, TypeError> {
        if written.modifiers.is_empty() {
            return Ok(-1);
        }
        let takes_one = matches!(
            type_oid,
            oid::BPCHAR
                | oid::VARCHAR
                | oid::NUMERIC
                | oid::TIME
                | oid::TIMETZ
                | oid::TIMESTAMP
                | oid::TIMESTAMPTZ
                | oid::INTERVAL
                | oid::BIT
                | oid::VARBIT
        );
        if !takes_one {
            let name = written.name.display();
            return Err(TypeError::ModifierForm(format!("type modifier is not allowed for type \"{name}\"")));
        }
        let mut numbers = Vec::new();
        for modifier in &written.modifiers {
            match &modifier.kind {
                ExprKind::Literal(Literal::Integer(number)) => numbers.push(*number),
                _ => {
                    return Err(TypeError::ModifierForm(
                        "type modifiers must be simple constants or identifiers".into(),
                    ));
                }
            }
        }
        match (type_oid, numbers.as_slice()) {
            (oid::BPCHAR | oid::VARCHAR | oid::BIT | oid::VARBIT, [length]) if *length < 1 => {
                let name = length_name(type_oid);
                Err(TypeError::Modifier(format!("length for type {name} must be at least 1")))
            }
            (oid::BPCHAR | oid::VARCHAR, [length]) if *length > MAX_LENGTH => {
                let name = length_name(type_oid);
                Err(TypeError::Modifier(format!("length for type {name} cannot exceed {MAX_LENGTH}")))
            }
            (oid::BIT | oid::VARBIT, [length]) if *length > MAX_BITS => {
                let name = length_name(type_oid);
                Err(TypeError::Modifier(format!("length for type {name} cannot exceed {MAX_BITS}")))
            }
            (oid::BPCHAR | oid::VARCHAR, [length]) => Ok(*length + 4),
            (oid::NUMERIC, [precision, rest @ ..]) if rest.len() < 2 => {
                let scale = rest.first().copied().unwrap_or(0);
                if !(1..=1000).contains(precision) {
                    let message = format!("NUMERIC precision {precision} must be between 1 and 1000");
                    return Err(TypeError::Modifier(message));
                }
                if !(-1000..=1000).contains(&scale) {
                    let message = format!("NUMERIC scale {scale} must be between -1000 and 1000");
                    return Err(TypeError::Modifier(message));
                }
                Ok(((precision << 16) | (scale & 0x7ff)) + 4)
            }
            (oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ, [precision]) => {
                Ok((*precision).min(6))
            }
            (oid::INTERVAL, [range]) => Ok((range << 16) | 0xFFFF),
            (oid::INTERVAL, [range, precision]) => Ok((range << 16) | (*precision).min(6)),
            (oid::BIT | oid::VARBIT, [length]) => Ok(*length),
            _ => Err(TypeError::Modifier("invalid type modifier".into())),
        }
    }
}

/// Returns the name of a type for PostgreSQL's messages about the length of a type: `anychar_typmodin`,
/// `anybit_typmodin`.
fn length_name(type_oid: Oid) -> &'static str {
    match type_oid {
        oid::BPCHAR => "char",
        oid::VARCHAR => "varchar",
        oid::BIT => "bit",
        _ => "varbit",
    }
}
