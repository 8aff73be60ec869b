CREATE TABLE account (
    owner text PRIMARY KEY,
    balance numeric(12, 2) NOT NULL CHECK (balance >= 0)
);

CREATE TABLE transfer (
    key uuid PRIMARY KEY,
    amount numeric(12, 2) NOT NULL,
    made_at timestamptz DEFAULT now() NOT NULL
);
