//! Analyzes window functions: `transformWindowFuncCall` and `transformWindowDefinitions`.
//!
//! Input: a call with `OVER`, or an entry of the `WINDOW` clause. Output: the call with the keys of its window; errors
//! for misplaced calls and for keys without a sort order.

use super::aggregate::find;
use super::analyzer::Analyzer;
use super::function::{CallSite, Facts};
use super::place::Place;
use super::scope::Scope;
use super::tree::{Node, NodeKind, WindowCall};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{FrameBound, FrameMode, Window};

impl Analyzer<'_> {
    /// `transformWindowFuncCall`.
    pub(super) fn window_call(
        &mut self,
        scope: &Scope<'_>,
        site: CallSite<'_>,
        window: &Window,
        facts: Facts,
        args: Vec<Node>,
        returns: Oid,
    ) -> Node {
        let CallSite { call, span, filter, sets_before, .. } = site;
        if call.distinct {
            let message = "DISTINCT is not implemented for window functions";
            self.report(Diagnostic::error(Code::FeatureNotSupported, call.location, message));
            return Node::error(span);
        }
        if facts.kind.is_aggregate() && !call.order_by.is_empty() {
            let message = "aggregate ORDER BY is not implemented for window functions";
            self.report(Diagnostic::error(Code::FeatureNotSupported, call.location, message));
            return Node::error(span);
        }
        let nested = |node: &Node| matches!(node.kind, NodeKind::WindowCall(_));
        if let Some(inner) = args.iter().chain(&filter).find_map(|arg| find(arg, &nested)) {
            let message = "window function calls cannot be nested";
            self.report(Diagnostic::error(Code::MisplacedWindow, inner.span, message));
            return Node::error(span);
        }
        let message = "window function calls cannot contain set-returning function calls";
        if !self.is_without_sets(scope, sets_before, message) {
            return Node::error(span);
        }
        match scope.place.get() {
            Place::Target | Place::OrderBy | Place::DistinctOn => {}
            Place::Window => {
                let message = "window functions are not allowed in window definitions";
                self.report(Diagnostic::error(Code::MisplacedWindow, call.location, message));
                return Node::error(span);
            }
            place => {
                let message = format!("window functions are not allowed in {}", place.name());
                let hint = "put the window function into a subquery, and the condition around it";
                self.report(Diagnostic::error(Code::MisplacedWindow, call.location, message).with_hint(hint));
                return Node::error(span);
            }
        }
        scope.has_window_calls.set(true);
        let Some(frame_has_row) = self.frame_has_row(scope, window) else { return Node::error(span) };
        if window.name.is_none() && !scope.inline_windows.borrow().iter().any(|it| it.tokens == window.tokens)
        {
            scope.inline_windows.borrow_mut().push(window.clone());
        }
        let kind = NodeKind::WindowCall(Box::new(WindowCall {
            name: facts.name,
            args,
            filter,
            window: window.tokens.clone(),
            null: facts.null,
            frame_has_row,
        }));
        Node::new(returns, kind, span)
    }

    /// Whether the frame of a window always contains the current row; `None` if the window does not exist.
    fn frame_has_row(&mut self, scope: &Scope<'_>, window: &Window) -> Option<bool> {
        let Some(name) = &window.name else { return Some(frame_has_current_row(window)) };
        let Some(found) = named(scope, &name.text) else {
            let message = format!("window \"{}\" does not exist", name.text);
            self.report(Diagnostic::error(Code::UnknownWindow, name.span, message));
            return None;
        };
        Some(frame_has_current_row(found) && !base_frame(scope, found))
    }

    /// `transformWindowDefinitions`, after all the other clauses: the keys of the `WINDOW` clause, then of the windows
    /// that are defined where they are used.
    pub(super) fn window_definitions(&mut self, scope: &Scope<'_>, other: &mut Vec<Node>) {
        let inline = scope.inline_windows.take();
        for window in scope.windows.iter().chain(&inline) {
            if let Some(base) = &window.base
                && named(scope, &base.text).is_none()
            {
                let message = format!("window \"{}\" does not exist", base.text);
                self.report(Diagnostic::error(Code::UnknownWindow, base.span, message));
            }
            other.extend(self.window_keys(scope, window));
        }
    }

    /// `PARTITION BY`, `ORDER BY` and the offsets of a frame.
    fn window_keys(&mut self, scope: &Scope<'_>, window: &Window) -> Vec<Node> {
        let mut keys: Vec<Node> = Vec::new();
        // The sort keys come first, as in `transformWindowDefinitions`.
        let ordering = window.order_by.iter().map(|key| (&key.expr, "ordering"));
        for (expr, kind) in ordering.chain(window.partition_by.iter().map(|key| (key, "equality"))) {
            let node = scope.at(Place::Window, || self.expr(scope, expr));
            let node = self.unknown_to_text(node);
            let fine = if kind == "ordering" { self.has_order(node.ty) } else { self.has_equality(node.ty) };
            if !node.is_error() && !fine {
                let shown = self.catalog.display(node.ty, -1);
                let message = format!("could not identify an {kind} operator for type {shown}");
                self.report(Diagnostic::error(Code::UnknownOperator, expr.span, message));
            }
            keys.push(node);
        }
        if let Some(frame) = &window.frame
            && frame.mode == FrameMode::Groups
            && window.order_by.is_empty()
            && window.base.is_none()
        {
            let message = "GROUPS mode requires an ORDER BY clause";
            self.report(Diagnostic::error(Code::MisplacedWindow, window.span, message));
        }
        let ordered = keys.get(window.order_by.len().wrapping_sub(1)).cloned();
        if let Some(frame) = &window.frame {
            for bound in [Some(&frame.start), frame.end.as_ref()].into_iter().flatten() {
                if let FrameBound::Preceding(offset) | FrameBound::Following(offset) = bound {
                    let node = scope.at(Place::Window, || self.expr(scope, offset));
                    let node = if frame.mode == FrameMode::Range {
                        self.range_offset(node, ordered.as_ref())
                    } else {
                        let mode = if frame.mode == FrameMode::Rows { "ROWS" } else { "GROUPS" };
                        self.coerce_to_specific(node, oid::INT8, mode)
                    };
                    keys.push(node);
                }
            }
        }
        keys
    }

    /// `RANGE x PRECEDING`: a number for numbers, an interval for dates and times.
    fn range_offset(&mut self, node: Node, key: Option<&Node>) -> Node {
        let Some(key) = key else { return node };
        let target = match self.catalog.base_type(key.ty).0 {
            oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => {
                oid::INTERVAL
            }
            oid::INT2 | oid::INT4 | oid::INT8 => oid::INT8,
            oid::FLOAT4 | oid::FLOAT8 => oid::FLOAT8,
            oid::NUMERIC => oid::NUMERIC,
            _ => return node,
        };
        self.coerce_to_specific(node, target, "RANGE")
    }
}

/// Whether a frame always contains the current row.
fn frame_has_current_row(window: &Window) -> bool {
    let Some(frame) = &window.frame else { return true };
    let starts = matches!(frame.start, FrameBound::UnboundedPreceding | FrameBound::CurrentRow);
    let ends = match &frame.end {
        None => true,
        Some(end) => matches!(end, FrameBound::UnboundedFollowing | FrameBound::CurrentRow),
    };
    starts && ends && !frame.excludes
}

/// Whether the base window of a window has a frame.
fn base_frame(scope: &Scope<'_>, window: &Window) -> bool {
    let base = window.base.as_ref().and_then(|base| named(scope, &base.text));
    base.is_some_and(|base| !frame_has_current_row(base))
}

/// A window of the `WINDOW` clause.
fn named<'s>(scope: &'s Scope<'_>, name: &str) -> Option<&'s Window> {
    scope.windows.iter().find(|known| known.name.as_ref().is_some_and(|it| it.text == name))
}
