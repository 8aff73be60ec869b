//! Finds out whether a statement that changes the schema was applied. A run that resumes a failed one needs it.
//!
//! Input: a statement. Output: the objects that it touches, and their state in the catalog, before and now; or that the
//! catalog cannot show it.

use anyhow::Result;
use dsql_edge_compiler::syntax::ast::{
    AlterTable, CreateTable, Drop, ObjectKind, QualifiedName, Statement, StatementKind, TableElement,
};

use super::checksum::sha256;
use super::database::Database;

/// What a statement leaves behind.
pub(super) struct Trace {
    /// Empty if the catalog does not show them.
    objects: Vec<Object>,
    /// Of CREATE TABLE: the columns that it makes, if they are all written in it.
    columns: Option<Vec<String>>,
    /// What people are asked.
    check: String,
}

struct Object {
    kind: Kind,
    /// "" where it is not written: found by the search path.
    schema: String,
    name: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Relation,
    Type,
    Schema,
    Function,
    Functions,
    Role,
    Mapping,
}

/// The state of a statement's objects in the catalog.
pub(super) struct Seen {
    /// Nothing but [`ABSENT`] where there is none of them.
    pub(super) state: String,
    columns: Vec<String>,
}

/// The state of objects of which there is none.
const ABSENT: &str = "absent";

/// Whether a statement was applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Applied,
    NotApplied,
    /// And what to check.
    Unknown(String),
}

impl Trace {
    /// Nothing for a statement that may as well run again.
    pub(super) fn of(statement: &Statement) -> Option<Trace> {
        match &statement.kind {
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
                let name = created.name.as_ref().map(|name| name.text.clone())?;
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
            StatementKind::Utility(words) if is_repeatable(words) => None,
            _ => Some(Trace::unseen("has the statement done what it says?".to_owned())),
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
        let check = format!("is {what} {} there?", names.join(", "));
        Trace { objects, ..Trace::unseen(check) }
    }

    fn unseen(check: String) -> Trace {
        Trace { objects: Vec::new(), columns: None, check }
    }

    /// The state in the catalog now; `None` if the catalog does not show it.
    pub(super) async fn look(&self, database: &Database) -> Result<Option<Seen>> {
        let mut text = String::new();
        let mut columns = Vec::new();
        for object in &self.objects {
            let Some(seen) = object.look(database, &mut columns).await? else { return Ok(None) };
            text += &seen;
        }
        if self.objects.is_empty() {
            return Ok(None);
        }
        let state = if text.is_empty() { ABSENT.to_owned() } else { sha256(&text) };
        Ok(Some(Seen { state, columns }))
    }

    /// Whether it was applied, by what was seen before it was sent and what is seen now. One run at a time changes
    /// the schema, so what has changed was changed by it; and what changed nothing may as well run again.
    pub(super) fn judge(&self, before: Option<&str>, now: Option<&Seen>) -> Verdict {
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
                    "the table {} is there, but with other columns ({has})",
                    names.join(", ")
                ))
            }
            _ => Verdict::Applied,
        }
    }
}

/// Statements after which nothing is different when they run twice.
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

/// The columns of a table, if they are all written.
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
    if drop.object == ObjectKind::Function && names.is_empty() {
        return Trace::of_all(Kind::Functions, "is the function gone?");
    }
    let objects = match kind_of(drop.object) {
        Some(kind) => drop.names.iter().map(|name| Object::named(kind, name)).collect(),
        None => Vec::new(),
    };
    let what = if names.is_empty() { "what it drops".to_owned() } else { names.join(", ") };
    Trace { objects, ..Trace::unseen(format!("is {what} gone?")) }
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
        ObjectKind::Other => None,
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

    /// All that is known of it as one text; "" where it is not there.
    async fn look(&self, database: &Database, columns: &mut Vec<String>) -> Result<Option<String>> {
        let name = [Some(self.schema.as_str()), Some(self.name.as_str())];
        let mut text = String::new();
        match self.kind {
            Kind::Relation => {
                text += &lines(database.rows::<5>(RELATION, &name).await?);
                let found = database.rows::<7>(COLUMNS, &name).await?;
                columns.extend(found.iter().filter_map(|[column, ..]| column.clone()));
                text += &lines(found);
                text += &lines(database.rows::<3>(CONSTRAINTS, &name).await?);
            }
            Kind::Type => text += &lines(database.rows::<4>(TYPE, &name).await?),
            Kind::Schema => text += &lines(database.rows::<2>(SCHEMA, &[Some(self.name.as_str())]).await?),
            Kind::Function => text += &lines(database.rows::<2>(FUNCTION, &name).await?),
            Kind::Functions => text += &lines(database.rows::<2>(FUNCTIONS, &[]).await?),
            Kind::Role => text += &lines(database.rows::<3>(ROLES, &[]).await?),
            // Who does not know the view has no such roles.
            Kind::Mapping => match database.rows::<2>(MAPPINGS, &[]).await {
                Ok(rows) => text += &lines(rows),
                Err(_) => return Ok(None),
            },
        }
        Ok(Some(text))
    }
}

fn lines<const N: usize>(rows: Vec<super::database::Row<N>>) -> String {
    let line = |row: super::database::Row<N>| {
        let fields: Vec<String> = row.into_iter().map(|field| format!("{field:?}")).collect();
        fields.join(" ") + "\n"
    };
    rows.into_iter().map(line).collect()
}

// $1 is the schema or '', $2 the name.

macro_rules! of_relation {
    () => {
        " AND c.relname = $2 AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_table_is_visible(c.oid))"
    };
}

const RELATION: &str = concat!(
    "SELECT c.oid::text, n.nspname::text || ' ' || c.relkind::text || ' ' || c.relowner::text,
            i.indisvalid::text, pg_get_expr(i.indpred, i.indrelid),
            CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     WHERE true",
    of_relation!(),
    " ORDER BY 1"
);

const COLUMNS: &str = concat!(
    "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
            pg_get_expr(d.adbin, d.adrelid), a.attidentity::text, a.attgenerated::text, a.attstorage::text
     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attnum > 0 AND NOT a.attisdropped",
    of_relation!(),
    " ORDER BY c.oid, a.attnum"
);

const CONSTRAINTS: &str = concat!(
    "SELECT k.conname::text, pg_get_constraintdef(k.oid), k.convalidated::text
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE true",
    of_relation!(),
    " ORDER BY 1"
);

const TYPE: &str = "SELECT t.oid::text, n.nspname::text || ' ' || t.typowner::text || ' ' || t.typnotnull::text, t.typdefault,
            (SELECT string_agg(c.conname || pg_get_constraintdef(c.oid) || c.convalidated::text, ' ' ORDER BY c.conname)
             FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid)
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typname = $2 AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_type_is_visible(t.oid)) ORDER BY 1";

const SCHEMA: &str =
    "SELECT n.oid::text, n.nspowner::text FROM pg_catalog.pg_namespace n WHERE n.nspname = $1";

const FUNCTION: &str = "SELECT p.oid::text, p.proowner::text || ' ' || pg_get_functiondef(p.oid)
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prokind = 'f' AND p.proname = $2
       AND (n.nspname = $1 OR $1 = '' AND pg_catalog.pg_function_is_visible(p.oid)) ORDER BY 1";

const FUNCTIONS: &str = "SELECT p.oid::text, p.proname::text
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'sys') ORDER BY 1";

const ROLES: &str = "SELECT r.rolname::text, r.rolcanlogin::text, r.rolcreaterole::text FROM pg_catalog.pg_roles r ORDER BY 1";

const MAPPINGS: &str = "SELECT pg_role_name::text, arn::text FROM sys.iam_pg_role_mappings ORDER BY 1, 2";
