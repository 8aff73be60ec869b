//! Applies `CREATE TABLE … AS`, `CREATE MATERIALIZED VIEW`, `SELECT … INTO` and `PREPARE`.
//!
//! Input: the statement. Output: a table or a materialized view. As in PostgreSQL, the columns of a table are the
//! columns that the query has when the statement runs. A query that cannot be analyzed is kept, and its error is
//! reported where the table is used.

use super::fold::{Fold, PreparedQuery};
use super::table::plain_column;
use super::{Column, Moment, RelationKind, ResolvedColumn, TEMPORARY};
use crate::syntax;
use crate::syntax::ast::{
    CreateTableAs, Name, Persistence, QualifiedName, Query, StatementKind, TableSource, TypeName,
};

impl Fold {
    /// Records the query of a `PREPARE`, for a later `CREATE TABLE … AS EXECUTE`.
    pub(super) fn prepare(&mut self, text: &str) {
        let Some(prepare) = syntax::prepare(text) else { return };
        if let StatementKind::Query(query) = prepare.statement.kind {
            let prepared = PreparedQuery { query: *query, parameters: prepare.parameters };
            self.prepared.insert(prepare.name.text, prepared);
        }
    }

    pub(super) fn create_table_as(&mut self, table: CreateTableAs) {
        let (query, parameters) = match table.source {
            TableSource::Query(query) => (*query, Vec::new()),
            TableSource::Execute(name) => match self.prepared.get(&name.text) {
                Some(prepared) => (prepared.query.clone(), prepared.parameters.clone()),
                None => return,
            },
        };
        if !table.materialized_view {
            let options = (table.persistence, table.if_not_exists);
            return self.create_table_of(&table.name, query, table.columns, &parameters, options);
        }
        let kind = RelationKind::View(Box::new(query), table.columns);
        let mut relation = self.relation_named(&table.name, kind);
        relation.created = self.moment_before();
        relation.materialized = true;
        self.add_relation(relation, table.if_not_exists, table.name.span());
    }

    /// Applies `SELECT … INTO`.
    pub(super) fn select_into(&mut self, name: &QualifiedName, query: Query) {
        self.create_table_of(name, query, Vec::new(), &[], (Persistence::Permanent, false));
    }

    fn create_table_of(
        &mut self,
        name: &QualifiedName,
        query: Query,
        names: Vec<Name>,
        parameters: &[TypeName],
        (persistence, if_not_exists): (Persistence, bool),
    ) {
        let moment = self.moment_before();
        let columns = (self.resolver.columns_of_query)(&self.schema, &query, &moment, parameters);
        let kind = match columns {
            Some(_) => RelationKind::Table,
            None => RelationKind::TableAs(Box::new(query), names.clone()),
        };
        let mut relation = self.relation_named(name, kind);
        if persistence == Persistence::Temporary && name.schema().is_none() {
            relation.schema = TEMPORARY.to_owned();
        }
        relation.volatile_rows = persistence != Persistence::Permanent || relation.schema == TEMPORARY;
        relation.created = moment;
        relation.columns = columns.into_iter().flatten().map(column).collect();
        for (column, name) in relation.columns.iter_mut().zip(names) {
            column.name = name.text;
        }
        self.add_relation(relation, if_not_exists, name.span());
    }

    /// Returns the columns of a table; for a view or a sequence, the columns that the analyzer finds.
    pub(super) fn columns_of(&self, at: usize) -> Vec<Column> {
        let relation = &self.schema.relations[at];
        if matches!(relation.kind, RelationKind::Table) {
            return relation.columns.clone();
        }
        let columns = (self.resolver.columns_of_relation)(&self.schema, at);
        columns.into_iter().flatten().map(column).collect()
    }

    /// Returns the moment before the current statement, whose query cannot refer to the objects that the statement
    /// creates.
    pub(super) fn moment_before(&self) -> Moment {
        let now = self.moment();
        Moment { version: now.version.saturating_sub(1), ..now }
    }
}

fn column(resolved: ResolvedColumn) -> Column {
    Column { collation: resolved.collation, ..plain_column(resolved.name, resolved.type_name) }
}
