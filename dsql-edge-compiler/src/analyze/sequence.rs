//! Checks the name of a sequence in `nextval('name')`, because PostgreSQL looks up the sequence when it reads the
//! constant.

use super::analyzer::Analyzer;
use super::tree::{Node, NodeKind};
use crate::builtin::oid;
use crate::diagnostic::{Code, Diagnostic, suggestion};
use crate::schema::regclass_name;

impl Analyzer<'_> {
    /// Reports a sequence that the snapshot does not contain. Other constants of type `regclass` are not checked: they
    /// may name an index, and the snapshot does not have all indexes.
    pub(super) fn check_sequence(&mut self, function: &str, args: &[Node]) {
        if !matches!(function, "nextval" | "currval" | "setval") {
            return;
        }
        let Some(Node { ty: oid::REGCLASS, kind: NodeKind::Constant(Some(text)), span, .. }) = args.first()
        else {
            return;
        };
        let Some(name) = regclass_name(text) else { return };
        let catalog = self.catalog;
        let is_known = match name.schema() {
            Some(schema) => catalog.relation(schema, name.name()).is_some(),
            None => catalog.path.iter().any(|schema| catalog.relation(schema, name.name()).is_some()),
        };
        if is_known || name.parts.len() > 2 {
            return;
        }
        let message = format!("relation \"{}\" does not exist", name.display());
        let sequences =
            catalog.schema.relations.iter().filter(|it| it.is_sequence()).map(|it| it.name.as_str());
        let hint = match suggestion::nearest(name.name(), sequences) {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "add its CREATE SEQUENCE to the snapshot, or run `dsql-edge pull`".to_owned(),
        };
        self.report(Diagnostic::error(Code::UnknownTable, *span, message).with_hint(hint));
    }
}
