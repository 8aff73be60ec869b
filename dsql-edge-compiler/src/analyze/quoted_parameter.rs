//! Warns about parameters in quotes, and about `@name`: `'$name'` is a string of five characters, and `@name` is the
//! absolute value of a column, not a parameter.
//!
//! Input: a statement as written. Output: a warning for each string that contains only a parameter, and for each
//! pattern of LIKE that contains a parameter between wildcards. A string is examined only in the two positions where a
//! parameter is usual: as an operand of a comparison, and as a value for a column. A string inside a call
//! (`replace(body, '$name', $name)`) is not examined, because the user may really mean the characters `$name`. `@name`
//! is examined only as the right operand of a comparison, and as a value that UPDATE assigns.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Assignment, Expr, ExprKind, InList, Literal, Query, QueryBody, StatementKind};
use crate::syntax::visit::{self, Visit};

/// Returns the warnings of a statement.
pub(super) fn warnings(statement: ParsedStatement<'_>) -> Vec<Diagnostic> {
    let mut quoted = Quoted { named: statement.tokens.named, out: Vec::new() };
    visit::statement(statement.tree, &mut quoted);
    if let StatementKind::Update(update) = &statement.kind {
        for assignment in &update.assignments {
            if let Assignment::Single(_, value) = assignment {
                quoted.value(value);
                quoted.at_sign(value);
            }
        }
    }
    quoted.out
}

struct Quoted {
    /// Whether a parameter may be written `$name`.
    named: bool,
    out: Vec<Diagnostic>,
}

impl Visit<'_> for Quoted {
    fn query(&mut self, query: &Query) -> bool {
        if let QueryBody::Values(rows) = &query.body {
            rows.iter().flatten().for_each(|value| self.value(value));
        }
        true
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Like { right, .. } => self.pattern(right),
            ExprKind::Operator { operator, left: Some(left), right }
                if matches!(operator.name.as_str(), "=" | "<>" | "<" | ">" | "<=" | ">=") =>
            {
                self.value(left);
                self.value(right);
                self.at_sign(right);
            }
            ExprKind::In { right: InList::List(list), .. } => list.iter().for_each(|value| self.value(value)),
            _ => {}
        }
    }
}

impl Quoted {
    /// `= '$name'`
    fn value(&mut self, expr: &Expr) {
        let ExprKind::Literal(Literal::String(text)) = &expr.kind else { return };
        if self.named && is_name(text) {
            self.warn(expr.span, text, format!("write {text} without quotes"));
        }
    }

    /// `= @name`
    fn at_sign(&mut self, expr: &Expr) {
        let ExprKind::Operator { operator, left: None, right } = &expr.kind else { return };
        let ExprKind::Column(column) = &right.kind else { return };
        if let ("@", [name], true) = (operator.name.as_str(), column.as_slice(), self.named) {
            let name = &name.text;
            let message = format!("@{name} is the absolute value of the column {name}, not a parameter");
            let hint = format!("write ${name} for a parameter, or abs({name}) for the absolute value");
            self.out.push(Diagnostic::warning(Code::AtSignParameter, expr.span, message).with_hint(hint));
        }
    }

    /// `LIKE '%$name%'`
    fn pattern(&mut self, expr: &Expr) {
        let ExprKind::Literal(Literal::String(text)) = &expr.kind else { return };
        let inner = text.trim_start_matches(['%', '_']);
        let parameter = inner.trim_end_matches('%');
        let is_number = parameter
            .strip_prefix('$')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let is_name = self.named && is_name(parameter);
        if !is_name && !is_number {
            return;
        }
        let (before, after) = (&text[..text.len() - inner.len()], &inner[parameter.len()..]);
        let quoted = |part: &str| (!part.is_empty()).then(|| format!("'{part}'"));
        let parts = [quoted(before), Some(parameter.to_owned()), quoted(after)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        self.warn(expr.span, parameter, format!("write {}", parts.join(" || ")));
    }

    fn warn(&mut self, span: Span, parameter: &str, hint: String) {
        let message = format!("{parameter} in quotes is text, not a parameter");
        self.out.push(Diagnostic::warning(Code::QuotedParameter, span, message).with_hint(hint));
    }
}

/// `$name`
fn is_name(text: &str) -> bool {
    let Some(name) = text.strip_prefix('$') else { return false };
    let is_part = |it: char| it.is_alphanumeric() || it == '_';
    name.starts_with(|it: char| it.is_alphabetic() || it == '_') && name.chars().all(is_part)
}
