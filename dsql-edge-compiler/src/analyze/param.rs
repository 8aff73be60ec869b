//! Infers the types of parameters as PostgreSQL does (`parse_param.c`, variable parameters).
//!
//! Input: each use of `$n`, and the type that this use requires. Output: one type per parameter; uses that disagree,
//! and parameters without a type, are errors.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::parameter::Parameter;
use super::tree::{Node, NodeKind, Query};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

impl Analyzer<'_> {
    /// Analyzes a use of `$n`: `variable_paramref_hook`.
    pub(super) fn parameter(&mut self, number: u32, span: Span) -> Node {
        let number = number as usize;
        if number == 0 || number > 65_535 {
            let shown = if number > i32::MAX as usize { i32::MAX as usize } else { number };
            self.report(Diagnostic::error(
                Code::UnknownParameter,
                span,
                format!("there is no parameter ${shown}"),
            ));
            return Node::error(span);
        }
        if self.parameters.len() < number {
            self.parameters.resize_with(number, Parameter::default);
        }
        let parameter = &mut self.parameters[number - 1];
        if parameter.ty.is_none() {
            parameter.ty = Some(oid::UNKNOWN);
            parameter.first = span;
        }
        parameter.uses += 1;
        let ty = parameter.ty.unwrap_or(oid::UNKNOWN);
        Node { ty, typmod: -1, kind: NodeKind::Parameter(number), span }
    }

    /// Analyzes the expression of the node again and returns the result. Only an untyped parameter can change: it gets
    /// the type that another use has determined since the first analysis.
    pub(super) fn analysed_again(&self, node: &Node) -> Node {
        match node.kind {
            NodeKind::Parameter(number) if node.ty == oid::UNKNOWN => {
                let known = self.parameters.get(number - 1).and_then(|it| it.ty);
                Node { ty: known.unwrap_or(oid::UNKNOWN), ..node.clone() }
            }
            _ => node.clone(),
        }
    }

    /// Records that an operator determines the type of an operand, if the operand is a parameter without a type.
    pub(super) fn note_operator(&mut self, operand: &Node, operator: Span) {
        if let NodeKind::Parameter(number) = operand.kind
            && let Some(parameter) = self.parameters.get_mut(number - 1)
            && parameter.ty == Some(oid::UNKNOWN)
        {
            parameter.typed_by = Some(operator);
        }
    }

    /// `variable_coerce_param_hook`.
    pub(super) fn set_parameter_type(&mut self, number: usize, target: Oid, span: Span) {
        let Some(parameter) = self.parameters.get_mut(number - 1) else { return };
        match parameter.ty {
            None | Some(oid::UNKNOWN | ERROR) => parameter.ty = Some(target),
            Some(known) if known == target || target == ERROR => {}
            Some(known) => {
                let (known, target) = (self.catalog.display(known, -1), self.catalog.display(target, -1));
                let message = format!("inconsistent types deduced for parameter ${number}");
                self.report(
                    Diagnostic::error(Code::AmbiguousParameter, span, message)
                        .with_detail(format!("{known} versus {target}"))
                        .with_hint(format!("write the cast: ${number}::{known}")),
                );
            }
        }
    }

    /// Reports each use of a parameter that came before the type of the parameter was known, if a later use determined
    /// the type (`check_parameter_resolution_walker`).
    fn check_unresolved(&mut self, query: &Query) {
        let mut unresolved = Vec::new();
        let mut inner = Vec::new();
        query.expressions(&mut |node| collect_unresolved(node, &mut unresolved, &mut inner));
        for (number, span) in unresolved {
            let known = self.parameters.get(number - 1).and_then(|it| it.ty);
            if let Some(known) = known.filter(|known| *known != oid::UNKNOWN) {
                let message = format!("could not determine data type of parameter ${number}");
                let hint = format!("write the cast here too: ${number}::{}", self.catalog.display(known, -1));
                self.report(Diagnostic::error(Code::AmbiguousParameter, span, message).with_hint(hint));
            }
        }
        for query in inner {
            self.check_unresolved(query);
        }
        for query in query.subqueries().into_iter().chain(query.source.iter().map(|(query, _)| query.clone()))
        {
            self.check_unresolved(&query);
        }
    }

    /// This method runs after the analysis of the whole statement. Reports each parameter whose type is still not known
    /// (`check_variable_parameters`, then the checks of `PREPARE`).
    pub(super) fn check_parameters(&mut self, query: &Query) {
        // Another error may be the reason why the type of a parameter is unknown.
        if self.diagnostics.has_errors() {
            return;
        }
        if !self.parameters.is_empty() {
            self.check_unresolved(query);
        }
        for at in 0..self.parameters.len() {
            let parameter = &self.parameters[at];
            if matches!(parameter.ty, None | Some(oid::UNKNOWN)) {
                let message = format!("could not determine data type of parameter ${}", at + 1);
                let span = parameter.first;
                let hint = format!("write its type: ${0}::text, ${0}::bigint …", at + 1);
                self.report(Diagnostic::error(Code::IndeterminateParameter, span, message).with_hint(hint));
            }
        }
    }

    /// Records that NULL is accepted where `node` is used: if `node` is a parameter, with or without casts, the
    /// argument may be an `Option`.
    pub(super) fn accepts_null(&mut self, node: &Node) {
        self.record_null(node, false);
    }

    /// Does the same as [`Self::accepts_null`], and also records that NULL is an ordinary value in this use: the query
    /// tests `node` for NULL, or writes `node` to a column. `concat($1)` and `ARRAY[$1]` accept NULL, too, but a user
    /// rarely wants to pass NULL there.
    pub(super) fn null_is_value(&mut self, node: &Node) {
        self.record_null(node, true);
    }

    fn record_null(&mut self, node: &Node, is_value: bool) {
        match &node.kind {
            NodeKind::Parameter(number) => {
                if let Some(parameter) = self.parameters.get_mut(*number - 1) {
                    parameter.nullable = true;
                    parameter.null_expected = true;
                    parameter.null_is_value |= is_value;
                }
            }
            NodeKind::Cast { arg, .. } | NodeKind::Collate(arg, _) => self.record_null(arg, is_value),
            _ => {}
        }
    }

    /// Records that the query accepts NULL as the value of `node`. A parameter whose NULL can make `node` NULL then
    /// also accepts NULL.
    pub(super) fn flows_to_nullable(&mut self, node: &Node) {
        match &node.kind {
            NodeKind::Parameter(_) => self.null_is_value(node),
            NodeKind::Cast { arg, .. } | NodeKind::Collate(arg, _) => self.flows_to_nullable(arg),
            NodeKind::Call { function, args } if function.strict => {
                args.iter().for_each(|arg| self.flows_to_nullable(arg));
            }
            NodeKind::Case { arms, otherwise } => {
                arms.iter().for_each(|(_, result)| self.flows_to_nullable(result));
                otherwise.iter().for_each(|result| self.flows_to_nullable(result));
            }
            NodeKind::NullIf { left, .. } => self.flows_to_nullable(left),
            _ => {}
        }
    }
}

fn collect_unresolved<'n>(node: &'n Node, out: &mut Vec<(usize, Span)>, queries: &mut Vec<&'n Query>) {
    match node.kind {
        NodeKind::Parameter(number) if node.ty == oid::UNKNOWN => out.push((number, node.span)),
        _ => queries.extend(node.subquery()),
    }
    node.children(&mut |child| collect_unresolved(child, out, queries));
}
