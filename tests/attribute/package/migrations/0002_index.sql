CREATE INDEX ASYNC links_hits ON links (hits);
INSERT INTO links (slug) VALUES ('from-a-migration');
