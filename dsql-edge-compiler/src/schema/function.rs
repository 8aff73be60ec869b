//! Creates and alters functions, and finds the functions to which a name can refer.
//!
//! Input: statements. Output: the schema's functions. PostgreSQL identifies a function by its name and the types of its
//! input parameters. The types are compared by their last names, without schemas, because only the analyzer resolves
//! types.

use super::fold::Fold;
use super::{Function, Schema};
use crate::syntax::ast::{
    AlterFunction, CreateFunction, FunctionChange, FunctionParameter, ParameterMode, QualifiedName,
};

impl Fold {
    pub(super) fn create_function(&mut self, mut definition: CreateFunction) {
        definition.parameters.iter_mut().for_each(|it| self.qualify(&mut it.type_name));
        definition.returns.iter_mut().for_each(|it| self.qualify(it));
        definition.aggregate.iter_mut().for_each(|it| self.qualify(&mut it.state));
        let schema = self.creation_schema(&definition.name);
        let input = input_types(&definition.parameters);
        let same = |known: &Function| {
            known.schema == schema
                && known.definition.name.name() == definition.name.name()
                && input_types(&known.definition.parameters) == input
        };
        if let Some(known) = self.schema.functions.iter_mut().find(|known| same(known)) {
            known.definition = definition;
            return;
        }
        let created = self.schema.version;
        self.schema.functions.push(Function { schema, definition, created, earlier_names: Vec::new() });
    }

    /// Applies ALTER FUNCTION. A function that the schema does not have is not an error: it may belong to an unknown
    /// extension.
    pub(super) fn alter_function(&mut self, alter: &AlterFunction) {
        for at in self.functions_meant(&alter.name, alter.parameters.as_deref()) {
            let version = self.schema.version;
            let Function { schema, definition, earlier_names, .. } = &mut self.schema.functions[at];
            let before = (version, schema.clone(), definition.name.name().to_owned());
            match &alter.change {
                FunctionChange::Rename(name) => {
                    earlier_names.push(before);
                    if let Some(last) = definition.name.parts.last_mut() {
                        last.text.clone_from(&name.text);
                    }
                }
                FunctionChange::SetSchema(name) => {
                    earlier_names.push(before);
                    schema.clone_from(&name.text);
                    definition.name.parts = definition.name.parts.pop().into_iter().collect();
                }
                FunctionChange::Properties { strict, volatility } => {
                    definition.strict = strict.unwrap_or(definition.strict);
                    definition.volatility = volatility.unwrap_or(definition.volatility);
                }
            }
        }
    }

    /// Returns the indexes of the functions to which a name can refer: the functions of this name in the first schema
    /// of the path that has such a function. If the parameters are not written, PostgreSQL accepts a name only if
    /// exactly one function has this name.
    pub(super) fn functions_meant(
        &self,
        name: &QualifiedName,
        parameters: Option<&[FunctionParameter]>,
    ) -> Vec<usize> {
        let input = parameters.map(input_types);
        let of = |schema: &str| functions_of(&self.schema, schema, name.name(), input.as_deref());
        match name.schema() {
            Some(schema) => of(schema),
            None => self.path.iter().map(|schema| of(schema)).find(|it| !it.is_empty()).unwrap_or_default(),
        }
    }
}

fn functions_of(schema: &Schema, namespace: &str, name: &str, input: Option<&[InputType<'_>]>) -> Vec<usize> {
    let is_meant = |function: &Function| {
        function.schema == namespace
            && function.definition.name.name() == name
            && input.is_none_or(|input| input_types(&function.definition.parameters) == input)
    };
    (0..schema.functions.len()).filter(|at| is_meant(&schema.functions[*at])).collect()
}

/// The last part of a type's name, and whether the type is an array.
type InputType<'a> = (&'a str, bool);

fn input_types(parameters: &[FunctionParameter]) -> Vec<InputType<'_>> {
    let is_input = |it: &&FunctionParameter| !matches!(it.mode, ParameterMode::Out | ParameterMode::Table);
    let types = parameters.iter().filter(is_input).map(|it| &it.type_name);
    types.map(|it| (it.name.name(), it.array_dimensions > 0)).collect()
}
