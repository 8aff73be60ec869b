//! Lists the clauses that DSQL rejects in statements that it otherwise accepts.
//!
//! Output: a rule for each clause; `ddl`, `alter` and `query` find the clauses.

use super::rule::rules;

rules! {
    /// Clauses of schema statements.
    DDL;
    // rule                        what is rejected                                   SQLSTATE  DSQL's words                                                              known by                 alternative
    temp_table:                    "CREATE TEMP TABLE"                              | "0A000" | "TEMPORARY or TEMP table not supported for CREATE TABLE"                | Recorded               | "use WITH in the query, or a plain table that is emptied again";
    unlogged_table:                "CREATE UNLOGGED TABLE"                          | "0A000" | "UNLOGGED table not supported for CREATE TABLE"                         | Recorded               | "leave UNLOGGED out";
    create_table_as:               "CREATE TABLE … AS, SELECT … INTO"               | "0A000" | "unsupported statement: CreateTableAs"                                  | Recorded               | "CREATE TABLE with its columns, then INSERT … SELECT in another transaction";
    materialized_view:             "CREATE MATERIALIZED VIEW"                       | "0A000" | "unsupported statement: CreateTableAs"                                  | Recorded               | "CREATE VIEW, or a table that is filled again";
    inherits:                      "CREATE TABLE … INHERITS"                        | "0A000" | "INHERITS clause not supported"                                         | Documented             | "repeat the columns, or LIKE parent INCLUDING ALL";
    partition_by:                  "CREATE TABLE … PARTITION BY"                    | "0A000" | "PARTITION BY clause not supported"                                     | Documented             | "leave it out: DSQL distributes the rows by the primary key";
    partition_of:                  "CREATE TABLE … PARTITION OF"                    | "0A000" | "PARTITION OF clause not supported"                                     | Documented             | "use one table for all rows: DSQL distributes them by the primary key";
    of_type:                       "CREATE TABLE … OF type"                         | "0A000" | "OF clause not supported"                                               | Documented             | "write the columns";
    storage_parameters:            "CREATE TABLE … WITH (…)"                        | "0A000" | "WITH clause not supported"                                             | Documented             | "leave it out: DSQL stores the rows its own way";
    on_commit:                     "CREATE TABLE … ON COMMIT"                       | "0A000" | "ON COMMIT clause not supported"                                        | Documented             | "leave it out: tables are permanent";
    tablespace:                    "CREATE TABLE … TABLESPACE"                      | "0A000" | "TABLESPACE clause not supported"                                       | Documented             | "leave it out: DSQL places the data itself";
    access_method:                 "CREATE TABLE … USING"                           | "0A000" | "USING clause not supported"                                            | Documented             | "leave it out: DSQL stores the rows its own way";
    collation:                     "a column's COLLATE"                             | "0A000" | "COLLATE clause not supported"                                          | Recorded               | "leave it out: the collation is C; sort by lower(…), or in the program";
    compression:                   "a column's COMPRESSION"                         | "0A000" | "COMPRESSION clause not supported"                                      | Documented since "08-27" | "STORAGE MAIN or EXTENDED lets DSQL compress, PLAIN and EXTERNAL do not";
    exclusion_constraint:          "EXCLUDE constraint"                             | "0A000" | "EXCLUDE constraint not supported"                                      | Documented             | "use a UNIQUE constraint if equality is enough; otherwise check in the transaction that writes";
    identity_cache:                "identity without CACHE"                           | "0A000" | "identity column is not supported without an explicit cache size. please define CACHE greater than or equal to 65536 or equal to 1" | Recorded since "02-13" | "CACHE 1 gives numbers in order, CACHE 65536 lets many sessions insert at once, with gaps";
    sequence_cache:                "sequence without CACHE"                           | "0A000" | "CREATE SEQUENCE is not supported without an explicit cache size. please define CACHE greater than or equal to 65536 or equal to 1" | Recorded since "02-13" | "CACHE 1 gives numbers in order, CACHE 65536 lets many sessions draw at once, with gaps";
    cache_size:                    "a CACHE that is neither 1 nor at least 65536"   | "22023" | "CACHE ({}) must be greater than or equal to 65536 or equal to 1"        | Documented since "02-13" | "CACHE 1 gives numbers in order, CACHE 65536 lets many sessions draw at once, with gaps";
    sequence_type:                 "a sequence not of type bigint"                         | "22023" | "datatype {} not supported, sequence type must be bigint"               | Documented             | "leave AS out, or write AS bigint";
    temp_sequence:                 "CREATE TEMP SEQUENCE"                           | "0A000" | "TEMPORARY or TEMP sequence not supported for CREATE SEQUENCE"          | Documented             | "leave TEMP out: sequences are permanent";
    temp_view:                     "CREATE TEMP VIEW"                               | "0A000" | "TEMPORARY or TEMP view not supported for CREATE VIEW"                  | Documented             | "use WITH in the query, or a plain view";
    temp_object:                   "CREATE … pg_temp.name"                          | "0A000" | "TEMPORARY or TEMP object not supported for {}"                         | Sibling                | "create it in another schema";
    create_type:                   "CREATE TYPE … AS ENUM"                          | "0A000" | "CREATE TYPE not supported"                                             | Recorded               | "CREATE DOMAIN {} AS text CHECK (VALUE IN (…)), or such a CHECK on the column";
    composite_type:                "CREATE TYPE … AS (…)"                           | "0A000" | "unsupported statement: CompositeType"                                  | Recorded               | "use columns, or jsonb";
    range_type:                    "CREATE TYPE … AS RANGE"                         | "0A000" | "unsupported statement: CreateRange"                                    | Recorded               | "use two columns, the lower bound and the upper";
    base_type:                     "CREATE TYPE"                                    | "0A000" | "CREATE TYPE not supported"                                             | Sibling                | "DSQL supports only domains: CREATE DOMAIN";
    function_language:             "CREATE FUNCTION not in SQL"                     | "0A000" | "CREATE FUNCTION with language {} not supported"                        | Recorded               | "write it LANGUAGE sql, or do it in the program";
    inner_depth:                   "a statement in EXPLAIN or COPY that nests too deeply" | "54001" | "stack depth limit exceeded"                                        | Sibling                | "reduce the nesting";
    function_body_depth:           "a function's body that nests too deeply"          | "54001" | "stack depth limit exceeded"                                            | Sibling                | "reduce the nesting";

    // Indexes.
    index_async:                   "CREATE INDEX without ASYNC"                     | "0A000" | "unsupported mode. please use CREATE INDEX ASYNC."                      | Recorded               | "write CREATE INDEX ASYNC, then CALL sys.wait_for_job with the job_id that it returns";
    index_concurrently:            "CREATE INDEX CONCURRENTLY"                      | "0A000" | "CONCURRENTLY not supported. please use CREATE INDEX ASYNC."            | Documented             | "write ASYNC instead of CONCURRENTLY";
    index_using:                   "CREATE INDEX … USING"                           | "0A000" | "USING clause not supported for CREATE INDEX"                           | Documented             | "leave it out: every index is a B-tree";
    index_sort_direction:          "ASC or DESC of an index"                        | "0A000" | "{} not supported for CREATE INDEX"                                     | Documented             | "leave it out: an index is read in both directions";
    index_operator_class:          "operator class or COLLATE of an index"          | "0A000" | "operator class and collation not supported for CREATE INDEX"           | Documented             | "leave it out: the collation is C, under which LIKE 'prefix%' uses the index";
    index_options:                 "CREATE INDEX … WITH | TABLESPACE"               | "0A000" | "{} clause not supported for CREATE INDEX"                              | Documented             | "leave it out";
    index_include_expression:      "an expression in INCLUDE"                       | "0A000" | "expressions are not supported in included columns"                     | Recorded               | "use plain columns in INCLUDE";
    alter_index:                   "ALTER INDEX other than RENAME TO"                      | "0A000" | "ALTER INDEX not supported"                                             | Documented             | "drop it and CREATE INDEX ASYNC again";

    // ALTER TABLE.
    add_column_constraint:         "ADD COLUMN with NOT NULL, DEFAULT or a constraint" | "0A000" | "ALTER TABLE ADD COLUMN with constraint not supported"               | Recorded since "07-06" | "add the bare column, then ALTER COLUMN … SET DEFAULT, UPDATE the rows, and ADD CONSTRAINT … NOT VALID, each in its own transaction";
    alter_column_type:             "ALTER COLUMN … TYPE"                            | "0A000" | "unsupported ALTER TABLE ALTER COLUMN ... SET DATA TYPE statement"      | Recorded since "08-03" | "add a column of the new type, UPDATE it from the old one, drop that and rename";
    alter_column_not_null:         "ALTER COLUMN … SET NOT NULL"                    | "0A000" | "unsupported ALTER TABLE ALTER COLUMN ... SET NOT NULL statement"       | Documented since "08-03" | "ADD CONSTRAINT … CHECK ({} IS NOT NULL) NOT VALID, then ALTER TABLE ASYNC … VALIDATE CONSTRAINT";
    alter_column_compression:      "ALTER COLUMN … SET COMPRESSION"                 | "0A000" | "unsupported ALTER TABLE ALTER COLUMN ... SET COMPRESSION statement"    | Documented since "08-27" | "ALTER COLUMN … SET STORAGE";
    alter_column_statistics:       "ALTER COLUMN … SET STATISTICS"                  | "0A000" | "unsupported ALTER TABLE ALTER COLUMN ... SET STATISTICS statement"     | Inferred               | "CREATE STATISTICS for columns that depend on each other";
    add_constraint_not_valid:      "ADD CONSTRAINT CHECK | FOREIGN KEY without NOT VALID" | "0A000" | "unsupported ALTER TABLE ADD CONSTRAINT statement"                | Recorded since "08-03" | "end it with NOT VALID, then ALTER TABLE ASYNC … VALIDATE CONSTRAINT";
    add_primary_key:               "ADD PRIMARY KEY"                                | "0A000" | "unsupported ALTER TABLE ADD CONSTRAINT statement"                      | Recorded               | "DSQL accepts a primary key only in CREATE TABLE: create the table again with it and copy the rows, or CREATE UNIQUE INDEX ASYNC";
    add_unique:                    "ADD UNIQUE without USING INDEX"                 | "0A000" | "unsupported ALTER TABLE ADD CONSTRAINT statement"                      | Recorded               | "CREATE UNIQUE INDEX ASYNC, wait for its job, then ADD CONSTRAINT … UNIQUE USING INDEX";
    validate_constraint_async:     "VALIDATE CONSTRAINT without ALTER TABLE ASYNC"  | "0A000" | "unsupported ALTER TABLE VALIDATE CONSTRAINT statement"                 | Recorded since "08-03" | "write ALTER TABLE ASYNC";
    drop_primary_key_column:       "DROP COLUMN of the primary key"                 | "0A000" | "cannot drop primary key column {}"                                     | Recorded               | "create the table again with another key, and copy the rows";
    row_level_security:            "ROW LEVEL SECURITY"                             | "0A000" | "unsupported ALTER TABLE ROW LEVEL SECURITY statement"                  | Documented             | "write the condition into the queries, or into a view that the role may read";
    alter_table_action:            "REPLICA IDENTITY, INHERIT, CLUSTER ON, SET (…), triggers, rules, partitions" | "0A000" | "unsupported ALTER TABLE {} statement"     | Documented             | "leave it out";
    alter_type:                    "ALTER TYPE"                                     | "0A000" | "ALTER TYPE not supported"                                              | Recorded               | "a domain's CHECK can be dropped and added again: ALTER DOMAIN";
    rename_type:                   "ALTER TYPE … RENAME TO"                         | "0A000" | "unsupported object in RENAME statement"                                | Recorded               | "DSQL supports only domains: ALTER DOMAIN";
}

rules! {
    /// Clauses of queries.
    QUERIES;
    // rule                        what is rejected                                   SQLSTATE  DSQL's words                                                              known by                 alternative
    locking:                       "FOR SHARE, FOR NO KEY UPDATE"                   | "0A000" | "locking clauses other than FOR UPDATE/FOR KEY SHARE are not supported" | Recorded since "08-25" | "write {}: it does not wait for other transactions; if two conflict, one gets 40001 at COMMIT";
    tablesample:                   "TABLESAMPLE"                                    | "0A000" | "TABLESAMPLE clause not supported"                                      | Recorded               | "write WHERE random() < 0.01, or take a range of the key";
    text_search:                   "text search with a configuration other than simple"    | "42704" | "text search configuration \"{}\" does not exist"                       | Recorded               | "write 'simple', which does not stem, or search with LIKE or a regular expression";
    lateral_outer_column:          "LEFT JOIN LATERAL that selects a column of the outer table" | "42804" | "attribute {} has wrong type"                               | Recorded               | "select the outer column outside the subquery, or write CROSS JOIN LATERAL";
    lateral_outer_reference:       "LEFT JOIN LATERAL that selects an outer column, if the types agree or are not known" | "42804" | "attribute has wrong type"                                  | Inferred               | "DSQL reads the inner table's column there: select the outer column outside the subquery";
    wait_for_job_is_a_procedure:   "SELECT sys.wait_for_job(…)"                     | "42809" | "sys.wait_for_job(text) is a procedure"                                 | Recorded               | "write CALL sys.wait_for_job('…')";
    call_subquery:                 "a subquery in CALL"                             | "0A000" | "cannot use subquery in CALL argument"                                  | Recorded               | "read the value first, and pass it as a parameter";
    job_id:                        "CALL sys.wait_for_job with something other than a job's id"   | "22P02" | "Unable to convert text to UUID"                                        | Recorded               | "a job's id has 26 letters a-z and digits 2-7, as CREATE INDEX ASYNC returned it";
    unsupported_function:          "functions of sessions and sockets"              | "0A000" | "function {} not supported"                                             | Recorded               | "{}";
}
