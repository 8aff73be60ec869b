-- Objects of the extension earthdistance in PostgreSQL 16.
CREATE DOMAIN earth AS cube;
CREATE FUNCTION earth() RETURNS double precision LANGUAGE c IMMUTABLE;
CREATE FUNCTION earth_box(earth, double precision) RETURNS cube LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION earth_distance(earth, earth) RETURNS double precision LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION gc_to_sec(double precision) RETURNS double precision LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION geo_distance(point, point) RETURNS double precision LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION latitude(earth) RETURNS double precision LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION ll_to_earth(double precision, double precision) RETURNS earth LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION longitude(earth) RETURNS double precision LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION sec_to_gc(double precision) RETURNS double precision LANGUAGE c IMMUTABLE STRICT;
CREATE OPERATOR <@> (FUNCTION = geo_distance, LEFTARG = point, RIGHTARG = point);
