//! `CREATE TABLE` and what its columns and constraints are made of.

use super::{K, Parser, Parsing, TokenKind};
use crate::syntax::ast::{
    Constraint, ConstraintKind, CreateTable, CreateTableAs, KeyConstraint, Persistence, SequenceOption,
    StatementKind, TableColumn, TableElement,
};

impl Parser<'_> {
    /// After `CREATE [TEMP] TABLE`.
    pub(super) fn create_table(&mut self, persistence: Persistence) -> Parsing<StatementKind> {
        let if_not_exists = self.if_not_exists()?;
        let name = self.qualified_name()?;
        if !self.at_symbol(b'(') && !self.at_keyword(K::Partition) && !self.at_keyword(K::Of) {
            return self.create_table_as(name, Vec::new(), persistence, if_not_exists);
        }
        if self.at_symbol(b'(') && self.bare_column_list_ahead() {
            let columns = self.column_list()?;
            return self.create_table_as(name, columns, persistence, if_not_exists);
        }
        let mut table = CreateTable {
            persistence,
            if_not_exists,
            name,
            elements: Vec::new(),
            inherits: Vec::new(),
            partition_of: None,
            of_type: None,
            partitioned: false,
            options: Vec::new(),
        };
        if self.eat_keyword(K::Of) {
            table.of_type = Some(self.any_name()?);
        } else if self.eat_keyword(K::Partition) {
            self.expect_keyword(K::Of)?;
            table.partition_of = Some(self.qualified_name()?);
        }
        let typed = table.of_type.is_some() || table.partition_of.is_some();
        if self.eat_symbol(b'(') {
            if typed || !self.at_symbol(b')') {
                table.elements = self.list(|parser| parser.table_element(typed))?;
            }
            self.expect_symbol(b')')?;
        }
        if table.partition_of.is_some() {
            self.partition_bound()?;
        }
        self.table_options(&mut table)?;
        Ok(StatementKind::CreateTable(Box::new(table)))
    }

    pub(super) fn if_not_exists(&mut self) -> Parsing<bool> {
        if !self.at_keywords(K::If, K::Not) {
            return Ok(false);
        }
        self.at += 2;
        self.expect_keyword(K::Exists)?;
        Ok(true)
    }

    /// `(a, b) AS` rather than `(a int, b text)`.
    fn bare_column_list_ahead(&self) -> bool {
        matches!(self.ahead(1).kind, TokenKind::Identifier(_) | TokenKind::Keyword(_))
            && (self.symbol_ahead(2, b',') || self.symbol_ahead(2, b')'))
            && self.keyword_ahead(1) != Some(K::Like)
    }

    fn create_table_as(
        &mut self,
        name: crate::syntax::ast::QualifiedName,
        columns: Vec<crate::syntax::ast::Name>,
        persistence: Persistence,
        if_not_exists: bool,
    ) -> Parsing<StatementKind> {
        let mut rest = CreateTable {
            persistence,
            if_not_exists,
            name,
            elements: Vec::new(),
            inherits: Vec::new(),
            partition_of: None,
            of_type: None,
            partitioned: false,
            options: Vec::new(),
        };
        self.table_options(&mut rest)?;
        self.expect_keyword(K::As)?;
        let query = if self.eat_keyword(K::Execute) {
            self.col_id()?;
            if self.at_symbol(b'(') {
                self.parenthesized_list(Self::expr)?;
            }
            None
        } else {
            Some(self.query()?)
        };
        self.with_data()?;
        Ok(StatementKind::CreateTableAs(Box::new(CreateTableAs {
            name: rest.name,
            columns,
            query,
            materialized_view: false,
            persistence,
            if_not_exists,
        })))
    }

    pub(super) fn with_data(&mut self) -> Parsing<()> {
        if self.eat_keyword(K::With) {
            self.eat_keyword(K::No);
            self.expect_keyword(K::Data)?;
        }
        Ok(())
    }

    /// `INHERITS`, `PARTITION BY`, `USING`, `WITH`, `ON COMMIT`, `TABLESPACE`.
    fn table_options(&mut self, table: &mut CreateTable) -> Parsing<()> {
        if self.at_keyword(K::Inherits) {
            let span = self.advance();
            table.inherits = self.parenthesized_list(Self::qualified_name)?;
            table.options.push(("INHERITS", span));
        }
        if self.at_keyword(K::Partition) {
            let span = self.advance();
            self.expect_keyword(K::By)?;
            self.col_id()?;
            self.parenthesized_list(Self::index_element)?;
            table.partitioned = true;
            table.options.push(("PARTITION BY", span));
        }
        if self.at_keyword(K::Using) {
            let span = self.advance();
            self.col_id()?;
            table.options.push(("USING", span));
        }
        if self.at_keyword(K::With) && self.symbol_ahead(1, b'(') {
            let span = self.advance();
            self.relation_options()?;
            table.options.push(("WITH", span));
        } else if self.at_keyword(K::Without) && self.keyword_ahead(1) == Some(K::Oids) {
            self.at += 2;
        }
        if self.at_keywords(K::On, K::Commit) {
            let span = self.advance();
            self.advance();
            match self.keyword() {
                Some(K::Drop) => {
                    self.advance();
                }
                Some(K::Delete | K::Preserve) => {
                    self.advance();
                    self.expect_keyword(K::Rows)?;
                }
                _ => return Err(self.error_here()),
            }
            table.options.push(("ON COMMIT", span));
        }
        if self.at_keyword(K::Tablespace) {
            let span = self.advance();
            self.col_id()?;
            table.options.push(("TABLESPACE", span));
        }
        Ok(())
    }

    /// `(name = value, …)`.
    pub(super) fn relation_options(&mut self) -> Parsing<()> {
        self.parenthesized_list(|parser| {
            parser.col_label()?;
            if parser.eat_symbol(b'.') {
                parser.col_label()?;
            }
            if parser.eat_symbol(b'=') {
                parser.definition_value()?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// `def_arg`.
    pub(super) fn definition_value(&mut self) -> Parsing<()> {
        match &self.token().kind {
            TokenKind::String(_) | TokenKind::Integer(_) | TokenKind::Numeric(_) => {
                self.advance();
            }
            TokenKind::Symbol(b'+' | b'-')
                if matches!(self.ahead(1).kind, TokenKind::Integer(_) | TokenKind::Numeric(_)) =>
            {
                self.at += 2;
            }
            TokenKind::Operator(_)
            | TokenKind::Symbol(_)
            | TokenKind::LessEquals
            | TokenKind::GreaterEquals
            | TokenKind::NotEquals => {
                self.operator()?;
            }
            TokenKind::Keyword(keyword) if keyword.class() == crate::syntax::keyword::Class::Reserved => {
                self.advance();
            }
            _ => {
                self.type_name()?;
            }
        }
        Ok(())
    }

    fn partition_bound(&mut self) -> Parsing<()> {
        if self.eat_keyword(K::Default) {
            return Ok(());
        }
        self.expect_keyword(K::For)?;
        self.expect_keyword(K::Values)?;
        match self.keyword() {
            Some(K::With) => {
                self.advance();
                self.parenthesized_list(|parser| {
                    parser.non_reserved_word()?;
                    parser.integer()
                })?;
            }
            Some(K::In) => {
                self.advance();
                self.parenthesized_list(Self::expr)?;
            }
            Some(K::From) => {
                self.advance();
                self.parenthesized_list(Self::expr)?;
                self.expect_keyword(K::To)?;
                self.parenthesized_list(Self::expr)?;
            }
            _ => return Err(self.error_here()),
        }
        Ok(())
    }

    fn table_element(&mut self, typed: bool) -> Parsing<TableElement> {
        if self.at_keyword(K::Like) && !typed {
            self.advance();
            let table = self.qualified_name()?;
            let mut including = Vec::new();
            while matches!(self.keyword(), Some(K::Including | K::Excluding)) {
                let include = self.at_keyword(K::Including);
                self.advance();
                let what = match self.keyword() {
                    Some(
                        option @ (K::Comments
                        | K::Compression
                        | K::Constraints
                        | K::Defaults
                        | K::Identity
                        | K::Generated
                        | K::Indexes
                        | K::Statistics
                        | K::Storage
                        | K::All),
                    ) => option.text(),
                    _ => return Err(self.error_here()),
                };
                self.advance();
                including.push((include, what));
            }
            return Ok(TableElement::Like { table, including });
        }
        if self.at_table_constraint() {
            return self.table_constraint().map(TableElement::Constraint);
        }
        if typed {
            let name = self.col_id()?;
            let start = name.span;
            self.eat_keywords(K::With, K::Options);
            let constraints = self.column_constraints()?.1;
            let span = start.to(self.previous_span());
            let column =
                TableColumn { name, type_name: None, collation: None, storage: false, constraints, span };
            return Ok(TableElement::Column(column));
        }
        self.table_column().map(TableElement::Column)
    }

    pub(super) fn at_table_constraint(&self) -> bool {
        match self.keyword() {
            Some(K::Constraint | K::Check | K::Unique | K::Primary | K::Foreign) => true,
            Some(K::Exclude) => self.symbol_ahead(1, b'(') || self.keyword_ahead(1) == Some(K::Using),
            _ => false,
        }
    }

    /// `columnDef`.
    pub(super) fn table_column(&mut self) -> Parsing<TableColumn> {
        let name = self.col_id()?;
        let start = name.span;
        let type_name = Some(self.type_name()?);
        let mut storage = false;
        if self.eat_keyword(K::Storage) {
            storage = true;
            if !self.eat_keyword(K::Default) {
                self.col_id()?;
            }
        }
        if self.eat_keyword(K::Compression) {
            storage = true;
            if !self.eat_keyword(K::Default) {
                self.col_id()?;
            }
        }
        if self.at_keyword(K::Options) && self.symbol_ahead(1, b'(') {
            self.advance();
            self.skip_parentheses()?;
        }
        let (collation, constraints) = self.column_constraints()?;
        Ok(TableColumn {
            name,
            type_name,
            collation,
            storage,
            constraints,
            span: start.to(self.previous_span()),
        })
    }

    #[allow(clippy::type_complexity)]
    pub(super) fn column_constraints(
        &mut self,
    ) -> Parsing<(Option<crate::syntax::ast::QualifiedName>, Vec<Constraint>)> {
        let mut collation = None;
        let mut constraints = Vec::new();
        loop {
            let start = self.span();
            let name = if self.eat_keyword(K::Constraint) { Some(self.col_id()?) } else { None };
            if name.is_none() && self.at_keyword(K::Collate) {
                self.advance();
                collation = Some(self.any_name()?);
                continue;
            }
            let Some(kind) = self.column_constraint()? else {
                if name.is_some() {
                    return Err(self.error_here());
                }
                return Ok((collation, constraints));
            };
            constraints.push(Constraint { name, kind, span: start.to(self.previous_span()) });
        }
    }

    fn column_constraint(&mut self) -> Parsing<Option<ConstraintKind>> {
        Ok(Some(match self.keyword() {
            Some(K::Not) if self.keyword_ahead(1) == Some(K::Null) => {
                self.at += 2;
                ConstraintKind::NotNull
            }
            Some(K::Null) => {
                self.advance();
                ConstraintKind::Null
            }
            Some(K::Unique) => {
                self.advance();
                let nulls_not_distinct = self.nulls_not_distinct()?;
                self.index_parameters()?;
                ConstraintKind::Unique(KeyConstraint { nulls_not_distinct, ..KeyConstraint::default() })
            }
            Some(K::Primary) => {
                self.advance();
                self.expect_keyword(K::Key)?;
                self.index_parameters()?;
                ConstraintKind::PrimaryKey(KeyConstraint::default())
            }
            Some(K::Check) => {
                self.advance();
                self.expect_symbol(b'(')?;
                let expr = self.expr()?;
                self.expect_symbol(b')')?;
                self.eat_keywords(K::No, K::Inherit);
                ConstraintKind::Check { expr, not_valid: false }
            }
            Some(K::Default) => {
                self.advance();
                ConstraintKind::Default(self.restricted_expr()?)
            }
            Some(K::Generated) => {
                self.advance();
                let always = self.eat_keyword(K::Always);
                if !always {
                    self.expect_keyword(K::By)?;
                    self.expect_keyword(K::Default)?;
                }
                self.expect_keyword(K::As)?;
                if self.eat_keyword(K::Identity) {
                    ConstraintKind::Identity { always, options: self.sequence_options_in_parentheses()? }
                } else {
                    let at = self.previous_span();
                    self.expect_symbol(b'(')?;
                    let expr = self.expr()?;
                    self.expect_symbol(b')')?;
                    self.expect_keyword(K::Stored)?;
                    if !always {
                        return Err(
                            self.error_at(at, "for a generated column, GENERATED ALWAYS must be specified")
                        );
                    }
                    ConstraintKind::Generated(expr)
                }
            }
            Some(K::References) => {
                let (table, referenced) = self.references()?;
                ConstraintKind::ForeignKey { columns: Vec::new(), table, referenced }
            }
            Some(K::Deferrable) => {
                self.advance();
                ConstraintKind::Attribute
            }
            Some(K::Not) if self.keyword_ahead(1) == Some(K::Deferrable) => {
                self.at += 2;
                ConstraintKind::Attribute
            }
            Some(K::Initially) => {
                self.advance();
                if !self.eat_keyword(K::Deferred) {
                    self.expect_keyword(K::Immediate)?;
                }
                ConstraintKind::Attribute
            }
            _ => return Ok(None),
        }))
    }

    fn nulls_not_distinct(&mut self) -> Parsing<bool> {
        if !self.at_keyword(K::Nulls) {
            return Ok(false);
        }
        self.advance();
        let not = self.eat_keyword(K::Not);
        self.expect_keyword(K::Distinct)?;
        Ok(not)
    }

    /// `WITH (…)` and `USING INDEX TABLESPACE …` of a key.
    fn index_parameters(&mut self) -> Parsing<()> {
        if self.at_keyword(K::With) && self.symbol_ahead(1, b'(') {
            self.advance();
            self.relation_options()?;
        }
        if self.at_keywords(K::Using, K::Index) && self.keyword_ahead(2) == Some(K::Tablespace) {
            self.at += 3;
            self.col_id()?;
        }
        Ok(())
    }

    #[allow(clippy::type_complexity)]
    fn references(&mut self) -> Parsing<(crate::syntax::ast::QualifiedName, Vec<crate::syntax::ast::Name>)> {
        self.expect_keyword(K::References)?;
        let table = self.qualified_name()?;
        let referenced = if self.at_symbol(b'(') { self.column_list()? } else { Vec::new() };
        if self.eat_keyword(K::Match) {
            match self.keyword() {
                Some(K::Full | K::Simple) => {
                    self.advance();
                }
                Some(K::Partial) => {
                    return Err(self.not_implemented(self.span(), "MATCH PARTIAL not yet implemented"));
                }
                _ => return Err(self.error_here()),
            }
        }
        while self.at_keyword(K::On) && matches!(self.keyword_ahead(1), Some(K::Delete | K::Update)) {
            self.at += 2;
            match self.keyword() {
                Some(K::No) => {
                    self.advance();
                    self.expect_keyword(K::Action)?;
                }
                Some(K::Restrict | K::Cascade) => {
                    self.advance();
                }
                Some(K::Set) => {
                    self.advance();
                    if !self.eat_keyword(K::Null) {
                        self.expect_keyword(K::Default)?;
                    }
                    if self.at_symbol(b'(') {
                        self.column_list()?;
                    }
                }
                _ => return Err(self.error_here()),
            }
        }
        Ok((table, referenced))
    }

    /// `[CONSTRAINT name] CHECK | UNIQUE | PRIMARY KEY | FOREIGN KEY | EXCLUDE …`.
    pub(super) fn table_constraint(&mut self) -> Parsing<Constraint> {
        let start = self.span();
        let name = if self.eat_keyword(K::Constraint) { Some(self.col_id()?) } else { None };
        let mut kind = match self.keyword() {
            Some(K::Check) => {
                self.advance();
                self.expect_symbol(b'(')?;
                let expr = self.expr()?;
                self.expect_symbol(b')')?;
                ConstraintKind::Check { expr, not_valid: false }
            }
            Some(K::Unique) => {
                self.advance();
                ConstraintKind::Unique(self.key_constraint(true)?)
            }
            Some(K::Primary) => {
                self.advance();
                self.expect_keyword(K::Key)?;
                ConstraintKind::PrimaryKey(self.key_constraint(false)?)
            }
            Some(K::Foreign) => {
                self.advance();
                self.expect_keyword(K::Key)?;
                let columns = self.column_list()?;
                let (table, referenced) = self.references()?;
                ConstraintKind::ForeignKey { columns, table, referenced }
            }
            Some(K::Exclude) => {
                self.advance();
                if self.eat_keyword(K::Using) {
                    self.col_id()?;
                }
                self.parenthesized_list(|parser| {
                    parser.index_element()?;
                    parser.expect_keyword(K::With)?;
                    parser.operator()
                })?;
                if self.eat_keyword(K::Include) {
                    self.column_list()?;
                }
                self.index_parameters()?;
                if self.eat_keyword(K::Where) {
                    self.expect_symbol(b'(')?;
                    self.expr()?;
                    self.expect_symbol(b')')?;
                }
                ConstraintKind::Exclude
            }
            _ => return Err(self.error_here()),
        };
        let invalid = self.constraint_attributes()?;
        if let ConstraintKind::Check { not_valid, .. } = &mut kind {
            *not_valid = invalid;
        }
        Ok(Constraint { name, kind, span: start.to(self.previous_span()) })
    }

    fn key_constraint(&mut self, unique: bool) -> Parsing<KeyConstraint> {
        let mut key = KeyConstraint::default();
        if self.at_keywords(K::Using, K::Index) {
            self.at += 2;
            key.index = Some(self.col_id()?);
            return Ok(key);
        }
        if unique {
            key.nulls_not_distinct = self.nulls_not_distinct()?;
        }
        key.columns = self.column_list()?;
        if self.eat_keyword(K::Include) {
            key.include = self.column_list()?;
        }
        self.index_parameters()?;
        Ok(key)
    }

    /// `DEFERRABLE`, `INITIALLY …`, `NOT VALID`, `NO INHERIT`, any number; whether `NOT VALID` is there.
    pub(super) fn constraint_attributes(&mut self) -> Parsing<bool> {
        let mut not_valid = false;
        loop {
            if self.eat_keyword(K::Deferrable)
                || self.eat_keywords(K::Not, K::Deferrable)
                || self.eat_keywords(K::No, K::Inherit)
            {
                continue;
            }
            if self.eat_keyword(K::Initially) {
                if !self.eat_keyword(K::Deferred) {
                    self.expect_keyword(K::Immediate)?;
                }
                continue;
            }
            if self.eat_keywords(K::Not, K::Valid) {
                not_valid = true;
                continue;
            }
            return Ok(not_valid);
        }
    }

    fn sequence_options_in_parentheses(&mut self) -> Parsing<Vec<SequenceOption>> {
        if !self.eat_symbol(b'(') {
            return Ok(Vec::new());
        }
        let options = self.sequence_options()?;
        if options.is_empty() {
            return Err(self.error_here());
        }
        self.expect_symbol(b')')?;
        Ok(options)
    }

    /// `SeqOptElem`, any number.
    pub(super) fn sequence_options(&mut self) -> Parsing<Vec<SequenceOption>> {
        let mut options = Vec::new();
        loop {
            let start = self.span();
            let mut option = SequenceOption { name: "", value: None, type_name: None, span: start };
            match self.keyword() {
                Some(K::As) => {
                    self.advance();
                    option.name = "as";
                    option.type_name = Some(self.type_name()?);
                }
                Some(keyword @ (K::Cache | K::Maxvalue | K::Minvalue)) => {
                    self.advance();
                    option.name = keyword.text();
                    option.value = Some(self.signed_number()?);
                }
                Some(K::Increment) => {
                    self.advance();
                    self.eat_keyword(K::By);
                    option.name = "increment";
                    option.value = Some(self.signed_number()?);
                }
                Some(K::Start) => {
                    self.advance();
                    self.eat_keyword(K::With);
                    option.name = "start";
                    option.value = Some(self.signed_number()?);
                }
                Some(K::Restart) => {
                    self.advance();
                    let with = self.eat_keyword(K::With);
                    option.name = "restart";
                    if with
                        || !matches!(
                            self.token().kind,
                            TokenKind::End | TokenKind::Symbol(b')' | b';') | TokenKind::Keyword(_)
                        )
                    {
                        option.value = Some(self.signed_number()?);
                    }
                }
                Some(K::Cycle | K::Logged | K::Unlogged) => {
                    self.advance();
                    option.name = "cycle";
                }
                Some(K::No)
                    if matches!(self.keyword_ahead(1), Some(K::Cycle | K::Maxvalue | K::Minvalue)) =>
                {
                    self.at += 2;
                    option.name = "no";
                }
                Some(K::Owned) => {
                    self.advance();
                    self.expect_keyword(K::By)?;
                    self.any_name()?;
                    option.name = "owned";
                }
                Some(K::Sequence) if self.keyword_ahead(1) == Some(K::Name) => {
                    self.at += 2;
                    self.any_name()?;
                    option.name = "name";
                }
                _ => return Ok(options),
            }
            option.span = start.to(self.previous_span());
            options.push(option);
        }
    }

    fn signed_number(&mut self) -> Parsing<String> {
        let negative = self.at_symbol(b'-');
        if negative || self.at_symbol(b'+') {
            self.advance();
        }
        let digits = match &self.token().kind {
            TokenKind::Integer(value) => value.to_string(),
            TokenKind::Numeric(text) => text.clone(),
            _ => return Err(self.error_here()),
        };
        self.advance();
        Ok(if negative { format!("-{digits}") } else { digits })
    }
}
