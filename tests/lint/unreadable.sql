-- A statement that cannot be read may depend on the type of a column, or on a setting.
SET lock_timeout = 0;
CREATE TABLE authors (id serial PRIMARY KEY, name text COLLATE "C", number int GENERATED ALWAYS AS IDENTITY);
CREATE SEQUENCE numbers AS integer;
SELEC 1;
ALTER TABLE authors ADD CONSTRAINT named CHECK (name <> '');
