-- dsql-edge: dialect postgres
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE people (id serial PRIMARY KEY, mood mood NOT NULL);
