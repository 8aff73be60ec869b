-- The schema of the shop, as `dsql-edge pull` writes it. `sql!` checks its queries against this file.

CREATE TABLE public.category (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name text NOT NULL,
    CONSTRAINT category_pkey PRIMARY KEY (id),
    CONSTRAINT category_name_key UNIQUE (name)
);

-- Every statement that writes a product also sets the last three columns; see src/product.rs.
CREATE TABLE public.product (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    category_id uuid NOT NULL,
    name text NOT NULL,
    price_cents bigint NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT product_pkey PRIMARY KEY (id),
    CONSTRAINT product_name_check CHECK (length(name) <= 200)
);

CREATE TABLE public.sale (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    product_id uuid NOT NULL,
    quantity integer NOT NULL,
    price_cents bigint NOT NULL,
    sold_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sale_pkey PRIMARY KEY (id)
);

CREATE INDEX product_updated_at_id_idx ON public.product (updated_at, id);
