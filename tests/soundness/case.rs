//! A statement with the schema and the rows that it needs, in one tree. The tree can be shrunk, and can be printed as a
//! case for `tests/cases`.

use anyhow::{Context, Result, anyhow};
use dsql_edge_tests::oracle::{Database, Oracle};

use crate::judge::FILLINGS;
use crate::tree::{List, Node, Part, Sort};

/// Everything that is needed to reproduce a difference between the compiler and PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// DDL, rows and the statement, in this order.
    pub(crate) tree: Node,
}

impl Case {
    /// Combines the DDL, the rows and the statement.
    pub(crate) fn new(ddl: &[Node], rows: &[Node], statement: Node) -> Case {
        let tree = Node::new(Sort::Other, "")
            .list("", ";\n", ddl.to_vec())
            .list("", ";\n", rows.to_vec())
            .node(statement);
        Case { tree }
    }

    fn list(&self, at: usize) -> &[Node] {
        match self.tree.parts.get(at) {
            Some(Part::List(List { items, .. })) => items,
            _ => &[],
        }
    }

    /// The DDL.
    pub(crate) fn ddl(&self) -> String {
        statements(self.list(0))
    }

    /// The rows.
    pub(crate) fn rows(&self) -> String {
        statements(self.list(1))
    }

    /// The statement.
    pub(crate) fn sql(&self) -> String {
        self.tree.parts.last().map_or(String::new(), |part| match part {
            Part::Node(node) => node.sql(),
            _ => String::new(),
        })
    }

    /// Returns the schema as the compiler reads it.
    ///
    /// # Errors
    /// Returns an error if the compiler rejects the DDL.
    pub(crate) fn schema(&self) -> Result<dsql_edge_compiler::Schema> {
        dsql_edge_compiler::Schema::parse(&format!("-- dsql-edge: dialect postgres\n{}", self.ddl()))
            .map_err(|errors| anyhow!("the compiler does not read this schema: {errors:?}\n{}", self.ddl()))
    }

    /// For each filling, drops the schema of the previous case, creates the schema of this case, and inserts the rows
    /// of the filling.
    ///
    /// # Errors
    /// Returns an error if PostgreSQL rejects the DDL, or rejects a row of a filling other than `few`.
    pub(crate) fn install(&self, database: &Database<'_>) -> Result<()> {
        for filling in FILLINGS {
            database
                .run(&format!(
                    "DROP SCHEMA IF EXISTS \"{filling}\" CASCADE; CREATE SCHEMA \"{filling}\"; SET search_path = \"{filling}\";\n{}",
                    self.ddl()
                ))
                .with_context(|| self.ddl())?;
            let rows: Vec<Node> = match filling {
                "full" => self.list(1).to_vec(),
                "few" => {
                    // Keep only the first row of every second table.
                    let mut seen: Vec<String> = Vec::new();
                    let mut rows = self.list(1).to_vec();
                    rows.retain(|row| {
                        let table = head(row);
                        let new = !seen.contains(&table);
                        if new {
                            seen.push(table);
                        }
                        new && seen.len() % 2 == 1
                    });
                    rows
                }
                _ => Vec::new(),
            };
            // In `few`, the row that a foreign key refers to may be missing.
            for row in rows {
                if let Err(error) = database.run(&row.sql())
                    && filling != "few"
                {
                    return Err(error);
                }
            }
        }
        database.run("SET search_path = \"full\"")
    }

    /// Returns the case as the Markdown of a case file.
    pub(crate) fn markdown(&self, title: &str) -> String {
        let rows = self.rows();
        let rows = if rows.is_empty() { String::new() } else { format!("```sql rows\n{rows}```\n") };
        format!(
            "## {title}\n\n```sql schema\n-- dsql-edge: dialect postgres\n{}```\n{rows}```sql\n{}\n```\n",
            self.ddl(),
            self.sql()
        )
    }
}

/// Returns the rows that the schema accepts.
///
/// # Errors
/// Returns an error if PostgreSQL rejects the schema itself.
pub(crate) fn accepted_rows(ddl: &[Node], rows: Vec<Node>, database: &Database<'_>) -> Result<Vec<Node>> {
    database.run("DROP SCHEMA IF EXISTS trial CASCADE; CREATE SCHEMA trial; SET search_path = trial")?;
    database.run(&statements(ddl)).with_context(|| statements(ddl))?;
    let rows = rows.into_iter().filter(|row| database.run(&row.sql()).is_ok()).collect();
    database.run("DROP SCHEMA trial CASCADE")?;
    Ok(rows)
}

/// Creates a database to install cases in.
///
/// # Errors
/// Returns an error if PostgreSQL cannot create the database.
pub(crate) fn workshop(oracle: &Oracle) -> Result<Database<'_>> {
    oracle.database("SET client_min_messages = error; SET synchronous_commit = off")
}

fn head(row: &Node) -> String {
    match row.parts.first() {
        Some(Part::Text(text)) => text.to_string(),
        _ => String::new(),
    }
}

fn statements(nodes: &[Node]) -> String {
    nodes.iter().map(|node| format!("{};\n", node.sql())).collect()
}
