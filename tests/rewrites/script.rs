//! Generates scripts.
//!
//! Input: a seed. Output: SQL files like those that people and pg_dump write. Each file is returned as text and as
//! pieces. The files run one after the other, as the files of a folder of migrations do.
//!
//! In half of the scripts, statements fail: the scripts use few names, so a table may be missing or may exist already,
//! and rows may violate constraints. Most scripts of the other half run without an error.

mod indirect;

use fastrand::Rng;

use crate::psql::Piece;

/// A file of a script.
pub(crate) struct File {
    pub(crate) text: String,
    /// The text as psql divides it.
    pub(crate) pieces: Vec<Piece>,
}

/// Literals whose contents a rewrite could mistake for SQL or for a comment.
const LITERALS: &[&str] = &[
    "'plain'",
    "'it''s; -- no comment'",
    "'\n\\d\nCREATE INDEX i ON t0 (a);\n'",
    "'\n\\.\n'",
    "'BEGIN; COMMIT; serial, COLLATE \"C\", AS integer'",
    "E'it\\'s /* \\\\'",
    "$$it's; \n\\restrict x\nALTER TABLE t0 ADD CHECK (a > 0);$$",
    "$q$ $$ ' \" -- /* $q$",
    "U&'d\\0061t'",
    "'/* not a comment'",
    "'a' -- continued; 'here'\n  'b'",
    "'\"'",
];

const COMMENTS: &[&str] = &[
    "-- it's a comment; BEGIN;",
    "/* a /* nested; ' */ comment \" */",
    "/*\n\\d in a comment\n*/",
    "-- CREATE TABLE x (id serial);",
    "--",
];

const COMMANDS: &[&str] = &[
    "\\restrict x1",
    "\\echo it is; 'BEGIN;'",
    "\\set name 'it''s; value'",
    "\\pset pager off",
    "\\timing off",
];

/// Generates the files of a script.
pub(crate) fn generate(seed: u64) -> Vec<File> {
    let mut rng = Rng::with_seed(seed);
    let careful = rng.bool();
    let mut maker = Maker {
        rng,
        careful,
        text: String::new(),
        pieces: Vec::new(),
        files: Vec::new(),
        open: false,
        tables: Vec::new(),
        keyed: Vec::new(),
        before: (Vec::new(), Vec::new()),
        last: 0,
        older: false,
    };
    if maker.one_in(5) {
        maker.functions_before_tables();
    }
    if maker.one_in(6) {
        maker.settings();
    }
    let tables = maker.rng.usize(1..4);
    for table in 0..tables {
        maker.table(table);
        maker.some(2, Maker::of_table);
        maker.perhaps_another_file();
    }
    maker.some(14, |maker| {
        maker.anything();
        maker.perhaps_another_file();
    });
    if maker.open && maker.rng.bool() {
        maker.statement("COMMIT");
    }
    maker.end_file();
    maker.files
}

struct Maker {
    rng: Rng,
    text: String,
    pieces: Vec<Piece>,
    /// The earlier files.
    files: Vec<File>,
    /// Whether a transaction is open.
    open: bool,
    /// Whether the script contains only statements that are likely to succeed.
    careful: bool,
    /// The tables that exist; `keyed` has only the tables with a primary key. Only a script with `careful` uses
    /// `tables` and `keyed`.
    tables: Vec<String>,
    keyed: Vec<String>,
    /// The values of `tables` and `keyed` at the beginning of the transaction.
    before: (Vec<String>, Vec<String>),
    /// The number in the last new name.
    last: u32,
    /// Whether the script has created functions before the tables that these functions use.
    older: bool,
}

impl Maker {
    fn one_in(&mut self, count: u32) -> bool {
        self.rng.u32(..count) == 0
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words[self.rng.usize(..words.len())]
    }

    fn some(&mut self, most: usize, mut make: impl FnMut(&mut Maker)) {
        for _ in 0..self.rng.usize(..=most) {
            make(self);
        }
    }

    /// Ends the file in about one of six cases. If a transaction is open, the end of the file discards the transaction.
    fn perhaps_another_file(&mut self) {
        if self.one_in(6) && !(self.careful && self.open) {
            self.end_file();
        }
    }

    fn end_file(&mut self) {
        let (mut text, mut pieces) = (std::mem::take(&mut self.text), std::mem::take(&mut self.pieces));
        if self.open {
            (self.tables, self.keyed) = self.before.clone();
            self.open = false;
        }
        if self.one_in(5) {
            text = text.replace('\n', "\r\n");
            pieces.iter_mut().for_each(Piece::end_lines_with_crlf);
        }
        if self.one_in(8) {
            text.insert(0, '\u{feff}');
        }
        self.files.push(File { text, pieces });
    }

    /// Returns a table's name.
    fn name(&mut self) -> String {
        match self.tables.len() {
            count @ 1.. if self.careful => self.tables[self.rng.usize(..count)].clone(),
            _ => format!("t{}", self.rng.u32(..4)),
        }
    }

    /// Returns the number that the next new name contains.
    fn number(&mut self) -> u32 {
        self.last += 1;
        if self.careful { self.last } else { self.rng.u32(..5) }
    }

    /// Writes a statement with blanks and comments around it.
    fn statement(&mut self, sql: &str) {
        if self.one_in(6) {
            let comment = self.pick(COMMENTS);
            self.text += &format!("{comment}\n");
        }
        let keyword = sql.split([' ', '\n']).next().unwrap_or_default();
        match keyword {
            "BEGIN" | "START" => {
                self.open = true;
                self.before = (self.tables.clone(), self.keyed.clone());
            }
            "COMMIT" | "END" | "ROLLBACK" if !sql.contains(" TO ") => {
                self.open = sql.contains("CHAIN");
                if keyword == "ROLLBACK" {
                    (self.tables, self.keyed) = self.before.clone();
                }
                self.before = (self.tables.clone(), self.keyed.clone());
            }
            _ => {}
        }
        self.text += sql;
        let end = if self.one_in(12) {
            " \\g\n"
        } else {
            self.pick(&[";\n", ";\n", ";\n\n", " ;\n", "; ", "; -- it's\n"])
        };
        self.text += end;
        self.pieces.push(Piece::Statement(sql.to_owned()));
    }

    fn command(&mut self) {
        let command = self.pick(COMMANDS);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text += &format!("{command}\n");
        self.pieces.push(Piece::Command(command.to_owned()));
    }

    fn settings(&mut self) {
        for setting in [
            "SET statement_timeout = 0",
            "SET client_min_messages = warning",
            "SET check_function_bodies = false",
            "SET default_tablespace = ''",
        ] {
            if self.rng.bool() {
                self.statement(setting);
            }
        }
    }

    fn table(&mut self, number: usize) {
        let name = format!("t{number}");
        if self.careful && self.tables.contains(&name) {
            return;
        }
        let id = self.pick(&[
            "id bigserial",
            "id serial PRIMARY KEY",
            "id int NOT NULL",
            "id int NOT NULL DEFAULT 5",
            "id int PRIMARY KEY",
            "id smallint GENERATED BY DEFAULT AS IDENTITY",
            "id bigint GENERATED ALWAYS AS IDENTITY (CYCLE)",
        ]);
        let a = self.pick(&["a int", "a int", "a int NOT NULL", "a int UNIQUE", "a int NULL", "a serial"]);
        let a = if self.careful && a != "a serial" { "a int" } else { a };
        let b = self.pick(&[
            "b text",
            "b text COLLATE \"C\"",
            "b text COMPRESSION pglz",
            "b text -- it's\n COLLATE \"C\" ",
        ]);
        let literal = self.pick(LITERALS);
        let default = if self.one_in(3) { format!(" DEFAULT {literal}") } else { String::new() };
        let blank = self.pick(&[" ", "\n    ", " /* c */ ", "\n    -- it's; \n    "]);
        let end = self.pick(&["", "\n"]);
        let kind = self.pick(&["TABLE", "TABLE", "TABLE", "UNLOGGED TABLE", "TABLE IF NOT EXISTS"]);
        if id.contains("PRIMARY") {
            self.keyed.push(name.clone());
        }
        self.tables.push(name.clone());
        self.statement(&format!("CREATE {kind} {name} ({blank}{id},{blank}{a},{blank}{b}{default}{end})"));
        if id == "id int NOT NULL" && self.one_in(2) {
            self.identity_later(&name);
        }
    }

    /// Writes an identity as pg_dump does.
    fn identity_later(&mut self, name: &str) {
        if self.rng.bool() {
            self.statement(&format!("ALTER TABLE {name} OWNER TO CURRENT_USER"));
        }
        let kind = self.pick(&["ALWAYS", "BY DEFAULT"]);
        self.statement(&format!(
            "ALTER TABLE {name} ALTER COLUMN id ADD GENERATED {kind} AS IDENTITY (START WITH 3)"
        ));
    }

    /// The statements that follow a table in a dump.
    fn of_table(&mut self) {
        let (table, only, number) = (self.name(), self.pick(&["", "ONLY "]), self.number());
        let value = if self.careful { -9 } else { self.rng.i32(-1..4) };
        let other = if self.careful { self.keyed.last().cloned() } else { Some(self.name()) };
        let key = !self.careful || !self.keyed.contains(&table);
        let sql = match (self.rng.u32(..16), other) {
            (0, _) if key => {
                format!("ALTER TABLE {only}{table}\n    ADD CONSTRAINT {table}_pkey PRIMARY KEY (id)")
            }
            (1, _) if key => format!("ALTER TABLE {only}{table} ADD PRIMARY KEY (id)"),
            (2, _) => format!("ALTER TABLE {only}{table} ADD CONSTRAINT k{number} UNIQUE (a, b)"),
            (3, _) => format!("ALTER TABLE {only}{table} ADD CONSTRAINT k{number} CHECK (a > {value})"),
            (4, Some(other)) => format!(
                "ALTER TABLE {only}{table} ADD CONSTRAINT k{number} FOREIGN KEY (a) REFERENCES {other} (id)"
            ),
            (5, _) => format!("ALTER TABLE {table} ADD CHECK (a <> {value})"),
            (6, _) => return self.validated(&table, number, value),
            (7, _) => {
                let keys = self.pick(&["a DESC, b ASC", "a DESC NULLS LAST", "a DESC NULLS FIRST, b DESC"]);
                format!("CREATE INDEX i{number} ON {table} USING btree ({keys})")
            }
            (8, _) => format!("CREATE UNIQUE INDEX i{number} ON {table} (a, id)"),
            (9, _) if !self.careful || !self.open => {
                format!("CREATE INDEX CONCURRENTLY i{number} ON {table} (b)")
            }
            (10, _) if !self.careful => {
                format!("ALTER TABLE {table} ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY")
            }
            (11, _) if !self.careful => format!("ALTER TABLE {table} ALTER COLUMN id SET DEFAULT {value}"),
            (12, _) if !self.careful => {
                format!("ALTER TABLE {table} ALTER COLUMN {} DROP NOT NULL", self.pick(&["id", "a"]))
            }
            (13, _) => format!("CREATE INDEX i{number} ON {table} (b)"),
            (14, _) => format!("ALTER TABLE {table} ADD COLUMN e{number} int DEFAULT {value}"),
            _ => format!("COMMENT ON TABLE {table} IS {}", self.pick(LITERALS)),
        };
        if sql.contains("PRIMARY KEY") {
            self.keyed.push(table);
        }
        self.statement(&sql);
    }

    /// Writes a constraint, and later its validation.
    fn validated(&mut self, table: &str, number: u32, value: i32) {
        let not_valid = self.pick(&["", " NOT VALID"]);
        self.statement(&format!(
            "ALTER TABLE {table} ADD CONSTRAINT k{number} CHECK (a > {value}){not_valid}"
        ));
        if self.rng.bool() {
            self.rows();
        }
        self.statement(&format!("ALTER TABLE {table} VALIDATE CONSTRAINT k{number}"));
    }

    fn rows(&mut self) {
        let (table, value) = (self.name(), self.rng.i32(-1..4));
        let literal = self.pick(LITERALS);
        let sql = match self.rng.u32(..if self.careful { 3 } else { 8 }) {
            0..=2 if self.careful && self.one_in(4) => return self.copy(&table),
            0..=2 => format!("INSERT INTO {table} (a, b) VALUES ({value}, {literal})"),
            3 => format!(
                "INSERT INTO {table} (id, a, b) VALUES ({value}, {value}, {literal}) ON CONFLICT DO NOTHING"
            ),
            4 => {
                format!("INSERT INTO {table} (id, a, b) OVERRIDING USER VALUE VALUES (9, {value}, {literal})")
            }
            5 => format!("UPDATE {table} SET a = a + 1, b = {literal} WHERE a < {value}"),
            6 => format!("DELETE FROM {table} WHERE a = {value}"),
            _ => return self.copy(&table),
        };
        self.statement(&sql);
    }

    /// Writes rows into a table through a view, or through a function that a statement or a default calls.
    fn rows_by_another_way(&mut self, table: &str) {
        self.last += 1;
        let (number, value) = (self.last, self.rng.i32(-1..4));
        let function = format!(
            "CREATE FUNCTION w{number}() RETURNS int LANGUAGE sql AS $$ INSERT INTO {table} (a) VALUES ({value}) RETURNING 1 $$"
        );
        let log = format!("l{number}");
        let statements = match self.rng.u32(..4) {
            0 | 1 => vec![
                format!("CREATE VIEW w{number} AS SELECT a, b FROM {table}"),
                format!("INSERT INTO w{number} (a) VALUES ({value}), (2), (2)"),
                self.pick(&["SELECT 1", "DELETE FROM w0 WHERE a = 2"]).replace("w0", &format!("w{number}")),
            ],
            2 => vec![
                function,
                format!("CREATE TABLE {log} (x int)"),
                format!("INSERT INTO {log} VALUES (w{number}())"),
            ],
            _ => vec![
                function,
                format!("CREATE TABLE {log} (x int DEFAULT w{number}())"),
                format!("INSERT INTO {log} DEFAULT VALUES"),
            ],
        };
        statements.iter().for_each(|sql| self.statement(sql));
        self.some(2, Maker::of_table);
    }

    /// Creates a table of the same name in another schema. Later statements may refer to the table in either schema.
    fn another_schema(&mut self, table: &str) {
        self.statement("CREATE SCHEMA IF NOT EXISTS other");
        self.statement(&format!("CREATE TABLE other.{table} (id int NOT NULL, a int, b text)"));
        let value = self.rng.i32(-1..4);
        if self.rng.bool() {
            self.statement(&format!("INSERT INTO other.{table} (id, a) VALUES (1, {value}), (1, {value})"));
        }
        if self.rng.bool() {
            self.statement("SET search_path = other");
            self.of_table();
            self.statement("SET search_path = public");
        } else {
            self.statement(
                &format!("ALTER TABLE public.{table} ADD CONSTRAINT o{value} CHECK (a > 0)")
                    .replace("o-1", "o9"),
            );
        }
    }

    /// Renames the table, and gives its name to a new table.
    fn renamed(&mut self, table: &str) {
        self.last += 1;
        let number = self.last;
        self.statement(&format!("CREATE TABLE p{number} (id int NOT NULL, a int, b text)"));
        self.statement(&format!("INSERT INTO p{number} (id, a) VALUES (1, -1), (1, -1)"));
        self.statement(&format!("ALTER TABLE {table} RENAME TO q{number}"));
        self.statement(&format!("ALTER TABLE p{number} RENAME TO {table}"));
        self.keyed.retain(|keyed| keyed != table);
        self.some(2, Maker::of_table);
    }

    /// Writes a statement that depends on the type of a column.
    fn typed(&mut self, table: &str) {
        self.last += 1;
        let number = self.last;
        let statements = if self.rng.bool() {
            [
                format!("CREATE FUNCTION h{number}(int) RETURNS int LANGUAGE sql AS 'SELECT $1'"),
                format!("CREATE VIEW h{number} AS SELECT h{number}(a) AS h FROM {table}"),
            ]
        } else {
            [
                format!("CREATE VIEW h{number} AS SELECT a AS h FROM {table}"),
                format!("CREATE OR REPLACE VIEW h{number} AS SELECT 1 AS h"),
            ]
        };
        statements.iter().for_each(|sql| self.statement(sql));
    }

    fn copy(&mut self, table: &str) {
        let csv = self.rng.bool();
        let options = if csv { self.pick(&[" WITH (FORMAT csv)", " CSV"]) } else { "" };
        let statement = format!("COPY {table} (a, b) FROM {}{options}", self.pick(&["stdin", "STDIN"]));
        let mut rows = String::new();
        for _ in 0..self.rng.usize(..4) {
            let value = self.rng.i32(0..4);
            let text = if csv {
                self.pick(&[
                    "plain",
                    "\"it's; a\"",
                    "it's",
                    "\"CREATE INDEX i ON t0 (a);\n\\d\"",
                    "$$",
                    "\"/*\"",
                ])
            } else {
                self.pick(&[
                    "plain",
                    "it's; a",
                    "\\N",
                    "CREATE INDEX i ON t0 (a);",
                    "$$ BEGIN;",
                    "/*",
                    "a\\tb\\\\",
                ])
            };
            rows += &format!("{value}{}{text}\n", if csv { "," } else { "\t" });
        }
        self.text += &format!("{statement};\n{rows}\\.\n");
        self.pieces.push(Piece::Copy { statement, rows });
    }

    fn transaction(&mut self) {
        let sql = if self.open {
            let all =
                ["COMMIT", "COMMIT", "END", "ROLLBACK", "ROLLBACK WORK", "COMMIT AND CHAIN", "SAVEPOINT s"];
            if self.one_in(8) && !self.careful { "ROLLBACK TO SAVEPOINT s" } else { self.pick(&all) }
        } else {
            self.pick(&["BEGIN", "BEGIN", "START TRANSACTION", "BEGIN ISOLATION LEVEL REPEATABLE READ"])
        };
        self.statement(sql);
    }

    /// Writes a transaction of DDL statements only.
    fn schema_changes(&mut self) {
        if !self.open {
            self.statement("BEGIN");
        }
        self.some(3, Maker::of_table);
        self.some(1, |maker| {
            let table = maker.rng.usize(..4);
            maker.table(table);
        });
        self.statement("COMMIT");
    }

    fn anything(&mut self) {
        let (table, number) = (self.name(), if self.careful { self.number() } else { self.rng.u32(..3) });
        let sql = match self.rng.u32(..42) {
            30..=32 => return self.rows_by_another_way(&table),
            33 => return self.another_schema(&table),
            34 => return self.renamed(&table),
            35 => return self.typed(&table),
            36 => return self.call_of_older_function(),
            37 => return self.overriding(&table),
            38 => return self.own_sequence(&table),
            39 => return self.integers(&table),
            40 => return self.if_it_exists(&table),
            22 | 23 | 24 | 27 if self.careful => return self.rows(),
            0..=6 => return self.rows(),
            7..=12 => return self.of_table(),
            13..=17 => return self.transaction(),
            18 => return self.schema_changes(),
            19 => {
                let table = self.rng.usize(..4);
                return self.table(table);
            }
            20 => return self.command(),
            21 => format!("CREATE SEQUENCE s{number} AS integer{}", self.pick(&["", " CYCLE", " START 5"])),
            22 => format!("SELECT nextval('s{number}')"),
            23 => format!("DROP TABLE {}{table} CASCADE", self.pick(&["", "IF EXISTS "])),
            24 => format!("CREATE VIEW v{number} AS SELECT id, a, b FROM {table} GROUP BY id"),
            25 => format!("CREATE VIEW v{number} AS SELECT a, b FROM {table}"),
            26 => format!(
                "CREATE FUNCTION f{number}() RETURNS bigint LANGUAGE sql AS $$ INSERT INTO {table} (a) VALUES (2); SELECT count(*) FROM {table} $$"
            ),
            27 => format!("SELECT f{number}()"),
            28 => format!("DO $$ BEGIN INSERT INTO {table} (a, b) VALUES (3, 'x'); END $$"),
            _ => self
                .pick(&[
                    "SET statement_timeout = 0",
                    "SET search_path = public",
                    "SET statement_timeout = '1min'",
                ])
                .to_owned(),
        };
        self.statement(&sql);
    }
}
