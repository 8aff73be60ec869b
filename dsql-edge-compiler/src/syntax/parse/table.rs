//! Parses `CREATE TABLE` and `CREATE TABLE … AS`, and the parts that these statements share with others, such as
//! columns, storage parameters and the options of sequences.

use super::{K, Parser, Parsing, TokenKind};
use crate::syntax::ast::{
    CreateTable, CreateTableAs, Persistence, SequenceOption, StatementKind, TableColumn, TableElement,
    TableSource,
};

impl Parser<'_> {
    /// Parses the rest of the statement after `CREATE [TEMP] TABLE`.
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

    /// Whether a list of names such as `(a, b) AS` follows, instead of a list of columns such as `(a int, b text)`.
    pub(super) fn bare_column_list_ahead(&self) -> bool {
        matches!(self.ahead(1).kind, TokenKind::Identifier(_) | TokenKind::Keyword(_))
            && (self.symbol_ahead(2, b',') || self.symbol_ahead(2, b')'))
            && self.keyword_ahead(1) != Some(K::Like)
    }

    pub(super) fn create_table_as(
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
        let source = if self.eat_keyword(K::Execute) {
            let prepared = self.col_id()?;
            if self.at_symbol(b'(') {
                self.parenthesized_list(Self::expr)?;
            }
            TableSource::Execute(prepared)
        } else {
            TableSource::Query(Box::new(self.query()?))
        };
        self.with_data()?;
        Ok(StatementKind::CreateTableAs(Box::new(CreateTableAs {
            name: rest.name,
            columns,
            source,
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
    pub(super) fn table_options(&mut self, table: &mut CreateTable) -> Parsing<()> {
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
        } else if self.eat_keyword(K::Without) {
            self.expect_keyword(K::Oids)?;
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
            TokenKind::Keyword(K::Operator) if self.symbol_ahead(1, b'(') => {
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

    pub(super) fn partition_bound(&mut self) -> Parsing<()> {
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

    pub(super) fn table_element(&mut self, typed: bool) -> Parsing<TableElement> {
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
            let column = TableColumn {
                name,
                type_name: None,
                collation: None,
                storage: false,
                compression: None,
                constraints,
                span,
            };
            return Ok(TableElement::Column(column));
        }
        self.table_column().map(TableElement::Column)
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
        let mut compression = None;
        if self.at_keyword(K::Compression) {
            storage = true;
            let word = self.advance();
            if !self.eat_keyword(K::Default) {
                self.col_id()?;
            }
            compression = Some(word.to(self.previous_span()));
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
            compression,
            constraints,
            span: start.to(self.previous_span()),
        })
    }

    pub(super) fn sequence_options_in_parentheses(&mut self) -> Parsing<Vec<SequenceOption>> {
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

    /// `SeqOptElem`, in any number.
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
                Some(keyword @ (K::Cycle | K::Logged | K::Unlogged)) => {
                    self.advance();
                    option.name = keyword.text();
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

    pub(super) fn signed_number(&mut self) -> Parsing<String> {
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
