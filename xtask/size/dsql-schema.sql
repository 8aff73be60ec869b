CREATE TABLE post (title text PRIMARY KEY, view_count int4 NOT NULL, published_at timestamptz NOT NULL);
