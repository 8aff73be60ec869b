//! The queries of `pull` over a cluster's catalog.
//!
//! Output: rows of text, with names quoted if necessary, in an order that does not depend on the server. The doc
//! comment of each query lists its columns.
//!
//! Each query runs on Aurora DSQL and on dsql-local. The columns of keys come from `pg_constraint.conkey` and
//! from the key columns of `pg_index` alone: on DSQL, the index of a primary key has all other columns of the table as
//! INCLUDE columns.

use super::super::sql_parts::{not_of_extension, of_identity, sequence_options};

/// Makes the server return qualified names, whatever the role's own search path is.
pub(super) const NO_SEARCH_PATH: &str = "SET search_path TO ''";

/// The condition for the user's schemas: `sys` is the cluster's, `dsql_edge` has the ledger of `dsql-edge migrate`.
macro_rules! user_schemas {
    () => {
        "n.nspname NOT IN ('pg_catalog', 'information_schema', 'sys', 'dsql_edge') AND n.nspname NOT LIKE 'pg\\_%'"
    };
}

/// name
pub(super) const SCHEMAS: &str = concat!(
    "SELECT quote_ident(n.nspname) FROM pg_catalog.pg_namespace n WHERE ",
    user_schemas!(),
    " AND n.nspname <> 'public' ORDER BY n.nspname COLLATE \"C\""
);

/// name, schema; the objects of extensions are not printed
pub(super) const EXTENSIONS: &str = "SELECT quote_ident(x.extname), quote_ident(n.nspname)
     FROM pg_catalog.pg_extension x JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace
     WHERE n.nspname <> 'pg_catalog' ORDER BY x.extname COLLATE \"C\"";

/// name, labels as they are written in `CREATE TYPE … AS ENUM (…)`
pub(super) const ENUMS: &str = concat!(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname),
            (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
             FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid)
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typtype = 'e' AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid"),
    " ORDER BY n.nspname COLLATE \"C\", t.typname COLLATE \"C\""
);

/// name, subtype
pub(super) const RANGES: &str = concat!(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname), format_type(r.rngsubtype, NULL)
     FROM pg_catalog.pg_range r JOIN pg_catalog.pg_type t ON t.oid = r.rngtypid
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid"),
    " ORDER BY n.nspname COLLATE \"C\", t.typname COLLATE \"C\""
);

/// name, base type, NOT NULL as `t` or `f`, default, all checks as one text, the qualified name of the base type if it
/// is a domain
pub(super) const DOMAINS: &str = concat!(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname), format_type(t.typbasetype, t.typtypmod),
            CASE WHEN t.typnotnull THEN 't' ELSE 'f' END, t.typdefault,
            (SELECT string_agg('CONSTRAINT ' || quote_ident(c.conname) || ' ' || pg_get_constraintdef(c.oid), ' '
                               ORDER BY c.conname COLLATE \"C\")
             FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'),
            (SELECT quote_ident(bn.nspname) || '.' || quote_ident(b.typname)
             FROM pg_catalog.pg_type b JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
             WHERE b.oid = t.typbasetype AND b.typtype = 'd')
     FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typtype = 'd' AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_type", "t.oid"),
    " ORDER BY n.nspname COLLATE \"C\", t.typname COLLATE \"C\""
);

/// name, type, options, cache; the sequences of identity columns are in COLUMNS
pub(super) const SEQUENCES: &str = concat!(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), format_type(s.seqtypid, NULL),
            ",
    sequence_options!(),
    ", s.seqcache::text
     FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_class", "c.oid"),
    " AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'i')
     ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""
);

/// relation, its kind, name, type, NOT NULL as `t` or `f`, identity, its options, its cache, generated, default or
/// expression; for composite types, tables, views and similar relations
pub(super) const COLUMNS: &str = concat!(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind::text,
            quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN 't' ELSE 'f' END, a.attidentity::text,
            ",
    of_identity!(sequence_options!()),
    ", ",
    of_identity!("s.seqcache::text"),
    ",
            a.attgenerated::text,
            pg_get_expr(d.adbin, d.adrelid)
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relkind IN ('r', 'p', 'f', 'c', 'v', 'm') AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_class", "c.oid"),
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\", a.attnum"
);

/// table, name, kind, key columns, `t` where NULLs are not distinct, definition
pub(super) const CONSTRAINTS: &str = concat!(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(k.conname), k.contype::text,
            (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.place)
             FROM unnest(k.conkey) WITH ORDINALITY AS u (attnum, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
            (SELECT CASE WHEN i.indnullsnotdistinct THEN 't' ELSE 'f' END
             FROM pg_catalog.pg_index i WHERE i.indexrelid = k.conindid),
            pg_get_constraintdef(k.oid)
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE k.contype IN ('p', 'u', 'c', 'f') AND k.conparentid = 0 AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_class", "c.oid"),
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\", k.conname COLLATE \"C\""
);

/// index, table, `t` if unique, access method, keys, columns of INCLUDE, `t` if NULLs are not distinct, predicate;
/// the indexes of constraints are in CONSTRAINTS
pub(super) const INDEXES: &str = concat!(
    "SELECT quote_ident(x.relname), quote_ident(n.nspname) || '.' || quote_ident(c.relname),
            CASE WHEN i.indisunique THEN 't' ELSE 'f' END, m.amname::text,
            (SELECT string_agg(pg_get_indexdef(i.indexrelid, key, true) ||
                    CASE WHEN m.amname = 'btree_index' THEN '' ELSE
                        coalesce((SELECT ' COLLATE ' || quote_ident(ln.nspname) || '.' || quote_ident(l.collname)
                                  FROM pg_catalog.pg_attribute a
                                  JOIN pg_catalog.pg_collation l ON l.oid = i.indcollation[key - 1]
                                  JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
                                  WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[key - 1]
                                    AND a.attcollation <> l.oid), '') ||
                        coalesce((SELECT ' ' || quote_ident(pn.nspname) || '.' || quote_ident(p.opcname)
                                  FROM pg_catalog.pg_opclass p
                                  JOIN pg_catalog.pg_namespace pn ON pn.oid = p.opcnamespace
                                  WHERE p.oid = i.indclass[key - 1] AND NOT p.opcdefault), '') END ||
                    CASE i.indoption[key - 1] & 3 WHEN 1 THEN ' DESC NULLS LAST' WHEN 2 THEN ' NULLS FIRST'
                                                  WHEN 3 THEN ' DESC' ELSE '' END, ', ' ORDER BY key)
             FROM generate_series(1, i.indnkeyatts::int) AS key),
            (SELECT string_agg(pg_get_indexdef(i.indexrelid, key, true), ', ' ORDER BY key)
             FROM generate_series(i.indnkeyatts + 1, i.indnatts::int) AS key),
            CASE WHEN i.indnullsnotdistinct THEN 't' ELSE 'f' END,
            pg_get_expr(i.indpred, i.indrelid)
     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_am m ON m.oid = x.relam
     WHERE i.indisvalid AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid
                                        AND k.contype IN ('p', 'u', 'x'))
       AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid) AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_class", "c.oid"),
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\", x.relname COLLATE \"C\""
);

/// view, definition
pub(super) const VIEWS: &str = concat!(
    "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), pg_get_viewdef(c.oid)
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('v', 'm') AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_class", "c.oid"),
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""
);

/// view, another view that it reads
pub(super) const VIEW_DEPENDENCIES: &str = concat!(
    "SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
            quote_ident(rn.nspname) || '.' || quote_ident(rc.relname)
     FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
          AND d.refclassid = 'pg_catalog.pg_class'::regclass
     JOIN pg_catalog.pg_class rc ON rc.oid = d.refobjid JOIN pg_catalog.pg_namespace rn ON rn.oid = rc.relnamespace
     WHERE c.relkind IN ('v', 'm') AND rc.relkind IN ('v', 'm') AND rc.oid <> c.oid AND ",
    user_schemas!(),
    " ORDER BY 1, 2"
);

/// definition; `t` if tables must exist first: a type of the function is a row type of a table, or
/// its body is parsed when the function is created; `t` if a default, a constraint, an index or a
/// domain calls it. This query does not list the constructors of a range (deptype `i`); trigger functions, because
/// queries cannot call them; and aggregates, because they have no such definition.
pub(super) const FUNCTIONS: &str = concat!(
    "SELECT pg_get_functiondef(p.oid),
            CASE WHEN p.prosqlbody IS NOT NULL OR EXISTS (
                SELECT 1 FROM pg_catalog.pg_type t JOIN pg_catalog.pg_class r ON r.oid = t.typrelid
                WHERE r.relkind <> 'c'
                  AND (t.oid = p.prorettype OR t.typarray = p.prorettype
                       OR t.oid = ANY (p.proargtypes::oid[]) OR t.typarray = ANY (p.proargtypes::oid[]))
            ) THEN 't' ELSE 'f' END,
            CASE WHEN EXISTS (
                SELECT 1 FROM pg_catalog.pg_depend u
                WHERE u.refclassid = 'pg_catalog.pg_proc'::regclass AND u.refobjid = p.oid
                  AND u.classid IN ('pg_catalog.pg_attrdef'::regclass, 'pg_catalog.pg_constraint'::regclass,
                                    'pg_catalog.pg_class'::regclass, 'pg_catalog.pg_type'::regclass)
            ) THEN 't' ELSE 'f' END
     FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     WHERE p.prokind IN ('f', 'w', 'p')
       AND p.prorettype NOT IN ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype) AND ",
    user_schemas!(),
    " AND ",
    not_of_extension!("pg_proc", "p.oid", "i"),
    " ORDER BY n.nspname COLLATE \"C\", p.proname COLLATE \"C\", pg_get_function_identity_arguments(p.oid) COLLATE \"C\""
);
