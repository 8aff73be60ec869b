//! Applies `DROP OPERATOR` and `DROP CAST`.

use super::fold::Fold;
use crate::syntax::ast::{Drop, TypeName};

impl Fold {
    /// Applies `DROP OPERATOR`; operators are compared by the last names of their types.
    pub(super) fn drop_operators(&mut self, drop: &Drop) {
        for (name, parameters) in drop.names.iter().zip(&drop.parameters) {
            let mut given = parameters.iter().flatten().map(|it| last_name(&it.type_name)).rev();
            let (right, left) = (given.next(), given.next());
            let path = &self.path;
            self.schema.operators.retain(|known| {
                let it = &known.definition;
                let is_reached = match name.schema() {
                    Some(schema) => schema == known.schema,
                    None => path.contains(&known.schema),
                };
                !(is_reached
                    && it.name == name.name()
                    && it.left.as_ref().map(last_name) == left
                    && it.right.as_ref().map(last_name) == right)
            });
        }
    }

    /// Applies `DROP CAST`.
    pub(super) fn drop_cast(&mut self, drop: &Drop) {
        let mut types = drop.parameters.iter().flatten().flatten().map(|it| last_name(&it.type_name));
        let (Some(source), Some(target)) = (types.next(), types.next()) else { return };
        self.schema.casts.retain(|known| {
            let it = &known.definition;
            (last_name(&it.source), last_name(&it.target)) != (source, target)
        });
    }
}

fn last_name(written: &TypeName) -> (&str, bool) {
    (written.name.name(), written.array_dimensions > 0)
}
