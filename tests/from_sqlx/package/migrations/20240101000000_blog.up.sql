-- sqlx creates its table before the first migration.
CREATE TABLE ledger (LIKE _sqlx_migrations INCLUDING ALL);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text
);

CREATE TABLE posts (
    id uuid PRIMARY KEY,
    author_id uuid REFERENCES users (id),
    title text NOT NULL,
    body text
);
