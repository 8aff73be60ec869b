//! Finds expressions whose evaluation always fails: `1 / 0`, `99999999999::int`, `date_trunc('weekly', at)`.
//!
//! Input: an analyzed query. Output: a warning for each expression that always fails. PostgreSQL prepares the statement
//! and reports the error only when it plans or runs the statement, and an expression may be in a branch that never
//! runs, such as an arm of CASE. So the output is a warning, not an error.
//!
//! Only constants that are operands or arguments themselves are examined; constant expressions are not evaluated. The
//! other operand is not examined: `a / 0` is reported, although the result is NULL if `a` is NULL. The module also
//! warns about a LIMIT or OFFSET below zero, and about a result column that is an array of arrays, which the runtime
//! cannot decode.

use super::analyzer::Analyzer;
use super::catalog::Catalog;
use super::constant::{UnitOfTime, is_time_zone};
use super::every_expression;
use super::tree::{Node, NodeKind, Query};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::source::Span;

impl Analyzer<'_> {
    /// Warns about expressions that fail each time they run.
    pub(super) fn warn_failures(&mut self, query: &Query) {
        let mut found: Vec<Failure> = Vec::new();
        let catalog = self.catalog;
        every_expression::visit(&[query], &mut |_, node| found.extend(failure(catalog, node)));
        found.extend(query.targets.iter().filter_map(|target| nested_array(&target.node)));
        found.sort_by_key(|failure| failure.span.start);
        found.into_iter().for_each(|failure| self.report(failure.warning()));
    }

    /// Warns about a LIMIT or OFFSET below zero.
    pub(super) fn warn_negative(&mut self, node: &Node, name: &str) {
        if constant(node).is_some_and(|(text, _)| text.parse().is_ok_and(|rows: i64| rows < 0)) {
            let hint = format!("for all rows, leave {name} out");
            let message = format!("{name} must not be negative");
            self.report(Failure { span: node.span, message, hint }.warning());
        }
    }
}

/// PostgreSQL's error, and what to write instead.
pub(super) struct Failure {
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Failure {
    pub(super) fn warning(self) -> Diagnostic {
        let message = format!("this fails each time it runs: {}", self.message);
        Diagnostic::warning(Code::FailsAtRunTime, self.span, message).with_hint(self.hint)
    }
}

fn failure(catalog: Catalog<'_>, node: &Node) -> Option<Failure> {
    match &node.kind {
        // These functions are strict: with a NULL among their arguments, they return NULL.
        NodeKind::Call { args, .. } if args.iter().any(Node::is_null_constant) => None,
        NodeKind::Call { function, args } => match (function.name.as_str(), args.as_slice()) {
            (name, [_, divisor]) if DIVISIONS.contains(&name) => division_by_zero(divisor),
            ("date_trunc", [unit, value, ..]) => truncation(catalog, unit, value),
            (name @ ("extract" | "date_part"), [unit, value]) => extraction(catalog, name, unit, value),
            ("timezone", [zone, _]) => time_zone(zone),
            _ => None,
        },
        NodeKind::Cast { arg, function: Some(function) } => match function.name.as_str() {
            "int2" | "int4" | "int8" => integer_out_of_range(catalog.base_type(node.ty).0, arg),
            _ => None,
        },
        _ => None,
    }
}

/// The functions of `/` and `%` that fail if the right operand is zero.
const DIVISIONS: [&str; 19] = [
    "int2div",
    "int24div",
    "int28div",
    "int4div",
    "int42div",
    "int48div",
    "int8div",
    "int82div",
    "int84div",
    "int2mod",
    "int4mod",
    "int8mod",
    "numeric_div",
    "numeric_mod",
    "float4div",
    "float48div",
    "float84div",
    "float8div",
    "interval_div",
];

fn division_by_zero(divisor: &Node) -> Option<Failure> {
    let (text, span) = constant(divisor)?;
    let digits = text.split(['e', 'E']).next()?;
    let is_zero = digits.contains('0') && digits.chars().all(|it| matches!(it, '0' | '.' | '-' | '+'));
    let hint = "if a divisor may be zero, write NULLIF(divisor, 0): the result is then NULL".to_owned();
    is_zero.then(|| Failure { span, message: "division by zero".to_owned(), hint })
}

/// Finds a number that its cast to an integer type rejects. Numbers with a fraction are rounded.
fn integer_out_of_range(ty: Oid, arg: &Node) -> Option<Failure> {
    let (name, least, most) = match ty {
        oid::INT2 => ("smallint", i64::from(i16::MIN), i64::from(i16::MAX)),
        oid::INT4 => ("integer", i64::from(i32::MIN), i64::from(i32::MAX)),
        oid::INT8 => ("bigint", i64::MIN, i64::MAX),
        _ => return None,
    };
    let (text, span) = constant(arg)?;
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|it| it.is_ascii_digit()) => whole,
        _ => text,
    };
    // PostgreSQL may round a number just above the limit to the limit, so only numbers that are certainly too large are
    // reported.
    let number = whole.parse::<i128>().ok()?;
    let is_whole = whole.len() == text.len();
    let slack = i128::from(!is_whole);
    if (i128::from(least) - slack..=i128::from(most) + slack).contains(&number) {
        return None;
    }
    let wide = match (i32::try_from(number), i64::try_from(number)) {
        (Ok(_), _) => "integer",
        (_, Ok(_)) => "bigint",
        _ => "numeric",
    };
    let hint = format!("the values of {name} are {least} to {most}: use {wide}");
    Some(Failure { span, message: format!("{name} out of range"), hint })
}

const LENGTHS: [&str; 13] = [
    "microseconds",
    "milliseconds",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
];

const PARTS: [&str; 9] =
    ["epoch", "dow", "isodow", "doy", "isoyear", "julian", "timezone", "timezone_hour", "timezone_minute"];

/// Words that are not units, each with the unit that is probably meant.
const OTHER_WORDS: [(&str, &str); 7] = [
    ("daily", "day"),
    ("hourly", "hour"),
    ("monthly", "month"),
    ("yearly", "year"),
    ("weekday", "dow"),
    ("dayofweek", "dow"),
    ("dayofyear", "doy"),
];

fn truncation(catalog: Catalog<'_>, unit: &Node, value: &Node) -> Option<Failure> {
    let (text, span) = constant(unit)?;
    let problem = match UnitOfTime::named(text) {
        Some(UnitOfTime::OfDay | UnitOfTime::OfCalendar) => return None,
        Some(_) => "supported",
        None => "recognized",
    };
    Some(wrong_unit(catalog, (text, span), problem, value, &LENGTHS))
}

fn extraction(catalog: Catalog<'_>, function: &str, unit: &Node, value: &Node) -> Option<Failure> {
    let (text, span) = constant(unit)?;
    let ty = catalog.base_type(value.ty).0;
    let Some(unit) = UnitOfTime::named(text) else {
        let units = [LENGTHS.as_slice(), &PARTS].concat();
        return Some(wrong_unit(catalog, (text, span), "recognized", value, &units));
    };
    // `date_part` casts a date to a timestamp.
    let is_date = ty == oid::DATE && function == "extract";
    let has_date = matches!(ty, oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ);
    let supported = match unit {
        UnitOfTime::Epoch => true,
        UnitOfTime::OfDay => !is_date,
        UnitOfTime::OfCalendar => has_date || ty == oid::INTERVAL,
        UnitOfTime::PartOfDate => has_date,
        UnitOfTime::TimeZone => matches!(ty, oid::TIMESTAMPTZ | oid::TIMETZ),
    };
    (!supported).then(|| wrong_unit(catalog, (text, span), "supported", value, &[]))
}

/// Returns PostgreSQL's error for a unit. `problem` is PostgreSQL's word: `recognized` or `supported`.
fn wrong_unit(
    catalog: Catalog<'_>,
    (text, span): (&str, Span),
    problem: &str,
    value: &Node,
    units: &[&str],
) -> Failure {
    let ty = catalog.display(catalog.base_type(value.ty).0, -1);
    let message = format!("unit \"{text}\" not {problem} for type {ty}");
    let word = text.to_ascii_lowercase();
    let other_words = OTHER_WORDS.into_iter().find(|(other, unit)| *other == word && units.contains(unit));
    let hint =
        match other_words.map(|(_, unit)| unit).or_else(|| suggestion::nearest(&word, units.iter().copied()))
        {
            Some(nearest) => format!("did you mean '{nearest}'?"),
            None if units.is_empty() => format!("a value of type {ty} does not have this part"),
            None => format!("the units are {}", units.join(", ")),
        };
    Failure { span, message, hint }
}

fn time_zone(zone: &Node) -> Option<Failure> {
    let (text, span) = constant(zone)?;
    if is_time_zone(text) {
        return None;
    }
    let hint = "write a zone such as 'America/New_York', or an offset such as '+02'".to_owned();
    Some(Failure { span, message: format!("time zone \"{text}\" not recognized"), hint })
}

/// Finds a column that is an array of arrays. The runtime cannot decode such a column, because a `Vec` has one
/// dimension.
fn nested_array(node: &Node) -> Option<Failure> {
    match &node.kind {
        NodeKind::Cast { arg, function: None } => nested_array(arg),
        NodeKind::Array(elements) if elements.iter().any(|it| matches!(it.kind, NodeKind::Array(_))) => {
            Some(Failure {
                span: node.span,
                message: "an array of two dimensions cannot be decoded as a Vec".to_owned(),
                hint: "select it as JSON: to_jsonb(ARRAY[…])".to_owned(),
            })
        }
        _ => None,
    }
}

/// Returns the constant, with or without casts around it.
fn constant(node: &Node) -> Option<(&str, Span)> {
    match &node.kind {
        NodeKind::Constant(Some(text)) => Some((text, node.span)),
        NodeKind::Cast { arg, .. } => constant(arg),
        _ => None,
    }
}
