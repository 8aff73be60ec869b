//! Analyzes CALL: `transformCallStmt`.
//!
//! Input: the statement. Output: a query with a column for each OUT and INOUT parameter of the procedure, as PostgreSQL
//! describes it (`CallStmtResultDesc`).
//!
//! A procedure can commit in the middle of its body. If the procedure fails after such a COMMIT, the CALL returns an
//! error, and a retry would run the first part of the body twice. So a CALL is accepted only if none of the procedures
//! with this name can commit, and if the effect of each statement of the schema is known. A body in SQL cannot commit.
//! A body in PL/pgSQL cannot commit if it contains none of the words COMMIT, ROLLBACK, CALL, DO and EXECUTE. For the
//! retry rules, a CALL that is accepted is a statement that writes. The compiler reads the body from the snapshot, so
//! after a procedure is replaced, a new snapshot is necessary.

use std::rc::Rc;

use super::analyzer::Analyzer;
use super::candidates::{Function, Lookup, Resolved};
use super::coercion::Context;
use super::function::misnamed;
use super::place::Place;
use super::polymorphic;
use super::scope::Scope;
use super::tree::{Callee, Command, Node, NodeKind, OutColumn, Query, TargetEntry};
use crate::builtin::{NullContract, Oid, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::dsql::{Unread, called};
use crate::schema::{Dialect, Schema};
use crate::source::Span;
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{FunctionCall, StatementKind};

/// Whether a statement is a CALL, and its procedure either cannot commit or does not exist. If the effect of a
/// statement of the schema is not known, only `sys.wait_for_job` is certain not to commit.
pub(crate) fn keeps_transaction(statement: ParsedStatement<'_>, schema: &Schema) -> bool {
    let StatementKind::Utility("CALL") = &statement.kind else { return false };
    let call = match called(statement) {
        Ok(call) => call,
        // The parse analysis reports this syntax error.
        Err(Unread::Rejected(_)) => return true,
        Err(Unread::TooComplex(..)) => return false,
    };
    if is_wait_for_job(&call, schema) {
        return true;
    }
    let is_meant = |name: &str| name == call.name.name();
    let mut meant = schema.functions.iter().map(|it| &it.definition).filter(|it| is_meant(it.name.name()));
    schema.unfollowed.is_empty() && meant.all(|it| !it.may_commit)
}

/// Whether a call is of `sys.wait_for_job`, DSQL's own procedure. A call of `sys.wait_for_job` returns one boolean
/// (measured on clusters by the projects dsqlbase and ministack, 2026-10).
fn is_wait_for_job(call: &FunctionCall, schema: &Schema) -> bool {
    let is_named = call.name.schema() == Some("sys") && call.name.name() == "wait_for_job";
    schema.dialect == Dialect::Dsql && is_named && call.name.parts.len() == 2
}

impl Analyzer<'_> {
    /// `CALL procedure(arguments)`
    pub(super) fn call(&mut self, statement: ParsedStatement<'_>) -> Query {
        let call = match called(statement) {
            Ok(call) => call,
            Err(unread) => return self.reject(unread),
        };
        self.calls_unknown();
        let scope = Scope::new(None);
        let args: Vec<Node> = scope
            .at(Place::CallArgument, || call.args.iter().map(|arg| self.expr(&scope, &arg.value)).collect());
        if args.iter().any(Node::is_error) {
            return Query::default();
        }
        if let Some(error) = misnamed(&call, &args) {
            self.report(error);
            return Query::default();
        }
        if is_wait_for_job(&call, self.catalog.schema) && args.len() == 1 {
            args.into_iter().for_each(|arg| drop(self.coerce(arg, oid::TEXT, -1, Context::Implicit)));
            let succeeded = OutColumn { name: "succeeded".to_owned(), ty: oid::BOOL, never_null: false };
            return described(vec![succeeded], statement.span);
        }
        let columns = self.procedure_columns(&call, args).unwrap_or_default();
        described(columns, statement.span)
    }

    /// Resolves the procedure, and returns its OUT and INOUT parameters. Reports an error if no procedure fits.
    fn procedure_columns(&mut self, call: &FunctionCall, args: Vec<Node>) -> Option<Vec<OutColumn>> {
        let names: Vec<Option<&str>> =
            call.args.iter().map(|arg| arg.name.as_ref().map(|name| name.text.as_str())).collect();
        let types: Vec<Oid> = args.iter().map(|arg| arg.ty).collect();
        let signature = self.signature(&call.name, &types, &names);
        let (code, message, hint) = match self.lookup_procedure(&call.name, &types, &names, !call.variadic) {
            Lookup::Function(Resolved { function: function @ Function::User(at), declared })
                if self.catalog.schema.functions.get(at).is_some_and(|it| it.definition.procedure) =>
            {
                return self.out_columns(call, &function, &declared, args);
            }
            Lookup::Function(_) => {
                let hint = "To call a function, use SELECT.".to_owned();
                (Code::WrongObjectType, format!("{signature} is not a procedure"), hint)
            }
            Lookup::Ambiguous => {
                let hint =
                    "Could not choose a best candidate procedure. You might need to add explicit type casts."
                        .to_owned();
                (Code::AmbiguousFunction, format!("procedure {signature} is not unique"), hint)
            }
            Lookup::Coercion(_) | Lookup::None
                if call.name.schema().is_some_and(|schema| !self.is_schema(schema)) =>
            {
                let schema = call.name.schema().unwrap_or_default();
                let hint = format!("the schemas are {}", self.catalog.schema.schemas.join(", "));
                (Code::UnknownSchema, format!("schema \"{schema}\" does not exist"), hint)
            }
            Lookup::Coercion(_) | Lookup::None => {
                let origin = self.catalog.schema.origin.name();
                let hint = format!("add the procedure's CREATE statement to {origin}, or cast the arguments");
                (Code::UnknownFunction, format!("procedure {signature} does not exist"), hint)
            }
        };
        self.report(Diagnostic::error(code, call.location, message).with_hint(hint));
        None
    }

    fn out_columns(
        &mut self,
        call: &FunctionCall,
        function: &Function,
        declared: &[Oid],
        args: Vec<Node>,
    ) -> Option<Vec<OutColumn>> {
        let types: Vec<Oid> = args.iter().map(|arg| arg.ty).collect();
        let declared = declared.get(..types.len()).unwrap_or(declared);
        let actual = match polymorphic::resolve(self.catalog, &types, declared, oid::RECORD) {
            Ok(actual) => actual,
            Err(message) => {
                self.report_polymorphism(message, call.location);
                return None;
            }
        };
        let mut columns = self.facts(function).columns;
        for column in &mut columns {
            column.ty = actual.of_column(self.catalog, column.ty);
        }
        for (arg, target) in args.into_iter().zip(actual.args) {
            let arg = self.coerce(arg, target, -1, Context::Implicit);
            self.accepts_null(&arg);
        }
        Some(columns)
    }
}

/// Returns the tree of a statement that returns exactly one row with these columns. Each column can be NULL. If there
/// are no columns, the statement returns no row.
fn described(columns: Vec<OutColumn>, span: Span) -> Query {
    let unknown = Rc::new(Callee {
        name: String::new(),
        strict: false,
        null: NullContract::Unknown,
        set: false,
        volatile: true,
        immutable: false,
        columns: Vec::new(),
    });
    let has_row = !columns.is_empty();
    let target = |column: OutColumn| {
        let function = Rc::clone(&unknown);
        let node = Node::new(column.ty, NodeKind::Call { function, args: Vec::new() }, span);
        TargetEntry { node, name: column.name.into(), span }
    };
    let targets = columns.into_iter().map(target).collect();
    Query {
        command: Command::Utility,
        targets,
        single_row: has_row,
        certain_row: has_row,
        ..Query::default()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Source, compile};

    #[test]
    fn dsql_has_its_own_procedure() {
        let dsql = Schema::default();
        let query = compile(&Source::of_macro("CALL sys.wait_for_job($job_id)"), &dsql).unwrap();
        let columns: Vec<_> = query.columns.iter().map(|it| (it.name.as_str(), it.nullable)).collect();
        assert_eq!(
            (columns, query.parameters[0].sql_type.name.as_str()),
            (vec![("succeeded", true)], "text")
        );
        let postgres = Schema::parse("-- dsql-edge: dialect postgres").unwrap();
        assert!(compile(&Source::of_macro("CALL sys.wait_for_job($job_id)"), &postgres).is_err());
    }

    #[test]
    fn call_is_rejected_if_a_statement_may_have_replaced_the_body() {
        let procedure = "-- dsql-edge: dialect postgres\nCREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';";
        let accepts = |ddl: &str| {
            let schema = Schema::parse(ddl).unwrap();
            compile(&Source::numbered("CALL p()"), &schema).is_ok()
        };
        assert!(accepts(procedure));
        assert!(!accepts(&format!("{procedure} DO $$ BEGIN PERFORM f(); END $$;")));
        let replaced = "CREATE OR REPLACE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'";
        assert!(!accepts(&format!("{procedure} {replaced};")));
        assert!(!accepts(&format!(
            "{procedure} CREATE PROCEDURE q() LANGUAGE c AS 'l', 's'; DROP PROCEDURE p; ALTER PROCEDURE q RENAME TO p;"
        )));
    }
}
