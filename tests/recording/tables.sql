-- The tables that the statements of the recording name, with the rows that its answers count on. A recording of a real
-- cluster's answers is found by DSQL_EDGE_CORPUS; `cargo xtask corpus dsql` and dsql-local's replay begin with these.
CREATE TABLE baseline_parent (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL);
CREATE TABLE baseline_child (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), parent_id uuid NOT NULL REFERENCES baseline_parent (id));
CREATE TABLE baseline_idx (id uuid PRIMARY KEY, value text);
CREATE TABLE baseline_bulk (id int);
CREATE TABLE baseline_implicit_bulk (id int);
CREATE TABLE baseline_drop_me (id int);
CREATE TABLE baseline_alter (id int PRIMARY KEY, a text, b int);
CREATE TABLE baseline_alter_pk (id int PRIMARY KEY, a text);
CREATE TABLE baseline_alter_big (big bigint, note text);
CREATE TABLE baseline_alter_fk (id int PRIMARY KEY, parent_id uuid);
CREATE TABLE baseline_alter_pkadd (id int, v text);
CREATE TABLE baseline_lat_parent (id text NOT NULL PRIMARY KEY);
CREATE TABLE baseline_lat_child (id bigint NOT NULL PRIMARY KEY, parent_id text);
CREATE TABLE baseline_multi (id int PRIMARY KEY, a int);
INSERT INTO baseline_parent VALUES ('00000000-0000-0000-0000-0000000000aa', 'seed');
INSERT INTO baseline_lat_parent VALUES ('a');
INSERT INTO baseline_lat_child VALUES (1, 'a');
