//! Three states of the shop in DSQL, one after the other: before, now, later.
//!
//! Between two states, everything changes that a run must copy: some rows are new, changed, or deleted (with and
//! without a tombstone), and the ranking has a different order.

/// 18 products in three categories, written an hour ago, so that a later pass does not read them again.
pub(crate) const BEFORE: &str = "
    INSERT INTO category (id, name)
    SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'category ' || n FROM generate_series(0, 2) AS n;
    INSERT INTO product (id, category_id, name, price_cents, updated_at)
    SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid,
           ('00000000-0000-4000-8000-00000000000' || n % 3)::uuid, 'product ' || n, 100 * n,
           now() - interval '1 hour'
    FROM generate_series(1, 18) AS n;
    INSERT INTO sale (product_id, quantity, price_cents)
    SELECT id, quantity, price_cents FROM product, generate_series(1, 3) AS quantity";

pub(crate) const NOW: &str = "
    UPDATE product SET price_cents = price_cents + 1, version = version + 1, updated_at = now()
    WHERE price_cents <= 500;
    INSERT INTO product (id, category_id, name, price_cents)
    SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid,
           ('00000000-0000-4000-8000-00000000000' || n % 3)::uuid, 'product ' || n, 100 * n
    FROM generate_series(19, 21) AS n;
    UPDATE product SET deleted_at = now(), version = version + 1, updated_at = now()
    WHERE price_cents IN (600, 700);
    INSERT INTO sale (product_id, quantity, price_cents)
    SELECT id, 7, price_cents FROM product WHERE price_cents IN (101, 1000, 1500, 1900, 2000)";

/// A change that only a full pass can copy.
pub(crate) const REMOVED: &str = "DELETE FROM product WHERE price_cents IN (800, 900)";

pub(crate) const LATER: &str = "
    UPDATE product SET price_cents = price_cents + 1, version = version + 1, updated_at = now()
    WHERE price_cents <= 502 OR price_cents = 1800;
    INSERT INTO product (id, category_id, name, price_cents)
    VALUES ('00000000-0000-4000-9000-000000000022', '00000000-0000-4000-8000-000000000001', 'product 22', 2200);
    UPDATE product SET deleted_at = now(), version = version + 1, updated_at = now() WHERE price_cents = 1900;
    DELETE FROM product WHERE price_cents = 1100;
    INSERT INTO sale (product_id, quantity, price_cents)
    SELECT id, 50, price_cents FROM product WHERE price_cents IN (202, 2100, 2200)";

/// Empties the tables.
pub(crate) const EMPTY: &str = "DELETE FROM sale; DELETE FROM product; DELETE FROM category";
