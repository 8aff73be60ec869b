//! Decides whether a statement that changes the schema was applied. A run that continues after a failed run needs this
//! decision.
//!
//! Input: a statement, and two states of its objects in the catalog: the state before the statement was sent, and the
//! current state. Output: applied, not applied, or not shown by the catalog.

use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::{
    AlterTable, CreateTable, Drop, ObjectKind, QualifiedName, StatementKind, TableElement,
};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::TokenKind;

/// The objects in the catalog that a statement changes.
pub struct Trace {
    /// The objects that the statement changes; empty if the catalog does not show them.
    pub objects: Vec<Object>,
    /// For CREATE TABLE: the columns of the new table, if the statement lists all of them.
    columns: Option<Vec<String>>,
    /// The question for the user if the catalog does not show whether the statement was applied.
    check: String,
}

/// An object in the catalog.
pub struct Object {
    /// The part of the catalog.
    pub kind: Kind,
    /// The schema of the object; "" if the statement contains no schema, so that PostgreSQL finds the object by the
    /// search path.
    pub schema: String,
    /// The name of the object; "" for a kind that is compared as a whole (all functions, all roles).
    pub name: String,
}

/// The part of the catalog that contains an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A table, view, index or sequence, with its columns and constraints.
    Relation,
    /// A domain or a type.
    Type,
    /// A schema.
    Schema,
    /// All functions that have the same name.
    Function,
    /// All functions.
    Functions,
    /// All roles.
    Role,
    /// All mappings of `AWS IAM GRANT`.
    Mapping,
    /// An index. The recorded state contains only whether an index with this name exists, not whether the index is
    /// valid.
    Index,
    /// A database.
    Database,
    /// A tablespace.
    Tablespace,
    /// A subscription.
    Subscription,
    /// Whether a table is a partition.
    Partition,
}

/// The state of a statement's objects in the catalog.
pub struct Seen {
    /// The checksum of the objects' rows in the catalog, or [`ABSENT`] if none of the objects exists.
    pub state: String,
    /// The columns that are compared, for the tables among the objects.
    pub columns: Vec<String>,
}

/// The state if none of the objects exists.
pub const ABSENT: &str = "absent";

/// Whether a statement was applied.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The catalog shows that the statement was applied.
    Applied,
    /// The catalog is as it was before the statement was sent.
    NotApplied,
    /// The catalog does not show whether the statement was applied. The field describes what the user must check.
    Unknown(String),
}

impl Trace {
    /// Returns `None` for a statement that can run again without harm.
    pub(super) fn of(statement: ParsedStatement<'_>) -> Option<Trace> {
        match &statement.tree.kind {
            StatementKind::CreateTable(table) if table.if_not_exists => None,
            StatementKind::CreateTable(table) => {
                let mut trace = Trace::one(Kind::Relation, &table.name, "the table");
                trace.columns = columns(table);
                Some(trace)
            }
            StatementKind::CreateTableAs(table) => Some(Trace::one(Kind::Relation, &table.name, "the table")),
            StatementKind::CreateView(view) if view.or_replace => None,
            StatementKind::CreateView(view) => Some(Trace::one(Kind::Relation, &view.name, "the view")),
            StatementKind::CreateIndex(index) if index.if_not_exists => None,
            StatementKind::CreateIndex(index) => {
                let name = index.name.as_ref().map(|name| name.text.clone()).unwrap_or_default();
                let schema = index.table.schema().unwrap_or_default().to_owned();
                Some(Trace::of_objects(vec![Object { kind: Kind::Relation, schema, name }], "the index"))
            }
            StatementKind::CreateDomain(domain) => Some(Trace::one(Kind::Type, &domain.name, "the domain")),
            StatementKind::CreateType(new) => Some(Trace::one(Kind::Type, &new.name, "the type")),
            StatementKind::CreateSequence(sequence) if sequence.if_not_exists => None,
            StatementKind::CreateSequence(sequence) => {
                Some(Trace::one(Kind::Relation, &sequence.name, "the sequence"))
            }
            StatementKind::CreateSchema(created) if created.if_not_exists => None,
            StatementKind::CreateSchema(created) => {
                // `CREATE SCHEMA AUTHORIZATION role` names the schema after the role.
                let Some(name) = created.name.as_ref().map(|name| name.text.clone()) else {
                    return Some(Trace::unseen(
                        "does the schema with the name of the role exist?".to_owned(),
                    ));
                };
                let object = Object { kind: Kind::Schema, schema: String::new(), name };
                Some(Trace::of_objects(vec![object], "the schema"))
            }
            StatementKind::CreateFunction(function) if function.or_replace => None,
            StatementKind::CreateFunction(function) => {
                Some(Trace::one(Kind::Function, &function.name, "the function"))
            }
            StatementKind::AlterTable(alter) => Some(altered(alter)),
            StatementKind::Drop(drop) if drop.if_exists => None,
            StatementKind::Drop(drop) => Some(dropped(drop)),
            StatementKind::Utility("CREATE ROLE" | "CREATE USER" | "CREATE GROUP") => {
                Some(Trace::of_all(Kind::Role, "is the role in pg_roles?"))
            }
            StatementKind::Utility("AWS IAM") => {
                Some(Trace::of_all(Kind::Mapping, "is the ARN in sys.iam_pg_role_mappings?"))
            }
            StatementKind::Utility("ALTER ROLE" | "ALTER USER" | "ALTER GROUP") if renames(statement) => {
                Some(Trace::of_all(Kind::Role, "has the role its new name in pg_roles?"))
            }
            StatementKind::Utility(words) if is_repeatable(words) => None,
            _ => Some(Trace::unseen("has the statement taken effect?".to_owned())),
        }
    }

    fn one(kind: Kind, name: &QualifiedName, what: &str) -> Trace {
        Trace::of_objects(vec![Object::named(kind, name)], what)
    }

    fn of_all(kind: Kind, check: &str) -> Trace {
        let object = Object { kind, schema: String::new(), name: String::new() };
        Trace { objects: vec![object], ..Trace::unseen(check.to_owned()) }
    }

    fn of_objects(objects: Vec<Object>, what: &str) -> Trace {
        let names: Vec<String> = objects.iter().map(Object::display).collect();
        let check = format!("does {what} {} exist?", names.join(", "));
        Trace { objects, ..Trace::unseen(check) }
    }

    /// Makes the trace for an object whose existence alone shows whether the statement was applied.
    pub(super) fn existence(kind: Kind, name: &QualifiedName, what: &str) -> Trace {
        Trace::one(kind, name, what)
    }

    pub(super) fn unseen(check: String) -> Trace {
        Trace { objects: Vec::new(), columns: None, check }
    }

    /// Decides whether the statement was applied, by the state before the statement was sent and the current state. One
    /// run at a time changes the schema, so a changed state is the effect of this statement. If the state is unchanged,
    /// the statement can be sent again.
    pub fn judge(&self, before: Option<&str>, now: Option<&Seen>) -> Verdict {
        let (Some(before), Some(now)) = (before, now) else {
            return Verdict::Unknown(self.check.clone());
        };
        if before == now.state {
            return Verdict::NotApplied;
        }
        match &self.columns {
            Some(columns) if *columns != now.columns => {
                let has = now.columns.join(", ");
                let names: Vec<String> = self.objects.iter().map(Object::display).collect();
                Verdict::Unknown(format!(
                    "the table {} exists, but with other columns ({has})",
                    names.join(", ")
                ))
            }
            _ => Verdict::Applied,
        }
    }
}

/// Whether a statement is `ALTER ROLE name RENAME TO …`.
fn renames(statement: ParsedStatement<'_>) -> bool {
    let fourth = statement.own_tokens().get(3);
    fourth.is_some_and(|token| token.kind == TokenKind::Keyword(Keyword::Rename))
}

/// Whether statements of this kind have the same effect if they run twice.
fn is_repeatable(words: &str) -> bool {
    matches!(
        words,
        "GRANT"
            | "REVOKE"
            | "COMMENT"
            | "ANALYZE"
            | "REASSIGN OWNED"
            | "ALTER SEQUENCE"
            | "ALTER ROLE"
            | "ALTER USER"
            | "ALTER GROUP"
            | "ALTER DEFAULT PRIVILEGES"
    )
}

/// Returns the columns of a table, if the statement lists all of them.
fn columns(table: &CreateTable) -> Option<Vec<String>> {
    if !table.inherits.is_empty() || table.partition_of.is_some() || table.of_type.is_some() {
        return None;
    }
    let mut out = Vec::new();
    for element in &table.elements {
        match element {
            TableElement::Column(column) => out.push(column.name.text.clone()),
            TableElement::Constraint(_) => {}
            TableElement::Like { .. } => return None,
        }
    }
    Some(out)
}

fn altered(alter: &AlterTable) -> Trace {
    let name = &alter.name;
    let objects = kind_of(alter.object).map(|kind| Object::named(kind, name)).into_iter().collect();
    Trace { objects, ..Trace::unseen(format!("is {} as the statement makes it?", name.display())) }
}

fn dropped(drop: &Drop) -> Trace {
    let names: Vec<String> = drop.names.iter().map(QualifiedName::display).collect();
    if drop.object == ObjectKind::Function {
        return Trace::of_all(Kind::Functions, "was the function dropped?");
    }
    let objects = match kind_of(drop.object) {
        Some(kind) => drop.names.iter().map(|name| Object::named(kind, name)).collect(),
        None => Vec::new(),
    };
    let what =
        if names.is_empty() { "the object that the statement drops".to_owned() } else { names.join(", ") };
    Trace { objects, ..Trace::unseen(format!("was {what} dropped?")) }
}

fn kind_of(object: ObjectKind) -> Option<Kind> {
    match object {
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Index
        | ObjectKind::Sequence
        | ObjectKind::ForeignTable => Some(Kind::Relation),
        ObjectKind::Domain | ObjectKind::Type => Some(Kind::Type),
        ObjectKind::Schema => Some(Kind::Schema),
        ObjectKind::Function => Some(Kind::Function),
        ObjectKind::Operator
        | ObjectKind::Cast
        | ObjectKind::Extension
        | ObjectKind::Owned
        | ObjectKind::Other => None,
    }
}

impl Object {
    fn named(kind: Kind, name: &QualifiedName) -> Object {
        let schema = name.schema().unwrap_or_default().to_owned();
        Object { kind, schema, name: name.name().to_owned() }
    }

    fn display(&self) -> String {
        if self.schema.is_empty() { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }
}
