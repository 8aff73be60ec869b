CREATE TABLE event (source text PRIMARY KEY, detail text NOT NULL);
