-- The tables in D1. `wrangler d1 migrations apply` creates them. Times are texts as RFC 3339 has them, from DSQL's
-- clock; only `expires_at` is from D1's clock.

-- The one row that decides which run may write; see src/lease.rs.
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    held INTEGER NOT NULL CONSTRAINT lease_is_held CHECK (held = 1)
);

INSERT INTO lease (id, epoch, expires_at, held) VALUES (1, 0, 0, 1);

-- A lease without its row would not exclude other runs, and epochs would be used twice.
CREATE TRIGGER lease_keeps_its_row BEFORE DELETE ON lease
BEGIN
    SELECT RAISE(ABORT, 'to end a lease, set its expires_at to 0');
END;

-- Copies of rows; see src/product.rs.
CREATE TABLE product (
    id TEXT PRIMARY KEY,
    category_id TEXT NOT NULL,
    name TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    version INTEGER NOT NULL
) WITHOUT ROWID;

-- How far the copying of changed rows is; see src/copy.rs.
CREATE TABLE copy_pass (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    as_of TEXT,
    begun_at TEXT,
    after_updated_at TEXT,
    after_id TEXT
);

INSERT INTO copy_pass (id) VALUES (1);

-- How far the comparison of all rows is; see src/full_pass.rs.
CREATE TABLE full_pass (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    as_of TEXT,
    begun_at TEXT,
    after_id TEXT
);

INSERT INTO full_pass (id) VALUES (1);

-- Versions of the ranking, and the pointer to the version that readers see; see src/ranking.rs.
CREATE TABLE ranking (
    version INTEGER NOT NULL,
    category TEXT NOT NULL,
    place INTEGER NOT NULL,
    product_id TEXT NOT NULL,
    product TEXT NOT NULL,
    sold INTEGER NOT NULL,
    revenue_cents INTEGER NOT NULL,
    category_cents INTEGER NOT NULL,
    PRIMARY KEY (version, category, place)
);

CREATE TABLE ranking_pointer (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    as_of TEXT
);

INSERT INTO ranking_pointer (id, version) VALUES (1, 0);
