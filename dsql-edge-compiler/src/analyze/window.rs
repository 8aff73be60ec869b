//! Analyzes window functions: `transformWindowFuncCall` and `transformWindowDefinitions`.
//!
//! Input: a call with `OVER`, or an entry of the `WINDOW` clause. Output: the call with the keys of its window; errors
//! for misplaced calls and for keys without a sort order.

use super::aggregate::find;
use super::analyzer::Analyzer;
use super::coercion::Context;
use super::function::{CallSite, Facts};
use super::node_set::NodeSet;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Node, NodeKind, Var, WindowCall};
use crate::builtin::{Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::ast::{Expr, Frame, FrameBound, FrameMode, Window};

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
        let Some(found) = named(&scope.windows, &name.text) else {
            let message = format!("window \"{}\" does not exist", name.text);
            self.report(Diagnostic::error(Code::UnknownWindow, name.span, message));
            return None;
        };
        Some(frame_has_current_row(found) && !base_frame(scope, found))
    }

    /// Analyzes the definitions of windows after all other clauses (`transformWindowDefinitions`): first the `WINDOW`
    /// clause, then the windows that OVER defines. A window can be based only on a window before it.
    pub(super) fn window_definitions(&mut self, scope: &Scope<'_>, other: &mut Vec<Node>) {
        let inline = scope.inline_windows.take();
        for (at, window) in scope.windows.iter().chain(&inline).enumerate() {
            let before = scope.windows.get(..at).unwrap_or(&scope.windows);
            if let Some(name) = &window.name
                && named(before, &name.text).is_some()
            {
                let message = format!("window \"{}\" is already defined", name.text);
                self.report(Diagnostic::error(Code::MisplacedWindow, window.span, message));
            }
            let base = window.base.as_ref().and_then(|base| {
                let found = named(before, &base.text);
                if found.is_none() {
                    let message = format!("window \"{}\" does not exist", base.text);
                    self.report(Diagnostic::error(Code::UnknownWindow, window.span, message));
                }
                found
            });
            other.extend(self.window_keys(scope, window, base, before));
        }
    }

    /// `PARTITION BY`, `ORDER BY` and the offsets of a frame.
    fn window_keys(
        &mut self,
        scope: &Scope<'_>,
        window: &Window,
        base: Option<&Window>,
        before: &[Window],
    ) -> Vec<Node> {
        let mut keys: Vec<Node> = Vec::new();
        // The sort keys are analyzed before the partition keys, as in `transformWindowDefinitions`.
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
        if let Some(base) = base {
            self.check_base(window, base, before);
        }
        if let Some(frame) = &window.frame {
            let (own, _) = keys.split_at_checked(window.order_by.len()).unwrap_or((&keys, &[]));
            // If the frame's window repeats a sort key, the key counts only once.
            let mut known = NodeSet::default();
            let mut repeated = 0;
            for key in own {
                repeated += usize::from(known.has_alike(key));
                known.insert(key);
            }
            self.check_frame_order(window, frame, order_of(window, before) - repeated);
            let key = keys.get(window.order_by.len().wrapping_sub(1)).cloned();
            for bound in [Some(&frame.start), frame.end.as_ref()].into_iter().flatten() {
                if let FrameBound::Preceding(offset) | FrameBound::Following(offset) = bound {
                    keys.push(self.frame_offset(scope, frame.mode, offset, key.as_ref()));
                }
            }
        }
        keys
    }

    /// Checks the restrictions on a window that is based on another window.
    fn check_base(&mut self, window: &Window, base: &Window, before: &[Window]) {
        let name = base.name.as_ref().map_or("", |name| name.text.as_str());
        let message = if !window.partition_by.is_empty() {
            format!("cannot override PARTITION BY clause of window \"{name}\"")
        } else if !window.order_by.is_empty() && order_of(base, before) > 0 {
            format!("cannot override ORDER BY clause of window \"{name}\"")
        } else if base.frame.is_some() {
            format!("cannot copy window \"{name}\" because it has a frame clause")
        } else {
            return;
        };
        let mut diagnostic = Diagnostic::error(Code::MisplacedWindow, window.span, message);
        let only_base = window.name.is_none() && window.order_by.is_empty() && window.frame.is_none();
        if base.frame.is_some() && window.partition_by.is_empty() && only_base {
            diagnostic = diagnostic.with_hint("Omit the parentheses in this OVER clause.");
        }
        self.report(diagnostic);
    }

    /// Checks the number of sort keys that the mode of a frame requires.
    fn check_frame_order(&mut self, window: &Window, frame: &Frame, keys: usize) {
        let bounds = [Some(&frame.start), frame.end.as_ref()];
        let has_offset = bounds
            .into_iter()
            .flatten()
            .any(|bound| matches!(bound, FrameBound::Preceding(_) | FrameBound::Following(_)));
        let message = match frame.mode {
            FrameMode::Range if has_offset && keys != 1 => {
                "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column"
            }
            FrameMode::Groups if keys == 0 => "GROUPS mode requires an ORDER BY clause",
            _ => return,
        };
        self.report(Diagnostic::error(Code::MisplacedWindow, window.span, message));
    }

    /// `transformFrameOffset`
    fn frame_offset(
        &mut self,
        scope: &Scope<'_>,
        mode: FrameMode,
        offset: &Expr,
        key: Option<&Node>,
    ) -> Node {
        let node = scope.at(Place::Window, || self.expr(scope, offset));
        let (node, name) = match mode {
            FrameMode::Range => (self.range_offset(node, key), "RANGE"),
            FrameMode::Rows => (self.coerce_to_specific(node, oid::INT8, "ROWS"), "ROWS"),
            FrameMode::Groups => (self.coerce_to_specific(node, oid::INT8, "GROUPS"), "GROUPS"),
        };
        if let Some(variable) = find(&node, &|node| matches!(node.kind, NodeKind::Var(Var { level: 0, .. })))
        {
            let message = format!("argument of {name} must not contain variables");
            self.report(Diagnostic::error(Code::InvalidColumnReference, variable.span, message));
        }
        node
    }

    /// Analyzes the offset `x` of `RANGE x PRECEDING`. The type of the sort key must have an `in_range` function for
    /// the type of the offset.
    fn range_offset(&mut self, node: Node, key: Option<&Node>) -> Node {
        let Some(key) = key else { return node };
        let base = self.catalog.base_type(key.ty).0;
        // A type of the schema may have its own B-tree family.
        if key.is_error() || node.is_error() || self.catalog.user_kind(base).is_some() {
            return node;
        }
        let offsets = offsets_in_range(base);
        let given = node.ty;
        let preferred = if given == oid::UNKNOWN { base } else { given };
        let fits = |ty: &&Oid| self.catalog.can_coerce_one(given, **ty, Context::Implicit);
        let fitting: Vec<Oid> = offsets.iter().filter(fits).copied().collect();
        let (reason, hint) = match fitting.as_slice() {
            [only] => return self.coerce_to_specific(node, *only, "RANGE"),
            several if several.contains(&preferred) => {
                return self.coerce_to_specific(node, preferred, "RANGE");
            }
            [] if offsets.is_empty() => ("is not supported", None),
            [] => ("is not supported", Some("Cast the offset value to an appropriate type.")),
            _ => ("has multiple interpretations", Some("Cast the offset value to the exact intended type.")),
        };
        let shown = self.catalog.display(base, -1);
        let mut message = format!("RANGE with offset PRECEDING/FOLLOWING {reason} for column type {shown}");
        if !offsets.is_empty() {
            message += &format!(" and offset type {}", self.catalog.display(given, -1));
        }
        let mut diagnostic = Diagnostic::error(Code::FeatureNotSupported, node.span, message);
        diagnostic.hint = hint.map(str::to_owned);
        self.report(diagnostic);
        node
    }
}

/// Returns the offset types that a sort key of this type accepts: the `in_range` functions of `pg_amproc`.
fn offsets_in_range(key: Oid) -> &'static [Oid] {
    match key {
        oid::INT2 | oid::INT4 => &[oid::INT2, oid::INT4, oid::INT8],
        oid::INT8 => &[oid::INT8],
        oid::FLOAT4 | oid::FLOAT8 => &[oid::FLOAT8],
        oid::NUMERIC => &[oid::NUMERIC],
        oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => {
            &[oid::INTERVAL]
        }
        _ => &[],
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

/// Whether the window on which a window is based has a frame that may not contain the current row.
fn base_frame(scope: &Scope<'_>, window: &Window) -> bool {
    let base = window.base.as_ref().and_then(|base| named(&scope.windows, &base.text));
    base.is_some_and(|base| !frame_has_current_row(base))
}

/// Returns the number of a window's sort keys. If a window has no sort keys, the keys of the window on which it is
/// based are counted.
fn order_of<'w>(mut window: &'w Window, mut before: &'w [Window]) -> usize {
    while window.order_by.is_empty() {
        let base =
            window.base.as_ref().and_then(|base| before.iter().position(|it| is_named(it, &base.text)));
        let Some(at) = base else { return 0 };
        // The loop ends, because a window can be based only on a window that is defined before it.
        (window, before) = (&before[at], &before[..at]);
    }
    window.order_by.len()
}

/// Returns the window of this name.
fn named<'s>(windows: &'s [Window], name: &str) -> Option<&'s Window> {
    windows.iter().find(|window| is_named(window, name))
}

fn is_named(window: &Window, name: &str) -> bool {
    window.name.as_ref().is_some_and(|it| it.text == name)
}
