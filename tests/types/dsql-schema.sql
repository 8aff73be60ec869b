-- dsql-edge: dialect postgres
-- dsql-edge: type orders.id = crate::OrderId
-- dsql-edge: type orders.status = crate::Status
-- dsql-edge: type mood = crate::Mood
-- dsql-edge: type priority = crate::Priority
-- The schema of `round_trips.rs`, which also creates these objects.

CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE EXTENSION ltree;

CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad');
CREATE DOMAIN priority AS text CHECK (VALUE IN ('low', 'high'));
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE point_of_sale AS (floor smallint, desk text);
CREATE TYPE address AS (
    street text,
    zip positive,
    mood mood,
    since timestamptz,
    tags text[],
    desk point_of_sale
);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('draft', 'in_review', 'live')),
    code character(8) CHECK (code = ANY (ARRAY['draft', 'live'])),
    mood mood,
    moods mood[] NOT NULL,
    priority priority NOT NULL,
    quantity positive NOT NULL,
    quantities positive[] NOT NULL,
    address address,
    addresses address[]
);

CREATE TABLE texts (
    id integer PRIMARY KEY,
    ip inet,
    net cidr,
    mac macaddr,
    name citext,
    pairs hstore,
    path ltree,
    price money,
    flags bit(4),
    more bit varying,
    words tsvector,
    page xml,
    during int4range,
    times tstzmultirange,
    place point,
    ips inet[],
    names citext[],
    ranges int4range[],
    boxes box[],
    desk point_of_sale,
    desks point_of_sale[]
);
