//! The query of `pull` over the dependencies in the catalog of a PostgreSQL.
//!
//! Output: pairs of keys. The first object can be created only after the second.
//!
//! A part of an object has the key of the object whose statement creates the part: the row type of a table has the key
//! of the table, an array that of its elements, a multirange that of its range, the index of a constraint that of the
//! table, and a member of an extension that of the extension.

/// The key of the object `o`.
macro_rules! key {
    ($class:literal, $id:literal) => {
        concat!(
            "(SELECT coalesce(
                (SELECT 'pg_extension:' || e.refobjid FROM pg_catalog.pg_depend e
                 WHERE e.classid = ", $class, " AND e.objid = ", $id, " AND e.deptype = 'e' LIMIT 1),
                CASE ", $class, "
                WHEN 'pg_catalog.pg_class'::regclass THEN coalesce(
                    (SELECT 'pg_class:' || k.conrelid FROM pg_catalog.pg_constraint k
                     WHERE k.conindid = ", $id, " AND k.contype IN ('p', 'u', 'x')), 'pg_class:' || ", $id, ")
                WHEN 'pg_catalog.pg_type'::regclass THEN
                    (SELECT coalesce('pg_class:' || nullif(coalesce(e.typrelid, t.typrelid), 0),
                                     'pg_type:' || r.rngtypid, 'pg_type:' || coalesce(e.oid, t.oid))
                     FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid
                     LEFT JOIN pg_catalog.pg_range r ON r.rngmultitypid = coalesce(e.oid, t.oid) WHERE t.oid = ", $id, ")
                WHEN 'pg_catalog.pg_attrdef'::regclass THEN
                    (SELECT CASE a.attgenerated WHEN '' THEN 'pg_attrdef:' || f.oid ELSE 'pg_class:' || f.adrelid END
                     FROM pg_catalog.pg_attrdef f JOIN pg_catalog.pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
                     WHERE f.oid = ", $id, ")
                WHEN 'pg_catalog.pg_constraint'::regclass THEN
                    (SELECT CASE WHEN k.contypid <> 0 THEN 'pg_type:' || k.contypid
                                 WHEN k.contype IN ('p', 'u', 'x') THEN 'pg_class:' || k.conrelid
                                 ELSE 'pg_constraint:' || k.oid END
                     FROM pg_catalog.pg_constraint k WHERE k.oid = ", $id, ")
                WHEN 'pg_catalog.pg_rewrite'::regclass THEN
                    (SELECT CASE r.rulename WHEN '_RETURN' THEN 'pg_class:' || r.ev_class ELSE 'pg_rewrite:' || r.oid END
                     FROM pg_catalog.pg_rewrite r WHERE r.oid = ", $id, ")
                WHEN 'pg_catalog.pg_proc'::regclass THEN coalesce(
                    (SELECT 'pg_type:' || coalesce(r.rngtypid, i.refobjid) FROM pg_catalog.pg_depend i
                     LEFT JOIN pg_catalog.pg_range r ON r.rngmultitypid = i.refobjid
                     WHERE i.classid = 'pg_catalog.pg_proc'::regclass AND i.objid = ", $id, " AND i.deptype = 'i'
                       AND i.refclassid = 'pg_catalog.pg_type'::regclass LIMIT 1), 'pg_proc:' || ", $id, ")
                ELSE (SELECT k.relname || ':' || ", $id, " FROM pg_catalog.pg_class k WHERE k.oid = ", $class, ")
                END))"
        )
    };
}

/// object, an object that must be created first
///
/// A sequence depends on the column that owns it, but the column's default needs the sequence, and a snapshot does not
/// have OWNED BY.
pub(super) const DEPENDENCIES: &str = concat!(
    "SELECT DISTINCT o.key, r.key FROM pg_catalog.pg_depend d,
          LATERAL ", key!("d.classid", "d.objid"), " o (key),
          LATERAL ", key!("d.refclassid", "d.refobjid"), " r (key)
     WHERE d.deptype <> 'e' AND d.objid >= 16384 AND d.refobjid >= 16384 AND o.key <> r.key
       AND NOT (d.classid = 'pg_catalog.pg_class'::regclass
                AND EXISTS (SELECT 1 FROM pg_catalog.pg_class s WHERE s.oid = d.objid AND s.relkind IN ('S', 't')))
     ORDER BY 1, 2"
);
