-- The rows of `cargo xtask bench peers`. `bench/src/expected.rs` computes the answers from the same formulas.
INSERT INTO item
    SELECT n, 'category-' || n % 10, 'Item ' || n, n * 7919 % 100000,
           timestamptz '2026-01-01 00:00:00Z' + n * interval '1 minute'
    FROM generate_series(1, 1000) AS n;
-- A row has 1,000 bytes in PostgreSQL's messages, more or less.
INSERT INTO document
    SELECT n, 'Document ' || n, repeat(md5(n::text), 29), n * 7919 % 100000,
           timestamptz '2026-01-01 00:00:00Z' + n * interval '1 minute'
    FROM generate_series(1, 10000) AS n;
INSERT INTO account SELECT n, 1000000 FROM generate_series(1, 100) AS n;
