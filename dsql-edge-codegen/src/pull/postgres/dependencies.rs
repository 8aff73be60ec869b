//! The query of `pull` over the dependencies in the catalog of a PostgreSQL.
//!
//! Output: pairs of keys. The first object can be created only after the second.
//!
//! A part of an object has the key of the object whose statement creates the part. For example, the row type of a table
//! has the key of the table, an array type has the key of its element type, a multirange has the key of its range, the
//! index of a constraint has the key of the table, and a member of an extension has the key of the extension. The keys
//! are computed once for all objects, because most of these columns have no index in the catalog.

/// class, OID, key; the key of another object consists of the name of its catalog and its OID
macro_rules! keys {
    () => {
        "SELECT 'pg_catalog.pg_class'::regclass::oid AS class, c.oid, 'pg_class:' || coalesce(k.conrelid, c.oid) AS key
         FROM pg_catalog.pg_class c
         LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u', 'x')
         UNION ALL
         SELECT 'pg_catalog.pg_type'::regclass, t.oid,
                coalesce('pg_class:' || nullif(coalesce(e.typrelid, t.typrelid), 0), 'pg_type:' || r.rngtypid,
                         'pg_type:' || coalesce(e.oid, t.oid))
         FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid
         LEFT JOIN pg_catalog.pg_range r ON r.rngmultitypid = coalesce(e.oid, t.oid)
         UNION ALL
         SELECT 'pg_catalog.pg_attrdef'::regclass, f.oid,
                CASE a.attgenerated WHEN '' THEN 'pg_attrdef:' || f.oid ELSE 'pg_class:' || f.adrelid END
         FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
         UNION ALL
         SELECT 'pg_catalog.pg_constraint'::regclass, k.oid,
                CASE WHEN k.contypid <> 0 THEN 'pg_type:' || k.contypid
                     WHEN k.contype IN ('p', 'u', 'x') THEN 'pg_class:' || k.conrelid ELSE 'pg_constraint:' || k.oid END
         FROM pg_catalog.pg_constraint k
         UNION ALL
         SELECT 'pg_catalog.pg_rewrite'::regclass, r.oid,
                CASE r.rulename WHEN '_RETURN' THEN 'pg_class:' || r.ev_class ELSE 'pg_rewrite:' || r.oid END
         FROM pg_catalog.pg_rewrite r
         UNION ALL
         SELECT i.classid, i.objid, min('pg_type:' || coalesce(r.rngtypid, i.refobjid)) FROM pg_catalog.pg_depend i
         LEFT JOIN pg_catalog.pg_range r ON r.rngmultitypid = i.refobjid
         WHERE i.classid = 'pg_catalog.pg_proc'::regclass AND i.deptype = 'i'
           AND i.refclassid = 'pg_catalog.pg_type'::regclass GROUP BY i.classid, i.objid"
    };
}

/// object, an object that must be created first
///
/// A sequence depends on the column that owns it, but the column's default needs the sequence. So the dependencies of
/// sequences are left out, and `relations::BEHAVIOURS` has the statement with OWNED BY.
pub(super) const DEPENDENCIES: &str = concat!(
    "WITH keys AS MATERIALIZED (",
    keys!(),
    "), members AS MATERIALIZED (
         SELECT e.classid AS class, e.objid AS oid, min('pg_extension:' || e.refobjid) AS key
         FROM pg_catalog.pg_depend e WHERE e.deptype = 'e' GROUP BY e.classid, e.objid
     ), pairs AS (
         SELECT coalesce(om.key, ok.key, oc.relname || ':' || d.objid) AS key,
                coalesce(rm.key, rk.key, rc.relname || ':' || d.refobjid) AS needed
         FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_class oc ON oc.oid = d.classid
         JOIN pg_catalog.pg_class rc ON rc.oid = d.refclassid
         LEFT JOIN keys ok ON ok.class = d.classid AND ok.oid = d.objid
         LEFT JOIN keys rk ON rk.class = d.refclassid AND rk.oid = d.refobjid
         LEFT JOIN members om ON om.class = d.classid AND om.oid = d.objid
         LEFT JOIN members rm ON rm.class = d.refclassid AND rm.oid = d.refobjid
         LEFT JOIN pg_catalog.pg_class s ON s.oid = d.objid AND d.classid = 'pg_catalog.pg_class'::regclass
         WHERE d.deptype <> 'e' AND d.objid >= 16384 AND d.refobjid >= 16384
           AND coalesce(s.relkind NOT IN ('S', 't'), true)
     )
     SELECT DISTINCT key, needed FROM pairs WHERE key <> needed ORDER BY 1, 2"
);
