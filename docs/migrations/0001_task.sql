CREATE TABLE task (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    title text NOT NULL CHECK (title <> ''),
    done boolean DEFAULT false NOT NULL,
    created_at timestamptz DEFAULT now() NOT NULL
);

CREATE INDEX ASYNC task_by_age ON task (created_at);
