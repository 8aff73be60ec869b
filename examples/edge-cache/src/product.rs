//! The type of the rows that are copied, with the queries that read them from DSQL and the statements that write them
//! to D1. To copy another table, change this file, and the queries in `read` that use the table.
//!
//! Input: a position, or rows as JSON. Output: the rows after the position, or statements of a batch.
//!
//! A row in DSQL needs three columns, and each statement that writes the row sets them:
//!
//! ```sql
//! INSERT INTO product (category_id, name, price_cents) VALUES (…);        -- version 1, updated_at now()
//! UPDATE product SET price_cents = …, version = version + 1, updated_at = now() WHERE id = …;
//! UPDATE product SET deleted_at = now(), version = version + 1, updated_at = now() WHERE id = …;
//! ```
//!
//! - `updated_at` finds the row: `copy` reads rows in the order of `(updated_at, id)`. The statement sets `updated_at`
//!   from DSQL's clock; the application does not choose the time.
//! - `version` orders the states of one row. `updated_at` cannot order these states: two transactions may run on
//!   machines of DSQL whose clocks differ, and then the later state may have the earlier time. An UPDATE reads the row
//!   that it increments, and of two UPDATEs of the same state DSQL rejects one (40001), so the versions of a row only
//!   grow.
//! - `deleted_at` is the tombstone. A row that is removed with DELETE leaves nothing that `copy` could read; only
//!   `full_pass` notices it, up to a day later. At the end of a full pass, the tombstones that are older than a week
//!   are removed, 1000 in a transaction: DSQL changes at most 3000 rows in one transaction. A key is never used for
//!   another row.
//!
//! A copied row has only columns of its own table. A joined column would become stale: if a category gets another name,
//! no product gets another `updated_at`. Joins belong in an aggregate, which is computed as a whole.

use dsql_edge::sql;
use worker::{D1PreparedStatement, D1Type};

use crate::d1::D1;
use crate::failure::Failure;

sql! {
    /// The rows after a position, in the order of their changes, deleted rows included.
    pub fn changed(updated_at, id, limit: i64) -> pub Product =
        "SELECT id, category_id, name, price_cents, version, updated_at, deleted_at
         FROM product
         WHERE (updated_at, id) > ($updated_at, $id)
         ORDER BY updated_at, id
         LIMIT $limit";

    /// The rows after a key that are not deleted, in the order of their keys.
    pub fn existing(id, limit: i64) -> pub Product =
        "SELECT id, category_id, name, price_cents, version, updated_at, deleted_at
         FROM product
         WHERE id > $id AND deleted_at IS NULL
         ORDER BY id
         LIMIT $limit";

    /// Removes the old tombstones.
    pub fn remove_tombstones() in batches of 1000 =
        "DELETE FROM product WHERE deleted_at < now() - interval '7 days'";
}

/// Inserts the rows that are not deleted. If a row exists, updates it under the condition that is appended.
const UPSERT: &str = "
    INSERT INTO product (id, category_id, name, price_cents, version)
    SELECT value ->> 'id', value ->> 'category_id', value ->> 'name', value ->> 'price_cents', value ->> 'version'
    FROM json_each(?1)
    WHERE value ->> 'deleted_at' IS NULL
    ON CONFLICT (id) DO UPDATE
    SET category_id = excluded.category_id, name = excluded.name,
        price_cents = excluded.price_cents, version = excluded.version";

/// D1 has an older version. The lease orders all batches, so an older row never arrives after a newer row. This
/// condition is a second guard, and it avoids a write if the same row is read again.
const IF_NEWER: &str = "WHERE excluded.version > product.version";

/// The row in D1 differs from the row in DSQL in any column.
const IF_DIFFERENT: &str = "
    WHERE (excluded.category_id, excluded.name, excluded.price_cents, excluded.version)
       <> (product.category_id, product.name, product.price_cents, product.version)";

/// Deletes the rows that have a tombstone.
const DELETE: &str = "
    DELETE FROM product
    WHERE id IN (SELECT row.value ->> 'id'
                 FROM json_each(?1) AS row JOIN product AS old ON old.id = row.value ->> 'id'
                 WHERE row.value ->> 'deleted_at' IS NOT NULL AND row.value ->> 'version' >= old.version)";

/// Deletes the rows of a range of keys that are not among the given rows.
const DELETE_OTHERS: &str = "
    DELETE FROM product
    WHERE id > ?2 AND id <= ?3 AND id NOT IN (SELECT value ->> 'id' FROM json_each(?1))";

/// A string that is sorted after every key: keys are UUIDs, with digits and lower-case letters.
pub const AFTER_EVERY_KEY: &str = "~";

pub fn upsert_newer(d1: &D1, rows: &str) -> Result<D1PreparedStatement, Failure> {
    d1.statement(&format!("{UPSERT} {IF_NEWER}"), &[D1Type::Text(rows)])
}

pub fn upsert_different(d1: &D1, rows: &str) -> Result<D1PreparedStatement, Failure> {
    d1.statement(&format!("{UPSERT} {IF_DIFFERENT}"), &[D1Type::Text(rows)])
}

pub fn delete(d1: &D1, rows: &str) -> Result<D1PreparedStatement, Failure> {
    d1.statement(DELETE, &[D1Type::Text(rows)])
}

pub fn delete_others(d1: &D1, rows: &str, after: &str, last: &str) -> Result<D1PreparedStatement, Failure> {
    d1.statement(DELETE_OTHERS, &[D1Type::Text(rows), D1Type::Text(after), D1Type::Text(last)])
}
