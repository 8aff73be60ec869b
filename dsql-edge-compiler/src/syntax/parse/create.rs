//! Parses `CREATE` statements. `table` parses the rest of `CREATE TABLE`, and `extend` that of operators, collations,
//! casts, aggregates, extensions, triggers and rules.

use super::{K, Parser, Parsing, TokenKind};
use crate::syntax::ast::{
    CreateDomain, CreateFunction, CreateIndex, CreateSchema, CreateSequence, CreateTableAs, CreateType,
    CreateView, FunctionParameter, NewType, ParameterMode, Persistence, Query, QueryBody, Select,
    StatementKind, TableColumn, TableSource, Target,
};
use crate::syntax::ast::{Expr, ExprKind, FromItem};
use crate::volatility::Volatility;

impl Parser<'_> {
    pub(super) fn create(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let or_replace = self.at_keywords(K::Or, K::Replace);
        if or_replace {
            self.at += 2;
        }
        let persistence = self.persistence();
        match self.keyword() {
            Some(K::Table) if !or_replace => {
                self.advance();
                self.create_table(persistence)
            }
            Some(K::View) => {
                self.advance();
                self.create_view(or_replace, persistence, false)
            }
            Some(K::Recursive) if self.keyword_ahead(1) == Some(K::View) => {
                self.at += 2;
                self.create_view(or_replace, persistence, true)
            }
            Some(K::Sequence) if !or_replace => self.create_sequence(persistence),
            Some(K::Function | K::Procedure) if persistence == Persistence::Permanent => {
                self.create_function(or_replace)
            }
            Some(K::Trigger | K::Constraint) => self.create_trigger(),
            Some(K::Rule) => self.create_rule(),
            Some(K::Aggregate) => self.create_aggregate(or_replace),
            _ if or_replace => self.other_create(),
            Some(K::Materialized) => self.create_materialized_view(persistence),
            Some(K::Index | K::Unique) => self.create_index(),
            Some(K::Domain) => self.create_domain(),
            Some(K::Type) => self.create_type(),
            Some(K::Schema) => self.create_schema(),
            Some(K::Foreign) if self.keyword_ahead(1) == Some(K::Table) => {
                self.at += 2;
                let table = self.create_table(Persistence::Permanent)?;
                self.skip_statement();
                Ok(table)
            }
            Some(K::Extension) => self.create_extension(),
            Some(K::Cast) => self.create_cast(),
            Some(K::Operator) if !matches!(self.keyword_ahead(1), Some(K::Class | K::Family)) => {
                self.create_operator()
            }
            Some(K::Collation) => self.create_collation(),
            _ => self.other_create(),
        }
    }

    fn persistence(&mut self) -> Persistence {
        if matches!(self.keyword(), Some(K::Local | K::Global))
            && matches!(self.keyword_ahead(1), Some(K::Temp | K::Temporary))
        {
            self.advance();
        }
        match self.keyword() {
            Some(K::Temp | K::Temporary) => {
                self.advance();
                Persistence::Temporary
            }
            Some(K::Unlogged) => {
                self.advance();
                Persistence::Unlogged
            }
            _ => Persistence::Permanent,
        }
    }

    /// Parses statements that do not affect queries: their first words are checked, the rest is skipped.
    fn other_create(&mut self) -> Parsing<StatementKind> {
        let what = match self.keyword() {
            Some(K::Event) => "CREATE EVENT TRIGGER",
            Some(K::Database) => "CREATE DATABASE",
            Some(K::Role) => "CREATE ROLE",
            Some(K::User) => "CREATE USER",
            Some(K::Group) => "CREATE GROUP",
            Some(K::Policy) => "CREATE POLICY",
            Some(K::Operator) => "CREATE OPERATOR",
            Some(K::Collation) => "CREATE COLLATION",
            Some(K::Conversion | K::Default) => "CREATE CONVERSION",
            Some(K::Language | K::Trusted | K::Procedural) => "CREATE LANGUAGE",
            Some(K::Publication) => "CREATE PUBLICATION",
            Some(K::Subscription) => "CREATE SUBSCRIPTION",
            Some(K::Server) => "CREATE SERVER",
            Some(K::Foreign) => "CREATE FOREIGN DATA WRAPPER",
            Some(K::Statistics) => "CREATE STATISTICS",
            Some(K::Tablespace) => "CREATE TABLESPACE",
            Some(K::Text) => "CREATE TEXT SEARCH",
            Some(K::Transform) => "CREATE TRANSFORM",
            Some(K::Access) => "CREATE ACCESS METHOD",
            _ => return Err(self.error_here()),
        };
        self.skip_statement();
        Ok(StatementKind::Utility(what))
    }

    /// Skips to the semicolon that ends the statement, over parentheses and `BEGIN ATOMIC` bodies.
    pub(super) fn skip_statement(&mut self) {
        let (mut depth, mut body) = (0usize, 0usize);
        // A keyword after `AS` or a dot is a name.
        let (mut is_name, mut begin) = (false, false);
        loop {
            let kind = &self.token().kind;
            match kind {
                TokenKind::End => return,
                TokenKind::Symbol(b';') if depth + body == 0 => return,
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                TokenKind::Keyword(K::Atomic) if begin && body == 0 => body = 1,
                TokenKind::Keyword(K::Case) if body > 0 && !is_name => body += 1,
                TokenKind::Keyword(K::End) if body > 0 && !is_name => body -= 1,
                _ => {}
            }
            begin = *kind == TokenKind::Keyword(K::Begin) && !is_name;
            is_name = matches!(kind, TokenKind::Keyword(K::As) | TokenKind::Symbol(b'.'));
            self.advance();
        }
    }

    fn create_view(
        &mut self,
        or_replace: bool,
        persistence: Persistence,
        recursive: bool,
    ) -> Parsing<StatementKind> {
        let name = self.qualified_name()?;
        let columns = if self.at_symbol(b'(') { self.column_list()? } else { Vec::new() };
        if recursive && columns.is_empty() {
            return Err(self.error_here());
        }
        if self.at_keyword(K::With) && self.symbol_ahead(1, b'(') {
            self.advance();
            self.relation_options()?;
        }
        self.expect_keyword(K::As)?;
        let start = self.span();
        let mut query = self.query()?;
        if self.at_keyword(K::With) {
            self.advance();
            if matches!(self.keyword(), Some(K::Cascaded | K::Local)) {
                self.advance();
            }
            let check = self.expect_keyword(K::Check)?;
            self.expect_keyword(K::Option)?;
            if recursive {
                return Err(self.not_implemented(check, "WITH CHECK OPTION not supported on recursive views"));
            }
        }
        if recursive {
            query = recursive_view(&name, &columns, query, start);
        }
        let view = CreateView { or_replace, persistence, recursive, name, columns, query };
        Ok(StatementKind::CreateView(Box::new(view)))
    }

    fn create_materialized_view(&mut self, persistence: Persistence) -> Parsing<StatementKind> {
        self.advance();
        self.expect_keyword(K::View)?;
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        let columns = if self.at_symbol(b'(') { self.column_list()? } else { Vec::new() };
        if self.eat_keyword(K::Using) {
            self.col_id()?;
        }
        if self.at_keyword(K::With) && self.symbol_ahead(1, b'(') {
            self.advance();
            self.relation_options()?;
        }
        if self.eat_keyword(K::Tablespace) {
            self.col_id()?;
        }
        self.expect_keyword(K::As)?;
        let source = TableSource::Query(Box::new(self.query()?));
        self.with_data()?;
        let view =
            CreateTableAs { name, columns, source, materialized_view: true, persistence, if_not_exists };
        Ok(StatementKind::CreateTableAs(Box::new(view)))
    }

    fn create_index(&mut self) -> Parsing<StatementKind> {
        let unique = self.eat_keyword(K::Unique);
        self.expect_keyword(K::Index)?;
        let concurrently = self.eat_keyword(K::Concurrently);
        // DSQL's `CREATE INDEX ASYNC`; if the word is in quotes, it is the name of the index.
        let asynchronous = !self.async_is_a_name() && self.eat_word("async");
        let if_not_exists = self.if_not_exists()?;
        let name = if self.at_keyword(K::On) { None } else { Some(self.col_id()?) };
        if if_not_exists && name.is_none() {
            return Err(self.error_here());
        }
        self.expect_keyword(K::On)?;
        let table = self.relation_name()?;
        let method = if self.eat_keyword(K::Using) { Some(self.col_id()?) } else { None };
        let elements = self.parenthesized_list(Self::index_element)?;
        let include = if self.eat_keyword(K::Include) {
            self.parenthesized_list(Self::index_element)?
        } else {
            Vec::new()
        };
        let mut nulls_not_distinct = false;
        if self.eat_keyword(K::Nulls) {
            nulls_not_distinct = self.eat_keyword(K::Not);
            self.expect_keyword(K::Distinct)?;
        }
        if self.eat_keyword(K::With) {
            self.relation_options()?;
        }
        if self.eat_keyword(K::Tablespace) {
            self.col_id()?;
        }
        let filter = if self.eat_keyword(K::Where) { Some(self.expr()?) } else { None };
        Ok(StatementKind::CreateIndex(Box::new(CreateIndex {
            unique,
            concurrently,
            asynchronous,
            if_not_exists,
            name,
            table,
            method,
            elements,
            include,
            nulls_not_distinct,
            filter,
        })))
    }

    fn async_is_a_name(&self) -> bool {
        self.keyword_ahead(1) == Some(K::On)
            && !matches!(&self.ahead(2).kind, TokenKind::Keyword(K::On))
            && matches!(&self.token().kind, TokenKind::Identifier(word) if word == "async")
            && self.text.get(self.span().start as usize..self.span().start as usize + 1) == Some("\"")
    }

    fn create_domain(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let name = self.any_name()?;
        self.eat_keyword(K::As);
        let type_name = self.type_name()?;
        let (_, constraints) = self.column_constraints()?;
        Ok(StatementKind::CreateDomain(Box::new(CreateDomain { name, type_name, constraints })))
    }

    fn create_type(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let name = self.any_name()?;
        let kind = if self.eat_keyword(K::As) {
            if self.eat_keyword(K::Enum) {
                self.expect_symbol(b'(')?;
                let labels = if self.at_symbol(b')') { Vec::new() } else { self.list(Self::string)? };
                self.expect_symbol(b')')?;
                NewType::Enum(labels)
            } else if self.eat_keyword(K::Range) {
                self.range_definition()?
            } else {
                self.expect_symbol(b'(')?;
                let columns =
                    if self.at_symbol(b')') { Vec::new() } else { self.list(Self::composite_attribute)? };
                self.expect_symbol(b')')?;
                NewType::Composite(columns)
            }
        } else {
            match self.at_symbol(b'(') {
                true => self.base_type()?,
                false => NewType::Base { category: b'U', delimiter: None },
            }
        };
        Ok(StatementKind::CreateType(Box::new(CreateType { name, kind })))
    }

    /// `(INPUT = f, CATEGORY = 'S', DELIMITER = ':', …)`.
    fn base_type(&mut self) -> Parsing<NewType> {
        let (mut category, mut delimiter) = (b'U', Some(b','));
        self.parenthesized_list(|parser| {
            let label = parser.col_label()?;
            if !parser.eat_symbol(b'=') {
                return Ok(());
            }
            if label.text == "category" && parser.at_string() {
                category = parser.string()?.bytes().next().unwrap_or(category);
                return Ok(());
            }
            if label.text == "delimiter" && parser.at_string() {
                delimiter = parser.string()?.bytes().next();
                return Ok(());
            }
            parser.definition_value()
        })?;
        Ok(NewType::Base { category, delimiter })
    }

    fn composite_attribute(&mut self) -> Parsing<TableColumn> {
        let name = self.col_id()?;
        let type_name = Some(self.type_name()?);
        let collation = if self.eat_keyword(K::Collate) { Some(self.any_name()?) } else { None };
        let span = name.span.to(self.previous_span());
        let constraints = Vec::new();
        Ok(TableColumn { name, type_name, collation, storage: false, compression: None, constraints, span })
    }

    /// `(subtype = t, …)`.
    fn range_definition(&mut self) -> Parsing<NewType> {
        let (mut subtype, mut multirange) = (None, None);
        self.parenthesized_list(|parser| {
            let label = parser.col_label()?;
            if parser.eat_symbol(b'=') {
                match label.text.as_str() {
                    "subtype" => subtype = Some(parser.type_name()?),
                    "multirange_type_name" => multirange = Some(parser.any_name()?.name().to_owned()),
                    _ => parser.definition_value()?,
                }
            }
            Ok(())
        })?;
        Ok(NewType::Range { subtype, multirange })
    }

    fn create_sequence(&mut self, persistence: Persistence) -> Parsing<StatementKind> {
        self.advance();
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        let options = self.sequence_options()?;
        Ok(StatementKind::CreateSequence(Box::new(CreateSequence {
            name,
            if_not_exists,
            persistence,
            options,
        })))
    }

    fn create_schema(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let if_not_exists = self.if_not_exists()?;
        let name = if self.at_keyword(K::Authorization) { None } else { Some(self.col_id()?) };
        if self.eat_keyword(K::Authorization) {
            self.non_reserved_word()?;
        }
        let start = self.span();
        let mut elements = Vec::new();
        while matches!(self.keyword(), Some(K::Create | K::Grant)) {
            elements.push(self.statement()?);
        }
        if if_not_exists && !elements.is_empty() {
            let message = "CREATE SCHEMA IF NOT EXISTS cannot include schema elements";
            return Err(self.not_implemented(start, message));
        }
        Ok(StatementKind::CreateSchema(Box::new(CreateSchema { name, if_not_exists, elements })))
    }

    fn create_function(&mut self, or_replace: bool) -> Parsing<StatementKind> {
        let procedure = self.at_keyword(K::Procedure);
        self.advance();
        let name = self.function_name()?;
        let mut function = CreateFunction {
            or_replace,
            procedure,
            aggregate: None,
            name,
            parameters: Vec::new(),
            returns: None,
            language: None,
            may_commit: true,
            strict: false,
            window: false,
            volatility: Volatility::Volatile,
        };
        self.expect_symbol(b'(')?;
        if !self.at_symbol(b')') {
            function.parameters = self.list(Self::function_parameter)?;
        }
        self.expect_symbol(b')')?;
        if self.eat_keyword(K::Returns) {
            if self.eat_keyword(K::Table) {
                let columns = self.parenthesized_list(|parser| {
                    let name = Some(parser.col_id()?);
                    let type_name = parser.type_name()?;
                    Ok(FunctionParameter { mode: ParameterMode::Table, name, type_name, default: None })
                })?;
                function.parameters.extend(columns);
            } else {
                function.returns = Some(self.type_name()?);
            }
        }
        let body = self.function_options(&mut function)?;
        function.may_commit = match (function.language.as_deref(), body) {
            (Some("sql"), _) | (None, None) => false,
            (Some("plpgsql"), Some(body)) => ends_transactions(&body),
            _ => true,
        };
        Ok(StatementKind::CreateFunction(Box::new(function)))
    }

    pub(super) fn function_parameter(&mut self) -> Parsing<FunctionParameter> {
        let mut mode = self.parameter_mode();
        // A parameter has one of three forms: `[MODE] name type`, `[MODE] type`, or `name MODE type`.
        let named = matches!(self.token().kind, TokenKind::Identifier(_) | TokenKind::Keyword(_))
            && !matches!(
                self.ahead(1).kind,
                TokenKind::Symbol(b',' | b')' | b'(' | b'[' | b'.' | b'=' | b'%')
                    | TokenKind::Keyword(K::Default | K::Array | K::Order)
            )
            && self.keyword().is_none_or(|keyword| {
                Self::is_type_function_name(keyword) && keyword != K::Double && keyword != K::Setof
            });
        let name = if named { Some(self.non_reserved_word()?) } else { None };
        if mode.is_none() {
            mode = self.parameter_mode();
        }
        let type_name = self.type_name()?;
        let has_default = self.eat_keyword(K::Default) || self.eat_symbol(b'=');
        let default = if has_default { Some(self.expr()?) } else { None };
        Ok(FunctionParameter { mode: mode.unwrap_or(ParameterMode::In), name, type_name, default })
    }

    fn parameter_mode(&mut self) -> Option<ParameterMode> {
        let mode = match self.keyword()? {
            K::In => {
                self.advance();
                if self.eat_keyword(K::Out) {
                    return Some(ParameterMode::InOut);
                }
                return Some(ParameterMode::In);
            }
            K::Out => ParameterMode::Out,
            K::Inout => ParameterMode::InOut,
            K::Variadic => ParameterMode::Variadic,
            _ => return None,
        };
        self.advance();
        Some(mode)
    }

    /// Reads `LANGUAGE`, `STRICT`, `WINDOW`, the volatility and the string after `AS`; returns this string, or `None`
    /// without such a string. Skips all other options, and a body that is not written as a string.
    fn function_options(&mut self, function: &mut CreateFunction) -> Parsing<Option<String>> {
        let mut body = None;
        loop {
            match self.keyword() {
                Some(K::Language) => {
                    self.advance();
                    let language =
                        if self.at_string() { self.string()? } else { self.non_reserved_word()?.text };
                    function.language = Some(language.to_ascii_lowercase());
                    continue;
                }
                Some(K::As) if matches!(self.ahead(1).kind, TokenKind::String(_)) => {
                    self.advance();
                    body = Some(self.string()?);
                    continue;
                }
                Some(K::Immutable) => function.volatility = Volatility::Immutable,
                Some(K::Stable) => function.volatility = Volatility::Stable,
                Some(K::Volatile) => function.volatility = Volatility::Volatile,
                Some(K::Strict) => function.strict = true,
                Some(K::Window) => function.window = true,
                Some(K::Returns) if self.keyword_ahead(1) == Some(K::Null) => function.strict = true,
                Some(K::Begin | K::Return) => {
                    self.skip_statement();
                    return Ok(body);
                }
                _ => {}
            }
            if self.at_end() || self.at_symbol(b';') {
                return Ok(body);
            }
            self.advance();
        }
    }
}

/// Whether a body in PL/pgSQL contains a word with which the body can end its transaction, or run another body.
fn ends_transactions(body: &str) -> bool {
    const WORDS: [&str; 5] = ["commit", "rollback", "call", "do", "execute"];
    let mut words = body.split(|character: char| !character.is_alphanumeric() && character != '_');
    words.any(|word| WORDS.iter().any(|it| word.eq_ignore_ascii_case(it)))
}

/// `CREATE RECURSIVE VIEW v (a) AS q` is `WITH RECURSIVE v (a) AS (q) SELECT a FROM v`.
fn recursive_view(
    name: &crate::syntax::ast::QualifiedName,
    columns: &[crate::syntax::ast::Name],
    query: Query,
    start: crate::source::Span,
) -> Query {
    use crate::syntax::ast::{Cte, Name, QualifiedName, Statement, With};
    let span = start.to(query.span);
    let relation = Name { text: name.name().to_owned(), span: name.span() };
    let targets = columns
        .iter()
        .map(|column| Target {
            expr: Expr { kind: ExprKind::Column(vec![column.clone()]), span: column.span },
            label: None,
        })
        .collect();
    let cte = Cte {
        name: relation.clone(),
        columns: columns.to_vec(),
        materialized: None,
        statement: Box::new(Statement { kind: StatementKind::Query(Box::new(query)), span }),
        search: None,
        cycle: None,
    };
    let select = Select {
        distinct: None,
        targets,
        into: None,
        from: vec![FromItem::Table {
            name: QualifiedName { parts: vec![relation] },
            alias: None,
            sample: None,
            span,
        }],
        filter: None,
        group_by: Vec::new(),
        group_distinct: false,
        having: None,
        windows: Vec::new(),
        span,
    };
    Query {
        with: Some(With { recursive: true, ctes: vec![cte], span }),
        body: QueryBody::Select(Box::new(select)),
        order_by: Vec::new(),
        limit: None,
        offset: None,
        locking: Vec::new(),
        span,
    }
}
