CREATE TABLE links (slug text PRIMARY KEY);

INSERT INTO drafts VALUES (1);
