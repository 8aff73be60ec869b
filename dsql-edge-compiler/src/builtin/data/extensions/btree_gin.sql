-- Objects of the extension btree_gin in PostgreSQL 16.
CREATE FUNCTION gin_enum_cmp(anyenum, anyenum) RETURNS integer LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION gin_numeric_cmp(numeric, numeric) RETURNS integer LANGUAGE c IMMUTABLE STRICT;
