-- The schema of the examples in this crate's documentation.

CREATE TABLE tag_master (
    tag_name text PRIMARY KEY,
    tag_category text NOT NULL,
    usage_count integer DEFAULT 0 NOT NULL
);

CREATE TABLE users (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text
);

CREATE TABLE posts (
    id uuid PRIMARY KEY,
    author_id uuid,
    title text NOT NULL,
    views integer DEFAULT 0 NOT NULL,
    published_at timestamptz
);
