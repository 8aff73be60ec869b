//! Writes PostgreSQL's extensions as DDL that could be a part of a schema.
//!
//! Input: a PostgreSQL 16. Output: one file per extension. Functions that only C code can call are left out.

use anyhow::{Context, Result};
use postgres::Client;

use super::extract::File;

/// The extensions that come with PostgreSQL, without procedural languages and their transforms, because a query cannot
/// refer to an object of a language or a transform.
const EXTENSIONS: &str = r#"
SELECT name FROM pg_available_extensions
WHERE name !~ '^pl(perl|python|tcl|pgsql)' AND name !~ '_pl(perl|python)' ORDER BY name COLLATE "C""#;

/// Types, functions, aggregates, operators, casts and views, each as a statement, in an order in which they can be
/// created.
const STATEMENTS: &str = r#"
WITH own AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = $1
), pseudo AS (
    SELECT oid FROM pg_type WHERE typname IN ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler',
        'fdw_handler', 'index_am_handler', 'tsm_handler')
)
SELECT statement FROM (
SELECT 1 AS rank, format('CREATE TYPE %I (CATEGORY = %L);', t.typname, t.typcategory) AS statement
FROM own JOIN pg_type t ON own.classid = 'pg_type'::regclass AND t.oid = own.objid
WHERE t.typtype = 'b' AND t.typelem = 0 AND t.typname !~ '^gbtreekey|^gtrgm$|^ltree_gist$|^ghstore$|^intbig_gkey$'
UNION ALL
SELECT 2, format('CREATE DOMAIN %I AS %s;', t.typname, format_type(t.typbasetype, t.typtypmod))
FROM own JOIN pg_type t ON own.classid = 'pg_type'::regclass AND t.oid = own.objid WHERE t.typtype = 'd'
UNION ALL
SELECT 2, format('CREATE TYPE %I AS (%s);', c.relname,
                 (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
                  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0))
FROM own JOIN pg_type t ON own.classid = 'pg_type'::regclass AND t.oid = own.objid
JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
UNION ALL
SELECT 3, format('CREATE FUNCTION %I(%s) RETURNS %s LANGUAGE c%s%s;', p.proname, pg_get_function_arguments(p.oid),
                 pg_get_function_result(p.oid),
                 CASE p.provolatile WHEN 'i' THEN ' IMMUTABLE' WHEN 's' THEN ' STABLE' ELSE ' VOLATILE' END,
                 CASE WHEN p.proisstrict THEN ' STRICT' ELSE '' END)
FROM own JOIN pg_proc p ON own.classid = 'pg_proc'::regclass AND p.oid = own.objid
WHERE p.prokind = 'f' AND (NOT EXISTS (SELECT 1 FROM pseudo WHERE oid = p.prorettype OR oid = ANY (p.proargtypes))
                           OR EXISTS (SELECT 1 FROM pg_aggregate WHERE aggfinalfn = p.oid))
UNION ALL
SELECT 4, format('CREATE AGGREGATE %I(%s) (SFUNC = %s, STYPE = %s%s);', p.proname, pg_get_function_arguments(p.oid),
                 a.aggtransfn::regproc, format_type(a.aggtranstype, NULL),
                 CASE WHEN a.aggfinalfn <> 0 THEN ', FINALFUNC = ' || a.aggfinalfn::regproc ELSE '' END)
FROM own JOIN pg_proc p ON own.classid = 'pg_proc'::regclass AND p.oid = own.objid
JOIN pg_aggregate a ON a.aggfnoid = p.oid
UNION ALL
SELECT 5, format('CREATE OPERATOR %s (FUNCTION = %I, %sRIGHTARG = %s);', o.oprname, p.proname,
                 CASE WHEN o.oprleft <> 0 THEN format('LEFTARG = %s, ', format_type(o.oprleft, NULL)) ELSE '' END,
                 format_type(o.oprright, NULL))
FROM own JOIN pg_operator o ON own.classid = 'pg_operator'::regclass AND o.oid = own.objid
JOIN pg_proc p ON p.oid = o.oprcode
WHERE NOT EXISTS (SELECT 1 FROM pseudo WHERE oid IN (o.oprleft, o.oprright))
UNION ALL
SELECT 6, format('CREATE CAST (%s AS %s) %s%s;', format_type(c.castsource, NULL), format_type(c.casttarget, NULL),
                 CASE c.castmethod WHEN 'f' THEN format('WITH FUNCTION %s', c.castfunc::regprocedure)
                                   WHEN 'b' THEN 'WITHOUT FUNCTION' ELSE 'WITH INOUT' END,
                 CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END)
FROM own JOIN pg_cast c ON own.classid = 'pg_cast'::regclass AND c.oid = own.objid
UNION ALL
SELECT 7, format('CREATE VIEW %I AS%s', c.relname, regexp_replace(pg_get_viewdef(c.oid), '\s+', ' ', 'g'))
FROM own JOIN pg_class c ON own.classid = 'pg_class'::regclass AND c.oid = own.objid AND c.relkind = 'v'
) AS statements ORDER BY rank, statement COLLATE "C""#;

/// Returns one file for each extension with an object to which queries can refer. An extension that has only trigger
/// functions, access methods or dictionaries (`autoinc`, `bloom`, `dict_int`) gets no file. The extensions are created
/// in transactions that are rolled back.
pub(super) fn files(client: &mut Client) -> Result<Vec<File>> {
    let rows = client.query(EXTENSIONS, &[])?;
    let names: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
    let files = names.iter().map(|name| one(client, name).with_context(|| name.clone()));
    files.filter_map(Result::transpose).collect()
}

fn one(client: &mut Client, extension: &str) -> Result<Option<File>> {
    let mut transaction = client.transaction()?;
    // CREATE EXTENSION has no SCHEMA clause here, because some extensions belong to `pg_catalog`.
    transaction.batch_execute(&format!(
        "CREATE SCHEMA of_extension; SET LOCAL search_path = of_extension; \
         CREATE EXTENSION \"{extension}\" CASCADE"
    ))?;
    let rows = transaction.query(STATEMENTS, &[&extension])?;
    let mut text = format!("-- Objects of the extension {extension} in PostgreSQL 16.\n");
    for row in &rows {
        let statement: String = row.get("statement");
        text += &statement;
        text.push('\n');
    }
    transaction.rollback()?;
    Ok((!rows.is_empty()).then(|| File { name: format!("extensions/{extension}.sql"), text }))
}
