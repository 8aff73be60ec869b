//! Generates statements that reach a table or its sequence without its name: through wrappers, functions that were
//! created before the table, strings that a function runs, and names that PostgreSQL chooses.

use super::Maker;

impl Maker {
    /// Writes functions before the tables that their bodies use, as pg_dump does.
    pub(super) fn functions_before_tables(&mut self) {
        self.statement("SET check_function_bodies = false");
        self.statement("CREATE FUNCTION g0(int) RETURNS int LANGUAGE sql AS 'SELECT $1'");
        for table in 0..2 {
            let body = match self.rng.u32(..3) {
                0 => format!("SELECT g0(id) FROM t{table} LIMIT 1"),
                1 => format!("INSERT INTO t{table} (id, a) OVERRIDING USER VALUE VALUES (70, 1) RETURNING 1"),
                _ => format!("INSERT INTO t{table} (a) VALUES (7) ON CONFLICT DO NOTHING RETURNING 1"),
            };
            self.statement(&format!("CREATE FUNCTION b{table}() RETURNS int LANGUAGE sql AS $$ {body} $$"));
        }
        self.older = true;
        self.perhaps_another_file();
    }

    /// Calls a function that was created before its tables.
    pub(super) fn call_of_older_function(&mut self) {
        if self.older {
            let table = self.rng.u32(..2);
            self.statement(&format!("SELECT b{table}()"));
        }
    }

    /// Writes a statement that contains an INSERT with OVERRIDING USER VALUE: the INSERT's value for an identity column
    /// is ignored.
    pub(super) fn overriding(&mut self, table: &str) {
        self.last += 1;
        let number = self.last;
        let id = 1000 + number;
        let values = format!("(id, a) OVERRIDING USER VALUE VALUES ({id}, {id})");
        let insert = format!("INSERT INTO {table} {values}");
        let statements = match self.rng.u32(..6) {
            0 => vec![format!("WITH x AS ({insert} RETURNING id) SELECT count(*) FROM x")],
            1 => vec![format!("PREPARE p{number} AS {insert}"), format!("EXECUTE p{number}")],
            2 => vec![format!("EXPLAIN ANALYZE {insert}")],
            3 => vec![
                format!("CREATE VIEW u{number} AS SELECT id, a FROM {table}"),
                format!("INSERT INTO u{number} {values}"),
            ],
            4 => vec![
                format!("CREATE FUNCTION u{number}() RETURNS int LANGUAGE sql AS '{insert} RETURNING 1'"),
                format!("SELECT u{number}()"),
            ],
            _ => vec![
                format!(
                    "CREATE FUNCTION u{number}() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'INSERT INTO {table} ' || '{values}'; RETURN 1; END $$"
                ),
                format!("SELECT u{number}()"),
            ],
        };
        self.in_turn(&statements);
    }

    /// Changes the sequence of a serial column or of an identity.
    pub(super) fn own_sequence(&mut self, table: &str) {
        self.last += 1;
        let number = self.last;
        let suffix = self.pick(&["", "", "1"]);
        let sequence = format!("{table}_id_seq{suffix}");
        let statements = match self.rng.u32(..6) {
            0 => vec![format!("ALTER SEQUENCE {sequence} OWNED BY NONE")],
            1 => vec![format!("ALTER SEQUENCE {sequence} CYCLE"), self.at_its_end(&sequence)],
            2 => vec![format!("ALTER TABLE {table} ALTER COLUMN id SET CYCLE"), self.at_its_end(&sequence)],
            3 => vec![format!("ALTER SEQUENCE {sequence} RENAME TO r{number}")],
            4 => vec![
                format!(
                    "CREATE FUNCTION y{number}() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'ALTER SEQUENCE {table}' || '_id_seq OWNED BY NONE'; RETURN 1; END $$"
                ),
                format!("SELECT y{number}()"),
            ],
            _ => vec![format!("ALTER SEQUENCE IF EXISTS {sequence} RESTART WITH 40")],
        };
        self.in_turn(&statements);
    }

    /// Creates a sequence of integers, perhaps with the name that PostgreSQL would choose, and perhaps with a cycle.
    pub(super) fn integers(&mut self, table: &str) {
        self.last += 1;
        let number = self.last;
        let name = if self.rng.bool() { format!("{table}_id_seq") } else { format!("q{number}") };
        let ty = self.pick(&["smallint", "integer"]);
        let mut statements = vec![format!("CREATE SEQUENCE {name} AS {ty}")];
        if self.rng.bool() {
            statements.push(format!("ALTER SEQUENCE {name} CYCLE"));
            statements.push(self.at_its_end(&name));
        }
        self.in_turn(&statements);
    }

    /// Returns a statement that sets a sequence to the greatest `smallint` or `integer`, and then calls `nextval`.
    fn at_its_end(&mut self, sequence: &str) -> String {
        let last = self.pick(&["32767", "2147483647"]);
        format!("SELECT setval('{sequence}', {last}), nextval('{sequence}')")
    }

    /// Adds a constraint with IF EXISTS, perhaps to a table that does not exist.
    pub(super) fn if_it_exists(&mut self, table: &str) {
        self.last += 1;
        let number = self.last;
        let name = if self.rng.bool() { table } else { "gone" };
        self.statement(&format!("ALTER TABLE IF EXISTS {name} ADD CONSTRAINT e{number} CHECK (a > -99)"));
    }

    /// Writes the statements. A file may end after any of these statements except `PREPARE`.
    fn in_turn(&mut self, statements: &[String]) {
        for sql in statements {
            self.statement(sql);
            if !sql.starts_with("PREPARE") {
                self.perhaps_another_file();
            }
        }
    }
}
