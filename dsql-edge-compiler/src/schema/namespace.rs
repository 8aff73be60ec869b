//! `DROP SCHEMA` and `ALTER SCHEMA … RENAME TO`: every object in a schema at once.

use super::Relation;
use super::fold::Fold;
use crate::syntax::ast::Name;

impl Fold {
    /// Without CASCADE, PostgreSQL drops only an empty schema.
    pub(super) fn drop_schema(&mut self, name: &str, cascade: bool) {
        let schema = &mut self.schema;
        schema.schemas.retain(|known| known != name);
        if !cascade {
            return;
        }
        // The entries of relations and types stay, so that the numbers of others do; their names are gone.
        schema.relation_index.retain(|(of, _), _| of != name);
        schema.type_index.retain(|(of, _), _| of != name);
        schema.functions.retain(|function| function.schema != name);
        schema.operators.retain(|(of, _)| of != name);
    }

    /// The query of a view names the schema as it was written, which is not followed.
    pub(super) fn rename_schema(&mut self, from: &Name, to: &Name) {
        if self.schema.existing_relations().any(Relation::has_columns_of_query) {
            self.not_followed(from.span, "ALTER SCHEMA renames a schema that views may name");
        }
        let types: Vec<usize> = self.schema.type_index.values().copied().collect();
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
        let index = std::mem::take(&mut schema.relation_index);
        for ((of, name), at) in index {
            let of = if of == from.text { to.text.clone() } else { of };
            schema.relations[at].schema.clone_from(&of);
            schema.relation_index.insert((of, name), at);
        }
        for function in schema.functions.iter_mut().filter(|it| it.schema == from.text) {
            function.schema.clone_from(&to.text);
        }
        for (of, _) in schema.operators.iter_mut().filter(|(of, _)| *of == from.text) {
            of.clone_from(&to.text);
        }
    }
}
