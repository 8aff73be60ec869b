CREATE TABLE links (slug text PRIMARY KEY);
