CREATE TABLE accounts (id integer PRIMARY KEY, secret text NOT NULL);
CREATE ROLE app WITH LOGIN;
GRANT SELECT (id) ON accounts TO app;
