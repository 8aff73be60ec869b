//! Decides whether an INSERT can be an idempotency key.
//!
//! Input: an INSERT and the table that it writes to. Output: the unique constraints whose violation proves that the key
//! is taken, or `None`.
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
//! one constraint is the key: the constraint that `ON CONFLICT (…)` names, or otherwise the constraint whose columns
//! are also in all other candidates. The violation of a constraint proves that the key is taken if the constraint has
//! all columns of the key.
//!
//! PostgreSQL checks the unique indexes of a row one after the other and reports only the first violation. So a second
//! run of `INSERT INTO booking (seat_id, request_key) VALUES ($seat, $key)` may report `booking_seat_id_key`, although
//! the key is taken, too. Therefore an INSERT without a conflict target is a key only if the row cannot violate any
//! other unique index: some column of that index is NULL, or gets a new UUID or the next value of a sequence. An index
//! that is partial, has nullable columns or covers an expression may still report the violation first, so such an index
//! is not an exception. `ON CONFLICT (key)` checks the key first.

use super::catalog::Catalog;
use super::written_table::Target;
use crate::builtin::{Oid, oid};
use crate::schema::{Key, Relation, RelationKind};
use crate::syntax::ast::{
    ConflictTarget, Expr, ExprKind, IndexElement, Insert, Literal, OnConflict, QueryBody, TargetColumn,
    TypeName,
};
use crate::typed::IdempotencyKey;

/// The idempotency key that an INSERT writes, if the INSERT can be a key; `columns` are the columns that the INSERT
/// writes.
pub(super) fn key(
    catalog: Catalog<'_>,
    insert: &Insert,
    target: &Target,
    columns: &[(usize, Option<TargetColumn>)],
) -> Option<IdempotencyKey> {
    let row = only_row(insert)?;
    let relation = catalog.schema.relations.get(target.relation)?;
    let is_table = matches!(relation.kind, RelationKind::Table) && target.base == target.relation;
    if !is_table || relation.has_triggers || relation.partitioned || relation.volatile_rows {
        return None;
    }
    let written = Written { catalog, target, relation, columns, row };
    let certain: Vec<&Key> = relation.keys.iter().filter(|key| written.repeats(key)).collect();
    let conflict = insert.on_conflict.as_ref();
    let candidates = match conflict {
        Some(conflict) => named(conflict, relation, certain)?,
        None => certain,
    };
    let has_all =
        |key: &Key, of: &Key| !key.own_equality && of.columns.iter().all(|it| key.columns.contains(it));
    let meant = *candidates.iter().find(|meant| candidates.iter().all(|key| has_all(key, meant)))?;
    let (proving, others): (Vec<&Key>, Vec<&Key>) = relation.keys.iter().partition(|key| has_all(key, meant));
    let all = !relation.has_other_keys && others.is_empty();
    // Without a conflict target, a second run may violate another index before the index of the key. With `ON CONFLICT
    // DO NOTHING`, the other index may be the reason why the row is skipped.
    let names_key = conflict.is_some_and(|it| !matches!(it.target, ConflictTarget::Any));
    let may_conflict = relation.has_other_keys || others.iter().any(|key| !written.never_conflicts(key));
    if may_conflict && !names_key {
        return None;
    }
    let constraints = proving.iter().filter_map(|key| key.name.clone()).collect();
    Some(IdempotencyKey { constraints, all, does_nothing: conflict.is_some() })
}

/// The row of a plain `INSERT … VALUES (…)` with one row.
fn only_row(insert: &Insert) -> Option<&[Expr]> {
    let source = insert.source.as_ref()?;
    let plain = insert.with.is_none()
        && insert.overriding.is_none()
        && insert.returning.is_empty()
        && source.with.is_none()
        && source.order_by.is_empty()
        && source.limit.is_none()
        && source.offset.is_none()
        && source.locking.is_empty();
    match &source.body {
        QueryBody::Values(rows) if plain => match rows.as_slice() {
            [row] => Some(row),
            _ => None,
        },
        _ => None,
    }
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
    /// Whether a second run of the statement, with the arguments of the first run, violates the key if the row of the
    /// first run exists.
    fn repeats(&self, key: &Key) -> bool {
        let is_plain = !key.partial && !key.deferrable && !key.own_equality;
        is_plain && key.columns.iter().all(|column| self.is_fixed(column, key))
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
        // A domain may have a default of its own.
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

    /// The value that the statement writes to the column at `at`; `None` if the statement writes only a part of the
    /// column.
    fn written(&self, at: usize) -> Option<&Expr> {
        let whole = |it: &Option<TargetColumn>| it.as_ref().is_none_or(|it| it.indirection.is_empty());
        let place = self.columns.iter().position(|(known, it)| *known == at && whole(it))?;
        self.row.get(place)
    }

    fn is_fixed(&self, column: &str, key: &Key) -> bool {
        let Some(at) = self.position(column) else { return false };
        let Some(value) = self.written(at) else { return false };
        let not_null = self.target.not_null.get(at).copied().unwrap_or(false) || key.nulls_not_distinct;
        match &value.kind {
            ExprKind::Parameter(_) => not_null,
            ExprKind::Cast { arg, target, .. } => {
                not_null && matches!(arg.kind, ExprKind::Parameter(_)) && self.keeps_value(target, at)
            }
            ExprKind::Literal(Literal::Null) => key.nulls_not_distinct,
            ExprKind::Literal(literal) => self.is_constant(literal, at),
            _ => false,
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

    /// Whether a constant has the same value in every run. `'now'`, `'00:00 today'` and `'[today,tomorrow)'` are
    /// evaluated when the statement runs, `'04:05'` uses the session's time zone, and the name of a table may later
    /// refer to another table.
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

/// The keys that `ON CONFLICT` refers to. The result is `None` if PostgreSQL can skip the row although no row with one
/// of these keys exists.
fn named<'k>(conflict: &OnConflict, relation: &Relation, certain: Vec<&'k Key>) -> Option<Vec<&'k Key>> {
    if conflict.update.is_some() {
        return None;
    }
    match &conflict.target {
        ConflictTarget::Any => Some(certain),
        ConflictTarget::Constraint(name) => {
            let is_meant = |key: &&Key| key.constraint && key.name.as_deref() == Some(&name.text);
            Some(certain.into_iter().filter(is_meant).collect())
        }
        ConflictTarget::Index(elements, None, _) => {
            let columns = elements.iter().map(plain_column).collect::<Option<Vec<_>>>()?;
            let is_meant = |key: &Key| {
                let within = key.columns.iter().all(|it| columns.contains(&it.as_str()));
                within && columns.iter().all(|it| key.columns.iter().any(|column| column == it))
            };
            // PostgreSQL uses every index that fits the target as an arbiter, so every such index must be in `certain`.
            let arbiters = relation.keys.iter().filter(|key| is_meant(key) && !key.partial).count();
            let meant: Vec<&Key> = certain.into_iter().filter(|key| is_meant(key)).collect();
            (meant.len() == arbiters).then_some(meant)
        }
        ConflictTarget::Index(_, Some(_), _) => None,
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

#[cfg(test)]
mod tests {
    use crate::typed::IdempotencyKey;
    use crate::{Schema, Source, compile};

    const SCHEMA: &str = "-- dsql-edge: dialect postgres
        CREATE TABLE done (key text PRIMARY KEY, at timestamptz DEFAULT now(), note text);
        CREATE TABLE two (a uuid, b text NOT NULL, c int NOT NULL UNIQUE, PRIMARY KEY (a, b));
        CREATE TABLE open (a text UNIQUE, b text, UNIQUE NULLS NOT DISTINCT (b));
        CREATE TABLE late (a text NOT NULL UNIQUE DEFERRABLE);
        CREATE TABLE part (a text NOT NULL, b text NOT NULL UNIQUE);
        CREATE UNIQUE INDEX ON part (a) WHERE b > 'm';
        CREATE TABLE lower (a text NOT NULL UNIQUE);
        CREATE UNIQUE INDEX ON lower (lower(a));
        CREATE TABLE apart (a int PRIMARY KEY, r int4range, EXCLUDE USING gist (r WITH &&));
        CREATE TABLE day (d date PRIMARY KEY);
        CREATE TABLE watched (a text PRIMARY KEY);
        CREATE TRIGGER w BEFORE INSERT ON watched EXECUTE FUNCTION f();
        CREATE TABLE ruled (a text PRIMARY KEY);
        CREATE RULE r AS ON INSERT TO ruled DO INSTEAD NOTHING;
        CREATE TABLE pieces (a text PRIMARY KEY) PARTITION BY HASH (a);
        CREATE TABLE ids (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, a text);
        CREATE TABLE plain (a text NOT NULL);
        CREATE TABLE own (id uuid PRIMARY KEY, email text NOT NULL UNIQUE);
        CREATE TABLE wide (a text PRIMARY KEY, b text NOT NULL, UNIQUE (b, a));
        CREATE TABLE folded (a text PRIMARY KEY);
        CREATE UNIQUE INDEX folded_ci ON folded (a COLLATE \"und-x-icu\");
        CREATE UNLOGGED TABLE lost (a text PRIMARY KEY);
        CREATE TEMP TABLE gone (a text PRIMARY KEY);
        CREATE TABLE turned (a text PRIMARY KEY);
        ALTER TABLE turned SET UNLOGGED;
        CREATE TABLE returned (a text PRIMARY KEY);
        ALTER TABLE returned SET UNLOGGED;
        ALTER TABLE returned SET LOGGED;
        CREATE TABLE span (r daterange PRIMARY KEY);
        CREATE TABLE clock (t timetz PRIMARY KEY);
        CREATE TABLE moment (t timestamptz PRIMARY KEY);
        CREATE TABLE oids (t regclass PRIMARY KEY);
        CREATE DOMAIN word AS text NOT NULL;
        CREATE TABLE words (a word UNIQUE);
        CREATE VIEW seen AS SELECT key FROM done;
        CREATE TABLE booking (
            id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
            seat uuid UNIQUE,
            key uuid NOT NULL UNIQUE,
            number bigint GENERATED ALWAYS AS IDENTITY UNIQUE
        );
        CREATE TABLE active (id text DEFAULT gen_random_uuid()::text PRIMARY KEY, seat uuid NOT NULL, gone date, key uuid NOT NULL);
        CREATE UNIQUE INDEX active_seat ON active (seat) WHERE gone IS NULL;
        CREATE UNIQUE INDEX active_key ON active (key);
        CREATE DOMAIN colour AS text DEFAULT 'red';
        CREATE TABLE fixed (key uuid PRIMARY KEY, state text UNIQUE DEFAULT 'open');
        CREATE TABLE short (key uuid PRIMARY KEY, name varchar(4) UNIQUE DEFAULT gen_random_uuid()::varchar(4));
        CREATE TABLE timed (key uuid PRIMARY KEY, at timestamptz UNIQUE DEFAULT now());
        CREATE TABLE twice (key uuid PRIMARY KEY, again uuid UNIQUE GENERATED ALWAYS AS (key) STORED);
        CREATE TABLE coloured (key uuid PRIMARY KEY, of colour UNIQUE);
        CREATE TABLE parted (key uuid PRIMARY KEY, a int, b serial, UNIQUE (a, b));";

    fn key(sql: &str) -> Option<IdempotencyKey> {
        let schema = Schema::parse(SCHEMA).unwrap();
        compile(&Source::of_macro(sql), &schema).unwrap_or_else(|error| panic!("{sql}: {error:?}")).key
    }

    #[test]
    fn insert_that_cannot_be_repeated_is_a_key() {
        for (sql, constraints, all) in [
            ("INSERT INTO done (key) VALUES ($key)", "done_pkey", true),
            ("INSERT INTO done VALUES ($key, now(), DEFAULT)", "done_pkey", true),
            ("INSERT INTO done (key, at) VALUES ($key::text, clock_timestamp())", "done_pkey", true),
            ("INSERT INTO done (key) VALUES ($key) ON CONFLICT DO NOTHING", "done_pkey", true),
            ("INSERT INTO done (key) VALUES ($key) ON CONFLICT (key) DO NOTHING", "done_pkey", true),
            (
                "INSERT INTO done (key) VALUES ($key) ON CONFLICT ON CONSTRAINT done_pkey DO NOTHING",
                "done_pkey",
                true,
            ),
            (
                "INSERT INTO own (id, email) VALUES ($id, $email) ON CONFLICT (id) DO NOTHING",
                "own_pkey",
                false,
            ),
            (
                "INSERT INTO own (id, email) VALUES ($id, $email) ON CONFLICT ON CONSTRAINT own_email_key DO NOTHING",
                "own_email_key",
                false,
            ),
            ("INSERT INTO wide (a, b) VALUES ($a, $b)", "wide_pkey wide_b_a_key", true),
            (
                "INSERT INTO wide (a, b) VALUES ($a, $b) ON CONFLICT DO NOTHING",
                "wide_pkey wide_b_a_key",
                true,
            ),
            ("INSERT INTO wide (a, b) VALUES ($a, $b) ON CONFLICT (a, b) DO NOTHING", "wide_b_a_key", false),
            ("INSERT INTO returned (a) VALUES ($a)", "returned_pkey", true),
            ("INSERT INTO moment (t) VALUES ($t)", "moment_pkey", true),
            ("INSERT INTO clock (t) VALUES ($t::timetz)", "clock_pkey", true),
            (
                "INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c) ON CONFLICT (b, a) DO NOTHING",
                "two_pkey",
                false,
            ),
            ("INSERT INTO lower (a) VALUES ($a) ON CONFLICT (a) DO NOTHING", "lower_a_key", false),
            ("INSERT INTO day (d) VALUES ($d)", "day_pkey", true),
            ("INSERT INTO day (d) VALUES ('2026-01-01')", "day_pkey", true),
            ("INSERT INTO ids (id, a) VALUES ($id, 'x')", "ids_pkey", true),
            ("INSERT INTO words (a) VALUES ($a)", "words_a_key", true),
            ("INSERT INTO apart (a) VALUES ($a) ON CONFLICT (a) DO NOTHING", "apart_pkey", false),
            (
                "INSERT INTO folded (a) VALUES ($a) ON CONFLICT ON CONSTRAINT folded_pkey DO NOTHING",
                "folded_pkey",
                false,
            ),
            // The row cannot conflict with another row in the other indexes.
            ("INSERT INTO open (b) VALUES ($b::text)", "open_b_key", false),
            ("INSERT INTO open (a, b) VALUES (NULL, $b)", "open_b_key", false),
            ("INSERT INTO booking (key) VALUES ($key)", "booking_key_key", false),
            ("INSERT INTO booking (key) VALUES ($key) ON CONFLICT DO NOTHING", "booking_key_key", false),
            (
                "INSERT INTO booking (key, id, seat) VALUES ($key, gen_random_uuid(), DEFAULT)",
                "booking_key_key",
                false,
            ),
            (
                "INSERT INTO booking (seat, key) VALUES ($seat, $key) ON CONFLICT (key) DO NOTHING",
                "booking_key_key",
                false,
            ),
            (
                "INSERT INTO active (seat, key) VALUES ($seat, $key) ON CONFLICT (key) DO NOTHING",
                "active_key",
                false,
            ),
            ("INSERT INTO parted (key, a) VALUES ($key, $a)", "parted_pkey", false),
        ] {
            let key = key(sql).unwrap_or_else(|| panic!("{sql}"));
            assert_eq!((key.constraints.join(" ").as_str(), key.all), (constraints, all), "{sql}");
            assert_eq!(key.does_nothing, sql.contains("DO NOTHING"), "{sql}");
        }
    }

    #[test]
    fn insert_that_can_be_repeated_is_not_a_key() {
        for sql in [
            // No constraint covers the written columns, or the value differs in each run.
            "INSERT INTO plain (a) VALUES ($a)",
            "INSERT INTO done (key) VALUES (gen_random_uuid()::text)",
            "INSERT INTO done (key) VALUES (now()::text)",
            "INSERT INTO done (key) VALUES (lower($key))",
            "INSERT INTO day (d) VALUES ('today')",
            "INSERT INTO day (d) VALUES (DEFAULT)",
            "INSERT INTO ids (a) VALUES ($a)",
            "INSERT INTO ids (id, a) OVERRIDING USER VALUE VALUES ($id, $a)",
            "INSERT INTO ids (id, a) VALUES (DEFAULT, $a)",
            "INSERT INTO ids DEFAULT VALUES",
            "INSERT INTO day (d) VALUES ('00:00 today')",
            "INSERT INTO day (d) VALUES ('01-02-2026')",
            "INSERT INTO day (d) VALUES ($d::timestamptz)",
            "INSERT INTO done (key) VALUES ($d::timestamptz)",
            "INSERT INTO span (r) VALUES ('[today,tomorrow)')",
            "INSERT INTO clock (t) VALUES ('04:05')",
            "INSERT INTO moment (t) VALUES ('2026-01-01')",
            "INSERT INTO oids (t) VALUES ('done')",
            // A crash or the end of the session removes the rows.
            "INSERT INTO lost (a) VALUES ($a)",
            "INSERT INTO gone (a) VALUES ($a)",
            "INSERT INTO turned (a) VALUES ($a)",
            // Two constraints: the violation of one does not prove the violation of the other, so neither constraint
            // can be the key.
            "INSERT INTO own (id, email) VALUES ($id, $email)",
            "INSERT INTO own (id, email) VALUES ($id, $email) ON CONFLICT DO NOTHING",
            "INSERT INTO two (a, b, c) VALUES ($a, 'b', $c)",
            "INSERT INTO two (a, b, c) VALUES ($a, 'b', $c) ON CONFLICT DO NOTHING",
            "INSERT INTO open (a, b) VALUES ('a', $b)",
            "INSERT INTO folded (a) VALUES ($a) ON CONFLICT (a) DO NOTHING",
            // The second run may violate another unique index first, even if that index is nullable, partial or of an
            // expression.
            "INSERT INTO booking (seat, key) VALUES ($seat, $key)",
            "INSERT INTO booking (seat, key) VALUES ($seat, $key) ON CONFLICT DO NOTHING",
            "INSERT INTO booking (id, key) VALUES ($id, $key)",
            "INSERT INTO active (seat, key) VALUES ($seat, $key)",
            "INSERT INTO fixed (key) VALUES ($key)",
            "INSERT INTO fixed (key, state) VALUES ($key, DEFAULT)",
            "INSERT INTO short (key) VALUES ($key)",
            "INSERT INTO timed (key) VALUES ($key)",
            "INSERT INTO twice (key) VALUES ($key)",
            "INSERT INTO coloured (key) VALUES ($key)",
            "INSERT INTO parted (key, a, b) VALUES ($key, $a, $b)",
            "INSERT INTO folded (a) VALUES ($a)",
            "INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c)",
            "INSERT INTO open (a, b) VALUES ($a, $b)",
            "INSERT INTO part (a, b) VALUES ($a, $b)",
            "INSERT INTO lower (a) VALUES ($a)",
            "INSERT INTO apart (a) VALUES ($a)",
            // NULL conflicts with nothing.
            "INSERT INTO open (a) VALUES ($a)",
            // The constraint is deferred, covers only some rows, or may be another constraint.
            "INSERT INTO late (a) VALUES ($a)",
            "INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c) ON CONFLICT DO NOTHING",
            "INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c) ON CONFLICT (c) DO NOTHING",
            "INSERT INTO part (a, b) VALUES ($a, $b) ON CONFLICT DO NOTHING",
            "INSERT INTO part (a, b) VALUES ($a, $b) ON CONFLICT (a) WHERE b > 'm' DO NOTHING",
            "INSERT INTO lower (a) VALUES ($a) ON CONFLICT DO NOTHING",
            "INSERT INTO lower (a) VALUES ($a) ON CONFLICT (lower(a)) DO NOTHING",
            "INSERT INTO apart (a) VALUES ($a) ON CONFLICT DO NOTHING",
            // `DO UPDATE` may change the row, and its WHERE may skip the row.
            "INSERT INTO done (key) VALUES ($key) ON CONFLICT (key) DO UPDATE SET note = 'again'",
            "INSERT INTO watched (a) VALUES ($a)",
            "INSERT INTO ruled (a) VALUES ($a)",
            "INSERT INTO pieces (a) VALUES ($a)",
            "INSERT INTO seen (key) VALUES ($key)",
            // The statement is not a plain `INSERT … VALUES` of one row, at least in one combination of its optional
            // text.
            "INSERT INTO done (key) VALUES ($a), ($b)",
            "INSERT INTO done (key) SELECT $key::text",
            "INSERT INTO done (key) VALUES ($key) RETURNING key",
            "WITH x AS (SELECT 1) INSERT INTO done (key) VALUES ($key)",
            "WITH x AS (INSERT INTO done (key) VALUES ($key) RETURNING key) SELECT key FROM x",
            "WITH x AS (INSERT INTO done (key) VALUES ($key)) UPDATE plain SET a = 'x'",
            "WITH x AS (INSERT INTO done (key) VALUES ($key)) INSERT INTO plain (a) VALUES ('x')",
            "INSERT INTO done (key) VALUES ($key) {? ON CONFLICT (key) DO UPDATE SET note = $note }",
            "UPDATE done SET key = $key",
        ] {
            assert_eq!(key(sql), None, "{sql}");
        }
    }
}
