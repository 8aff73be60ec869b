-- DSQL has no serial columns.
CREATE TABLE drafts (id serial PRIMARY KEY);
