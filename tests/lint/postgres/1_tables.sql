-- The schema: everything here is right.
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, mood mood);
CREATE INDEX CONCURRENTLY users_name ON users (name);
DO $$ BEGIN CREATE TYPE size AS ENUM ('s'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
CREATE TABLE shirts (id int PRIMARY KEY, size size, owner bigint REFERENCES users);
TRUNCATE shirts;
BEGIN;
CREATE TABLE gone (id int);
ROLLBACK;
