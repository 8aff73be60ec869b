CREATE TABLE users (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    email text
);

CREATE TABLE posts (
    id uuid PRIMARY KEY,
    author_id uuid NOT NULL REFERENCES users (id),
    title text NOT NULL,
    body text,
    views integer DEFAULT 0 NOT NULL
);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('draft', 'in_review', 'live')),
    note text
);

CREATE TABLE bookings (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seat uuid UNIQUE,
    request uuid NOT NULL UNIQUE,
    venue jsonb NOT NULL DEFAULT '{}',
    wishes jsonb
);
