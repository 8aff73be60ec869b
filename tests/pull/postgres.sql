-- Objects that only PostgreSQL has, out of order, with dependencies between different kinds.
CREATE SCHEMA shop;
CREATE SCHEMA "Ext";
CREATE EXTENSION hstore WITH SCHEMA "Ext";
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
CREATE EXTENSION btree_gist;
CREATE EXTENSION cube;
CREATE EXTENSION fuzzystrmatch WITH SCHEMA pg_catalog;
CREATE EXTENSION earthdistance;
CREATE EXTENSION file_fdw;

CREATE COLLATION shop.bytes FROM "C";
CREATE TYPE shop.size AS ENUM ('small', 'large');
CREATE TYPE shop.empty AS ENUM ();
CREATE DOMAIN shop.code AS text COLLATE "C" CHECK (VALUE ~ '^[a-z]+$') CONSTRAINT not_x CHECK (VALUE <> 'x');
CREATE DOMAIN shop.codes AS shop.code[];
CREATE DOMAIN shop.sized AS shop.size DEFAULT 'small';
ALTER DOMAIN shop.code ADD CONSTRAINT later CHECK (length(VALUE) < 10) NOT VALID;
-- Nested composites: the inner one has the later name.
CREATE TYPE shop.z_inner AS (code shop.code, sizes shop.size[], label text COLLATE "C");
CREATE TYPE shop.a_outer AS (inner_one shop.z_inner, many shop.z_inner[], attributes "Ext".hstore);
CREATE DOMAIN shop.checked_outer AS shop.a_outer CHECK ((VALUE).many IS NOT NULL);
CREATE FUNCTION shop.text_difference(text, text) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1.0::float8';
CREATE TYPE shop.span AS RANGE (subtype = text, subtype_opclass = text_pattern_ops, collation = "C",
    subtype_diff = shop.text_difference, multirange_type_name = shop.spans);
CREATE TYPE shop.hours AS RANGE (subtype = time, multirange_type_name = "Ext"."Hours");
CREATE TYPE shop.versions AS RANGE (subtype = int4);

-- A table whose default needs a function that needs the table.
CREATE TABLE shop.articles (id int PRIMARY KEY, name citext NOT NULL, path ltree, price numeric(10,2) CHECK (price > 0));
CREATE FUNCTION shop.label(article shop.articles) RETURNS text LANGUAGE sql STABLE AS $$ SELECT article.name::text $$;
CREATE FUNCTION shop.next_article() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT coalesce(max(id), 0) + 1 FROM shop.articles; END;
ALTER TABLE shop.articles ALTER COLUMN id SET DEFAULT shop.next_article();
ALTER TABLE shop.articles ADD CONSTRAINT labelled CHECK (shop.label(articles) <> '');
CREATE FUNCTION shop.norm(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE INDEX articles_norm ON shop.articles (shop.norm(name::text));
-- A domain whose check needs a function.
CREATE DOMAIN shop.normal AS text CHECK (VALUE = shop.norm(VALUE));

CREATE AGGREGATE shop.total (numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0');
CREATE AGGREGATE shop.first_of (ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
    FINALFUNC = mode_final, FINALFUNC_EXTRA);
CREATE AGGREGATE shop.rows_of (*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0', MSFUNC = int8inc, MINVFUNC = int8dec, MSTYPE = int8, MINITCOND = '0');
CREATE PROCEDURE shop.clean(INOUT removed int) LANGUAGE plpgsql AS $$ BEGIN removed := 0; COMMIT; END $$;
CREATE FUNCTION shop.same(shop.size, shop.size) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2::text';
CREATE OPERATOR shop.=== (FUNCTION = shop.same, LEFTARG = shop.size, RIGHTARG = shop.size, COMMUTATOR = OPERATOR(shop.===));
CREATE FUNCTION shop.to_int(shop.size) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE CAST (shop.size AS int) WITH FUNCTION shop.to_int(shop.size) AS ASSIGNMENT;
CREATE CAST (shop.z_inner AS text) WITH INOUT;

-- Partitions: of two levels, attached, with indexes and keys under names of their own.
CREATE TABLE shop.events (at timestamptz NOT NULL, kind text NOT NULL, id bigint NOT NULL, note text DEFAULT 'none',
    CONSTRAINT events_key PRIMARY KEY (at, kind, id), CHECK (id > 0)) PARTITION BY RANGE (at);
CREATE INDEX events_note ON shop.events (note);
CREATE TABLE shop.events_2025 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00') PARTITION BY LIST (kind);
CREATE TABLE shop.events_2025_a PARTITION OF shop.events_2025 FOR VALUES IN ('a', 'b');
CREATE TABLE shop.events_2025_rest PARTITION OF shop.events_2025 DEFAULT;
CREATE TABLE shop.attached (id bigint NOT NULL CHECK (id > 0), kind text NOT NULL, note text, at timestamptz NOT NULL, CONSTRAINT own_key UNIQUE (at, kind, id));
ALTER TABLE shop.attached DROP CONSTRAINT own_key, DROP CONSTRAINT attached_id_check, ADD CONSTRAINT events_id_check CHECK (id > 0), ADD CONSTRAINT own_key PRIMARY KEY (at, kind, id);
CREATE INDEX own_note ON shop.attached (note);
ALTER TABLE shop.events ATTACH PARTITION shop.attached FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
CREATE TABLE shop.buckets (id int, v int) PARTITION BY HASH (id, (v % 3));
CREATE TABLE shop.buckets_0 PARTITION OF shop.buckets FOR VALUES WITH (MODULUS 2, REMAINDER 0);

-- Inheritance from two tables, and a table of a type.
CREATE TABLE shop.base (id int NOT NULL, made timestamptz DEFAULT now(), CONSTRAINT positive CHECK (id > 0));
CREATE TABLE shop.other_base (name text NOT NULL);
CREATE TABLE shop.a_child (extra int) INHERITS (shop.base, shop.other_base);
CREATE TABLE shop.typed OF shop.z_inner (code WITH OPTIONS NOT NULL);

-- Constraints.
CREATE TABLE shop.bookings (
    id int GENERATED BY DEFAULT AS IDENTITY (START WITH 10) PRIMARY KEY,
    room int NOT NULL,
    during tstzrange NOT NULL,
    code shop.normal,
    twice int GENERATED ALWAYS AS (room * 2) STORED,
    UNIQUE (code) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (room, code) INCLUDE (during),
    CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (room > 0),
    CONSTRAINT of_article FOREIGN KEY (room) REFERENCES shop.articles ON UPDATE CASCADE DEFERRABLE,
    CONSTRAINT not_inherited CHECK (room < 100) NO INHERIT
);
CREATE UNLOGGED TABLE shop.scratch (id uuid UNIQUE NULLS NOT DISTINCT);
CREATE UNIQUE INDEX scratch_text ON shop.scratch ((id::text) COLLATE "C" text_pattern_ops DESC);

-- Foreign tables.
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE shop.imported (id int NOT NULL, name text COLLATE "C" DEFAULT 'x', CHECK (id > 0)) SERVER files OPTIONS (filename '/dev/null', format 'csv');

CREATE TABLE shop.archive (id int NOT NULL, at date NOT NULL CHECK (at > '2000-01-01')) PARTITION BY RANGE (at);
CREATE FOREIGN TABLE shop.archive_old PARTITION OF shop.archive FOR VALUES FROM ('2001-01-01') TO ('2002-01-01')
    SERVER files OPTIONS (filename '/dev/null');

-- Foreign keys from and to a partitioned table.
CREATE TABLE shop.notes (at timestamptz, kind text, id bigint, other int REFERENCES shop.articles) PARTITION BY HASH (id);
CREATE TABLE shop.notes_0 PARTITION OF shop.notes FOR VALUES WITH (MODULUS 1, REMAINDER 0);
ALTER TABLE shop.notes ADD CONSTRAINT of_event FOREIGN KEY (at, kind, id) REFERENCES shop.events;

-- Triggers, rules and row level security change what a statement writes.
CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE OF room ON shop.bookings FOR EACH ROW WHEN (NEW.room > 1) EXECUTE FUNCTION shop.touch('a');
CREATE TRIGGER touch_events AFTER INSERT ON shop.events FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON shop.bookings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shop.touch();
CREATE TRIGGER off BEFORE INSERT ON shop.scratch FOR EACH ROW EXECUTE FUNCTION shop.touch();
ALTER TABLE shop.scratch DISABLE TRIGGER off;
ALTER TABLE shop.bookings ENABLE REPLICA TRIGGER touch;
CREATE RULE off AS ON UPDATE TO shop.base DO INSTEAD NOTHING;
ALTER TABLE shop.base DISABLE RULE off;
CREATE RULE keep AS ON DELETE TO shop.base DO INSTEAD NOTHING;
ALTER TABLE shop.scratch ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

-- Views of views, of functions, and of a materialized view; a function of a view.
CREATE MATERIALIZED VIEW shop.z_counts AS SELECT count(*) AS n FROM shop.articles WHERE false;
CREATE VIEW shop.a_counts AS SELECT n, shop.total(price) AS sum FROM shop.z_counts, shop.articles GROUP BY n;
CREATE FUNCTION shop.counts() RETURNS SETOF shop.a_counts LANGUAGE sql BEGIN ATOMIC SELECT * FROM shop.a_counts; END;
CREATE VIEW shop.writable AS SELECT id, name FROM shop.articles;
ALTER VIEW shop.writable ALTER COLUMN name SET DEFAULT 'new';
CREATE VIEW shop.cheap WITH (security_invoker = true, security_barrier) AS SELECT id, price FROM shop.articles WHERE price < 5
    WITH LOCAL CHECK OPTION;
CREATE VIEW shop.cheapest AS SELECT id, price FROM shop.cheap WHERE price < 2 WITH CHECK OPTION;
CREATE TABLE shop.of_view (whole shop.a_counts, more shop.articles[]);
CREATE SEQUENCE shop.owned OWNED BY shop.articles.id;
CREATE STATISTICS shop.correlated ON id, name FROM shop.articles;
CREATE POLICY none ON shop.scratch USING (false);
