-- The tables of `cargo xtask bench peers`: the snapshot of dsql-edge's Worker, and the tables of the local DSQL.
CREATE TABLE item (
    id int4 PRIMARY KEY,
    category text NOT NULL,
    title text NOT NULL,
    views int4 NOT NULL,
    published_at timestamptz NOT NULL
);
CREATE TABLE document (
    id int4 PRIMARY KEY,
    title text NOT NULL,
    body text NOT NULL,
    views int4 NOT NULL,
    published_at timestamptz NOT NULL
);
CREATE TABLE account (id int4 PRIMARY KEY, balance int4 NOT NULL);
CREATE TABLE transfer (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    from_id int4 NOT NULL,
    to_id int4 NOT NULL,
    amount int4 NOT NULL
);
CREATE TABLE entry (run text, n int4, note text NOT NULL, PRIMARY KEY (run, n));
