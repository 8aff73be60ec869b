-- dsql-edge: type users.id = crate::UserId
-- The schema of `forms.rs`, which also creates these tables.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text
);

CREATE TABLE posts (
    id uuid PRIMARY KEY,
    author_id uuid REFERENCES users (id),
    title text NOT NULL,
    body text,
    views integer DEFAULT 0 NOT NULL
);
