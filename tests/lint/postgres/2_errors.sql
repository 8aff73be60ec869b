INSERT INTO users (name, mod) VALUES ('a', 'glad');
INSERT INTO users (name, mood) VALUES ('a', 'angry');
SELECT count(*) FROM gone;
CREATE VIEW tall AS SELECT s.id, u.height FROM shirts s JOIN users u ON u.id = s.owner;
UPDATE shirts SET size = 1;
SELEC 1;
ALTER TABLE users DROP COLUMN age;
CREATE TABLE users (id int);
SELECT name INTO copied FROM users;
SELECT title FROM copied;
-- dsql-edge: allow syntax-error
MERGE INTO users u USING copied c ON u.name = c.name WHEN NOT MATCHED BY SOURCE THEN DELETE;
DELETE FROM copied USING users WHERE copied.name = users.name AND users.id = 'x';
EXPLAIN SELECT lowr(name) FROM users;
SELECT id + true FROM users;
CREATE TABL t (id int);
SELECT id FROM t;
