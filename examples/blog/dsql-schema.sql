-- The schema of the blog, as `dsql-edge pull` writes it. `sql!` checks its queries against this file.

CREATE TABLE public.blogpost_meta (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug text NOT NULL,
    title text NOT NULL,
    author text NOT NULL,
    reading_minutes smallint,
    view_count bigint DEFAULT 0 NOT NULL,
    published_at timestamp with time zone,
    CONSTRAINT blogpost_meta_pkey PRIMARY KEY (id),
    CONSTRAINT blogpost_meta_slug_key UNIQUE (slug)
);

CREATE TABLE public.tag_master (
    tag_name text NOT NULL,
    tag_category text NOT NULL,
    usage_count integer DEFAULT 0 NOT NULL,
    CONSTRAINT tag_master_pkey PRIMARY KEY (tag_name)
);
