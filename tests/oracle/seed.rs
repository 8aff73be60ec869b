//! Fills every table of a database with rows, one of which contains as many NULLs as possible, and runs statements over
//! them: a column that the compiler reports as NOT NULL must never be NULL.

use std::collections::BTreeMap;

use anyhow::Result;
use tokio_postgres::SimpleQueryMessage;

use super::Database;
use super::values::{Kind, Values};

/// The number of rows per table. A value depends on the number of its row, so that joins find matching rows.
const ROWS: usize = 4;

impl Database<'_> {
    /// Fills every table. A row that a constraint rejects is left out.
    ///
    /// # Errors
    /// Returns an error if the catalog cannot be read.
    pub fn seed(&self) -> Result<()> {
        self.seed_with(Values::Usual, true)
    }

    /// Fills every table with these values. If `nulls` is false, no value is NULL. A row that a constraint rejects is
    /// left out.
    ///
    /// # Errors
    /// Returns an error if the catalog cannot be read.
    pub fn seed_with(&self, values: Values, nulls: bool) -> Result<()> {
        // This setting disables foreign keys and triggers, but no other constraints.
        self.run("SET session_replication_role = replica")?;
        for (table, columns) in self.tables()? {
            for number in 0..ROWS {
                let mut names = Vec::new();
                let mut literals = Vec::new();
                for (at, column) in columns.iter().enumerate() {
                    // The first row has no NULL, the second row has as many NULLs as possible; in the other rows, every
                    // second column is NULL.
                    let empty = match number {
                        0 => false,
                        1 => true,
                        _ => (at + number) % 2 == 0,
                    };
                    names.push(column.name.clone());
                    literals.push(if empty && nulls && column.nullable {
                        "NULL".to_owned()
                    } else {
                        quoted(&column.kind.argument(number, values, nulls))
                    });
                }
                let insert = if names.is_empty() {
                    format!("INSERT INTO {table} DEFAULT VALUES")
                } else {
                    let (names, literals) = (names.join(", "), literals.join(", "));
                    format!("INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({literals})")
                };
                let _ = self.run(&insert);
            }
        }
        self.run("SET session_replication_role = origin")
    }

    /// Runs a statement with several sets of arguments, and rolls back each run. Returns, for each column, whether the
    /// column was ever NULL, and the number of rows.
    ///
    /// # Errors
    /// Returns an error if the statement cannot be prepared. A run that fails is treated as a run without rows.
    pub fn observe(&self, sql: &str, nulls: &[Nulls]) -> Result<Observed> {
        let (client, runtime) = self.client();
        let mut observed = Observed::default();
        let types = self.param_types(sql)?;
        for number in 0..=ROWS {
            let arguments: Vec<String> = types
                .iter()
                .enumerate()
                .map(|(at, it)| match nulls.get(at) {
                    Some(nulls) if nulls.value && number == ROWS => "NULL".to_owned(),
                    nulls => quoted(&it.argument(number % ROWS, nulls.is_some_and(|it| it.elements))),
                })
                .collect();
            let arguments =
                if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
            // A recursive query over generated data may never end.
            let run = format!(
                "BEGIN; SET LOCAL statement_timeout = 500; PREPARE observed AS {sql}\n; EXECUTE observed{arguments}"
            );
            if let Ok(messages) = runtime.block_on(client.simple_query(&run)) {
                for message in messages {
                    if let SimpleQueryMessage::Row(row) = message {
                        observed.rows += 1;
                        observed.null.resize(row.len().max(observed.null.len()), false);
                        for (at, null) in observed.null.iter_mut().enumerate() {
                            *null |= row.get(at).is_none();
                        }
                    }
                }
            }
            self.run("ROLLBACK")?;
            // If PREPARE failed, DEALLOCATE fails too. `DEALLOCATE ALL` would drop the statements of the client.
            let _ = self.run("DEALLOCATE observed");
        }
        Ok(observed)
    }

    fn tables(&self) -> Result<BTreeMap<String, Vec<Filled>>> {
        let sql = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(a.attname),
                          NOT a.attnotnull AND NOT coalesce(t.typnotnull, false), a.atttypid
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                   LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                   LEFT JOIN pg_type t ON t.oid = a.atttypid
                   WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
                   ORDER BY 1, a.attnum";
        let (client, runtime) = self.client();
        let mut tables: BTreeMap<String, Vec<Filled>> = BTreeMap::new();
        for row in runtime.block_on(client.query(sql, &[]))? {
            let columns = tables.entry(row.get(0)).or_default();
            if let (Some(name), Some(nullable), Some(oid)) = (row.get(1), row.get(2), row.get(3)) {
                columns.push(Filled { name, nullable, kind: self.kind(oid)? });
            }
        }
        Ok(tables)
    }

    /// The parameters of a statement, for which arguments can be made.
    ///
    /// # Errors
    /// Returns an error if the statement cannot be prepared.
    pub fn parameters(&self, sql: &str) -> Result<Parameters> {
        Ok(Parameters(self.param_types(sql)?))
    }

    fn param_types(&self, sql: &str) -> Result<Vec<Filled>> {
        let (client, runtime) = self.client();
        let statement = runtime.block_on(client.prepare(sql))?;
        statement
            .params()
            .iter()
            .map(|it| Ok(Filled { name: String::new(), nullable: true, kind: self.kind(it.oid())? }))
            .collect()
    }

    /// Returns the kind of literals that a type accepts.
    fn kind(&self, oid: u32) -> Result<Kind> {
        let sql = "SELECT t.typtype::text, t.typcategory::text, t.typname::text, t.typbasetype, t.typelem,
                          ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder),
                          coalesce((SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid), 0),
                          ARRAY(SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0
                                AND NOT a.attisdropped ORDER BY a.attnum)
                   FROM pg_type t WHERE t.oid = $1";
        let (client, runtime) = self.client();
        let row = runtime.block_on(client.query_one(sql, &[&oid]))?;
        let (kind, category, name): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        Ok(match (kind.as_str(), category.as_str()) {
            ("d", _) => self.kind(row.get(3))?,
            ("e", _) => Kind::Enum(row.get(5)),
            ("r", _) => Kind::Range(Box::new(self.kind(row.get(6))?)),
            ("c", _) => {
                let fields: Vec<u32> = row.get(7);
                Kind::Composite(fields.into_iter().map(|oid| self.kind(oid)).collect::<Result<_>>()?)
            }
            (_, "A") => Kind::Array(Box::new(self.kind(row.get(4))?)),
            _ => Kind::Base(name),
        })
    }
}

/// Specifies which parts of an argument may be NULL.
#[derive(Clone, Copy)]
pub struct Nulls {
    /// Whether the value may be NULL.
    pub value: bool,
    /// Whether an element of an array may be NULL.
    pub elements: bool,
}

/// The rows that the runs returned.
#[derive(Default, Debug)]
pub struct Observed {
    /// The number of rows of all runs.
    pub rows: usize,
    /// For each column, whether the column was NULL in a row. Empty if no run returned a row.
    pub null: Vec<bool>,
}

/// The parameters of a statement.
pub struct Parameters(Vec<Filled>);

impl Parameters {
    /// Returns the text of an argument for the parameter `at`, from 0; an array contains a NULL only if `null_elements`
    /// is true.
    pub fn argument(&self, at: usize, number: usize, values: Values, null_elements: bool) -> Option<String> {
        Some(self.0.get(at)?.kind.argument(number, values, null_elements))
    }

    /// Whether the parameter `at`, from 0, is an array.
    pub fn is_array(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(|it| matches!(it.kind, Kind::Array(_)))
    }
}

/// A column or parameter to fill.
struct Filled {
    name: String,
    nullable: bool,
    kind: Kind,
}

impl Filled {
    /// The text of an argument; arrays contain a NULL only if `null_elements`.
    fn argument(&self, number: usize, null_elements: bool) -> String {
        self.kind.argument(number, Values::Usual, null_elements)
    }
}

/// A quoted literal, without a type.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
