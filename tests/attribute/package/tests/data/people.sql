INSERT INTO people (mood) VALUES ('glad'), ('sad');
