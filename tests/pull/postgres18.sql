-- Objects that PostgreSQL 18 has.
CREATE EXTENSION btree_gist;
CREATE TABLE named (
    id int CONSTRAINT id_is_there NOT NULL,
    price numeric CONSTRAINT named_price_not_null NOT NULL,
    doubled numeric GENERATED ALWAYS AS (price * 2) VIRTUAL,
    stored numeric GENERATED ALWAYS AS (price * 2) STORED,
    maybe text,
    parents_only text,
    CONSTRAINT not_checked CHECK (price > 0) NOT ENFORCED,
    PRIMARY KEY (id)
);
ALTER TABLE named ADD CONSTRAINT maybe_later NOT NULL maybe NOT VALID;
ALTER TABLE named ADD CONSTRAINT of_parents NOT NULL parents_only NO INHERIT;
CREATE TABLE child (extra int) INHERITS (named);
CREATE TABLE rooms (id int, during daterange, CONSTRAINT rooms_key PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE stays (id int, during daterange, note text,
    CONSTRAINT no_two UNIQUE (note, during WITHOUT OVERLAPS),
    CONSTRAINT of_room FOREIGN KEY (id, PERIOD during) REFERENCES rooms (id, PERIOD during));
CREATE TABLE refers (id int REFERENCES named NOT ENFORCED);
CREATE TABLE parts (id bigint GENERATED ALWAYS AS IDENTITY, kind text NOT NULL) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE DOMAIN amount AS numeric CONSTRAINT amount_is_there NOT NULL CHECK (VALUE > 0);
CREATE COLLATION plain (provider = builtin, locale = 'C.UTF-8');
