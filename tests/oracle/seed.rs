//! Fills every table of a database with rows that contain as many NULLs as possible, and runs statements over them: a
//! column that the compiler reports as NOT NULL must never be NULL.

use std::collections::BTreeMap;

use anyhow::Result;
use tokio_postgres::SimpleQueryMessage;

use super::Database;

/// The number of rows per table. A value depends on the number of its row, so that joins find matching rows.
const ROWS: usize = 4;

impl Database<'_> {
    /// Fills every table. A row that a constraint rejects is left out.
    ///
    /// # Errors
    /// Returns an error if the catalog cannot be read.
    pub fn seed(&self) -> Result<()> {
        // This setting disables foreign keys and triggers, but no other constraints.
        self.run("SET session_replication_role = replica")?;
        for (table, columns) in self.tables()? {
            for number in 0..ROWS {
                let mut names = Vec::new();
                let mut values = Vec::new();
                for (at, column) in columns.iter().enumerate() {
                    // The first row has no NULL, the second row has as many NULLs as possible; in the other rows, every
                    // second column is NULL.
                    let empty = match number {
                        0 => false,
                        1 => true,
                        _ => (at + number) % 2 == 0,
                    };
                    names.push(column.name.clone());
                    values.push(if empty && column.nullable {
                        "NULL".to_owned()
                    } else {
                        column.literal(number)
                    });
                }
                let insert = if names.is_empty() {
                    format!("INSERT INTO {table} DEFAULT VALUES")
                } else {
                    let (names, values) = (names.join(", "), values.join(", "));
                    format!("INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})")
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
                    nulls => it.argument(number % ROWS, nulls.is_some_and(|it| it.elements)),
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

/// The parts of an argument that may be NULL.
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

/// A column or parameter to fill.
struct Filled {
    name: String,
    nullable: bool,
    kind: Kind,
}

enum Kind {
    Base(String),
    Enum(Vec<String>),
    Array(Box<Kind>),
    Range(Box<Kind>),
    Composite(Vec<Kind>),
}

impl Filled {
    /// A quoted literal, without a type.
    fn literal(&self, number: usize) -> String {
        self.argument(number, true)
    }

    /// A quoted literal without a type; arrays contain a NULL only if `null_elements`.
    fn argument(&self, number: usize, null_elements: bool) -> String {
        let text = match &self.kind {
            // This array has two elements, because an array with a NULL has two, and UNNEST may combine both arrays.
            Kind::Array(element) if !null_elements && number != 1 => {
                let text = element.text(number);
                array(&[&text, &text], &[])
            }
            kind => kind.text(number),
        };
        format!("'{}'", text.replace('\'', "''"))
    }
}

impl Kind {
    fn text(&self, number: usize) -> String {
        match self {
            Kind::Base(name) => base_text(name, number),
            Kind::Enum(labels) => labels.get(number % labels.len().max(1)).cloned().unwrap_or_default(),
            Kind::Array(_) if number == 1 => "{}".to_owned(),
            Kind::Array(element) => array(&[&element.text(number)], &["NULL"]),
            Kind::Range(_) if number == 1 => "empty".to_owned(),
            Kind::Range(_) if number == 2 => "(,)".to_owned(),
            Kind::Range(subtype) => format!("[\"{0}\",\"{0}\"]", subtype.text(number)),
            Kind::Composite(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .enumerate()
                    .map(|(at, field)| {
                        if at == 0 {
                            String::new()
                        } else {
                            format!("\"{}\"", field.text(number).replace('"', "\"\""))
                        }
                    })
                    .collect();
                format!("({})", fields.join(","))
            }
        }
    }
}

/// An array literal of these quoted and unquoted elements.
fn array(quoted: &[&str], unquoted: &[&str]) -> String {
    let quoted = quoted.iter().map(|text| format!("\"{}\"", text.replace('"', "\\\"")));
    let elements: Vec<String> = quoted.chain(unquoted.iter().map(|text| (*text).to_owned())).collect();
    format!("{{{}}}", elements.join(","))
}

/// Returns the value that a type has for a number. For some types, number 1 selects a special value, such as NaN.
fn base_text(type_name: &str, number: usize) -> String {
    match type_name {
        "bool" => if number.is_multiple_of(2) { "t" } else { "f" }.to_owned(),
        "float4" | "float8" if number == 1 => "NaN".to_owned(),
        "date" | "timestamp" | "timestamptz" if number == 1 => "infinity".to_owned(),
        "date" | "timestamp" | "timestamptz" => format!("2024-02-0{}", number + 1),
        "time" | "timetz" => format!("0{number}:00:00"),
        "interval" => format!("{number} days"),
        "uuid" => format!("00000000-0000-0000-0000-00000000000{number}"),
        "json" | "jsonb" => match number {
            0 => "{\"a\": null, \"b\": [1, null]}".to_owned(),
            1 => "null".to_owned(),
            2 => "[]".to_owned(),
            _ => "{}".to_owned(),
        },
        "bytea" => format!("\\x0{number}"),
        "inet" | "cidr" => format!("10.0.0.{number}"),
        "text" | "varchar" | "bpchar" | "name" | "char" if number == 1 => String::new(),
        _ => number.to_string(),
    }
}
