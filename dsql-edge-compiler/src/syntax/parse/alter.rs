//! Parses `ALTER TABLE` and related statements.

use super::{K, Parser, Parsing};
use crate::source::Span;
use crate::syntax::ast::{AlterAction, AlterTable, ObjectKind, SET_LOGGED, SET_UNLOGGED, StatementKind};

impl Parser<'_> {
    /// Parses the words for a kind of object, which are the same in ALTER and DROP. Returns `None` at other words, and
    /// does not consume them.
    pub(super) fn object_kind(&mut self) -> Option<ObjectKind> {
        let object = match self.keyword()? {
            K::Table => ObjectKind::Table,
            K::View => ObjectKind::View,
            K::Index => ObjectKind::Index,
            K::Sequence => ObjectKind::Sequence,
            K::Materialized => ObjectKind::MaterializedView,
            K::Foreign if self.keyword_ahead(1) == Some(K::Table) => ObjectKind::ForeignTable,
            K::Type => ObjectKind::Type,
            K::Domain => ObjectKind::Domain,
            _ => return None,
        };
        if matches!(object, ObjectKind::MaterializedView | ObjectKind::ForeignTable) {
            self.advance();
        }
        self.advance();
        Some(object)
    }

    pub(super) fn alter(&mut self) -> Parsing<StatementKind> {
        self.advance();
        let Some(object) = self.object_kind() else { return self.other_alter() };
        if self.at_keyword(K::All) {
            self.skip_statement();
            return Ok(StatementKind::Utility("ALTER ALL IN TABLESPACE"));
        }
        // DSQL's `ALTER TABLE ASYNC t …`: `async` is the keyword only if another name follows.
        let asynchronous = object == ObjectKind::Table && self.name_follows() && self.eat_word("async");
        let if_exists = self.if_exists()?;
        let (name, only) = self.relation_name_or_only()?;
        if object == ObjectKind::Sequence && !self.at_shared_action() {
            let options = self.sequence_options()?;
            if options.is_empty() {
                return Err(self.error_here());
            }
            return Ok(StatementKind::Utility("ALTER SEQUENCE"));
        }
        let start = self.span();
        let mut places = Vec::new();
        let actions = match object {
            ObjectKind::Type => self.type_actions()?,
            ObjectKind::Domain => vec![self.domain_action()?],
            _ => self.table_actions(object, &mut places)?,
        };
        // `ALTER TYPE`, `ALTER DOMAIN`, and actions that must be alone, such as `RENAME TO`, have not added spans: for
        // these actions, the span is from `start` to the end of the statement.
        places.resize(actions.len(), start.to(self.previous_span()));
        Ok(StatementKind::AlterTable(Box::new(AlterTable {
            object,
            asynchronous,
            if_exists,
            only,
            name,
            actions,
            places,
        })))
    }

    pub(super) fn name_follows(&self) -> bool {
        use crate::syntax::token::TokenKind;
        match &self.ahead(1).kind {
            TokenKind::Identifier(_) => true,
            TokenKind::Keyword(K::If) => true,
            TokenKind::Keyword(keyword) => {
                Self::is_col_id(*keyword)
                    && !matches!(
                        keyword,
                        K::Add
                            | K::Alter
                            | K::Drop
                            | K::Rename
                            | K::Set
                            | K::Reset
                            | K::Owner
                            | K::Enable
                            | K::Disable
                            | K::Force
                            | K::No
                            | K::Attach
                            | K::Detach
                            | K::Validate
                            | K::Replica
                            | K::Cluster
                            | K::Inherit
                    )
            }
            _ => false,
        }
    }

    /// Whether the next words begin an action that `ALTER SEQUENCE` shares with `ALTER TABLE`.
    pub(super) fn at_shared_action(&self) -> bool {
        matches!(self.keyword(), Some(K::Rename | K::Set))
            || (self.at_keyword(K::Owner) && self.keyword_ahead(1) == Some(K::To))
            || self.at_keyword(K::Add)
            || self.at_keyword(K::Alter)
    }

    pub(super) fn other_alter(&mut self) -> Parsing<StatementKind> {
        let what = match self.keyword() {
            Some(K::Default) => "ALTER DEFAULT PRIVILEGES",
            Some(K::Function) => return self.alter_function("ALTER FUNCTION"),
            Some(K::Procedure) => return self.alter_function("ALTER PROCEDURE"),
            Some(K::Routine) => return self.alter_function("ALTER ROUTINE"),
            Some(K::Aggregate) => return self.alter_function("ALTER AGGREGATE"),
            Some(K::Schema) => return self.alter_schema(),
            Some(K::Extension) => return self.alter_extension(),
            Some(K::Database) => "ALTER DATABASE",
            Some(K::Role) => "ALTER ROLE",
            Some(K::User) => "ALTER USER",
            Some(K::Group) => "ALTER GROUP",
            Some(K::Policy) => "ALTER POLICY",
            Some(K::Trigger) => "ALTER TRIGGER",
            Some(K::Event) => "ALTER EVENT TRIGGER",
            Some(K::Rule) => "ALTER RULE",
            Some(K::Operator) => "ALTER OPERATOR",
            Some(K::Collation) => "ALTER COLLATION",
            Some(K::Conversion) => "ALTER CONVERSION",
            Some(K::Language | K::Procedural) => "ALTER LANGUAGE",
            Some(K::Large) => "ALTER LARGE OBJECT",
            Some(K::Publication) => "ALTER PUBLICATION",
            Some(K::Subscription) => "ALTER SUBSCRIPTION",
            Some(K::Server) => "ALTER SERVER",
            Some(K::Foreign) => "ALTER FOREIGN DATA WRAPPER",
            Some(K::Statistics) => "ALTER STATISTICS",
            Some(K::System) => "ALTER SYSTEM",
            Some(K::Tablespace) => "ALTER TABLESPACE",
            Some(K::Text) => "ALTER TEXT SEARCH",
            _ => return Err(self.error_here()),
        };
        self.skip_statement();
        Ok(StatementKind::Utility(what))
    }

    pub(super) fn if_exists(&mut self) -> Parsing<bool> {
        if !self.at_keyword(K::If) || self.keyword_ahead(1) != Some(K::Exists) {
            return Ok(false);
        }
        self.at += 2;
        Ok(true)
    }

    pub(super) fn table_actions(
        &mut self,
        object: ObjectKind,
        places: &mut Vec<Span>,
    ) -> Parsing<Vec<AlterAction>> {
        // PostgreSQL's grammar allows each of these actions only if the statement has no other action.
        match self.keyword() {
            Some(K::Rename) => return Ok(vec![self.rename()?]),
            Some(K::Set) if self.keyword_ahead(1) == Some(K::Schema) => {
                self.at += 2;
                return Ok(vec![AlterAction::SetSchema(self.col_id()?)]);
            }
            Some(K::Attach | K::Detach) => return Ok(vec![self.partition_action(object)?]),
            Some(K::Depends) | Some(K::No) if object != ObjectKind::Table => {
                self.skip_statement();
                return Ok(vec![AlterAction::Other("DEPENDS ON EXTENSION")]);
            }
            _ => {}
        }
        self.list(|parser| {
            let start = parser.span();
            let action = parser.table_action()?;
            places.push(start.to(parser.previous_span()));
            Ok(action)
        })
    }

    /// `ATTACH PARTITION name bound`, `DETACH PARTITION name`; on an index, the action does not affect queries.
    fn partition_action(&mut self, object: ObjectKind) -> Parsing<AlterAction> {
        let is_attached = self.at_keyword(K::Attach);
        self.advance();
        self.expect_keyword(K::Partition)?;
        let partition = self.qualified_name()?;
        self.skip_statement();
        Ok(match object {
            ObjectKind::Index => AlterAction::Other("ATTACH PARTITION"),
            _ if is_attached => AlterAction::AttachPartition(partition),
            _ => AlterAction::DetachPartition(partition),
        })
    }

    pub(super) fn rename(&mut self) -> Parsing<AlterAction> {
        self.advance();
        if self.eat_keyword(K::To) {
            return Ok(AlterAction::Rename(self.col_id()?));
        }
        if self.at_keyword(K::Constraint) {
            self.advance();
            let from = self.col_id()?;
            self.expect_keyword(K::To)?;
            return Ok(AlterAction::RenameConstraint { from, to: self.col_id()? });
        }
        if !self.eat_keyword(K::Column) {
            self.eat_keyword(K::Attribute);
        }
        let from = self.col_id()?;
        self.expect_keyword(K::To)?;
        let to = self.col_id()?;
        self.drop_behaviour();
        Ok(AlterAction::RenameColumn { from, to })
    }

    pub(super) fn table_action(&mut self) -> Parsing<AlterAction> {
        match self.keyword() {
            Some(K::Add) => self.add_action(),
            Some(K::Drop) => self.drop_action(),
            Some(K::Alter) => {
                self.advance();
                if self.eat_keyword(K::Constraint) {
                    self.col_id()?;
                    self.constraint_attributes()?;
                    return Ok(AlterAction::Other("ALTER CONSTRAINT"));
                }
                self.eat_keyword(K::Column);
                self.alter_column()
            }
            Some(K::Validate) => {
                self.advance();
                self.expect_keyword(K::Constraint)?;
                Ok(AlterAction::ValidateConstraint(self.col_id()?))
            }
            Some(K::Owner) => {
                self.advance();
                self.expect_keyword(K::To)?;
                self.role()?;
                Ok(AlterAction::Other("OWNER TO"))
            }
            Some(K::Set) => self.set_action(),
            Some(K::Reset) => {
                self.advance();
                self.relation_options()?;
                Ok(AlterAction::Other("RESET"))
            }
            Some(K::Enable | K::Disable) => self.enable_action(),
            Some(K::Force) => {
                self.advance();
                self.row_level_security()
            }
            Some(K::No) if self.keyword_ahead(1) == Some(K::Force) => {
                self.at += 2;
                self.row_level_security()
            }
            Some(K::No) if self.keyword_ahead(1) == Some(K::Inherit) => {
                self.at += 2;
                self.qualified_name().map(AlterAction::NoInherit)
            }
            Some(K::Inherit) => {
                self.advance();
                self.qualified_name().map(AlterAction::Inherit)
            }
            Some(K::Cluster) => {
                self.advance();
                self.expect_keyword(K::On)?;
                self.col_id()?;
                Ok(AlterAction::Other("CLUSTER ON"))
            }
            Some(K::Replica) => {
                self.advance();
                self.expect_keyword(K::Identity)?;
                match self.keyword() {
                    Some(K::Nothing | K::Full | K::Default) => {
                        self.advance();
                    }
                    Some(K::Using) => {
                        self.advance();
                        self.expect_keyword(K::Index)?;
                        self.col_id()?;
                    }
                    _ => return Err(self.error_here()),
                }
                Ok(AlterAction::Other("REPLICA IDENTITY"))
            }
            Some(K::Of) => {
                self.advance();
                self.any_name().map(AlterAction::OfType)
            }
            Some(K::Not) if self.keyword_ahead(1) == Some(K::Of) => {
                self.at += 2;
                Ok(AlterAction::NotOfType)
            }
            Some(K::Options) => {
                self.advance();
                self.skip_parentheses()?;
                Ok(AlterAction::Other("OPTIONS"))
            }
            _ => Err(self.error_here()),
        }
    }

    pub(super) fn row_level_security(&mut self) -> Parsing<AlterAction> {
        self.expect_keyword(K::Row)?;
        self.expect_keyword(K::Level)?;
        self.expect_keyword(K::Security)?;
        Ok(AlterAction::RowSecurity)
    }

    pub(super) fn role(&mut self) -> Parsing<()> {
        if matches!(self.keyword(), Some(K::CurrentRole | K::CurrentUser | K::SessionUser)) {
            self.advance();
            return Ok(());
        }
        self.non_reserved_word().map(|_| ())
    }

    pub(super) fn add_action(&mut self) -> Parsing<AlterAction> {
        self.advance();
        if self.at_table_constraint() {
            return self.table_constraint().map(AlterAction::AddConstraint);
        }
        if !self.eat_keyword(K::Column) {
            self.eat_keyword(K::Attribute);
        }
        let if_not_exists = self.if_not_exists()?;
        Ok(AlterAction::AddColumn { column: self.table_column()?, if_not_exists })
    }

    pub(super) fn drop_action(&mut self) -> Parsing<AlterAction> {
        self.advance();
        if self.eat_keyword(K::Constraint) {
            let if_exists = self.if_exists()?;
            let name = self.col_id()?;
            self.drop_behaviour();
            return Ok(AlterAction::DropConstraint { name, if_exists });
        }
        if !self.eat_keyword(K::Column) {
            self.eat_keyword(K::Attribute);
        }
        let if_exists = self.if_exists()?;
        let name = self.col_id()?;
        let cascade = self.drop_behaviour();
        Ok(AlterAction::DropColumn { name, if_exists, cascade })
    }

    /// Parses `CASCADE`, `RESTRICT`, or neither; returns whether it is `CASCADE`.
    pub(super) fn drop_behaviour(&mut self) -> bool {
        let cascade = self.eat_keyword(K::Cascade);
        if !cascade {
            self.eat_keyword(K::Restrict);
        }
        cascade
    }

    pub(super) fn set_action(&mut self) -> Parsing<AlterAction> {
        self.advance();
        if self.at_symbol(b'(') {
            self.relation_options()?;
            return Ok(AlterAction::Other("SET"));
        }
        match self.keyword() {
            Some(K::Without) => {
                self.advance();
                if !self.eat_keyword(K::Oids) {
                    self.expect_keyword(K::Cluster)?;
                }
            }
            Some(K::Tablespace) => {
                self.advance();
                self.col_id()?;
                self.eat_keyword(K::Nowait);
            }
            Some(logged @ (K::Logged | K::Unlogged)) => {
                self.advance();
                let what = if logged == K::Logged { SET_LOGGED } else { SET_UNLOGGED };
                return Ok(AlterAction::Other(what));
            }
            Some(K::Access) => {
                self.advance();
                self.expect_keyword(K::Method)?;
                self.col_id()?;
            }
            _ => return Err(self.error_here()),
        }
        Ok(AlterAction::Other("SET"))
    }

    pub(super) fn enable_action(&mut self) -> Parsing<AlterAction> {
        self.advance();
        if self.at_keyword(K::Row) {
            return self.row_level_security();
        }
        let is_always = matches!(self.keyword(), Some(K::Always | K::Replica));
        if is_always {
            self.advance();
        }
        match self.keyword() {
            Some(K::Trigger) => {
                self.advance();
                if matches!(self.keyword(), Some(K::All | K::User)) {
                    self.advance();
                    return Ok(AlterAction::Other("TRIGGER ALL"));
                }
                self.col_id()?;
                Ok(AlterAction::Other(if is_always { "ALWAYS TRIGGER" } else { "TRIGGER" }))
            }
            Some(K::Rule) => {
                self.advance();
                self.col_id()?;
                Ok(AlterAction::Other("RULE"))
            }
            _ => Err(self.error_here()),
        }
    }
}
