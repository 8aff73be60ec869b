//! The queries of `pull` over the catalog of a PostgreSQL: types, functions and other objects without columns.
//!
//! Output: rows of text. The doc comment of each query lists its columns. An object's key consists of the name of its
//! catalog and its OID; `dependencies` uses the same keys. Names are qualified, because the search path is empty.
//!
//! Each query contains only columns that PostgreSQL 14 and later have; any other column is read from the row as
//! `jsonb`. The tests run the queries on PostgreSQL 15, 16, 17 and 18.

use super::super::sql_parts::{not_of_extension, sequence_options};

/// The condition for the user's schemas: `dsql_edge` has the ledger of `dsql-edge migrate`.
macro_rules! user_schemas {
    () => {
        "n.nspname NOT IN ('pg_catalog', 'information_schema', 'dsql_edge') AND n.nspname NOT LIKE 'pg\\_%'"
    };
}

/// ` COLLATE name`, if the collation differs from the type's own collation.
macro_rules! collate {
    ($collation:literal, $type:literal) => {
        concat!(
            "coalesce((SELECT ' COLLATE ' || quote_ident(ln.nspname) || '.' || quote_ident(l.collname)
                       FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
                       JOIN pg_catalog.pg_type lt ON lt.oid = ",
            $type,
            " WHERE l.oid = ",
            $collation,
            " AND l.oid <> lt.typcollation), '')"
        )
    };
}

pub(super) use {collate, user_schemas};

/// The queries of the objects that one statement creates. The columns are the number by which the kinds are sorted, the
/// key, the name, and the statement.
pub(super) const OBJECTS: &[&str] = &[
    SCHEMAS, EXTENSIONS, COLLATIONS, ENUMS, DOMAINS, RANGES, BASE_TYPES, SEQUENCES, SERVERS, FUNCTIONS,
    AGGREGATES, OPERATORS, CASTS,
];

const SCHEMAS: &str = concat!(
    "SELECT '0', 'pg_namespace:' || n.oid, quote_ident(n.nspname), 'CREATE SCHEMA ' || quote_ident(n.nspname) || ';'
     FROM pg_catalog.pg_namespace n WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_namespace", "n.oid"),
    " AND n.nspname <> 'public'"
);

/// Each database has plpgsql. Other extensions can be in pg_catalog too, for example plperl.
const EXTENSIONS: &str = "SELECT '1', 'pg_extension:' || x.oid, quote_ident(x.extname),
            'CREATE EXTENSION ' || quote_ident(x.extname) || ' WITH SCHEMA ' || quote_ident(n.nspname) || ';'
     FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
     WHERE x.extname <> 'plpgsql'";

const COLLATIONS: &str = concat!(
    "SELECT '2', 'pg_collation:' || c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.collname),
            'CREATE COLLATION ' || quote_ident(n.nspname) || '.' || quote_ident(c.collname) || ' (' || concat_ws(', ',
                CASE c.collprovider WHEN 'i' THEN 'provider = icu' WHEN 'b' THEN 'provider = builtin'
                                    WHEN 'c' THEN 'provider = libc' END,
                'locale = ' || quote_literal(coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale',
                                                      CASE WHEN c.collprovider = 'i' OR c.collcollate = c.collctype
                                                           THEN c.collcollate::text END)),
                'lc_collate = ' || quote_literal(CASE WHEN c.collprovider = 'c' AND c.collcollate <> c.collctype
                                                      THEN c.collcollate::text END),
                'lc_ctype = ' || quote_literal(CASE WHEN c.collprovider = 'c' AND c.collcollate <> c.collctype
                                                    THEN c.collctype::text END),
                'rules = ' || quote_literal(to_jsonb(c) ->> 'collicurules'),
                CASE WHEN NOT c.collisdeterministic THEN 'deterministic = false' END) || ');'
     FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_collation", "c.oid")
);

const ENUMS: &str = concat!(
    "SELECT '3', 'pg_type:' || t.oid, quote_ident(n.nspname) || '.' || quote_ident(t.typname),
            'CREATE TYPE ' || quote_ident(n.nspname) || '.' || quote_ident(t.typname) || ' AS ENUM (' ||
            coalesce((SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
                      FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid), '') || ');'
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typtype = 'e' AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid")
);

/// A constraint that is not valid is added after the domain, because CREATE DOMAIN creates only valid constraints.
const DOMAINS: &str = concat!(
    "SELECT '4', 'pg_type:' || t.oid, d.name,
            'CREATE DOMAIN ' || d.name || ' AS ' || format_type(t.typbasetype, t.typtypmod) || ",
    collate!("t.typcollation", "t.typbasetype"),
    " || coalesce(' DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)), '') ||
            CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END ||
            coalesce((SELECT string_agg(' CONSTRAINT ' || quote_ident(c.conname) || ' ' || pg_get_constraintdef(c.oid), ''
                                        ORDER BY c.conname COLLATE \"C\")
                      FROM pg_catalog.pg_constraint c
                      WHERE c.contypid = t.oid AND c.contype = 'c' AND c.convalidated), '') || ';' ||
            coalesce((SELECT string_agg(E'\\nALTER DOMAIN ' || d.name || ' ADD CONSTRAINT ' || quote_ident(c.conname) || ' ' ||
                                        pg_get_constraintdef(c.oid) || ';', '' ORDER BY c.conname COLLATE \"C\")
                      FROM pg_catalog.pg_constraint c
                      WHERE c.contypid = t.oid AND c.contype = 'c' AND NOT c.convalidated), '')
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace,
          LATERAL (SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname) AS name) d
     WHERE t.typtype = 'd' AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid")
);

/// The canonical function of a range cannot be in a snapshot: it must exist before the range, and have the range as its
/// parameter. Queries do not depend on the canonical function.
const RANGES: &str = concat!(
    "SELECT '6', 'pg_type:' || t.oid, quote_ident(n.nspname) || '.' || quote_ident(t.typname),
            'CREATE TYPE ' || quote_ident(n.nspname) || '.' || quote_ident(t.typname) || ' AS RANGE (' || concat_ws(', ',
                'subtype = ' || format_type(r.rngsubtype, NULL),
                (SELECT 'subtype_opclass = ' || quote_ident(pn.nspname) || '.' || quote_ident(p.opcname)
                 FROM pg_catalog.pg_opclass p JOIN pg_catalog.pg_namespace pn ON pn.oid = p.opcnamespace
                 WHERE p.oid = r.rngsubopc AND NOT p.opcdefault),
                'collation = ' || nullif(substr(",
    collate!("r.rngcollation", "r.rngsubtype"),
    ", 10), ''),
                'subtype_diff = ' || (SELECT quote_ident(fn.nspname) || '.' || quote_ident(f.proname)
                                      FROM pg_catalog.pg_proc f JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
                                      WHERE f.oid = r.rngsubdiff),
                (SELECT 'multirange_type_name = ' || quote_ident(mn.nspname) || '.' || quote_ident(m.typname)
                 FROM pg_catalog.pg_type m JOIN pg_catalog.pg_namespace mn ON mn.oid = m.typnamespace
                 WHERE m.oid = r.rngmultitypid
                   AND (m.typnamespace <> t.typnamespace OR m.typname <> CASE
                        WHEN position('range' IN t.typname) > 0 THEN regexp_replace(t.typname, 'range', 'multirange')
                        ELSE t.typname || '_multirange' END))) || ');'
     FROM pg_catalog.pg_range r JOIN pg_catalog.pg_type t ON t.oid = r.rngtypid
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid")
);

/// A base type outside an extension. The functions of such a type are in C, so only the name of the type is in the
/// snapshot.
const BASE_TYPES: &str = concat!(
    "SELECT '7', 'pg_type:' || t.oid, d.name,
            '-- PostgreSQL cannot create this base type from a snapshot: the functions of the type are not in SQL.' ||
            E'\\nCREATE TYPE ' || d.name || ';'
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace,
          LATERAL (SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname) AS name) d
     WHERE (t.typtype = 'b' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
            OR t.typtype = 'p' AND NOT t.typisdefined) AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid")
);

/// The sequences of identity columns are in `relations::COLUMNS`.
const SEQUENCES: &str = concat!(
    "SELECT '8', 'pg_class:' || c.oid, d.name,
            'CREATE SEQUENCE ' || d.name ||
            CASE WHEN s.seqtypid <> 'pg_catalog.int8'::regtype THEN ' AS ' || format_type(s.seqtypid, NULL) ELSE '' END ||
            coalesce(' ' || nullif(",
    sequence_options!("CASE WHEN s.seqcache <> 1 THEN 'CACHE ' || s.seqcache END,"),
    ", ''), '') || ';'
     FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
          LATERAL (SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name) d
     WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_class", "c.oid"),
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'i')"
);

/// The servers of foreign tables, without their options, because the options contain a host.
const SERVERS: &str = "SELECT '9', 'pg_foreign_server:' || s.oid, quote_ident(s.srvname),
            'CREATE SERVER ' || quote_ident(s.srvname) || coalesce(' TYPE ' || quote_literal(s.srvtype), '') ||
            ' FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname) || ';'
     FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw";

/// Functions and procedures. The constructors of a range type are left out, because CREATE TYPE creates them.
const FUNCTIONS: &str = concat!(
    "SELECT '10', 'pg_proc:' || p.oid,
            quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
            rtrim(pg_get_functiondef(p.oid), E' \\n') || ';'
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prokind IN ('f', 'w', 'p')
       AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend i WHERE i.classid = 'pg_catalog.pg_proc'::regclass
                       AND i.objid = p.oid AND i.deptype = 'i') AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_proc", "p.oid")
);

const AGGREGATES: &str = concat!(
    "SELECT '11', 'pg_proc:' || p.oid,
            quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
            'CREATE AGGREGATE ' || quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' ||
            coalesce(nullif(pg_get_function_identity_arguments(p.oid), ''), '*') || ') (' || concat_ws(', ',
                'SFUNC = ' || a.aggtransfn, 'STYPE = ' || format_type(a.aggtranstype, NULL),
                'FINALFUNC = ' || nullif(a.aggfinalfn::oid, 0)::regproc,
                CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
                'INITCOND = ' || quote_literal(a.agginitval),
                'MSFUNC = ' || nullif(a.aggmtransfn::oid, 0)::regproc,
                'MINVFUNC = ' || nullif(a.aggminvtransfn::oid, 0)::regproc,
                'MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), NULL),
                'MFINALFUNC = ' || nullif(a.aggmfinalfn::oid, 0)::regproc,
                CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
                'MINITCOND = ' || quote_literal(a.aggminitval),
                CASE WHEN a.aggkind = 'h' THEN 'HYPOTHETICAL' END) || ');'
     FROM pg_catalog.pg_aggregate a JOIN pg_catalog.pg_proc p ON p.oid = a.aggfnoid
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_proc", "p.oid")
);

/// An exclusion constraint needs COMMUTATOR. A shell operator has no function: it exists only because the COMMUTATOR or
/// NEGATOR of another operator refers to it.
const OPERATORS: &str = concat!(
    "SELECT '12', 'pg_operator:' || o.oid, o.oid::regoperator::text,
            'CREATE OPERATOR ' || quote_ident(n.nspname) || '.' || o.oprname || ' (' || concat_ws(', ',
                'FUNCTION = ' || o.oprcode, 'LEFTARG = ' || format_type(nullif(o.oprleft, 0), NULL),
                'RIGHTARG = ' || format_type(nullif(o.oprright, 0), NULL),
                (SELECT 'COMMUTATOR = OPERATOR(' || quote_ident(cn.nspname) || '.' || c.oprname || ')'
                 FROM pg_catalog.pg_operator c JOIN pg_catalog.pg_namespace cn ON cn.oid = c.oprnamespace
                 WHERE c.oid = o.oprcom),
                (SELECT 'NEGATOR = OPERATOR(' || quote_ident(cn.nspname) || '.' || c.oprname || ')'
                 FROM pg_catalog.pg_operator c JOIN pg_catalog.pg_namespace cn ON cn.oid = c.oprnamespace
                 WHERE c.oid = o.oprnegate)) || ');'
     FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
     WHERE o.oprcode <> 0 AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_operator", "o.oid")
);

/// The casts of PostgreSQL itself have OIDs below 16384 (`FirstNormalObjectId`). The cast from a range to its
/// multirange belongs to the range.
const CASTS: &str = concat!(
    "SELECT '13', 'pg_cast:' || c.oid, d.name,
            'CREATE CAST (' || d.name || ')' || CASE c.castmethod
                WHEN 'f' THEN ' WITH FUNCTION ' || c.castfunc::regprocedure
                WHEN 'i' THEN ' WITH INOUT' ELSE ' WITHOUT FUNCTION' END ||
            CASE c.castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' ELSE '' END || ';'
     FROM pg_catalog.pg_cast c,
          LATERAL (SELECT format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL) AS name) d
     WHERE c.oid >= 16384
       AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend i WHERE i.classid = 'pg_catalog.pg_cast'::regclass
                       AND i.objid = c.oid AND i.deptype = 'i') AND ",
    not_of_extension!("pg_cast", "c.oid")
);

/// Objects that a snapshot does not have, although a query may name them or depend on them: kind and name.
pub(super) const LEFT_OUT: &str = concat!(
    "SELECT 'operator class', quote_ident(n.nspname) || '.' || quote_ident(o.opcname) || ' USING ' || m.amname
     FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
     JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_opclass", "o.oid"),
    " UNION ALL
     SELECT 'text search configuration', quote_ident(n.nspname) || '.' || quote_ident(c.cfgname)
     FROM pg_catalog.pg_ts_config c JOIN pg_catalog.pg_namespace n ON n.oid = c.cfgnamespace WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_ts_config", "c.oid"),
    " UNION ALL
     SELECT 'text search dictionary', quote_ident(n.nspname) || '.' || quote_ident(c.dictname)
     FROM pg_catalog.pg_ts_dict c JOIN pg_catalog.pg_namespace n ON n.oid = c.dictnamespace WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_ts_dict", "c.oid"),
    " UNION ALL
     SELECT 'foreign data wrapper', quote_ident(w.fdwname) FROM pg_catalog.pg_foreign_data_wrapper w WHERE ",
    not_of_extension!("pg_foreign_data_wrapper", "w.oid"),
    " UNION ALL
     SELECT 'canonical function of the range', quote_ident(n.nspname) || '.' || quote_ident(t.typname)
     FROM pg_catalog.pg_range r JOIN pg_catalog.pg_type t ON t.oid = r.rngtypid
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE r.rngcanonical <> 0 AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid"),
    " ORDER BY 1, 2"
);
