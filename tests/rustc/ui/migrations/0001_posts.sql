CREATE TABLE posts (id uuid PRIMARY KEY, title text);
