//! Decides whether an INSERT can be an idempotency key.
//!
//! Input: an INSERT and the table that it writes to. Output: the unique constraints whose violation proves that the key
//! is taken, or the reason why the INSERT is not a key.
//!
//! A transaction with a key commits only once because its INSERT succeeds only once. The INSERT succeeds only once if
//! some unique constraint covers only columns that the statement writes, and a second run writes the same values to
//! these columns. The following facts restrict which constraints can be the key: A NULL does not conflict with another
//! NULL. The values of `gen_random_uuid()`, `now()`, a DEFAULT and the constant `'00:00 today'` differ from run to run.
//! A partial index may not contain the row. A deferrable constraint is checked only at COMMIT. A trigger or a rule may
//! drop the row. The rows of an UNLOGGED table do not survive a crash.
//!
//! If a key is taken, the transaction is reported as already committed, so the violation must prove that the
//! transaction was committed. In `INSERT INTO users (id, email) VALUES ($id, $email)` both columns are unique, and a
//! violation of `users_email_key` proves only that another row has this address: the transaction may never have run. So
//! exactly one constraint is the key. If the INSERT has `ON CONFLICT (…)`, the key is the constraint with these
//! columns; otherwise, the key is the constraint whose columns all other candidates contain. The violation of a
//! constraint proves that the key is taken if the constraint has all columns of the key.
//!
//! PostgreSQL checks the unique indexes of a row one after the other and reports only the first violation. So a second
//! run of `INSERT INTO booking (seat_id, request_key) VALUES ($seat, $key)` may report `booking_seat_id_key`, although
//! the second run violates the key too. Therefore an INSERT without a conflict target is a key only if the row cannot
//! violate any other unique index: some column of that index is NULL, or gets a new UUID or the next value of a
//! sequence. An index that is partial, has nullable columns or covers an expression may still report the violation
//! first, so such an index is not an exception. With `ON CONFLICT (key)`, PostgreSQL checks the index of this key
//! before the other indexes.

use super::catalog::{Catalog, quote_identifier};
use super::written_table::Target;
use crate::builtin::{Oid, oid};
use crate::schema::{Key, Relation, RelationKind};
use crate::syntax::ast::{
    ConflictTarget, Expr, ExprKind, IndexElement, Insert, Literal, OnConflict, QueryBody, TargetColumn,
    TypeName,
};
use crate::typed::{Idempotency, IdempotencyKey};

/// Whether an INSERT can be an idempotency key; `columns` are the columns that the INSERT writes.
pub(super) fn of_insert(
    catalog: Catalog<'_>,
    insert: &Insert,
    target: &Target,
    columns: &[(usize, Option<TargetColumn>)],
) -> Idempotency {
    match key(catalog, insert, target, columns) {
        Ok(key) => Idempotency::Key(key),
        Err(reason) => Idempotency::NotAKey(reason),
    }
}

fn key(
    catalog: Catalog<'_>,
    insert: &Insert,
    target: &Target,
    columns: &[(usize, Option<TargetColumn>)],
) -> Result<IdempotencyKey, String> {
    let row = only_row(insert)?;
    let relation = catalog.schema.relations.get(target.relation).ok_or("its table is not known")?;
    keeps_rows(relation, target)?;
    let written = Written { catalog, target, relation, columns, row };
    let certain: Vec<&Key> = relation.keys.iter().filter(|key| written.repeats(key).is_ok()).collect();
    let conflict = insert.on_conflict.as_ref();
    let candidates = match conflict {
        Some(conflict) => named(conflict, relation, certain)?,
        None => certain,
    };
    if candidates.is_empty() {
        return Err(written.no_candidate());
    }
    let has_all =
        |key: &Key, of: &Key| !key.own_equality && of.columns.iter().all(|it| key.columns.contains(it));
    let meant = candidates.iter().find(|meant| candidates.iter().all(|key| has_all(key, meant)));
    let meant = *meant.ok_or_else(|| {
        let columns: Vec<String> = candidates.iter().map(|key| columns_of(key)).collect();
        let named = columns.first().cloned().unwrap_or_default();
        format!("either of {} may be the key; name it: ON CONFLICT {named} DO NOTHING", columns.join(" and "))
    })?;
    let (proving, others): (Vec<&Key>, Vec<&Key>) = relation.keys.iter().partition(|key| has_all(key, meant));
    let all = !relation.has_other_keys && others.is_empty();
    // Without a conflict target, a second run may violate another index before the index of the key. With `ON CONFLICT
    // DO NOTHING`, a violation of another index can also be the reason why PostgreSQL skips the row.
    let names_key = conflict.is_some_and(|it| !matches!(it.target, ConflictTarget::Any));
    let other = others.iter().find(|key| !written.never_conflicts(key));
    if (relation.has_other_keys || other.is_some()) && !names_key {
        let other = other.map_or_else(|| "another unique index".to_owned(), |key| name_of(key));
        let named = columns_of(meant);
        return Err(format!(
            "a second run may violate {other} before {}; name the key: ON CONFLICT {named} DO NOTHING",
            name_of(meant)
        ));
    }
    let constraints = proving.iter().filter_map(|key| key.name.clone()).collect();
    Ok(IdempotencyKey { constraints, all, does_nothing: conflict.is_some() })
}

/// Checks that each inserted row becomes a row of the table, and stays there.
fn keeps_rows(relation: &Relation, target: &Target) -> Result<(), String> {
    let is_table = matches!(relation.kind, RelationKind::Table) && target.base == target.relation;
    let problem = match () {
        () if !is_table => "is not a table",
        () if relation.has_triggers => "has triggers or rules, which may drop the row",
        () if relation.partitioned => "is partitioned",
        () if relation.volatile_rows => "is temporary or UNLOGGED, so its rows may be lost",
        () => return Ok(()),
    };
    Err(format!("{} {problem}", relation.name))
}

/// Returns the values of a plain `INSERT … VALUES (…)` with one row, or the reason why the INSERT has another form.
fn only_row(insert: &Insert) -> Result<&[Expr], String> {
    let source = insert.source.as_ref().ok_or("it writes no value")?;
    let is_query = source.with.is_some()
        || !source.order_by.is_empty()
        || source.limit.is_some()
        || source.offset.is_some()
        || !source.locking.is_empty();
    let problem = match (&source.body, insert) {
        (_, Insert { with: Some(_), .. }) => "it has WITH".to_owned(),
        (_, Insert { overriding: Some(_), .. }) => "it has OVERRIDING".to_owned(),
        (_, Insert { returning, .. }) if !returning.is_empty() => "it has RETURNING".to_owned(),
        (QueryBody::Values(rows), _) if !is_query => match rows.as_slice() {
            [row] => return Ok(row),
            rows => format!("it inserts {} rows", rows.len()),
        },
        _ => "its rows come from a query".to_owned(),
    };
    Err(problem)
}

/// Returns the name of a constraint or index for an error message.
fn name_of(key: &Key) -> String {
    key.name.clone().unwrap_or_else(|| format!("the unique index of {}", columns_of(key)))
}

/// Returns the columns of a key in the form of an `ON CONFLICT` target: `(a, b)`.
fn columns_of(key: &Key) -> String {
    let columns: Vec<String> = key.columns.iter().map(|column| quote_identifier(column)).collect();
    format!("({})", columns.join(", "))
}

/// The inserted row, its columns and its table.
struct Written<'w> {
    catalog: Catalog<'w>,
    target: &'w Target,
    relation: &'w Relation,
    columns: &'w [(usize, Option<TargetColumn>)],
    row: &'w [Expr],
}

impl Written<'_> {
    /// Checks that a second run of the statement, with the arguments of the first run, violates the key if the row of
    /// the first run exists.
    fn repeats(&self, key: &Key) -> Result<(), String> {
        match key {
            Key { partial: true, .. } => Err("it covers only some rows".to_owned()),
            Key { deferrable: true, .. } => Err("it is checked only at COMMIT".to_owned()),
            Key { own_equality: true, .. } => Err("it has a collation or an operator class".to_owned()),
            key => key.columns.iter().try_for_each(|column| self.is_fixed(column, key)),
        }
    }

    /// Returns the reason why no key of the table is a candidate.
    fn no_candidate(&self) -> String {
        let table = &self.relation.name;
        let problems: Vec<String> = self
            .relation
            .keys
            .iter()
            .filter_map(|key| Some(format!("{}: {}", name_of(key), self.repeats(key).err()?)))
            .collect();
        match problems.as_slice() {
            [] if self.relation.keys.is_empty() => {
                format!("{table} has no primary key and no unique constraint")
            }
            [] => "its ON CONFLICT names no unique constraint that a second run is certain to violate"
                .to_owned(),
            problems => format!("a second run is not certain to fail ({})", problems.join("; ")),
        }
    }

    /// Whether the row conflicts with no other row of this key in any run: one of the key's columns is NULL or gets a
    /// new value in each run.
    fn never_conflicts(&self, key: &Key) -> bool {
        key.columns.iter().any(|column| {
            let Some(at) = self.position(column) else { return false };
            let is_named = self.columns.iter().any(|(known, _)| *known == at);
            match self.written(at).map(|value| (&value.kind, value)) {
                Some((ExprKind::Literal(Literal::Null), _)) => !key.nulls_not_distinct,
                Some((ExprKind::Default, _)) => self.default_never_conflicts(at, key),
                Some((_, value)) => self.is_new(value),
                None => !is_named && self.default_never_conflicts(at, key),
            }
        })
    }

    fn default_never_conflicts(&self, at: usize, key: &Key) -> bool {
        let Some(column) = self.relation.columns.get(at) else { return false };
        if column.takes_from_sequence() || column.expression().is_some_and(|default| self.is_new(default)) {
            return true;
        }
        // A domain may have its own default.
        let is_domain = self.target.columns.get(at).is_none_or(|it| self.catalog.base_type(it.ty).0 != it.ty);
        !column.has_default && !is_domain && !key.nulls_not_distinct
    }

    /// Whether the value is a new UUID or the next value of a sequence.
    fn is_new(&self, value: &Expr) -> bool {
        match &value.kind {
            ExprKind::Function(call) => NEW_VALUES.contains(&call.name.name()),
            // A cast to any other type could shorten the value.
            ExprKind::Cast { arg, target, .. } => {
                let keeps = |ty: (Oid, i32)| ty.1 == -1 && [oid::TEXT, oid::UUID, oid::INT8].contains(&ty.0);
                self.is_new(arg) && self.catalog.resolve(target).is_ok_and(keeps)
            }
            _ => false,
        }
    }

    fn position(&self, column: &str) -> Option<usize> {
        self.relation.columns.iter().position(|it| it.name == column)
    }

    /// Returns the value that the statement writes to the column at `at`; `None` if the statement writes nothing to the
    /// column, or only a part of the column.
    fn written(&self, at: usize) -> Option<&Expr> {
        let whole = |it: &Option<TargetColumn>| it.as_ref().is_none_or(|it| it.indirection.is_empty());
        let place = self.columns.iter().position(|(known, it)| *known == at && whole(it))?;
        self.row.get(place)
    }

    /// Checks that the column gets the same value in each run, and that the value conflicts with itself.
    fn is_fixed(&self, column: &str, key: &Key) -> Result<(), String> {
        let value = self.position(column).and_then(|at| Some((at, self.written(at)?)));
        let Some((at, value)) = value else { return Err(format!("{column} is not written")) };
        let not_null = self.target.not_null.get(at).copied().unwrap_or(false) || key.nulls_not_distinct;
        let unless_null = || if not_null { Ok(()) } else { Err(format!("{column} may be NULL")) };
        let differs = || Err(format!("the value of {column} may differ in each run"));
        match &value.kind {
            ExprKind::Parameter(_) => unless_null(),
            ExprKind::Cast { arg, target, .. } if matches!(arg.kind, ExprKind::Parameter(_)) => {
                if self.keeps_value(target, at) { unless_null() } else { differs() }
            }
            ExprKind::Literal(Literal::Null) if !key.nulls_not_distinct => Err(format!("{column} is NULL")),
            ExprKind::Literal(Literal::Null) => Ok(()),
            ExprKind::Literal(literal) if self.is_constant(literal, at) => Ok(()),
            ExprKind::Literal(_) => differs(),
            _ => Err(format!("the value of {column} is neither a parameter nor a constant")),
        }
    }

    /// Whether a value of the type `from` becomes the same value of the column's type in every session. For example,
    /// the conversion of a `timestamptz` to `date` or `text` depends on the session's time zone.
    fn keeps_value(&self, from: &TypeName, column: usize) -> bool {
        let (Ok((from, _)), Some(to)) = (self.catalog.resolve(from), self.column_type(column)) else {
            return false;
        };
        let from = self.catalog.base_type(from).0;
        let is_text = |ty: Oid| self.catalog.type_info(ty).category == b'S';
        let is_number = |ty: Oid| NUMBERS.contains(&ty);
        from == to || (is_text(from) && is_text(to)) || (is_number(from) && is_number(to))
    }

    /// Whether a constant is certain to have the same value in every run. `'now'`, `'00:00 today'` and
    /// `'[today,tomorrow)'` are evaluated when the statement runs, `'04:05'` uses the session's time zone, and the name
    /// of a table may later refer to another table.
    fn is_constant(&self, literal: &Literal, column: usize) -> bool {
        let Some(ty) = self.column_type(column) else { return false };
        let is_plain = PLAIN.contains(&ty) || NUMBERS.contains(&ty);
        let is_named = matches!(self.catalog.type_info(ty).category, b'S' | b'E');
        match literal {
            Literal::String(text) if matches!(ty, oid::DATE | oid::TIMESTAMP) => is_date(text),
            _ => is_plain || is_named,
        }
    }

    fn column_type(&self, column: usize) -> Option<Oid> {
        self.target.columns.get(column).map(|column| self.catalog.base_type(column.ty).0)
    }
}

/// The functions that return a new value in each run.
const NEW_VALUES: [&str; 7] = [
    "gen_random_uuid",
    "nextval",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

const NUMBERS: [Oid; 6] = [oid::INT2, oid::INT4, oid::INT8, oid::NUMERIC, oid::FLOAT4, oid::FLOAT8];

const PLAIN: [Oid; 3] = [oid::BOOL, oid::UUID, oid::BYTEA];

/// Whether a string is a date in ISO order, optionally with a time: `2026-01-01 04:05`.
fn is_date(text: &str) -> bool {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    year == 4 && text.bytes().all(|it| it.is_ascii_digit() || matches!(it, b'-' | b':' | b'.' | b' '))
}

/// Returns the keys that `ON CONFLICT` refers to.
///
/// # Errors
/// Returns the reason if the clause has DO UPDATE, with which a second run succeeds, or if PostgreSQL may skip the row
/// although no row with one of these keys exists.
fn named<'k>(
    conflict: &OnConflict,
    relation: &Relation,
    certain: Vec<&'k Key>,
) -> Result<Vec<&'k Key>, String> {
    if conflict.update.is_some() {
        return Err("it has DO UPDATE, which succeeds a second time".to_owned());
    }
    match &conflict.target {
        ConflictTarget::Any => Ok(certain),
        ConflictTarget::Constraint(name) => {
            let is_meant = |key: &&Key| key.constraint && key.name.as_deref() == Some(&name.text);
            Ok(certain.into_iter().filter(is_meant).collect())
        }
        ConflictTarget::Index(elements, None, _) => {
            let columns = elements.iter().map(plain_column).collect::<Option<Vec<_>>>();
            let columns = columns.ok_or("its ON CONFLICT names an expression, not a column")?;
            let is_meant = |key: &Key| {
                let within = key.columns.iter().all(|it| columns.contains(&it.as_str()));
                within && columns.iter().all(|it| key.columns.iter().any(|column| column == it))
            };
            // PostgreSQL uses every index that fits the target as an arbiter, so every such index must be in `certain`.
            let arbiters = relation.keys.iter().filter(|key| is_meant(key) && !key.partial).count();
            let meant: Vec<&Key> = certain.into_iter().filter(|key| is_meant(key)).collect();
            if meant.len() == arbiters {
                return Ok(meant);
            }
            Err("its ON CONFLICT names an index that a second run is not certain to violate".to_owned())
        }
        ConflictTarget::Index(_, Some(_), _) => Err("its ON CONFLICT has WHERE".to_owned()),
    }
}

fn plain_column(element: &IndexElement) -> Option<&str> {
    let plain = element.collation.is_none() && element.operator_class.is_none();
    match &element.expr.kind {
        ExprKind::Column(parts) if plain => match parts.as_slice() {
            [only] => Some(&only.text),
            _ => None,
        },
        _ => None,
    }
}
