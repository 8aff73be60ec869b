//! Applies `CREATE EXTENSION`, `DROP EXTENSION` and `ALTER EXTENSION … SET SCHEMA`: adds, drops or moves the functions,
//! operators, types, casts and relations of an extension.
//!
//! Input: the statement. Output: the changed schema. CREATE EXTENSION adds the objects of PostgreSQL 16's version of
//! the extension, as if their DDL were in the schema. If the extension is unknown, nothing is added, and a query does
//! not find the extension's objects.

use super::contrib::EXTENSIONS;
use super::drop::Object;
use super::fold::Fold;
use super::objects::Extension;
use crate::diagnostic::Code;
use crate::source::Source;
use crate::syntax::Parsed;
use crate::syntax::ast::{AlterAction, CreateExtension, MoveExtension, Name};

/// Returns the extension that the extension `name` requires; with `CASCADE`, CREATE EXTENSION also creates the required
/// extension.
fn required(name: &str) -> Option<&'static str> {
    (name == "earthdistance").then_some("cube")
}

impl Fold {
    pub(super) fn create_extension(&mut self, extension: CreateExtension) {
        let name = extension.name.text.as_str();
        if self.schema.extensions.iter().any(|known| known.name == name) {
            if !extension.if_not_exists {
                let message = format!("extension \"{name}\" already exists");
                self.problem(Code::DuplicateObject, extension.name.span, message);
            }
            return;
        }
        let Some((_, text)) = EXTENSIONS.iter().find(|(known, _)| *known == name) else {
            self.schema.has_unknown_extension = true;
            return;
        };
        let schema = match name {
            "adminpack" => "pg_catalog".to_owned(),
            _ => extension.schema.unwrap_or_else(|| self.first_schema()),
        };
        if let Some(required) = required(name) {
            let name = Name { text: required.to_owned(), span: extension.name.span };
            let schema = Some(schema.clone());
            self.create_extension(CreateExtension { name, if_not_exists: true, schema });
        }
        let source = Source::numbered(*text);
        let Ok(parsed) = Parsed::script(&source) else { return };
        let (relations, types) = (self.schema.relations.len(), self.schema.types.len());
        let first = self.schema.version;
        let path = std::mem::replace(&mut self.path, vec![schema.clone()]);
        parsed.statements.into_iter().for_each(|statement| self.statement(statement));
        self.path = path;
        let created = Extension {
            name: name.to_owned(),
            schema,
            relations: relations..self.schema.relations.len(),
            types: types..self.schema.types.len(),
            statements: first + 1..self.schema.version + 1,
        };
        self.schema.extensions.push(created);
    }

    /// Applies `DROP EXTENSION`; with CASCADE, also drops everything that depends on objects of the extension.
    pub(super) fn drop_extension(&mut self, name: &str, cascade: bool) {
        let Some(at) = self.schema.extensions.iter().position(|known| known.name == name) else { return };
        let extension = self.schema.extensions.remove(at);
        let of_extension = self.schema.extensions.iter().filter(|it| required(&it.name) == Some(name));
        let dependents: Vec<String> = of_extension.map(|it| it.name.clone()).collect();
        dependents.iter().for_each(|dependent| self.drop_extension(dependent, cascade));
        let functions: Vec<usize> = self.functions_of(&extension).collect();
        let mut dropped: Vec<Object> = extension.relations.clone().map(Object::Relation).collect();
        dropped.extend(extension.types.clone().map(Object::Type));
        if cascade {
            let functions = functions.into_iter().map(Object::Function);
            self.drop_dependents(dropped.iter().copied().chain(functions).collect());
        } else {
            self.forget_functions(functions);
        }
        dropped.into_iter().for_each(|object| self.forget(object));
        let is_of = |created: &u32| extension.statements.contains(created);
        self.schema.operators.retain(|it| !is_of(&it.created));
        self.schema.casts.retain(|it| !is_of(&it.created));
    }

    /// Applies `ALTER EXTENSION … SET SCHEMA`.
    pub(super) fn move_extension(&mut self, moved: &MoveExtension) {
        let to = &moved.schema.text;
        let found = self.schema.extensions.iter().position(|known| known.name == moved.name.text);
        let Some(extension) = found.map(|at| self.schema.extensions[at].clone()) else { return };
        for at in extension.types.clone() {
            let name = self.schema.types[at].name.clone();
            self.rename_type(at, to.clone(), name);
        }
        for at in extension.relations.clone() {
            self.alter_action(at, AlterAction::SetSchema(moved.schema.clone()));
        }
        let version = self.schema.version;
        for at in self.functions_of(&extension).collect::<Vec<_>>() {
            let function = &mut self.schema.functions[at];
            let name = function.definition.name.name().to_owned();
            let from = std::mem::replace(&mut function.schema, to.clone());
            function.earlier_names.push((version, from, name));
        }
        let operators = self.schema.operators.iter_mut();
        let own = operators.filter(|it| extension.statements.contains(&it.created));
        own.for_each(|operator| operator.schema.clone_from(to));
        if let Some(extension) = self.schema.extensions.iter_mut().find(|known| known.name == moved.name.text)
        {
            extension.schema.clone_from(to);
        }
    }

    fn functions_of(&self, extension: &Extension) -> impl Iterator<Item = usize> + use<> {
        let functions = self.schema.functions.iter().enumerate();
        let own = functions.filter(|(_, it)| extension.statements.contains(&it.created));
        own.map(|(at, _)| at).collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Source, compile};

    #[test]
    fn every_extension_folds() {
        for (name, text) in super::EXTENSIONS {
            let schema = Schema::parse(text).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            assert!(!schema.functions.is_empty(), "{name}");
        }
    }

    #[test]
    fn objects_of_an_extension_are_found_only_in_its_schema() {
        let query = Source::numbered("SELECT similarity('a', 'b') AS a, 'a' <-> 'b'::text AS b");
        let public = "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;";
        assert!(compile(&query, &Schema::parse(public).unwrap()).is_ok());
        let elsewhere = "CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions;";
        assert!(compile(&query, &Schema::parse(elsewhere).unwrap()).is_err());
        assert!(compile(&query, &Schema::parse("").unwrap()).is_err());
    }
}
