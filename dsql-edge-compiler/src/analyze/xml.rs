//! Analyzes XML: `transformXmlExpr`, `transformXmlSerialize`, `transformRangeTableFunc`.
//!
//! Input: calls and `XMLTABLE` as written. Output: values of type xml, and a range table entry.

use super::analyzer::Analyzer;
use super::catalog::ERROR;
use super::coercion::Context;
use super::label::ColumnLabel;
use super::place::Place;
use super::scope::Scope;
use super::tree::{Callee, JoinTree, Node, NodeKind, Rte, RteColumn, RteSource};
use crate::builtin::{NullContract, oid};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, Name, SqlFunction, XmlTable};
use std::collections::HashSet;
use std::rc::Rc;

/// The name after AS, if AS is written, and the span of the attribute.
type Label = (Option<Name>, Span);

/// The names of the attributes of an XML element. PostgreSQL escapes the name of a column, but not a name after `AS`.
/// The flag is true for a name after `AS` that PostgreSQL would escape as the name of a column.
type XmlNames = HashSet<(String, bool)>;

/// Whether `map_sql_identifier_to_xml_name` changes this name if the name comes from a column. PostgreSQL does not
/// change the same name after `AS`.
fn is_escaped(name: &str) -> bool {
    name.contains(':') || name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"))
}

impl Analyzer<'_> {
    /// Analyzes `XMLELEMENT` and related functions; `XMLEXISTS` is an ordinary function.
    pub(super) fn xml_function(&mut self, scope: &Scope<'_>, call: &SqlFunction, span: Span) -> Node {
        let mut args = Vec::with_capacity(call.args.len());
        let mut names = XmlNames::default();
        for (at, arg) in call.args.iter().enumerate() {
            let node = self.expr(scope, arg);
            if let Some(label) = call.labels.get(at).filter(|_| !node.is_error()) {
                self.xml_name(call.name, arg, label, &mut names);
            }
            let node = match (call.name, at) {
                ("xmlconcat", _) => self.coerce_to_specific(node, oid::XML, "XMLCONCAT"),
                ("xmlroot", 0) => self.coerce_to_specific(node, oid::XML, "XMLROOT"),
                ("xmlserialize", _) => self.coerce_to_specific(node, oid::XML, "XMLSERIALIZE"),
                ("xmlroot", _) => self.coerce_to_specific(node, oid::TEXT, "XMLROOT"),
                ("xmlparse", _) => self.coerce_to_specific(node, oid::TEXT, "XMLPARSE"),
                ("xmlpi", _) => self.coerce_to_specific(node, oid::TEXT, "XMLPI"),
                _ => self.unknown_to_text(node),
            };
            args.push(node);
        }
        let (mut ty, mut typmod) = (oid::XML, -1);
        if let Some(returning) = &call.returning {
            (ty, typmod) = self.type_name(returning).unwrap_or((ERROR, -1));
            if !self.catalog.can_coerce(&[oid::TEXT], &[ty], Context::Implicit) {
                let shown = self.catalog.display(ty, -1);
                let message = format!("cannot cast XMLSERIALIZE result to {shown}");
                self.report(Diagnostic::error(Code::CannotCast, span, message));
            }
        }
        let kind = match (call.name, args.len()) {
            // The result is NULL if all arguments are NULL.
            ("xmlconcat" | "xmlforest", _) => {
                args.iter().for_each(|arg| self.accepts_null(arg));
                NodeKind::Coalesce(args)
            }
            ("xmlelement", _) => {
                args.iter().for_each(|arg| self.accepts_null(arg));
                NodeKind::NeverNullOf(args)
            }
            (_, 0) => NodeKind::NeverNull,
            _ => NodeKind::Cast { arg: Box::new(args.swap_remove(0)), function: None },
        };
        Node { ty, typmod, kind, span }
    }

    /// Checks the name of an XML attribute, or of an element of `XMLFOREST`. `label` is the name that the query
    /// contains after AS.
    fn xml_name(&mut self, function: &str, arg: &Expr, (label, place): &Label, names: &mut XmlNames) {
        let name = match (label, &arg.kind) {
            (Some(label), _) => &label.text,
            // In PostgreSQL's grammar, `t.*` is also a reference to a column, and the name of this column is `t`.
            (None, ExprKind::Column(parts) | ExprKind::Star(parts)) if !parts.is_empty() => {
                &parts[parts.len() - 1].text
            }
            _ => {
                let what = if function == "xmlforest" { "element" } else { "attribute" };
                let message = format!("unnamed XML {what} value must be a column reference");
                let diagnostic = Diagnostic::error(Code::SyntaxError, *place, message);
                return self.report(diagnostic.with_hint("name it: AS name"));
            }
        };
        // XMLFOREST may repeat a name.
        if function != "xmlforest" && !names.insert((name.clone(), label.is_some() && is_escaped(name))) {
            let message = format!("XML attribute name \"{name}\" appears more than once");
            self.report(Diagnostic::error(Code::SyntaxError, *place, message));
        }
    }

    /// `XMLTABLE (…)` in `FROM`, which can refer to the items before it.
    pub(super) fn xml_table(&mut self, scope: &mut Scope<'_>, table: &XmlTable) -> JoinTree {
        let (columns, not_null) =
            scope.at_item(Place::FromFunction, true, || self.xml_table_columns(scope, table));
        let function = Rc::new(Callee {
            name: "xmltable".to_owned(),
            strict: false,
            null: NullContract::Unknown,
            set: true,
            volatile: false,
            immutable: true,
            columns: Vec::new(),
        });
        let call = Node::new(oid::RECORD, NodeKind::Call { function, args: Vec::new() }, table.span);
        let source = RteSource::Function {
            functions: vec![(call, not_null)],
            ordinality: false,
            equally_long: Vec::new(),
        };
        let rte = self.aliased(Rte { name: "xmltable".into(), columns, source }, table.alias.as_ref());
        self.leaf(scope, rte, None, true)
    }

    /// Returns the columns of `XMLTABLE`, and for each column whether it is NOT NULL.
    fn xml_table_columns(&mut self, scope: &Scope<'_>, table: &XmlTable) -> (Vec<RteColumn>, Vec<bool>) {
        let row = self.expr(scope, &table.row);
        self.coerce_to_specific(row, oid::TEXT, "XMLTABLE");
        let document = self.expr(scope, &table.document);
        self.coerce_to_specific(document, oid::XML, "XMLTABLE");
        let mut columns: Vec<RteColumn> = Vec::with_capacity(table.columns.len());
        let mut not_null = Vec::with_capacity(table.columns.len());
        let mut ordinality = false;
        for column in &table.columns {
            let name = &column.name;
            let (ty, typmod) = match &column.type_name {
                Some(type_name) => self.type_name(type_name).unwrap_or((ERROR, -1)),
                None => (oid::INT4, -1),
            };
            if column.type_name.is_none() && std::mem::replace(&mut ordinality, true) {
                let message = "only one FOR ORDINALITY column is allowed";
                self.report(Diagnostic::error(Code::SyntaxError, name.span, message));
            }
            if let Some(path) = &column.path {
                let path = self.expr(scope, path);
                self.coerce_to_specific(path, oid::TEXT, "XMLTABLE");
            }
            if let Some(default) = &column.default {
                let default = self.expr(scope, default);
                self.coerce_to_specific_typmod(default, ty, typmod, "XMLTABLE");
            }
            if columns.iter().any(|known| known.name == name.text) {
                let message = format!("column name \"{}\" is not unique", name.text);
                self.report(Diagnostic::error(Code::SyntaxError, name.span, message));
            }
            columns.push(RteColumn { name: ColumnLabel::alias(&name.text), ty, typmod });
            not_null.push(column.not_null || column.type_name.is_none());
        }
        for uri in &table.namespaces {
            let uri = self.expr(scope, uri);
            self.coerce_to_specific(uri, oid::TEXT, "XMLTABLE");
        }
        (columns, not_null)
    }
}
