//! Whether an INSERT can be an idempotency key.
//!
//! Input: an INSERT and the table that it writes to. Output: the unique constraints that a second INSERT of the same
//! values violates, or nothing.
//!
//! A transaction with a key commits once because its INSERT succeeds once. That holds if some unique constraint covers
//! only columns that the statement writes, each with a value that a second run repeats. The counter-examples that made
//! the rules: a NULL conflicts with no other NULL; `gen_random_uuid()`, `now()` and a DEFAULT differ from run to run; a
//! partial index may not see the row; a deferrable constraint is checked at COMMIT; a trigger or a rule may drop the row;
//! and `ON CONFLICT DO NOTHING` without a target skips the row for a constraint on other columns too, which would report
//! a transaction as committed that never ran.

use super::catalog::Catalog;
use super::target_table::Target;
use crate::schema::{Key, Relation, RelationKind};
use crate::syntax::ast::{
    ConflictTarget, Expr, ExprKind, IndexElement, Insert, Literal, OnConflict, QueryBody, TargetColumn,
};
use crate::typed::IdempotencyKey;

/// What makes an INSERT an idempotency key; `columns` are those that it writes.
pub(super) fn key(
    catalog: Catalog<'_>,
    insert: &Insert,
    target: &Target,
    columns: &[(usize, Option<TargetColumn>)],
) -> Option<IdempotencyKey> {
    let row = only_row(insert)?;
    let relation = catalog.schema.relations.get(target.relation)?;
    let is_table = matches!(relation.kind, RelationKind::Table) && target.base == target.relation;
    if !is_table || relation.has_triggers || relation.partitioned {
        return None;
    }
    let written = Written { catalog, target, relation, columns, row };
    let certain: Vec<&Key> = relation.keys.iter().filter(|key| written.repeats(key)).collect();
    let all = !relation.has_other_keys && certain.len() == relation.keys.len();
    let conflict = insert.on_conflict.as_ref();
    if certain.is_empty() || !conflict.is_none_or(|it| is_certain(it, relation, &certain, all)) {
        return None;
    }
    let constraints = certain.iter().filter_map(|key| key.name.clone()).collect();
    Some(IdempotencyKey { constraints, all, does_nothing: conflict.is_some() })
}

/// The row of `INSERT … VALUES (…)`, with nothing around it.
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

/// What is written, and where.
struct Written<'w> {
    catalog: Catalog<'w>,
    target: &'w Target,
    relation: &'w Relation,
    columns: &'w [(usize, Option<TargetColumn>)],
    row: &'w [Expr],
}

impl Written<'_> {
    /// Whether the same statement with the same arguments violates the key, once a row of it is there.
    fn repeats(&self, key: &Key) -> bool {
        !key.partial && !key.deferrable && key.columns.iter().all(|column| self.is_fixed(column, key))
    }

    fn is_fixed(&self, column: &str, key: &Key) -> bool {
        let Some(at) = self.relation.columns.iter().position(|it| it.name == column) else { return false };
        let whole = |it: &Option<TargetColumn>| it.as_ref().is_none_or(|it| it.indirection.is_empty());
        let place = self.columns.iter().position(|(known, it)| *known == at && whole(it));
        let Some(value) = place.and_then(|place| self.row.get(place)) else { return false };
        let not_null = self.target.not_null.get(at).copied().unwrap_or(false) || key.nulls_not_distinct;
        match &value.kind {
            ExprKind::Parameter(_) => not_null,
            ExprKind::Cast { arg, .. } => not_null && matches!(arg.kind, ExprKind::Parameter(_)),
            ExprKind::Literal(Literal::Null) => key.nulls_not_distinct,
            // `'now'` and `'today'` are read when the statement runs.
            ExprKind::Literal(Literal::String(text)) => {
                !self.is_time(at) || text.starts_with(|first: char| first.is_ascii_digit())
            }
            ExprKind::Literal(_) => true,
            _ => false,
        }
    }

    fn is_time(&self, column: usize) -> bool {
        let ty = self.target.columns.get(column).map(|column| self.catalog.base_type(column.ty).0);
        ty.is_none_or(|ty| self.catalog.type_info(ty).category == b'D')
    }
}

/// Whether a row that `ON CONFLICT` skips is certain to be there for one of these keys.
fn is_certain(conflict: &OnConflict, relation: &Relation, certain: &[&Key], all: bool) -> bool {
    if conflict.update.is_some() {
        return false;
    }
    match &conflict.target {
        ConflictTarget::Any => all,
        ConflictTarget::Constraint(name) => {
            certain.iter().any(|key| key.constraint && key.name.as_deref() == Some(&name.text))
        }
        ConflictTarget::Index(elements, None, _) => {
            let Some(columns) = elements.iter().map(plain_column).collect::<Option<Vec<_>>>() else {
                return false;
            };
            let meant = |key: &&Key| {
                let within = |key: &Key| key.columns.iter().all(|it| columns.contains(&it.as_str()));
                within(key) && columns.iter().all(|it| key.columns.iter().any(|column| column == it))
            };
            let keys: Vec<&Key> = relation.keys.iter().filter(meant).filter(|key| !key.partial).collect();
            !keys.is_empty() && keys.iter().all(|key| certain.iter().any(|it| std::ptr::eq(*it, *key)))
        }
        ConflictTarget::Index(_, Some(_), _) => false,
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
        CREATE DOMAIN word AS text NOT NULL;
        CREATE TABLE words (a word UNIQUE);
        CREATE VIEW seen AS SELECT key FROM done;";

    fn key(sql: &str) -> Option<IdempotencyKey> {
        let schema = Schema::parse(SCHEMA).unwrap();
        compile(&Source::of_macro(sql), &schema).unwrap_or_else(|error| panic!("{sql}: {error:?}")).key
    }

    #[test]
    fn an_insert_that_cannot_happen_twice_is_a_key() {
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
            ("INSERT INTO two (a, b, c) VALUES ($a, 'b', $c)", "two_c_key two_pkey", true),
            (
                "INSERT INTO two (a, b, c) VALUES ($a, 'b', $c) ON CONFLICT DO NOTHING",
                "two_c_key two_pkey",
                true,
            ),
            ("INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c)", "two_pkey", false),
            (
                "INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c) ON CONFLICT (b, a) DO NOTHING",
                "two_pkey",
                false,
            ),
            ("INSERT INTO open (a, b) VALUES ('a', $b)", "open_a_key open_b_key", true),
            ("INSERT INTO open (a, b) VALUES ($a, $b)", "open_b_key", false),
            ("INSERT INTO part (a, b) VALUES ($a, $b)", "part_b_key", false),
            ("INSERT INTO lower (a) VALUES ($a)", "lower_a_key", false),
            ("INSERT INTO lower (a) VALUES ($a) ON CONFLICT (a) DO NOTHING", "lower_a_key", false),
            ("INSERT INTO apart (a) VALUES ($a)", "apart_pkey", false),
            ("INSERT INTO day (d) VALUES ($d)", "day_pkey", true),
            ("INSERT INTO day (d) VALUES ('2026-01-01')", "day_pkey", true),
            ("INSERT INTO ids (id, a) VALUES ($id, 'x')", "ids_pkey", true),
            ("INSERT INTO words (a) VALUES ($a)", "words_a_key", true),
        ] {
            let key = key(sql).unwrap_or_else(|| panic!("{sql}"));
            assert_eq!((key.constraints.join(" ").as_str(), key.all), (constraints, all), "{sql}");
            assert_eq!(key.does_nothing, sql.contains("DO NOTHING"), "{sql}");
        }
    }

    #[test]
    fn an_insert_that_protects_nothing_is_no_key() {
        for sql in [
            // No constraint covers what is written, or the value is another in each run.
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
            // NULL conflicts with nothing.
            "INSERT INTO open (a) VALUES ($a)",
            // The constraint is checked late, sees only some rows, or may be another one.
            "INSERT INTO late (a) VALUES ($a)",
            "INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c) ON CONFLICT DO NOTHING",
            "INSERT INTO two (a, b, c) VALUES ($a, $b, 1 + $c) ON CONFLICT (c) DO NOTHING",
            "INSERT INTO part (a, b) VALUES ($a, $b) ON CONFLICT DO NOTHING",
            "INSERT INTO part (a, b) VALUES ($a, $b) ON CONFLICT (a) WHERE b > 'm' DO NOTHING",
            "INSERT INTO lower (a) VALUES ($a) ON CONFLICT DO NOTHING",
            "INSERT INTO lower (a) VALUES ($a) ON CONFLICT (lower(a)) DO NOTHING",
            "INSERT INTO apart (a) VALUES ($a) ON CONFLICT DO NOTHING",
            // Something else may happen to the row.
            "INSERT INTO done (key) VALUES ($key) ON CONFLICT (key) DO UPDATE SET note = 'again'",
            "INSERT INTO watched (a) VALUES ($a)",
            "INSERT INTO ruled (a) VALUES ($a)",
            "INSERT INTO pieces (a) VALUES ($a)",
            "INSERT INTO seen (key) VALUES ($key)",
            // Not one row of values.
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
