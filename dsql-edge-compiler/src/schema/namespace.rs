//! Applies `ALTER SCHEMA … RENAME TO`: every object in the schema gets a new qualified name.

use super::fold::Fold;
use crate::syntax::ast::Name;

impl Fold {
    pub(super) fn rename_schema(&mut self, from: &Name, to: &Name) {
        if self.reports_names && self.report_rename_of_schema(from, to) {
            return;
        }
        let types: Vec<usize> = self.schema.type_names.all().map(|(.., at)| at).collect();
        for at in types {
            if self.schema.types[at].schema == from.text {
                let name = self.schema.types[at].name.clone();
                self.rename_type(at, to.text.clone(), name);
            }
        }
        let schema = &mut self.schema;
        for name in schema.schemas.iter_mut().filter(|name| **name == from.text) {
            name.clone_from(&to.text);
        }
        let extensions = schema.extensions.iter_mut().filter(|it| it.schema == from.text);
        extensions.for_each(|extension| extension.schema.clone_from(&to.text));
        let version = schema.version;
        let moved = schema.relation_names.all().filter(|(of, ..)| *of == from.text);
        let moved: Vec<(String, usize)> = moved.map(|(_, name, at)| (name.to_owned(), at)).collect();
        let mut renamed = Vec::new();
        for (name, at) in moved {
            schema.relations[at].schema.clone_from(&to.text);
            schema.relation_names.take(version, &from.text, &name);
            schema.relation_names.give(version, &to.text, &name, at);
            renamed.push(name);
        }
        for function in schema.functions.iter_mut().filter(|it| it.schema == from.text) {
            let name = function.definition.name.name().to_owned();
            function.earlier_names.push((version, from.text.clone(), name));
            function.schema.clone_from(&to.text);
        }
        for operator in schema.operators.iter_mut().filter(|it| it.schema == from.text) {
            operator.schema.clone_from(&to.text);
        }
        for name in renamed {
            self.rename_row_type([&from.text, &name], [&to.text, &name]);
        }
    }
}
