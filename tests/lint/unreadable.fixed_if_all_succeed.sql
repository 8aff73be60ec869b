-- A statement that cannot be read may depend on the type of a column, or on a setting.
SET lock_timeout = 0;
CREATE TABLE authors (id serial PRIMARY KEY, name text, number int GENERATED ALWAYS AS IDENTITY (CACHE 1));
CREATE SEQUENCE numbers AS integer CACHE 1;
SELEC 1;
ALTER TABLE authors ADD CONSTRAINT named CHECK (name <> '') NOT VALID;
ALTER TABLE ASYNC authors VALIDATE CONSTRAINT named;
