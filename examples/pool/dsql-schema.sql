CREATE TABLE page (path text PRIMARY KEY, views bigint NOT NULL DEFAULT 0);
