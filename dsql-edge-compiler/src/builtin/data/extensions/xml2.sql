-- Objects of the extension xml2 in PostgreSQL 16.
CREATE FUNCTION xml_encode_special_chars(text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xml_valid(text) RETURNS boolean LANGUAGE c STABLE STRICT;
CREATE FUNCTION xpath_bool(text, text) RETURNS boolean LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_list(text, text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_list(text, text, text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_nodeset(text, text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_nodeset(text, text, text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_nodeset(text, text, text, text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_number(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_string(text, text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xpath_table(text, text, text, text, text) RETURNS SETOF record LANGUAGE c STABLE STRICT;
CREATE FUNCTION xslt_process(text, text) RETURNS text LANGUAGE c IMMUTABLE STRICT;
CREATE FUNCTION xslt_process(text, text, text) RETURNS text LANGUAGE c VOLATILE STRICT;
