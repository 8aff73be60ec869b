CREATE TABLE authors (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE posts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    author integer NOT NULL,
    title text NOT NULL,
    likes integer NOT NULL DEFAULT 0
);
CREATE INDEX ASYNC posts_author ON posts (author);
