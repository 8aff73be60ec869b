-- dsql-edge: dialect postgres
-- The schema of the example. `sql!` reads it when the Worker is compiled.

CREATE TABLE note (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL,
    written_at timestamptz DEFAULT now() NOT NULL
);
