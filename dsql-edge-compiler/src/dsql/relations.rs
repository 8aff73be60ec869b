//! Finds the tables whose rows a statement reads or writes, for DSQL's rules.
//!
//! Input: a statement. Output: names without their schemas. Names are not resolved: an unqualified `pg_…` counts as a
//! relation of the catalog, and a name of a `WITH` query does not count as a table.

use super::inside::{self, Copied};
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{FromItem, QualifiedName, Query, Statement, StatementKind};
use crate::syntax::visit::{self, Visit};

/// Schemas without user tables.
const SYSTEM: &[&str] = &["pg_catalog", "information_schema", "sys"];

/// Returns the tables of a query, of INSERT, UPDATE, DELETE and MERGE, and of COPY and EXPLAIN ANALYZE. For `SELECT 1`,
/// a query of `pg_class`, and DDL, the result is empty.
pub fn used_tables(statement: ParsedStatement<'_>) -> Vec<String> {
    if let Some(inner) = inside::run(statement) {
        return inner.statements.first().map(of_statement).unwrap_or_default();
    }
    match &statement.kind {
        StatementKind::Utility("COPY") => match inside::copied(statement) {
            Some(Copied::Into(table) | Copied::Table(table)) => {
                let mut found = Tables::default();
                found.table(&table);
                found.tables.into_iter().map(str::to_owned).collect()
            }
            _ => Vec::new(),
        },
        StatementKind::Query(_)
        | StatementKind::Insert(_)
        | StatementKind::Update(_)
        | StatementKind::Delete(_)
        | StatementKind::Merge(_) => of_statement(statement.tree),
        _ => Vec::new(),
    }
}

fn of_statement(statement: &Statement) -> Vec<String> {
    let mut found = Tables::default();
    found.targets(statement);
    visit::statement(statement, &mut found);
    found.tables.into_iter().map(str::to_owned).collect()
}

#[derive(Default)]
struct Tables<'s> {
    /// The names of the WITH queries.
    with: Vec<&'s str>,
    tables: Vec<&'s str>,
}

impl<'s> Tables<'s> {
    /// Adds the table to which a statement writes, and the tables to which the statements in its WITH write; FROM does
    /// not contain these tables.
    fn targets(&mut self, statement: &'s Statement) {
        let (with, target) = match &statement.kind {
            StatementKind::Query(query) => (&query.with, None),
            StatementKind::Insert(insert) => (&insert.with, Some(&insert.table)),
            StatementKind::Update(update) => (&update.with, Some(&update.table)),
            StatementKind::Delete(delete) => (&delete.with, Some(&delete.table)),
            StatementKind::Merge(merge) => (&merge.with, Some(&merge.table)),
            _ => return,
        };
        if let Some(target) = target {
            self.table(&target.name);
        }
        for cte in with.iter().flat_map(|with| &with.ctes) {
            self.with.push(&cte.name.text);
            self.targets(&cte.statement);
        }
    }

    fn table(&mut self, name: &'s QualifiedName) {
        let counts = match name.schema() {
            Some(schema) => !SYSTEM.contains(&schema),
            None => !name.name().starts_with("pg_") && !self.with.contains(&name.name()),
        };
        if counts && !self.tables.contains(&name.name()) {
            self.tables.push(name.name());
        }
    }
}

impl<'s> Visit<'s> for Tables<'s> {
    fn query(&mut self, query: &'s Query) -> bool {
        let names = query.with.iter().flat_map(|with| &with.ctes).map(|cte| cte.name.text.as_str());
        self.with.extend(names);
        true
    }

    fn item(&mut self, item: &'s FromItem) -> bool {
        if let FromItem::Table { name, .. } = item {
            self.table(name);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Parsed;

    #[test]
    fn tables_are_found_in_queries_and_dml_and_not_in_ddl() {
        for (sql, tables) in [
            ("SELECT 1", ""),
            ("SELECT * FROM generate_series(1, 2)", ""),
            ("WITH one AS (SELECT 1) SELECT * FROM one", ""),
            ("SHOW timezone", ""),
            ("CALL sys.wait_for_job('x')", ""),
            ("SELECT relname FROM pg_catalog.pg_class, pg_namespace", ""),
            ("SELECT table_name FROM information_schema.tables", ""),
            ("SELECT status FROM sys.jobs", ""),
            ("CREATE TABLE t (id int)", ""),
            ("CREATE VIEW v AS SELECT * FROM t", ""),
            ("GRANT SELECT ON t TO r", ""),
            ("SELECT * FROM t", "t"),
            ("SELECT (SELECT max(id) FROM t)", "t"),
            ("SELECT 1 WHERE EXISTS (TABLE t)", "t"),
            ("WITH one AS (SELECT * FROM t) SELECT * FROM one", "t"),
            ("WITH t AS (SELECT 1) SELECT * FROM public.t", "t"),
            ("SELECT 1 FROM t UNION SELECT id FROM u JOIN t USING (id)", "t u"),
            ("SELECT relname FROM pg_class, \"T\"", "T"),
            ("INSERT INTO t SELECT * FROM u RETURNING id", "t u"),
            ("WITH gone AS (DELETE FROM u RETURNING id) UPDATE t SET id = 1 FROM gone", "t u"),
            ("DELETE FROM app.t USING u", "t u"),
            ("COPY app.t (id) FROM STDIN", "t"),
            ("COPY t TO STDOUT", "t"),
            ("COPY BINARY t TO STDOUT", "t"),
            ("COPY (SELECT * FROM t, u) TO STDOUT", "t u"),
            ("EXPLAIN ANALYZE DELETE FROM t", "t"),
            ("EXPLAIN (ANALYZE false) DELETE FROM t", ""),
        ] {
            let source = crate::Source::numbered(sql);
            let parsed = Parsed::script(&source).unwrap();
            assert_eq!(used_tables(parsed.only().unwrap()).join(" "), tables, "{sql}");
        }
    }
}
