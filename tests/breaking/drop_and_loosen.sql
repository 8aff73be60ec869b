-- A migration that looks harmless: a column is dropped that "nobody uses", another may be NULL.
ALTER TABLE tag_master DROP COLUMN tag_category;
ALTER TABLE blogpost_meta ALTER COLUMN author DROP NOT NULL;
