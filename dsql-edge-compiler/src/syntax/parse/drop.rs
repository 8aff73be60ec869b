//! Parses `DROP`, and `ALTER` of functions and schemas.

use super::{K, Parser, Parsing};
use crate::syntax::ast::{
    AlterFunction, Drop, FunctionChange, FunctionParameter, Name, ObjectKind, ParameterMode, QualifiedName,
    StatementKind, TypeName,
};
use crate::volatility::Volatility;

impl Parser<'_> {
    pub(super) fn drop_statement(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let object = match self.object_kind() {
            Some(object) => object,
            None => match self.keyword() {
                Some(K::Schema) => {
                    self.advance();
                    ObjectKind::Schema
                }
                Some(K::Function | K::Procedure | K::Routine | K::Aggregate) => return self.drop_functions(),
                Some(K::Operator) if !matches!(self.keyword_ahead(1), Some(K::Class | K::Family)) => {
                    return self.drop_operators();
                }
                Some(K::Cast) => return self.drop_cast(),
                Some(K::Extension) => {
                    self.advance();
                    ObjectKind::Extension
                }
                Some(K::Owned) => ObjectKind::Owned,
                Some(_) => ObjectKind::Other,
                None => return Err(self.error_here()),
            },
        };
        let mut drop =
            Drop { object, if_exists: false, names: Vec::new(), parameters: Vec::new(), cascade: false };
        if matches!(object, ObjectKind::Owned | ObjectKind::Other) {
            self.skip_statement();
            return Ok(StatementKind::Drop(Box::new(drop)));
        }
        if object == ObjectKind::Index {
            self.eat_keyword(K::Concurrently);
        }
        drop.if_exists = self.if_exists()?;
        drop.names = self.list(Self::any_name)?;
        drop.cascade = self.drop_behaviour();
        Ok(StatementKind::Drop(Box::new(drop)))
    }

    /// `DROP OPERATOR + (int, NONE)`, at the word after `DROP`.
    fn drop_operators(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let if_exists = self.if_exists()?;
        let operators = self.list(|parser| {
            let start = parser.span();
            let (schema, name) = parser.any_operator()?;
            let span = start.to(parser.previous_span());
            let parts = schema.into_iter().chain([name]).map(|text| Name { text, span });
            let types = parser.parenthesized_list(|parser| match parser.eat_keyword(K::None) {
                true => Ok(None),
                false => parser.type_name().map(Some),
            })?;
            let types = types.into_iter().flatten().map(parameter).collect();
            Ok((QualifiedName { parts: parts.collect() }, Some(types)))
        })?;
        let cascade = self.drop_behaviour();
        let (names, parameters) = operators.into_iter().unzip();
        let object = ObjectKind::Operator;
        Ok(StatementKind::Drop(Box::new(Drop { object, if_exists, names, parameters, cascade })))
    }

    /// `DROP CAST (a AS b)`, at the word after `DROP`.
    fn drop_cast(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let if_exists = self.if_exists()?;
        self.expect_symbol(b'(')?;
        let source = self.type_name()?;
        self.expect_keyword(K::As)?;
        let target = self.type_name()?;
        self.expect_symbol(b')')?;
        let cascade = self.drop_behaviour();
        let parameters = vec![Some([source, target].map(parameter).into())];
        let object = ObjectKind::Cast;
        Ok(StatementKind::Drop(Box::new(Drop { object, if_exists, names: Vec::new(), parameters, cascade })))
    }

    /// `DROP FUNCTION f (int), g`, at the word after `DROP`.
    fn drop_functions(&mut self) -> Parsing<StatementKind> {
        let aggregate = self.at_keyword(K::Aggregate);
        self.advance();
        let if_exists = self.if_exists()?;
        let functions = self.list(|parser| parser.function_with_parameters(aggregate))?;
        let cascade = self.drop_behaviour();
        let (names, parameters) = functions.into_iter().unzip();
        let object = ObjectKind::Function;
        Ok(StatementKind::Drop(Box::new(Drop { object, if_exists, names, parameters, cascade })))
    }

    /// `function_with_argtypes`, `aggregate_with_argtypes`: a name, with or without its parameters.
    fn function_with_parameters(
        &mut self,
        aggregate: bool,
    ) -> Parsing<(QualifiedName, Option<Vec<FunctionParameter>>)> {
        let name = self.function_name()?;
        if !self.at_symbol(b'(') {
            return Ok((name, None));
        }
        if aggregate {
            return Ok((name, Some(self.aggregate_parameters()?.0)));
        }
        self.advance();
        let parameters = if self.at_symbol(b')') { Vec::new() } else { self.list(Self::function_parameter)? };
        self.expect_symbol(b')')?;
        Ok((name, Some(parameters)))
    }

    /// Parses `ALTER FUNCTION` and related statements, at the word after `ALTER`.
    pub(super) fn alter_function(&mut self, command: &'static str) -> Parsing<StatementKind> {
        let aggregate = self.at_keyword(K::Aggregate);
        self.advance();
        let (name, parameters) = self.function_with_parameters(aggregate)?;
        let change = if self.eat_keywords(K::Rename, K::To) {
            FunctionChange::Rename(self.col_id()?)
        } else if self.eat_keywords(K::Set, K::Schema) {
            FunctionChange::SetSchema(self.col_id()?)
        } else {
            self.function_properties()
        };
        Ok(StatementKind::AlterFunction(Box::new(AlterFunction { command, name, parameters, change })))
    }

    /// Parses whether a function is strict, and its volatility; skips all other properties, as in `CREATE FUNCTION`.
    fn function_properties(&mut self) -> FunctionChange {
        let (mut strict, mut volatility) = (None, None);
        while !self.at_end() && !self.at_symbol(b';') {
            match self.keyword() {
                Some(K::Strict | K::Returns) => strict = Some(true),
                Some(K::Called) => strict = Some(false),
                Some(K::Immutable) => volatility = Some(Volatility::Immutable),
                Some(K::Stable) => volatility = Some(Volatility::Stable),
                Some(K::Volatile) => volatility = Some(Volatility::Volatile),
                // In `SET name TO value`, `OWNER TO name` and similar clauses, other words can look like properties, so
                // the rest of the statement is skipped.
                Some(K::Set | K::Reset | K::Owner | K::Depends | K::No) => {
                    self.skip_statement();
                    break;
                }
                _ => {}
            }
            self.advance();
        }
        FunctionChange::Properties { strict, volatility }
    }

    /// Parses `ALTER SCHEMA`, at the word after `ALTER`.
    pub(super) fn alter_schema(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let from = self.col_id()?;
        if self.eat_keywords(K::Rename, K::To) {
            return Ok(StatementKind::RenameSchema { from, to: self.col_id()? });
        }
        self.skip_statement();
        Ok(StatementKind::Utility("ALTER SCHEMA"))
    }
}

fn parameter(type_name: TypeName) -> FunctionParameter {
    FunctionParameter { mode: ParameterMode::In, name: None, type_name, default: None }
}
