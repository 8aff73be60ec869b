-- Objects of the extension unaccent in PostgreSQL 16.
CREATE FUNCTION unaccent(regdictionary, text) RETURNS text LANGUAGE c STABLE STRICT;
CREATE FUNCTION unaccent(text) RETURNS text LANGUAGE c STABLE STRICT;
