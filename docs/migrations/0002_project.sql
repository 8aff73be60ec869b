CREATE TABLE project (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    name text NOT NULL UNIQUE,
    budget numeric(12, 2),
    archived_at timestamptz
);

ALTER TABLE task ADD COLUMN project_id uuid;
