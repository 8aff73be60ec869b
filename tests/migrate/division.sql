---- a file is one transaction
SET LOCAL lock_timeout = '5s';
CREATE TABLE a (id int);
-- A comment.
INSERT INTO a VALUES (1);
DO $$ BEGIN NULL; END $$;
CREATE TEMPORARY TABLE t (id int) ON COMMIT DROP;
LOCK TABLE a; TRUNCATE a; SAVEPOINT s; RELEASE s;
SET CONSTRAINTS ALL DEFERRED;
---- BEGIN and COMMIT divide a file
CREATE TABLE a (id int);
BEGIN;
INSERT INTO a VALUES (1);
INSERT INTO a VALUES (2);
COMMIT;
INSERT INTO a VALUES (3);
---- statements outside a transaction
CREATE TABLE a (id int);
CREATE INDEX CONCURRENTLY i ON a (id);
DROP INDEX CONCURRENTLY j;
DROP INDEX k;
REINDEX TABLE a;
REINDEX (CONCURRENTLY) TABLE a;
REINDEX SCHEMA public;
VACUUM FULL a;
CLUSTER a USING i;
CLUSTER;
ALTER SYSTEM SET work_mem = '5MB';
CREATE DATABASE d;
DROP DATABASE IF EXISTS d;
CREATE TABLESPACE s LOCATION '/tmp/s';
CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p;
ALTER SUBSCRIPTION s REFRESH PUBLICATION;
ALTER SUBSCRIPTION s DISABLE;
ALTER TABLE a DETACH PARTITION b CONCURRENTLY;
ALTER TABLE a DETACH PARTITION b;
---- a value that is used later ends its transaction
CREATE TABLE a (id int);
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'odd' BEFORE 'sad';
ALTER TYPE mood ADD VALUE 'unused';
INSERT INTO m VALUES ('odd');
---- a value in the body of a block, and a value that only looks used
ALTER TYPE mood ADD VALUE 'o''dd';
ALTER TYPE mood ADD VALUE 'a';
DO $$ BEGIN INSERT INTO m VALUES ('o''dd'); END $$;
---- a statement in batches
CREATE TABLE a (id int PRIMARY KEY, done boolean);
-- dsql-edge: in batches of 100
UPDATE a SET done = true;
DELETE FROM a WHERE done;
---- comments for batches without a place
-- dsql-edge: in batches of 100
CREATE TABLE a (id int PRIMARY KEY);
BEGIN;
-- dsql-edge: in batches of 100
DELETE FROM a;
COMMIT;
-- dsql-edge: in batches
DELETE FROM a;
---- an option of a transaction
BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT;
SET TRANSACTION READ ONLY;
START TRANSACTION; SELECT 2; COMMIT WORK;
---- statements without a place
SET search_path = app;
RESET ALL;
SELECT set_config('search_path', '', false);
SELECT set_config('search_path', '', 'f');
SELECT set_config('search_path', lower('A'), true);
CREATE TEMP TABLE t (id int);
PREPARE p AS SELECT 1;
LISTEN c;
COPY a FROM stdin;
1
\.
SHOW work_mem;
INSERT INTO a VALUES ($1);
CREATE INDEX CONCURRENTLY ON a (id);
ROLLBACK;
PREPARE TRANSACTION 'x';
---- a transaction that rolls back, or contains a statement that runs outside one
BEGIN; INSERT INTO a VALUES (1); ROLLBACK; 
---- a statement that runs outside a transaction, in one
BEGIN; VACUUM a; COMMIT;
---- a transaction without COMMIT
BEGIN; INSERT INTO a VALUES (1);
---- an error of syntax
SELECT 1;
SELEC 1;
---- syntax of a newer PostgreSQL that a comment allows
CREATE TABLE a (id int);
-- dsql-edge: allow syntax-error
MERGE INTO a USING b ON a.id = b.id WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING merge_action(), a.*;
INSERT INTO a VALUES (1);
---- a psql command
\set x 1
SELECT 1;
