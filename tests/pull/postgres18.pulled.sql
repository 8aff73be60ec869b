-- The schema that `sql!` checks against, written by `dsql-edge pull`.
-- `dsql-edge pull` keeps the `-- dsql-edge:` lines before the first statement and writes the rest again.
-- dsql-edge: dialect postgres

CREATE EXTENSION btree_gist WITH SCHEMA public;

CREATE COLLATION public.plain (provider = builtin, locale = 'C.UTF-8');

CREATE DOMAIN public.amount AS numeric NOT NULL CONSTRAINT amount_check CHECK ((VALUE > (0)::numeric));

CREATE TABLE public.named (
    id integer CONSTRAINT id_is_there NOT NULL,
    price numeric NOT NULL,
    doubled numeric GENERATED ALWAYS AS ((price * (2)::numeric)) VIRTUAL,
    stored numeric GENERATED ALWAYS AS ((price * (2)::numeric)) STORED,
    maybe text,
    parents_only text,
    CONSTRAINT named_pkey PRIMARY KEY (id)
);
ALTER TABLE public.named ADD CONSTRAINT not_checked CHECK ((price > (0)::numeric)) NOT ENFORCED;
ALTER TABLE public.named ADD CONSTRAINT maybe_later NOT NULL maybe NOT VALID;
ALTER TABLE public.named ADD CONSTRAINT of_parents NOT NULL parents_only NO INHERIT;

CREATE TABLE public.child (
    id integer NOT NULL,
    price numeric NOT NULL,
    doubled numeric GENERATED ALWAYS AS ((price * (2)::numeric)) VIRTUAL,
    stored numeric GENERATED ALWAYS AS ((price * (2)::numeric)) STORED,
    maybe text NOT NULL,
    parents_only text,
    extra integer
);
ALTER TABLE public.child ADD CONSTRAINT not_checked CHECK ((price > (0)::numeric)) NOT ENFORCED;
ALTER TABLE public.child INHERIT public.named;

CREATE TABLE public.parts (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL
) PARTITION BY LIST (kind);

CREATE TABLE public.parts_a (
    id bigint NOT NULL,
    kind text NOT NULL
);
ALTER TABLE ONLY public.parts ATTACH PARTITION public.parts_a FOR VALUES IN ('a');

CREATE TABLE public.refers (
    id integer
);

CREATE TABLE public.rooms (
    id integer NOT NULL,
    during daterange NOT NULL,
    CONSTRAINT rooms_key PRIMARY KEY (id, during WITHOUT OVERLAPS)
);

CREATE TABLE public.stays (
    id integer,
    during daterange,
    note text,
    CONSTRAINT no_two UNIQUE (note, during WITHOUT OVERLAPS)
);

ALTER TABLE public.refers ADD CONSTRAINT refers_id_fkey FOREIGN KEY (id) REFERENCES public.named(id) NOT ENFORCED;
ALTER TABLE public.stays ADD CONSTRAINT of_room FOREIGN KEY (id, PERIOD during) REFERENCES public.rooms(id, PERIOD during);
