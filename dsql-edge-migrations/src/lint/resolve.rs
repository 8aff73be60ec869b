//! Compares the names and types of a statement with the schema before the statement.
//!
//! Input: a statement and the schema. Output: errors of the queries in the statement, as `sql!` reports them, and of
//! the expressions of defaults, CHECK constraints and indexes. The bodies of functions are not analyzed.
//!
//! [`Resolved`] does this for DSQL, where the schema before the files need not be known. A dump or a single migration
//! may use objects that exist already, so their names are not resolved. The files of a folder probably begin with an
//! empty schema, so an unknown name is a warning. But if a statement uses an unknown table before the files have
//! created any table, the schema was not empty, and names are not resolved. Even if nothing is known about the schema
//! before the files, some errors are certain: for example, that the files create the same name twice, or that an index
//! or a constraint refers to a column that does not exist in a table that the files create.

use std::collections::BTreeSet;

use dsql_edge_compiler::Schema;
use dsql_edge_compiler::analyze;
use dsql_edge_compiler::diagnostic::{Code, Diagnostic, Diagnostics};
use dsql_edge_compiler::dsql;
use dsql_edge_compiler::schema::Growth;
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::{
    AlterAction, ObjectKind, Query, Statement, StatementKind, TableSource,
};

use super::doubt::{doubt, doubt_existing, is_of_existing_object, is_of_name, may_be_defined};
use super::facts::Facts;
use super::finding::Finding;
use super::references;

/// How much of the schema before the files is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// The schema before the file is assumed to be empty.
    Assumed,
    Everything,
}

/// The state of the linter after the statements so far: the schema, and other facts.
#[derive(Clone)]
pub(super) struct State {
    grown: Growth,
    facts: Facts,
    /// The tables whose columns and constraints are not certain. The table is in a CREATE TABLE IF NOT EXISTS, so an
    /// older table with this name may exist; or the table copies the columns of an unknown table.
    conditional: BTreeSet<String>,
    /// Whether a CASCADE may have dropped objects that depend on objects outside of the files.
    has_cascaded: bool,
}

/// The schema after the statements so far, for DSQL.
pub(super) struct Resolved {
    state: State,
    before: Before,
    /// Whether the schema before the files lists every index and constraint. A schema that is read from a file of DDL
    /// may lack some indexes and constraints.
    lists_all: bool,
    /// Whether the files certainly run one after the other, as `migrate` sends them.
    is_sequence: bool,
    /// The names of the tables that existed before the files, if they are known.
    tables: BTreeSet<String>,
    /// The number of files that were read so far.
    files: usize,
    /// Whether a statement that was already read may have changed the schema in an unknown way.
    uncertain: bool,
    /// Those statements of the file that have an unknown effect on the schema.
    unknown_after: Vec<Span>,
}

impl Resolved {
    /// Begins with the complete schema before the files, if it is known.
    pub(super) fn with(schema: Option<&Schema>) -> Resolved {
        let before = if schema.is_some() { Before::Everything } else { Before::Nothing };
        let state = State {
            grown: Growth::new(schema.cloned().unwrap_or_default()),
            facts: Facts::default(),
            conditional: BTreeSet::new(),
            has_cascaded: false,
        };
        Resolved {
            state,
            before,
            lists_all: schema.is_none_or(|schema| schema.relations.is_empty()),
            is_sequence: true,
            tables: schema.map(names_of_relations).unwrap_or_default(),
            files: 0,
            uncertain: false,
            unknown_after: Vec::new(),
        }
    }

    /// Begins with the assumption that the files create everything that they use.
    pub(super) fn assumed() -> Resolved {
        Resolved { before: Before::Assumed, ..Resolved::with(None) }
    }

    /// `is_sequence`: whether the files certainly run one after the other.
    pub(super) fn of_sequence(self, is_sequence: bool) -> Resolved {
        Resolved { is_sequence, ..self }
    }

    /// Whether a table of this name existed before the files; `None` if that is not known.
    pub(super) fn existed(&self, table: &str) -> Option<bool> {
        (self.before == Before::Everything).then(|| self.tables.contains(table))
    }

    /// Returns a copy of the state after the statements so far.
    pub(super) fn state(&self) -> State {
        self.state.clone()
    }

    /// Returns to the state before a transaction that was rolled back.
    pub(super) fn restore(&mut self, state: State) {
        self.state = state;
    }

    /// Begins a file; `unknown` contains those statements of the file that cannot be read, or whose effect is not
    /// known.
    pub(super) fn begin_file<'f>(&mut self, text: &str, unknown: impl Iterator<Item = &'f Finding>) {
        self.state.grown.begin_session();
        self.files += 1;
        let changes = |it: &&Finding| {
            it.diagnostic.code == Code::UnfollowedStatement || may_change_schema(it.statement.text(text))
        };
        self.unknown_after = unknown.filter(changes).map(|it| it.statement).collect();
    }

    /// Records the end of a file; if the effect of the file's last statement is not known, this matters for the next
    /// file. `is_certain`: whether it is certain which objects exist after the file.
    pub(super) fn end_file(&mut self, is_certain: bool) {
        self.uncertain |= !self.unknown_after.is_empty() || !is_certain;
    }

    /// Returns the rules of DSQL that a statement breaks by itself.
    pub(super) fn findings(&self, statement: ParsedStatement<'_>) -> Vec<dsql::Finding> {
        let schema = self.state.grown.schema();
        if self.before != Before::Everything {
            return dsql::findings(statement, Some(schema));
        }
        let mut own = dsql::findings_within(statement, schema);
        own.extend(dsql::unknown_casts(statement.tree, schema));
        own
    }

    /// Applies a statement to the schema. Returns the errors in the statement's names and types, except those that a
    /// rule has already reported (`own`). `certain` is whether it is certain to which objects the names in the
    /// statement refer.
    pub(super) fn follow(
        &mut self,
        statement: ParsedStatement<'_>,
        own: &[dsql::Finding],
        certain: bool,
    ) -> Vec<Diagnostic> {
        let place = statement.span;
        self.uncertain |= self.unknown_after.iter().any(|it| it.start < place.start);
        let is_read = certain && !own.iter().any(|finding| finding.whole);
        let grown = &self.state.grown;
        let is_empty = grown.schema().relations.is_empty();
        let is_resolved = is_read && self.before != Before::Nothing;
        let mut found = if is_resolved { errors(statement, grown.schema()) } else { Vec::new() };
        let mut contradictions = self.apply(statement);
        if !is_read {
            return Vec::new();
        }
        let mut defined = errors_of_definition(statement, self.state.grown.schema(), &contradictions);
        let mut certain_errors = self.certain_of_definition(statement, &mut contradictions, &mut defined);
        let is_certain = self.exists_certainly(statement);
        if !self.lists_all {
            let unlisted = contradictions.iter_mut().filter(|it| it.code == Code::UnknownObject);
            unlisted.for_each(doubt);
        }
        if self.before == Before::Nothing {
            contradictions.retain(|error| is_of_existing_object(error.code) && is_certain);
            defined.clear();
        }
        // `contradictions` contains some of the errors in `found` again, so it is used only if `found` is empty.
        if found.is_empty() {
            found = contradictions;
        }
        found.extend(defined);
        let is_new = |error: &Diagnostic| !own.iter().any(|it| it.diagnostic.span.start == error.span.start);
        found.retain(is_new);
        certain_errors.retain(is_new);
        if self.before == Before::Assumed {
            if is_empty && found.iter().any(|error| error.code == Code::UnknownTable) {
                self.before = Before::Nothing;
                return Vec::new();
            }
            found.retain(|error| is_of_name(error.code) || is_of_existing_object(error.code));
        }
        if self.uncertain || self.before == Before::Assumed {
            found.iter_mut().for_each(doubt);
        }
        let may_run_apart = self.before != Before::Everything && !self.is_sequence && self.files > 1;
        if self.uncertain || may_run_apart || self.before == Before::Assumed && !is_certain {
            found.iter_mut().for_each(doubt_existing);
        }
        if may_run_apart {
            certain_errors.iter_mut().for_each(doubt);
        }
        found.extend(certain_errors);
        found.iter_mut().for_each(|error| self.advise(error));
        found
    }

    /// Removes and returns those errors of a definition that are certain, whatever the schema before the files
    /// contains: unknown columns of tables that the files create, and errors that do not depend on an object outside
    /// the files.
    fn certain_of_definition(
        &self,
        statement: ParsedStatement<'_>,
        contradictions: &mut Vec<Diagnostic>,
        defined: &mut Vec<Diagnostic>,
    ) -> Vec<Diagnostic> {
        let is_uncertain = |table: &str| self.state.conditional.contains(table);
        let is_known = match &statement.kind {
            // Even if the table of IF NOT EXISTS already exists, its definition must be correct.
            StatementKind::CreateTable(table) => table.if_not_exists || !is_uncertain(table.name.name()),
            StatementKind::AlterTable(alter) => !is_uncertain(alter.name.name()),
            StatementKind::CreateIndex(index) => !is_uncertain(index.table.name()),
            _ => true,
        };
        if self.before == Before::Everything || self.uncertain || !is_known {
            return Vec::new();
        }
        let doubtful = references::columns_of(statement, is_uncertain);
        let is_certain =
            |error: &mut Diagnostic| error.code == Code::UnknownColumn && !doubtful.contains(&error.span);
        let columns = contradictions.extract_if(.., is_certain);
        let mut certain: Vec<Diagnostic> = columns.collect();
        certain.extend(defined.extract_if(.., |error| !may_be_defined(error.code)));
        certain
    }

    /// Applies a statement; returns an error for each part of the statement that contradicts earlier statements.
    fn apply(&mut self, statement: ParsedStatement<'_>) -> Vec<Diagnostic> {
        let State { grown, facts, conditional, has_cascaded } = &mut self.state;
        let mut is_unlisted = false;
        match &statement.kind {
            StatementKind::CreateTable(table) if table.if_not_exists && !grown.has_relation(&table.name) => {
                conditional.insert(table.name.name().to_owned());
            }
            StatementKind::AlterTable(alter) => {
                is_unlisted = self.before != Before::Everything && !grown.has_relation(&alter.name);
                let new = alter.actions.iter().find_map(|action| match action {
                    AlterAction::Rename(new) => Some(new.text.clone()),
                    _ => None,
                });
                if conditional.contains(alter.name.name()) {
                    conditional.extend(new);
                }
                *has_cascaded |= alter
                    .actions
                    .iter()
                    .any(|it| matches!(it, AlterAction::DropColumn { cascade: true, .. }));
            }
            StatementKind::Drop(drop) => *has_cascaded |= drop.cascade || drop.object == ObjectKind::Owned,
            _ => {}
        }
        if self.uncertain {
            facts.clear();
        }
        let mut found = facts.follow(statement, is_unlisted);
        found.extend(grown.unknown_objects(statement));
        let is_known = self.before == Before::Everything;
        found.extend(grown.rejected_drops(statement.tree, |table| !is_known && conditional.contains(table)));
        let contradictions = grown.apply(statement.tree.clone());
        if let StatementKind::CreateTable(table) = &statement.kind
            && (table.of_type.is_some() || references::lacks_table(statement.tree, &contradictions))
        {
            conditional.insert(table.name.name().to_owned());
        }
        found.extend(contradictions);
        found
    }

    /// Whether an object that an earlier statement has created certainly still exists.
    fn exists_certainly(&self, statement: ParsedStatement<'_>) -> bool {
        let is_conditional = match &statement.kind {
            StatementKind::AlterTable(alter) => self.state.conditional.contains(alter.name.name()),
            _ => false,
        };
        self.before == Before::Everything || !self.uncertain && !self.state.has_cascaded && !is_conditional
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

fn names_of_relations(schema: &Schema) -> BTreeSet<String> {
    schema.existing_relations().map(|relation| relation.name.clone()).collect()
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

/// Returns the errors in the expressions of a statement that defines a table, an index or a domain. `schema` is the
/// schema after the statement, and `contradictions` contains the errors that were already found in the statement's
/// names.
pub(super) fn errors_of_definition(
    statement: ParsedStatement<'_>,
    schema: &Schema,
    contradictions: &[Diagnostic],
) -> Vec<Diagnostic> {
    // After one of these errors, the schema does not contain the table that the statement means.
    let has_existing = contradictions.iter().any(|it| is_of_existing_object(it.code));
    if has_existing || references::lacks_table(statement.tree, contradictions) {
        return Vec::new();
    }
    of_sql(analyze::errors_of_definition(statement, schema))
}

fn analyzed(statement: ParsedStatement<'_>, schema: &Schema) -> Vec<Diagnostic> {
    analyze::analyze(statement, schema).err().map_or_else(Vec::new, of_sql)
}

fn of_sql(errors: Diagnostics) -> Vec<Diagnostic> {
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

/// Whether a statement that cannot be parsed may change the schema.
pub(super) fn may_change_schema(text: &str) -> bool {
    let word = text.split(|it: char| !it.is_alphabetic()).next().unwrap_or("");
    ["CREATE", "ALTER", "DROP"].iter().any(|first| word.eq_ignore_ascii_case(first))
}
