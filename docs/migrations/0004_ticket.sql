CREATE TABLE ticket (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('open', 'in_review', 'closed')),
    settings jsonb NOT NULL
);
