-- Objects of the extension intagg in PostgreSQL 16.
CREATE FUNCTION int_agg_final_array(internal) RETURNS integer[] LANGUAGE c VOLATILE;
CREATE FUNCTION int_array_enum(integer[]) RETURNS SETOF integer LANGUAGE c IMMUTABLE STRICT;
CREATE AGGREGATE int_array_aggregate(integer) (SFUNC = int_agg_state, STYPE = internal, FINALFUNC = int_agg_final_array);
