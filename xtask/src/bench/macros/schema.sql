-- A blog, a shop and the events that both record: the schema that the queries beside this file are checked against.

CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email varchar(320) NOT NULL UNIQUE,
    handle varchar(40) NOT NULL UNIQUE,
    display_name text,
    bio text,
    is_admin boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz
);

CREATE TABLE sessions (
    token varchar(64) PRIMARY KEY,
    user_id uuid NOT NULL,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE posts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    author_id uuid NOT NULL,
    slug varchar(120) NOT NULL UNIQUE,
    title text NOT NULL,
    summary text,
    body text NOT NULL,
    status varchar(16) NOT NULL DEFAULT 'draft',
    views integer NOT NULL DEFAULT 0,
    published_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tags (
    id bigint PRIMARY KEY,
    name varchar(60) NOT NULL UNIQUE,
    description text
);

CREATE TABLE post_tags (
    post_id uuid NOT NULL,
    tag_id bigint NOT NULL,
    PRIMARY KEY (post_id, tag_id)
);

CREATE TABLE comments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    post_id uuid NOT NULL,
    author_id uuid,
    parent_id uuid,
    body text NOT NULL,
    approved boolean,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE products (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sku varchar(40) NOT NULL UNIQUE,
    name text NOT NULL,
    description text,
    price numeric(12, 2) NOT NULL,
    currency char(3) NOT NULL DEFAULT 'EUR',
    stock integer NOT NULL DEFAULT 0,
    weight_kg double precision,
    attributes text,
    active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE customers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid,
    name text NOT NULL,
    country char(2) NOT NULL,
    phone text,
    birthday date,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id uuid NOT NULL,
    status varchar(20) NOT NULL DEFAULT 'open',
    total numeric(12, 2) NOT NULL,
    discount numeric(12, 2),
    placed_at timestamptz NOT NULL DEFAULT now(),
    shipped_at timestamptz,
    note text
);

CREATE TABLE order_lines (
    order_id uuid NOT NULL,
    line integer NOT NULL,
    product_id uuid NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(12, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE events (
    id bigint PRIMARY KEY,
    kind varchar(40) NOT NULL,
    user_id uuid,
    subject_id uuid,
    country char(2),
    duration_ms integer,
    payload text,
    happened_at timestamptz NOT NULL DEFAULT now()
);
