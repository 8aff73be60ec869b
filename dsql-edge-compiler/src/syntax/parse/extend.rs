//! Parses statements that extend PostgreSQL: operators, collations, casts, aggregates and extensions. Also parses
//! CREATE TRIGGER and CREATE RULE.
//!
//! Parts that do not affect queries (selectivity estimators, support functions) are parsed and discarded.

use super::{K, Parser, Parsing, TokenKind};
use crate::syntax::ast::{
    AggregateDefinition, CastContext, CastMethod, CreateCast, CreateCollation, CreateExtension,
    CreateFunction, CreateOperator, FunctionParameter, MoveExtension, Name, QualifiedName, StatementKind,
    TypeName,
};
use crate::volatility::Volatility;

impl Parser<'_> {
    /// `CREATE OPERATOR name (FUNCTION = f, LEFTARG = t, RIGHTARG = t, …)`, after `CREATE`.
    pub(super) fn create_operator(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let (schema, name) = self.any_operator()?;
        let mut operator = CreateOperator { schema, name, left: None, right: None, function: None };
        self.definition(|parser, label| {
            match label {
                "leftarg" | "rightarg" if parser.eat_keyword(K::None) => {}
                "leftarg" => operator.left = Some(parser.type_name()?),
                "rightarg" => operator.right = Some(parser.type_name()?),
                "function" | "procedure" => operator.function = Some(parser.defined_function()?),
                _ => parser.definition_value()?,
            }
            Ok(())
        })?;
        Ok(StatementKind::CreateOperator(Box::new(operator)))
    }

    /// `CREATE COLLATION [IF NOT EXISTS] name (LOCALE = l, …)`, or `… FROM other`, after `CREATE`.
    pub(super) fn create_collation(&mut self) -> Parsing<StatementKind> {
        self.advance();
        self.if_not_exists()?;
        let name = self.any_name()?;
        let mut collation = CreateCollation { name, nondeterministic: false, copied: None };
        if self.eat_keyword(K::From) {
            collation.copied = Some(self.any_name()?);
            return Ok(StatementKind::CreateCollation(Box::new(collation)));
        }
        self.definition(|parser, label| {
            if label == "deterministic" {
                let value = parser.span().text(parser.text).trim_matches('\'').to_ascii_lowercase();
                // `defGetBoolean`
                collation.nondeterministic = matches!(value.as_str(), "false" | "off" | "0");
            }
            parser.definition_value()
        })?;
        Ok(StatementKind::CreateCollation(Box::new(collation)))
    }

    /// `[schema.]op`
    pub(super) fn any_operator(&mut self) -> Parsing<(Option<String>, String)> {
        let mut schema = None;
        while self.at_col_id() && self.symbol_ahead(1, b'.') {
            schema = Some(self.col_id()?.text);
            self.advance();
        }
        let operator = self.plain_operator()?;
        Ok((schema, operator.name))
    }

    /// Parses the function of a definition: a name, or a string with a name (`defGetQualifiedName`).
    fn defined_function(&mut self) -> Parsing<QualifiedName> {
        if !self.at_string() {
            return Ok(self.type_name()?.name);
        }
        let span = self.span();
        Ok(QualifiedName { parts: vec![Name { text: self.string()?, span }] })
    }

    /// `(label = value, …)`, each value parsed by `item`; a label may have no value.
    fn definition(&mut self, mut item: impl FnMut(&mut Self, &str) -> Parsing<()>) -> Parsing<()> {
        self.parenthesized_list(|parser| {
            let label = parser.col_label()?;
            if parser.eat_symbol(b'=') { item(parser, &label.text) } else { Ok(()) }
        })?;
        Ok(())
    }

    /// `CREATE CAST (a AS b) WITH … [AS IMPLICIT | AS ASSIGNMENT]`, after `CREATE`.
    pub(super) fn create_cast(&mut self) -> Parsing<StatementKind> {
        self.advance();
        self.expect_symbol(b'(')?;
        let source = self.type_name()?;
        self.expect_keyword(K::As)?;
        let target = self.type_name()?;
        self.expect_symbol(b')')?;
        let method = if self.eat_keyword(K::Without) {
            self.expect_keyword(K::Function)?;
            CastMethod::Binary
        } else {
            self.expect_keyword(K::With)?;
            if self.eat_keyword(K::Inout) {
                CastMethod::InOut
            } else {
                self.expect_keyword(K::Function)?;
                let function = self.function_name()?;
                if self.at_symbol(b'(') {
                    self.skip_parentheses()?;
                }
                CastMethod::Function(function)
            }
        };
        let mut context = CastContext::Explicit;
        if self.eat_keyword(K::As) {
            context = if self.eat_keyword(K::Implicit) {
                CastContext::Implicit
            } else {
                self.expect_keyword(K::Assignment)?;
                CastContext::Assignment
            };
        }
        Ok(StatementKind::CreateCast(Box::new(CreateCast { source, target, method, context })))
    }

    /// `CREATE [OR REPLACE] AGGREGATE name (args) (SFUNC = f, STYPE = t, …)`, after `CREATE`.
    pub(super) fn create_aggregate(&mut self, or_replace: bool) -> Parsing<StatementKind> {
        self.advance();
        let name = self.function_name()?;
        let (mut parameters, mut ordered) = (Vec::new(), false);
        // In the old syntax of CREATE AGGREGATE, the type of the argument is one of the definitions in parentheses.
        let mut old_style = false;
        let definitions_alone = self.at_symbol(b'(') && {
            let before = self.at;
            self.skip_parentheses()?;
            let alone = !self.at_symbol(b'(');
            self.at = before;
            alone
        };
        if definitions_alone {
            old_style = true;
        } else {
            (parameters, ordered) = self.aggregate_parameters()?;
        }
        let mut state: Option<TypeName> = None;
        let mut final_function: Option<QualifiedName> = None;
        let mut base = None;
        self.definition(|parser, label| {
            match label {
                "stype" | "stype1" => state = Some(parser.type_name()?),
                "finalfunc" => final_function = Some(parser.defined_function()?),
                // In the old syntax, `'ANY'` means that the aggregate has no argument.
                "basetype" if old_style && !matches!(parser.token().kind, TokenKind::String(_)) => {
                    base = Some(parser.type_name()?);
                }
                _ => parser.definition_value()?,
            }
            Ok(())
        })?;
        if let Some(type_name) = base.filter(|it: &TypeName| it.name.name() != "any") {
            let mode = crate::syntax::ast::ParameterMode::In;
            parameters.push(FunctionParameter { mode, name: None, type_name, default: None });
        }
        let Some(state) = state else { return Err(self.error_here()) };
        let aggregate = Some(AggregateDefinition { state, final_function, ordered });
        Ok(StatementKind::CreateFunction(Box::new(CreateFunction {
            or_replace,
            procedure: false,
            aggregate,
            name,
            parameters,
            returns: None,
            language: None,
            may_commit: false,
            strict: false,
            window: false,
            volatility: Volatility::Immutable,
        })))
    }

    /// `(*)`, `(a, b)`, `(ORDER BY a)`, `(a ORDER BY b)`.
    pub(super) fn aggregate_parameters(&mut self) -> Parsing<(Vec<FunctionParameter>, bool)> {
        self.expect_symbol(b'(')?;
        let mut parameters = Vec::new();
        let mut ordered = false;
        if !self.eat_symbol(b'*') {
            if !self.at_keyword(K::Order) {
                parameters = self.list(Self::function_parameter)?;
            }
            if self.eat_keyword(K::Order) {
                self.expect_keyword(K::By)?;
                ordered = true;
                parameters.extend(self.list(Self::function_parameter)?);
            }
        }
        self.expect_symbol(b')')?;
        Ok((parameters, ordered))
    }

    /// `CREATE EXTENSION [IF NOT EXISTS] name [WITH] …`, after `CREATE`; the options SCHEMA, VERSION and CASCADE may
    /// have any order.
    pub(super) fn create_extension(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let if_not_exists = self.if_not_exists()?;
        let name = self.col_id()?;
        self.eat_keyword(K::With);
        let mut schema = None;
        while !self.at_end() && !self.at_symbol(b';') {
            if self.eat_keyword(K::Schema) {
                schema = Some(self.col_id()?.text);
            } else {
                self.advance();
            }
        }
        Ok(StatementKind::CreateExtension(CreateExtension { name, if_not_exists, schema }))
    }

    /// `ALTER EXTENSION name …`, after `ALTER`.
    pub(super) fn alter_extension(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let name = self.col_id()?;
        if self.eat_keywords(K::Set, K::Schema) {
            let schema = self.col_id()?;
            return Ok(StatementKind::MoveExtension(MoveExtension { name, schema }));
        }
        let to_newest = self.at_keyword(K::Update) && self.keyword_ahead(1) != Some(K::To);
        let what = if to_newest { "ALTER EXTENSION UPDATE" } else { "ALTER EXTENSION" };
        self.skip_statement();
        Ok(StatementKind::Utility(what))
    }

    /// `CREATE [CONSTRAINT] TRIGGER name … ON table …`, after `CREATE`.
    pub(super) fn create_trigger(&mut self) -> Parsing<StatementKind> {
        if self.eat_keyword(K::Constraint) {
            self.expect_keyword(K::Trigger)?;
        } else {
            self.advance();
        }
        self.col_id()?;
        // The events of a trigger may contain a list of columns, but never the word `ON`.
        while !self.at_keyword(K::On) && !self.at_end() && !self.at_symbol(b';') {
            self.advance();
        }
        self.expect_keyword(K::On)?;
        let table = self.qualified_name()?;
        self.skip_statement();
        Ok(StatementKind::CreateTrigger(table))
    }

    /// `CREATE RULE name AS ON event TO table …`: like a trigger, a rule may change the written rows.
    pub(super) fn create_rule(&mut self) -> Parsing<StatementKind> {
        self.advance();
        self.col_id()?;
        self.expect_keyword(K::As)?;
        self.expect_keyword(K::On)?;
        self.advance();
        self.expect_keyword(K::To)?;
        let table = self.qualified_name()?;
        self.skip_statement();
        Ok(StatementKind::CreateRule(table))
    }
}
