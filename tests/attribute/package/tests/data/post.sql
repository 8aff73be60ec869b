INSERT INTO posts (author, title) VALUES (1, 'First');
