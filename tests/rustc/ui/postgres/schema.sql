-- dsql-edge: dialect postgres
-- dsql-edge: type mood = crate::Mood
CREATE TYPE mood AS ENUM ('happy', 'so so', 'sad');
CREATE DOMAIN priority AS text CHECK (VALUE IN ('low', 'high'));
CREATE TYPE address AS (street text, zip integer, mood mood, ip inet);
CREATE TYPE point_of_sale AS (floor smallint, desk text);
CREATE TABLE shops (id integer PRIMARY KEY, mood mood NOT NULL, moods mood[], priority priority, address address);
