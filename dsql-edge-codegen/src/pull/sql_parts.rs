//! The parts of SQL that the queries over the catalog of a cluster and of a PostgreSQL share.
//!
//! Output: macros, because `concat!` takes only literals.

/// The condition that leaves out the objects of an extension: CREATE EXTENSION creates these objects.
macro_rules! not_of_extension {
    ($class:literal, $oid:literal $(, $also:literal)?) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.",
            $class,
            "'::regclass AND e.objid = ",
            $oid,
            " AND e.deptype IN ('e'", $(", '", $also, "'",)? "))"
        )
    };
}

/// Lists the options of the sequence `s`, except options with the default value from `init_params` (PostgreSQL's
/// `sequence.c`). The type of the sequence is a separate column. For DSQL, which requires CACHE, CACHE is a separate
/// column, too; for PostgreSQL, `$cache` adds CACHE to the options.
macro_rules! sequence_options {
    ($($cache:literal)?) => {
        concat!("concat_ws(' ',
            CASE WHEN s.seqstart <> CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END
                 THEN 'START WITH ' || s.seqstart END,
            CASE WHEN s.seqincrement <> 1 THEN 'INCREMENT BY ' || s.seqincrement END,
            CASE WHEN s.seqmin <> CASE WHEN s.seqincrement > 0 THEN 1
                                       WHEN s.seqtypid = 'pg_catalog.int2'::regtype THEN -32768
                                       WHEN s.seqtypid = 'pg_catalog.int4'::regtype THEN -2147483648
                                       ELSE -9223372036854775807 - 1 END
                 THEN 'MINVALUE ' || s.seqmin END,
            CASE WHEN s.seqmax <> CASE WHEN s.seqincrement < 0 THEN -1
                                       WHEN s.seqtypid = 'pg_catalog.int2'::regtype THEN 32767
                                       WHEN s.seqtypid = 'pg_catalog.int4'::regtype THEN 2147483647
                                       ELSE 9223372036854775807 END
                 THEN 'MAXVALUE ' || s.seqmax END,", $($cache,)? "
            CASE WHEN s.seqcycle THEN 'CYCLE' END)")
    };
}

/// Returns a subquery that computes the expression `$what` over the sequence `s` of an identity column. The surrounding
/// query must contain `pg_attribute` as `a` and `pg_class` as `c`. A partition of PostgreSQL 17 has the identity of its
/// parent, and no sequence.
macro_rules! of_identity {
    ($what:expr) => {
        concat!(
            "(SELECT ",
            $what,
            " FROM pg_catalog.pg_depend q
              JOIN pg_catalog.pg_sequence s ON s.seqrelid = q.objid
              WHERE a.attidentity <> '' AND q.classid = 'pg_catalog.pg_class'::regclass AND q.deptype = 'i'
                AND q.refclassid = 'pg_catalog.pg_class'::regclass AND q.refobjid = c.oid AND q.refobjsubid = a.attnum)"
        )
    };
}

pub(super) use {not_of_extension, of_identity, sequence_options};
