CREATE TABLE links (slug text PRIMARY KEY, hits integer NOT NULL DEFAULT 0);
