//! Writes hints for errors that a similar name alone does not fix: constants, casts, functions, unknown names.
//!
//! Input: the expression as written, and the type that is required of the expression. Output: one line of advice; the
//! advice does not change whether the query is accepted.

use super::analyzer::Analyzer;
use super::coercion::{Context, Pathway};
use super::namespace_item::NamespaceItem;
use super::scope::Scope;
use crate::builtin::{self, Oid, oid};
use crate::diagnostic::{Code, quotation, suggestion};
use crate::elsewhere;
use crate::schema::UserTypeKind;
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, FunctionCall, Literal, Operator};

impl Analyzer<'_> {
    /// Returns the advice for a constant, if the input function of the constant's type rejects the constant.
    pub(super) fn literal_advice(&self, code: Code, type_oid: Oid, text: &str) -> Option<String> {
        let is_form = matches!(code, Code::InvalidLiteral | Code::InvalidDatetime);
        let has_braces =
            self.catalog.type_info(type_oid).is_array || matches!(type_oid, oid::JSON | oid::JSONB);
        if let Some(advice) = template(type_oid, text).filter(|_| is_form && !has_braces) {
            return Some(advice);
        }
        if let Some(advice) = advice_of_code(code) {
            return Some(advice.to_owned());
        }
        if let Some(UserTypeKind::Enum(labels)) = self.catalog.user_kind(type_oid) {
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            return Some(match suggestion::nearest(text, labels.iter().copied()) {
                Some(nearest) => format!("did you mean '{nearest}'?"),
                None => format!("its labels are '{}'", labels.join("', '")),
            });
        }
        if self.catalog.type_info(type_oid).is_array && !text.trim_start().starts_with('{') {
            return Some(format!(
                "write an array as '{{a,b}}'; to search for the value in an array: '{text}' = ANY (…)"
            ));
        }
        match type_oid {
            oid::REGCLASS if code == Code::UnknownTable => Some(self.relation_advice(text)),
            oid::JSON | oid::JSONB if is_list_of_words(text) => {
                Some("an array in JSON is written '[\"a\", \"b\"]', and an object '{\"a\": 1}'".to_owned())
            }
            oid::JSON | oid::JSONB if text.trim_start().starts_with(['{', '[']) => {
                Some("names and strings in JSON have double quotes: '{\"name\": \"value\"}'".to_owned())
            }
            oid::JSON | oid::JSONB if !text.trim_start().starts_with('"') => Some(format!(
                "write a JSON string as '\"{text}\"'; use ->> instead of -> to compare with text"
            )),
            oid::UUID => Some("a uuid is written 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'".to_owned()),
            oid::DATE => Some("a date is written '2026-12-31'".to_owned()),
            oid::TIMESTAMP | oid::TIMESTAMPTZ
                if text.starts_with(|it: char| it.is_ascii_digit())
                    && text.ends_with(|it: char| it.is_ascii_alphabetic()) =>
            {
                Some(format!("write an interval with its type: interval '{text}'"))
            }
            oid::TIMESTAMP | oid::TIMESTAMPTZ => Some("a time is written '2026-12-31 23:59:59'".to_owned()),
            oid::INTERVAL => Some("write an interval as '7 days' or '1 hour 30 minutes'".to_owned()),
            oid::INT2 | oid::INT4 | oid::INT8 if is_form => Some("an integer has digits only: 42".to_owned()),
            oid::NUMERIC | oid::FLOAT4 | oid::FLOAT8 if is_form => {
                Some("write a number, such as 1.5".to_owned())
            }
            oid::BOOL => Some("write true or false".to_owned()),
            _ => None,
        }
    }

    /// Returns the advice for a constant of type `regclass` that contains the name of an unknown relation.
    fn relation_advice(&self, text: &str) -> String {
        let names = self.catalog.schema.existing_relations().map(|it| it.name.as_str());
        let name = text.rsplit('.').next().unwrap_or(text);
        match suggestion::nearest(name, names) {
            Some(nearest) => format!("did you mean '{nearest}'?"),
            None => self.catalog.schema.origin.add("its CREATE statement"),
        }
    }

    /// Returns the advice for an expression of the wrong type. If PostgreSQL has a cast to the required type, the
    /// advice is to write the cast.
    pub(super) fn type_advice(&self, from: Oid, to: Oid, span: Span) -> String {
        let wanted = self.catalog.display(to, -1);
        match self.catalog.can_coerce(&[from], &[to], Context::Explicit) {
            true => format!("cast it: {}::{wanted}", quotation::operand(span)),
            false => format!("no cast from {} to {wanted} exists", self.catalog.display(from, -1)),
        }
    }

    /// Returns the advice for a cast that does not exist.
    pub(super) fn cast_advice(&self, from: Oid, to: Oid, span: Span) -> String {
        let path = |source, target| self.catalog.pathway(target, source, Context::Explicit) != Pathway::None;
        let shown = self.catalog.display(to, -1);
        for between in [oid::INT4, oid::TIMESTAMP] {
            if between != from && between != to && path(from, between) && path(between, to) {
                let by = self.catalog.display(between, -1);
                return format!(
                    "cast through {by}, if this is intended: {}::{by}::{shown}",
                    quotation::operand(span)
                );
            }
        }
        format!("no cast from {} to {shown} exists", self.catalog.display(from, -1))
    }

    /// Returns the advice for a call if no function of this name accepts these argument types.
    pub(super) fn function_advice(
        &self,
        name: &str,
        shown: &str,
        types: &[Oid],
        signatures: &[String],
    ) -> String {
        match (name, types) {
            ("isnull", [_]) => return "in PostgreSQL it is value IS NULL".to_owned(),
            ("count", [_, _, ..]) => return "count one value, or a row: count(DISTINCT (a, b))".to_owned(),
            ("decode", [_, _, _, ..]) => {
                return "in PostgreSQL it is CASE value WHEN a THEN b ELSE c END".to_owned();
            }
            _ => {}
        }
        if let Some(ours) = elsewhere::function(name) {
            return format!("in PostgreSQL it is {ours}");
        }
        let overloads: Vec<builtin::Function> = builtin::functions(name).collect();
        if !overloads.is_empty() {
            let takes = |count: usize| {
                overloads.iter().any(|found| {
                    let (all, optional) = (found.nargs(), usize::from(found.defaults));
                    (all - optional.min(all)..=all).contains(&count)
                        || (found.variadic != 0 && count + 1 >= all)
                })
            };
            let known = signatures.join(", ");
            return match takes(types.len()) {
                false => {
                    format!("{shown} does not take {}: there is {known}", count(types.len(), "argument"))
                }
                true => format!("there is {known}; a cast of the arguments may be missing"),
            };
        }
        let schema = self.catalog.schema;
        let own = schema.functions.iter().map(|function| function.definition.name.name());
        let nearest =
            suggestion::nearest(name, own).or_else(|| suggestion::nearest(name, builtin::function_names()));
        match nearest {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => {
                let origin = schema.origin;
                format!("neither PostgreSQL nor {} has it; {}", origin.name(), origin.if_new())
            }
        }
    }

    /// Returns the advice for a name that is not a column of any visible table, for example a word of another database.
    pub(super) fn column_advice(&self, name: &str, span: Span) -> Option<String> {
        // If the span of the name is longer than the name, the query contains the name in double quotes.
        let quoted = (span.end - span.start) as usize > name.len();
        if quoted {
            return Some(format!("write a string in single quotes: '{}'", name.replace('\'', "''")));
        }
        // Word processors write these quotation marks. PostgreSQL reads these quotation marks as letters of a name.
        if name.starts_with(['\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{ff07}', '\u{ff02}']) {
            let text = name.trim_matches(|it: char| !it.is_alphanumeric());
            return Some(format!("write a string in straight single quotes: '{text}'"));
        }
        let known = self.advice_at.iter().find(|(place, _)| *place == span);
        known.map(|(_, advice)| advice.clone()).or_else(|| elsewhere::column(name).map(str::to_owned))
    }

    /// Records that the operand after `->` is probably meant as a key of JSON. The advice about a name is used only if
    /// no column has this name, and the advice about a string only if the string is rejected as a number:
    /// PostgreSQL reads `meta->'a' + 1` as `meta->('a' + 1)`.
    pub(super) fn expect_json_key(&mut self, operator: &Operator, left: Option<&Expr>, right: &Expr) {
        if !matches!(operator.name.as_str(), "->" | "->>") {
            return;
        }
        if let ExprKind::Column(name) = &right.kind
            && let [name] = name.as_slice()
        {
            self.advice_at.push((name.span, format!("a key of JSON is a string: '{}'", name.text)));
        }
        let (Some(json), Some(key)) = (left, leading_string(right)) else { return };
        let rest = Span { start: key.end, end: right.span.end };
        let (json, written) = (quotation::operand(json.span), quotation::written(key));
        let after = quotation::written(rest);
        self.advice_at.push((key, format!("write ({json}->>{written})::integer{after}")));
    }

    /// Records that an argument of `CONVERT(value, type)` is probably meant as a type; the advice is used only if no
    /// column has this name.
    pub(super) fn expect_type(&mut self, call: &FunctionCall) {
        let [first, second] = call.args.as_slice() else { return };
        if !matches!(call.name.name(), "convert" | "try_convert") {
            return;
        }
        for (ty, value) in [(&second.value, &first.value), (&first.value, &second.value)] {
            let ExprKind::Column(name) = &ty.kind else { continue };
            let [name] = name.as_slice() else { continue };
            let ours = match name.text.as_str() {
                "char" | "nchar" => Some("text"),
                "int" | "integer" | "signed" => Some("integer"),
                "decimal" | "float" | "real" | "bigint" | "smallint" | "boolean" => Some(name.text.as_str()),
                other => elsewhere::type_name(other).or_else(|| builtin::type_by_name(other).map(|_| other)),
            };
            if let Some(ours) = ours {
                let advice = format!("in PostgreSQL it is {}::{ours}", quotation::operand(value.span));
                self.advice_at.push((name.span, advice));
                return;
            }
        }
    }

    /// Returns the advice for a table name that FROM does not contain. The name may be that of a table in the snapshot,
    /// or that of a column.
    pub(super) fn missing_from_advice(
        &self,
        scope: &Scope<'_>,
        table: &str,
        in_reach: &[String],
    ) -> Option<String> {
        let is_column = |item: &NamespaceItem| item.columns.iter().any(|(column, _)| column == table);
        if scope.namespace.iter().any(is_column) {
            return Some(format!(
                "{table} is a column: if it is JSON, write {table}->>'…'; if it is composite, write ({table}).…"
            ));
        }
        let known = |relation: &&crate::schema::Relation| relation.name == table;
        if self.catalog.schema.relations.iter().any(|relation| known(&relation)) {
            return Some(format!("add it: FROM {table}, or JOIN {table} ON …"));
        }
        match in_reach {
            [] => None,
            names => Some(format!("FROM has {}", names.join(", "))),
        }
    }
}

/// If the expression is arithmetic whose first operand is a string (`'a' + 1`), returns the span of the string.
fn leading_string(expr: &Expr) -> Option<Span> {
    let ExprKind::Operator { operator, left: Some(left), .. } = &expr.kind else { return None };
    let is_arithmetic = matches!(operator.name.as_str(), "+" | "-" | "*" | "/" | "%");
    match &left.kind {
        ExprKind::Literal(Literal::String(_)) if is_arithmetic => Some(left.span),
        _ if is_arithmetic => leading_string(left),
        _ => None,
    }
}

/// Returns a number with its noun. The noun is in the plural if the number is not 1.
pub(super) fn count(number: usize, noun: &str) -> String {
    match number {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        more => format!("{more} {noun}s"),
    }
}

/// Whether the text is an array as PostgreSQL writes it: `{a,b}`.
fn is_list_of_words(text: &str) -> bool {
    let inside = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    inside.is_some_and(|inside| !inside.contains([':', '{', '[']))
}

/// Returns the advice for a rejected constant, if the error code alone determines the advice.
fn advice_of_code(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::DatetimeOutOfRange => "this day, or this time of day, does not exist",
        Code::IntervalOutOfRange => "months and days have 32 bits each; the months of a year are below 12",
        Code::OffsetOutOfRange => "an offset is written '+02' or '-03:30', and is below 16 hours",
        Code::UnknownTimeZone => "write a zone such as 'America/New_York', or an offset such as '+02'",
        Code::InvalidBytea => "write bytes as pairs of hexadecimal digits after \\x, as in '\\x01ff'",
        Code::InvalidArrayBounds | Code::InvalidRange => "write the lower bound first",
        Code::ValueTooLong | Code::LengthMismatch => "the type of the field determines the length",
        Code::UntranslatableCharacter => "text cannot contain \\u0000: remove it, or use the type json",
        _ => return None,
    })
}

/// Returns the advice for a constant that was written as a template: `'$id'`, `'{id}'`, `'$days days'`.
fn template(type_oid: Oid, text: &str) -> Option<String> {
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let (name, rest) = match text.strip_prefix('$').or_else(|| text.strip_prefix(':')) {
        Some(after) => after.split_at(after.find(|it| !is_word(it)).unwrap_or(after.len())),
        None => (text.strip_prefix('{')?.strip_suffix('}')?, ""),
    };
    let unit = rest.trim();
    if name.is_empty() || !name.chars().all(is_word) || !unit.chars().all(is_word) {
        return None;
    }
    Some(match unit {
        "" => format!("a parameter has no quotes: ${name}"),
        _ if type_oid == oid::INTERVAL => {
            format!("a parameter has no quotes: ${name} * interval '1 {}'", unit.trim_end_matches('s'))
        }
        _ => return None,
    })
}
