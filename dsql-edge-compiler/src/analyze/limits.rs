//! Checks PostgreSQL's limits on the width of a statement: `free_parsestate`, `ParseFuncOrColumn`,
//! `transformGroupingSet`.
//!
//! Input: the parts of a statement that PostgreSQL limits, such as the target list and the arguments of a call. Output:
//! the error for the limit that these parts exceed. The compiler's own limits on nesting are checked elsewhere: by the
//! parser, and by the diagnostic `too-complex`.

use super::analyzer::Analyzer;
use super::node_set::NodeSet;
use super::scope::Scope;
use super::tree::{Node, TargetEntry};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::FunctionCall;

/// `MaxTupleAttributeNumber`: the maximum number of columns of a target list, and of fields of a row.
const MAX_COLUMNS: usize = 1664;
/// `FUNC_MAX_ARGS`
const MAX_ARGUMENTS: usize = 100;
/// The maximum number of elements of CUBE.
const MAX_CUBE: usize = 12;
/// The maximum number of grouping sets of a query.
const MAX_GROUPING_SETS: usize = 4096;

impl Analyzer<'_> {
    /// Checks the length of a target list, to which PostgreSQL adds the keys of ORDER BY and GROUP BY that the list
    /// does not contain.
    pub(super) fn check_target_count<'n>(
        &mut self,
        targets: &'n [TargetEntry],
        keys: impl Iterator<Item = &'n Node> + Clone,
    ) {
        let mut count = targets.len();
        if count + keys.clone().count() <= MAX_COLUMNS {
            return;
        }
        let mut known: NodeSet<'n> = targets.iter().map(|target| &target.node).collect();
        for key in keys {
            if !known.has_alike(key) {
                known.insert(key);
                count += 1;
            }
        }
        if count > MAX_COLUMNS {
            let message = format!("target lists can have at most {MAX_COLUMNS} entries");
            self.report(Diagnostic::error(Code::TooManyColumns, Span::default(), message));
        }
    }

    /// Checks the number of fields of a row constructor.
    pub(super) fn check_field_count(&mut self, fields: &[Node], span: Span) {
        if fields.len() > MAX_COLUMNS {
            let message = format!("ROW expressions can have at most {MAX_COLUMNS} entries");
            self.report(Diagnostic::error(Code::TooManyColumns, span, message));
        }
    }

    /// Analyzes a call that the query itself contains, after a check of the number of arguments. A JSON constructor,
    /// which the grammar turns into a call, does not have this limit.
    pub(super) fn written_call(&mut self, scope: &Scope<'_>, call: &FunctionCall, span: Span) -> Node {
        if call.args.len() <= MAX_ARGUMENTS {
            return self.function_call(scope, call, span);
        }
        let mut is_analyzed = true;
        for argument in &call.args {
            is_analyzed &= !self.expr(scope, &argument.value).is_error();
        }
        if is_analyzed {
            let message = format!("cannot pass more than {MAX_ARGUMENTS} arguments to a function");
            self.report(Diagnostic::error(Code::TooManyArguments, call.location, message));
        }
        Node::error(span)
    }

    /// Checks the number of elements of CUBE.
    pub(super) fn check_cube(&mut self, count: usize, span: Span) {
        if count > MAX_CUBE {
            let message = format!("CUBE is limited to {MAX_CUBE} elements");
            self.report(Diagnostic::error(Code::TooManyColumns, span, message));
        }
    }

    /// Checks the number of grouping sets of a query.
    pub(super) fn check_grouping_set_count(&mut self, count: usize) {
        if count > MAX_GROUPING_SETS {
            let message = format!("too many grouping sets present (maximum {MAX_GROUPING_SETS})");
            self.report(Diagnostic::error(Code::TooComplex, Span::default(), message));
        }
    }
}
