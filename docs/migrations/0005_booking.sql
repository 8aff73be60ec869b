CREATE TABLE booking (
    id uuid DEFAULT gen_random_uuid() PRIMARY KEY,
    seat_id uuid UNIQUE,
    request_key uuid NOT NULL UNIQUE
);
