//! The queries of `pull` over the catalog of a PostgreSQL: tables, views and composite types, and the constraints,
//! indexes, triggers and rules of these relations.
//!
//! Output: rows of text, as in `queries`. The definitions of constraints, indexes, triggers and rules are those that
//! PostgreSQL itself writes (`ruleutils.c`).

use super::super::sql_parts::{not_of_extension, of_identity, sequence_options};
use super::queries::{collate, user_schemas};

/// Whether the constraints of the relation `c` are in the snapshot: PostgreSQL does not check the constraints of a
/// foreign table. But a foreign table that is a partition or inherits must have the constraints of its parent.
macro_rules! is_checked {
    () => {
        "(c.relkind <> 'f' OR EXISTS (SELECT 1 FROM pg_catalog.pg_inherits p WHERE p.inhrelid = c.oid))"
    };
}

/// The relations that a snapshot has.
macro_rules! of_snapshot {
    () => {
        concat!(
            user_schemas!(),
            " AND c.relkind IN ('r', 'p', 'f', 'c', 'v', 'm') AND ",
            not_of_extension!("pg_class", "c.oid")
        )
    };
}

/// key, name, kind, `t` if unlogged, partition key, server and options of a foreign table, view's query, view's options
/// (WITH CHECK OPTION, security_barrier, security_invoker; those of a materialized view are storage parameters)
pub(super) const RELATIONS: &str = concat!(
    "SELECT 'pg_class:' || c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind::text,
            CASE WHEN c.relpersistence = 'u' THEN 't' ELSE 'f' END,
            CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
            (SELECT ' SERVER ' || quote_ident(s.srvname) ||
                    coalesce(' OPTIONS (' || (SELECT string_agg(quote_ident(o.option_name) || ' ' || quote_literal(o.option_value),
                                                                ', ' ORDER BY o.option_name COLLATE \"C\")
                                              FROM pg_options_to_table(f.ftoptions) o) || ')', '')
             FROM pg_catalog.pg_foreign_table f JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver
             WHERE f.ftrelid = c.oid),
            CASE WHEN c.relkind IN ('v', 'm') THEN rtrim(btrim(pg_get_viewdef(c.oid), E' \\n'), ';') END,
            CASE WHEN c.relkind = 'v' THEN (SELECT ' WITH (' || string_agg(o, ', ' ORDER BY o COLLATE \"C\") || ')'
                                            FROM unnest(c.reloptions) o) END
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE ",
    of_snapshot!(),
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""
);

/// relation, key of the default, name, type with its collation, NOT NULL with the name of its constraint, generation,
/// default
///
/// NOT NULL is left out if rows may violate it: in a foreign table, and since PostgreSQL 18, if the constraint is NOT
/// VALID or does not hold for child tables. CONSTRAINTS has such a constraint.
pub(super) const COLUMNS: &str = concat!(
    "SELECT 'pg_class:' || c.oid, 'pg_attrdef:' || d.oid, quote_ident(a.attname),
            format_type(a.atttypid, a.atttypmod) || ",
    collate!("a.attcollation", "a.atttypid"),
    ",
            CASE WHEN a.attnotnull AND ",
    is_checked!(),
    "
                      AND NOT coalesce(k.conkey IS NOT NULL AND (NOT k.convalidated OR k.connoinherit), false)
                 THEN coalesce(' CONSTRAINT ' || quote_ident(k.conname), '') || ' NOT NULL' ELSE '' END,
            CASE WHEN a.attgenerated <> '' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') ' ||
                                                CASE a.attgenerated WHEN 'v' THEN 'VIRTUAL' ELSE 'STORED' END
                 ELSE coalesce(' GENERATED ' || CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END || ' AS IDENTITY' ||
                               ",
    of_identity!(concat!("coalesce(' (' || nullif(", sequence_options!("CASE WHEN s.seqcache <> 1 THEN 'CACHE ' || s.seqcache END,"), ", '') || ')', '')")),
    ", '') END,
            CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]
          AND (k.conislocal AND k.conname <> left(c.relname || '_' || a.attname || '_not_null', 63)
               OR NOT k.convalidated OR k.connoinherit)
     WHERE ",
    of_snapshot!(),
    " ORDER BY c.oid, a.attnum"
);

/// key, table, kind, name, `t` if the constraint can be in CREATE TABLE, definition
///
/// The foreign keys of a partition come from its parent.
pub(super) const CONSTRAINTS: &str = concat!(
    "SELECT 'pg_constraint:' || k.oid, 'pg_class:' || c.oid, k.contype::text, quote_ident(k.conname),
            CASE WHEN k.contype IN ('p', 'u', 'x') OR k.contype = 'c' AND k.convalidated THEN 't' ELSE 'f' END,
            pg_get_constraintdef(k.oid)
     FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE ",
    is_checked!(),
    " AND (k.contype IN ('p', 'u', 'x', 'c') OR k.contype = 'f' AND k.conparentid = 0
                                 OR k.contype = 'n' AND (NOT k.convalidated OR k.connoinherit)) AND ",
    of_snapshot!(),
    " ORDER BY position(k.contype IN 'puxcnf'), k.conname COLLATE \"C\""
);

/// key, relation, definition; the indexes of constraints are in CONSTRAINTS. A build that failed leaves an index that
/// is not valid; the index of a partitioned table is not valid while a partition lacks it.
pub(super) const INDEXES: &str = concat!(
    "SELECT 'pg_class:' || x.oid, 'pg_class:' || c.oid, pg_get_indexdef(x.oid) || ';'
     FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
     JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE i.indisvalid AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid
                                        AND k.contype IN ('p', 'u', 'x')) AND ",
    of_snapshot!(),
    " ORDER BY x.relname COLLATE \"C\""
);

/// A statement that enables or disables a trigger or a rule, after the statement that creates it. `$state` is the
/// column with its state: `O` is the state of a trigger or a rule directly after its creation.
macro_rules! switched {
    ($state:literal, $of_kind:literal, $name:literal) => {
        concat!(
            "CASE WHEN ",
            $state,
            " = 'O' THEN '' ELSE E'\\nALTER TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) ||
                CASE ",
            $state,
            " WHEN 'D' THEN ' DISABLE' WHEN 'R' THEN ' ENABLE REPLICA' ELSE ' ENABLE ALWAYS' END || ' ",
            $of_kind,
            " ' || quote_ident(",
            $name,
            ") || ';' END"
        )
    };
}

/// key, relation, statement, another object that the statement needs
///
/// Rules, triggers and row level security can change which rows a statement writes or returns. Some triggers are left
/// out: a partition's copies of the triggers of its parent, and the triggers of constraints. The server creates these
/// triggers with the table and with the constraint. If a column owns a sequence, the server drops the sequence with the
/// column.
pub(super) const BEHAVIOURS: &str = concat!(
    "SELECT * FROM (
     SELECT 'pg_class:' || c.oid || ':rls' AS key, 'pg_class:' || c.oid,
            'ALTER TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' ENABLE ROW LEVEL SECURITY;' ||
            CASE WHEN c.relforcerowsecurity THEN E'\\nALTER TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) ||
                                                 ' FORCE ROW LEVEL SECURITY;' ELSE '' END AS sql, NULL AS needed
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relrowsecurity AND ",
    of_snapshot!(),
    " UNION ALL
     SELECT 'pg_rewrite:' || r.oid, 'pg_class:' || c.oid, pg_get_ruledef(r.oid) || ",
    switched!("r.ev_enabled", "RULE", "r.rulename"),
    ", NULL
     FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE r.rulename <> '_RETURN' AND ",
    of_snapshot!(),
    " UNION ALL
     SELECT 'pg_trigger:' || t.oid, 'pg_class:' || c.oid, pg_get_triggerdef(t.oid) || ';' || ",
    switched!("t.tgenabled", "TRIGGER", "t.tgname"),
    ", NULL
     FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND ",
    of_snapshot!(),
    " UNION ALL
     SELECT 'pg_statistic_ext:' || x.oid, 'pg_class:' || c.oid, pg_get_statisticsobjdef(x.oid) || ';', NULL
     FROM pg_catalog.pg_statistic_ext x JOIN pg_catalog.pg_class c ON c.oid = x.stxrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ",
    of_snapshot!(),
    " UNION ALL
     SELECT 'pg_class:' || s.oid || ':owned', 'pg_class:' || c.oid,
            'ALTER SEQUENCE ' || quote_ident(sn.nspname) || '.' || quote_ident(s.relname) || ' OWNED BY ' ||
            quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname) || ';', 'pg_class:' || s.oid
     FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
     JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
     JOIN pg_catalog.pg_class c ON c.oid = d.refobjid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.deptype = 'a' AND ",
    of_snapshot!(),
    ") all_of_them ORDER BY split_part(key, ':', 1), sql COLLATE \"C\""
);

/// relation, statement: the table is a partition, inherits from a table, or has the columns of a type
pub(super) const PARENTS: &str = concat!(
    "SELECT * FROM (
     SELECT 'pg_class:' || c.oid AS key, 'ALTER TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) ||
            ' OF ' || format_type(c.reloftype, NULL) || ';', 0 AS place
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.reloftype <> 0 AND ",
    of_snapshot!(),
    " UNION ALL
     SELECT 'pg_class:' || c.oid, CASE WHEN c.relispartition
            THEN 'ALTER TABLE ONLY ' || quote_ident(pn.nspname) || '.' || quote_ident(p.relname) || ' ATTACH PARTITION ' ||
                 quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' ' || pg_get_expr(c.relpartbound, c.oid)
            ELSE 'ALTER TABLE ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) || ' INHERIT ' ||
                 quote_ident(pn.nspname) || '.' || quote_ident(p.relname) END || ';', h.inhseqno
     FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
     JOIN pg_catalog.pg_class p ON p.oid = h.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ",
    of_snapshot!(),
    ") all_of_them ORDER BY key, place"
);
