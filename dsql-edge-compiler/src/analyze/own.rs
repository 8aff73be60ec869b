//! Looks up the functions, aggregates, operators and casts that the schema creates.
//!
//! Input: the operators, casts and functions that the schema defines. Output: the same properties that the catalog has
//! for built-in objects, but a function of the schema always counts as a function that may return NULL.

use super::analyzer::Analyzer;
use super::catalog::{Catalog, ERROR};
use super::function::Facts;
use super::tree::OutColumn;
use crate::builtin::{self, AggregateKind, FunctionKind, NullContract, Oid, Operator, oid};
use crate::schema::{self, Schema};
use crate::syntax::ast::{self, CreateCast, CreateFunction, ParameterMode};

impl<'a> Analyzer<'a> {
    pub(super) fn user_facts(&self, function: &schema::Function) -> Facts {
        let definition = &function.definition;
        let resolve = |type_name| self.catalog.resolve_stored(type_name).map_or(ERROR, |found| found.0);
        let columns: Vec<OutColumn> = definition
            .parameters
            .iter()
            .filter(|it| matches!(it.mode, ParameterMode::Out | ParameterMode::InOut | ParameterMode::Table))
            .map(|it| OutColumn {
                name: it.name.as_ref().map_or_else(String::new, |name| name.text.clone()),
                ty: resolve(&it.type_name),
                never_null: false,
            })
            .collect();
        let returns = match (&definition.returns, columns.as_slice()) {
            _ if definition.aggregate.is_some() => self.aggregate_result(definition),
            (Some(returns), _) => resolve(returns),
            (None, [only]) => only.ty,
            (None, []) => oid::VOID,
            (None, _) => oid::RECORD,
        };
        Facts {
            // The name is qualified, so that it differs from the names of built-in functions: the properties of
            // built-in functions are looked up by name.
            name: format!("{}.{}", function.schema, definition.name.name()),
            kind: match &definition.aggregate {
                Some(aggregate) if aggregate.ordered => FunctionKind::Aggregate(AggregateKind::OrderedSet),
                Some(_) => FunctionKind::Aggregate(AggregateKind::Normal),
                None if definition.procedure => FunctionKind::Procedure,
                None if definition.window => FunctionKind::Window,
                None => FunctionKind::Plain,
            },
            returns,
            set: returns_set(definition),
            strict: definition.strict,
            volatile: definition.volatility.is_volatile(),
            immutable: definition.volatility.is_immutable(),
            null: NullContract::Unknown,
            columns,
        }
    }

    /// Returns the result type of an aggregate: that of its final function, or its state type.
    fn aggregate_result(&self, definition: &CreateFunction) -> Oid {
        let Some(aggregate) = &definition.aggregate else { return ERROR };
        let resolve =
            |type_name: &ast::TypeName| self.catalog.resolve_stored(type_name).map_or(ERROR, |found| found.0);
        let state = resolve(&aggregate.state);
        let Some(last) = &aggregate.final_function else { return state };
        let mut own = self.catalog.schema.functions.iter().map(|it| &it.definition);
        let first =
            |it: &CreateFunction| it.parameters.first().map(|parameter| resolve(&parameter.type_name));
        if let Some(own) = own.find(|it| it.name.name() == last.name() && first(it) == Some(state)) {
            return own.returns.as_ref().map_or(ERROR, resolve);
        }
        builtin::functions(last.name()).next().map_or(state, |found| found.returns)
    }

    /// Returns the user-defined operators with the name that `written` has, found by the search path.
    pub(super) fn own_operators(&self, written: &ast::Operator) -> impl Iterator<Item = Operator> + use<'a> {
        let catalog = self.catalog;
        let schema: &'a Schema = catalog.schema;
        let (name, of) = (written.name.clone(), written.schema.as_ref().map(|schema| schema.text.clone()));
        let reached = move |known: &str| match &of {
            Some(of) => of == known,
            None => catalog.path.iter().any(|path| path == known),
        };
        let operators = (0..).zip(&schema.operators);
        let named = operators.filter(move |(_, it)| it.definition.name == name && reached(&it.schema));
        named.filter_map(move |(number, it)| {
            let it = &it.definition;
            let resolve =
                |type_name: &ast::TypeName| catalog.resolve_stored(type_name).ok().map(|found| found.0);
            let left = it.left.as_ref().map_or(Some(0), resolve)?;
            let right = resolve(it.right.as_ref()?)?;
            own_operator(catalog, number, left, right, it.function.as_ref()?)
        })
    }

    /// Whether a type of the schema has its own `<`. A type with its own `<` is assumed to have an operator class,
    /// because in the known extensions every type with a `<` has an operator class.
    pub(super) fn has_own_order(&self, base: Oid) -> bool {
        let schema = self.catalog.schema;
        self.catalog.user_kind(base).is_some()
            && schema.operators.iter().filter(|it| it.definition.name == "<").any(|it| {
                let of = it.definition.left.as_ref().and_then(|left| self.catalog.resolve_stored(left).ok());
                of.is_some_and(|(of, _)| of == base)
            })
    }
}

impl<'a> Catalog<'a> {
    /// Returns a cast that the schema creates.
    pub(super) fn own_cast(self, source: Oid, target: Oid) -> Option<&'a CreateCast> {
        let schema: &'a Schema = self.schema;
        if schema.casts.is_empty() {
            return None;
        }
        let is = |type_name, ty| self.resolve_stored(type_name).is_ok_and(|found| found.0 == ty);
        let mut casts = schema.casts.iter().map(|cast| &cast.definition);
        casts.find(|cast| is(&cast.source, source) && is(&cast.target, target))
    }
}

/// `RETURNS SETOF` or `RETURNS TABLE`.
fn returns_set(definition: &CreateFunction) -> bool {
    definition.returns.as_ref().is_some_and(|it| it.set_of)
        || definition.parameters.iter().any(|it| it.mode == ParameterMode::Table)
}

/// Returns the operator of the schema with the number `number`. The result type, the strictness and the volatility are
/// those of the schema's function or, if the schema has no such function, of the built-in function. The operator gets
/// no function name, because other facts about built-in functions are found by name, and a function of the schema may
/// have the name of a built-in function.
fn own_operator(
    catalog: Catalog<'_>,
    number: Oid,
    left: Oid,
    right: Oid,
    function: &ast::QualifiedName,
) -> Option<Operator> {
    let operands: Vec<Oid> = [left, right].into_iter().filter(|ty| *ty != 0).collect();
    let resolve =
        |type_name: &ast::TypeName| catalog.resolve_stored(type_name).map_or(ERROR, |found| found.0);
    let mut functions = catalog.schema.functions.iter().map(|it| &it.definition);
    let own = functions.find(|it| {
        it.name.name() == function.name()
            && it
                .parameters
                .iter()
                .map(|parameter| resolve(&parameter.type_name))
                .eq(operands.iter().copied())
    });
    let (result, strict, volatility) = match own {
        Some(own) => (resolve(own.returns.as_ref()?), own.strict, own.volatility),
        None => {
            let known =
                builtin::functions(function.name()).find(|it| it.args().eq(operands.iter().copied()))?;
            (known.returns, known.strict, known.volatility)
        }
    };
    Some(Operator {
        oid: 0,
        name: "",
        left,
        right,
        result,
        function: number,
        function_name: "",
        function_strict: strict,
        function_volatility: volatility,
        function_retset: own.is_some_and(returns_set),
        null: NullContract::Unknown,
        can_hash: false,
        can_merge: false,
        commutator: 0,
        negator: 0,
    })
}
