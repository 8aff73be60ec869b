--
-- PostgreSQL database dump
--
\restrict abc
SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: posts; Type: TABLE
--

CREATE TABLE public.posts (
    id integer NOT NULL,
    title text NOT NULL, -- the title
    author uuid -- who wrote it
);


ALTER TABLE public.posts OWNER TO postgres;

CREATE SEQUENCE public.posts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.posts_id_seq OWNED BY public.posts.id;
ALTER TABLE ONLY public.posts ALTER COLUMN id SET DEFAULT nextval('public.posts_id_seq'::regclass);

COPY public.posts (id, title, author) FROM stdin;
1	it's; a	\N
\.

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_title_key UNIQUE (title);

CREATE TABLE public.tags (
    id integer NOT NULL, -- counts
    name text
);

ALTER TABLE public.tags ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE INDEX posts_author ON public.posts USING btree (author DESC NULLS LAST); -- by author

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT posts_author_fkey FOREIGN KEY (author) REFERENCES public.authors(id) ON DELETE CASCADE;

BEGIN;
CREATE TABLE a (id serial PRIMARY KEY, b int GENERATED ALWAYS AS IDENTITY (START 5));
CREATE UNLOGGED TABLE b (t text COLLATE "C" NOT NULL);
INSERT INTO a VALUES (1);
COMMIT;
TRUNCATE a;
\unrestrict abc
