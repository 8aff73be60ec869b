//! Compares the names and types of a statement with the schema before the statement.
//!
//! Input: a statement and the schema. Output: errors of the queries in the statement, as `sql!` reports them. Not analyzed
//! are the bodies of functions, and the expressions of defaults, constraints and indexes.
//!
//! [`Resolved`] does this for DSQL, where the schema before the files need not be known. A dump or a single migration may
//! use objects that exist already, so their names are not resolved. The files of a folder probably begin with an empty
//! schema: an unknown name is a warning, unless the first statement already uses an unknown table.

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::analyze::analyze;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Severity};
use dsql_edge_compiler::dsql;
use dsql_edge_compiler::schema::Growth;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::{Query, Statement, StatementKind, TableSource};

use super::finding::Finding;

/// How much of the schema before the files is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The schema before the file is assumed to be empty.
    Assumed,
    Everything,
}

/// The schema after the statements so far, for DSQL.
pub(super) struct Resolved {
    pub(super) grown: Growth,
    before: Before,
    /// Whether a statement so far may have changed the schema in a way that is not known.
    uncertain: bool,
    /// The statements of the file after which the schema is not known.
    unknown_after: Vec<Span>,
}

impl Resolved {
    /// Begins with the complete schema before the files, if it is known.
    pub(super) fn with(schema: Option<&Schema>) -> Resolved {
        let before = if schema.is_some() { Before::Everything } else { Before::Nothing };
        let grown = Growth::new(schema.cloned().unwrap_or_default());
        Resolved { grown, before, uncertain: false, unknown_after: Vec::new() }
    }

    /// Begins with the assumption that the files create everything that they use.
    pub(super) fn assumed() -> Resolved {
        Resolved { before: Before::Assumed, ..Resolved::with(None) }
    }

    /// Begins a file; `unknown` has the statements that cannot be read or followed.
    pub(super) fn begin_file<'f>(&mut self, text: &str, unknown: impl Iterator<Item = &'f Finding>) {
        self.grown.begin_session();
        let changes = |it: &&Finding| {
            it.diagnostic.code == Code::UnfollowedStatement || may_change_schema(it.statement.text(text))
        };
        self.unknown_after = unknown.filter(changes).map(|it| it.statement).collect();
    }

    /// Ends a file: a statement with an unknown effect may be its last.
    pub(super) fn end_file(&mut self) {
        self.uncertain |= !self.unknown_after.is_empty();
    }

    /// Returns the rules of DSQL that a statement breaks by itself.
    pub(super) fn findings(&self, statement: ParsedStatement<'_>) -> Vec<dsql::Finding> {
        let schema = self.grown.schema();
        if self.before != Before::Everything {
            return dsql::findings(statement, Some(schema));
        }
        let mut own = dsql::findings_within(statement, schema);
        own.extend(dsql::unknown_casts(statement.tree, schema));
        own
    }

    /// Applies a statement to the schema. Returns the errors in its names and types that `own`, the findings of rules, do
    /// not report. `certain` is whether the names in the statement can be resolved.
    pub(super) fn follow(
        &mut self,
        statement: ParsedStatement<'_>,
        own: &[dsql::Finding],
        certain: bool,
    ) -> Vec<Diagnostic> {
        let place = statement.span;
        self.uncertain |= self.unknown_after.iter().any(|it| it.start < place.start);
        let is_read = certain && self.before != Before::Nothing && !own.iter().any(|finding| finding.whole);
        let is_empty = self.grown.schema().relations.is_empty();
        let mut found = if is_read { errors(statement, self.grown.schema()) } else { Vec::new() };
        let contradictions = self.grown.apply(statement.tree.clone());
        if !is_read {
            return Vec::new();
        }
        // The fold reports some errors of a query again.
        if found.is_empty() {
            found = contradictions;
        }
        found.retain(|error| !own.iter().any(|it| it.diagnostic.span.start == error.span.start));
        if self.before == Before::Assumed {
            if is_empty && found.iter().any(|error| error.code == Code::UnknownTable) {
                self.before = Before::Nothing;
                return Vec::new();
            }
            found.retain(|error| is_of_name(error.code));
        }
        if self.uncertain || self.before == Before::Assumed {
            found.iter_mut().for_each(doubt);
        }
        found.iter_mut().for_each(|error| self.advise(error));
        found
    }

    fn advise(&self, error: &mut Diagnostic) {
        if error.code != Code::UnknownTable
            || error.hint.as_ref().is_some_and(|it| it.starts_with("did you mean"))
        {
            return;
        }
        error.hint = Some(match self.before {
            Before::Assumed => {
                "no statement before this one creates it: if it exists before the files, name the \
                                schema with --schema FILE"
                    .to_owned()
            }
            _ => "no statement before this one creates it".to_owned(),
        });
    }
}

/// Returns the errors of the query in a statement.
pub(super) fn errors(statement: ParsedStatement<'_>, schema: &Schema) -> Vec<Diagnostic> {
    let of_query = |query: Query| {
        let tree = Statement { kind: StatementKind::Query(Box::new(query)), ..statement.tree.clone() };
        analyzed(ParsedStatement { tree: &tree, ..statement }, schema)
    };
    match &statement.kind {
        StatementKind::Query(query) => match query.without_into() {
            Some((_, plain)) => of_query(plain),
            None => analyzed(statement, schema),
        },
        StatementKind::Insert(_)
        | StatementKind::Update(_)
        | StatementKind::Delete(_)
        | StatementKind::Merge(_)
        | StatementKind::Utility("EXPLAIN" | "SHOW") => analyzed(statement, schema),
        StatementKind::CreateView(view) => of_query(view.query.clone()),
        StatementKind::CreateTableAs(table) => match &table.source {
            TableSource::Query(query) => of_query((**query).clone()),
            TableSource::Execute(_) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn analyzed(statement: ParsedStatement<'_>, schema: &Schema) -> Vec<Diagnostic> {
    let errors = match analyze(statement, schema) {
        Ok(_) => return Vec::new(),
        Err(errors) => errors,
    };
    // A script has no Rust types, and a parameter of a script has no value.
    let is_of_sql = |error: &Diagnostic| {
        error.is_error()
            && !matches!(
                error.code,
                Code::NotSupportedYet | Code::TransactionControl | Code::IndeterminateParameter
            )
    };
    errors.into_iter().filter(is_of_sql).collect()
}

/// Whether a statement that cannot be read may change the schema.
pub(super) fn may_change_schema(text: &str) -> bool {
    let word = text.split(|it: char| !it.is_alphabetic()).next().unwrap_or("");
    ["CREATE", "ALTER", "DROP"].iter().any(|first| word.eq_ignore_ascii_case(first))
}

/// Makes an error a warning if the object that it does not find may exist.
pub(super) fn doubt(error: &mut Diagnostic) {
    if is_of_name(error.code) {
        *error = warning(error.clone());
    }
}

/// Whether an error is that an object does not exist.
pub(super) fn is_of_name(code: Code) -> bool {
    matches!(
        code,
        Code::UnknownTable
            | Code::UnknownColumn
            | Code::UnknownFunction
            | Code::UnknownOperator
            | Code::UnknownType
            | Code::UnknownSchema
            | Code::UnknownObject
            | Code::MissingFrom
    )
}

pub(super) fn warning(error: Diagnostic) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..error }
}

#[cfg(test)]
mod tests {
    use super::super::{LintedFile, Sent, lint, lint_folder};
    use dsql_edge_compiler::Schema;

    const TABLE: &str = "CREATE TABLE task (id int PRIMARY KEY, title text NOT NULL);";

    fn messages(files: &[LintedFile]) -> Vec<String> {
        let findings = files.iter().flat_map(|file| &file.findings);
        let of = |it: &super::Finding| {
            let level = if it.diagnostic.is_error() { "error" } else { "warning" };
            format!("{level}: {}", it.diagnostic.message)
        };
        findings.map(of).collect()
    }

    fn named(texts: &[&str]) -> Vec<(String, String)> {
        texts.iter().enumerate().map(|(at, text)| (format!("{at}.sql"), (*text).to_owned())).collect()
    }

    fn from_the_first(texts: &[&str]) -> Vec<String> {
        messages(&lint(named(texts), Some(&Schema::default()), Sent::Migrate))
    }

    #[test]
    fn unknown_name_after_the_whole_schema_is_an_error() {
        for (sql, expected) in [
            ("ALTER TABLE tasks ADD COLUMN due date;", "error: relation \"tasks\" does not exist"),
            ("CREATE INDEX ASYNC i ON tasks (title);", "error: relation \"tasks\" does not exist"),
            ("INSERT INTO tasks VALUES (1);", "error: relation \"tasks\" does not exist"),
            ("CREATE VIEW v AS SELECT titel FROM task;", "error: column \"titel\" does not exist"),
            ("UPDATE task SET titel = '';", "error: column \"titel\" of relation \"task\" does not exist"),
            (
                "ALTER TABLE task DROP COLUMN titel;",
                "error: column \"titel\" of relation \"task\" does not exist",
            ),
            ("DROP TABLE tasks;", "error: relation \"tasks\" does not exist"),
            ("CREATE TABLE task (id int);", "error: relation \"task\" already exists"),
            ("DELETE FROM task WHERE id = 'x';", "error: invalid input syntax for type integer: \"x\""),
        ] {
            assert_eq!(from_the_first(&[TABLE, sql]), [expected], "{sql}");
        }
    }

    #[test]
    fn right_migrations_have_no_findings() {
        let right = [
            "ALTER TABLE task ADD COLUMN due date;",
            "ALTER TABLE task ADD CONSTRAINT c CHECK (due IS NOT NULL) NOT VALID; ALTER TABLE ASYNC task VALIDATE CONSTRAINT c;",
            "CREATE UNIQUE INDEX ASYNC u ON task (title); ALTER TABLE task ADD CONSTRAINT u UNIQUE USING INDEX u;",
            "ALTER TABLE task RENAME COLUMN due TO due_on; UPDATE task SET due_on = now() WHERE title = 'a';",
            "CREATE VIEW open_task AS SELECT id, upper(title) AS title FROM task; DROP VIEW open_task;",
            "INSERT INTO task (id, title) SELECT id + 1, title FROM task;",
            "DROP TABLE IF EXISTS tasks; DROP TABLE task;",
        ];
        let all: Vec<&str> = std::iter::once(TABLE).chain(right).collect();
        assert_eq!(from_the_first(&all), [""; 0]);
    }

    #[test]
    fn rule_of_dsql_hides_the_names_of_its_statement() {
        assert_eq!(from_the_first(&["TRUNCATE tasks;"]), ["error: unsupported statement: Truncate"]);
    }

    #[test]
    fn unknown_name_after_an_unknown_change_is_a_warning() {
        let found = from_the_first(&[TABLE, "SELECT app.make(); SELECT 1 FROM tasks;"]);
        assert_eq!(found.last().unwrap(), "warning: relation \"tasks\" does not exist", "{found:?}");
        let next_file = from_the_first(&[TABLE, "SELECT app.make();", "SELECT 1 FROM tasks;"]);
        assert_eq!(next_file.last().unwrap(), "warning: relation \"tasks\" does not exist");
        let allowed = "-- dsql-edge: allow unfollowed-statement\nSELECT sys.make();\nSELECT 1 FROM tasks;";
        assert!(
            from_the_first(&[TABLE, allowed])
                .contains(&"error: relation \"tasks\" does not exist".to_owned())
        );
        let comment = "-- dsql-edge: allow unknown-table\nSELECT 1 FROM tasks;";
        assert_eq!(from_the_first(&[TABLE, comment]), [""; 0]);
    }

    #[test]
    fn unknown_name_without_the_whole_schema_may_exist() {
        let adds = "ALTER TABLE users ADD COLUMN age int; CREATE INDEX ASYNC i ON users (age);";
        assert_eq!(messages(&lint(named(&[adds]), None, Sent::OneByOne)), [""; 0], "a single file");
        assert_eq!(messages(&lint(named(&[TABLE, adds]), None, Sent::OneByOne)), [""; 0], "files");
        assert_eq!(
            messages(&lint_folder(named(&[adds, TABLE]), Sent::OneByOne)),
            [""; 0],
            "it exists before"
        );
        let found = lint_folder(named(&[TABLE, "UPDATE tasks SET title = '';"]), Sent::OneByOne);
        assert_eq!(messages(&found), ["warning: relation \"tasks\" does not exist"]);
        let hint = found[1].findings[0].diagnostic.hint.clone().unwrap();
        assert_eq!(hint, "did you mean task?");
        let found = lint_folder(named(&[TABLE, "UPDATE users SET name = '';"]), Sent::OneByOne);
        assert!(found[1].findings[0].diagnostic.hint.as_ref().unwrap().contains("--schema"));
    }
}
