-- What the extension unaccent brings, as PostgreSQL 16 has it.
CREATE FUNCTION unaccent(regdictionary, text) RETURNS text LANGUAGE c STABLE STRICT;
CREATE FUNCTION unaccent(text) RETURNS text LANGUAGE c STABLE STRICT;
