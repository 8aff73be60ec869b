//! Extracts the catalog's data files.
//!
//! Input: a PostgreSQL 16. Output: files with one row per line, sorted, fields separated by tabs.
//! `dsql-edge-compiler/src/builtin/data/README.md` describes the fields.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::never_null::{Class, NeverNull};

/// A data file.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// OIDs that initdb assigns differ between builds, so the types with such OIDs are numbered in the order of their
/// names.
const STABLE_TYPES: &str = "
CREATE TEMPORARY TABLE stable_type AS
SELECT t.oid, CASE WHEN t.oid < 10000 THEN t.oid::int
            ELSE 10000 + row_number() OVER (PARTITION BY t.oid < 10000 ORDER BY n.nspname COLLATE \"C\", t.typname COLLATE \"C\") END AS number
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname IN ('pg_catalog', 'information_schema')";

const TYPES: &str = "
SELECT s.number, n.nspname || '.' || t.typname,
       concat(t.typtype, t.typcategory,
              CASE WHEN t.typispreferred THEN 'p' ELSE '-' END,
              CASE WHEN t.typcollation <> 0 THEN 'c' ELSE '-' END,
              CASE t.typsubscript::text WHEN 'array_subscript_handler' THEN 'a' WHEN 'raw_array_subscript_handler' THEN 'r'
                                        WHEN 'jsonb_subscript_handler' THEN 'j' ELSE '-' END,
              CASE WHEN t.typnotnull THEN 'n' ELSE '-' END),
       t.typlen, coalesce(element.number, 0), coalesce(arrays.number, 0), coalesce(base.number, 0),
       coalesce(r.rngsubtype, 0), coalesce(CASE WHEN t.oid = r.rngtypid THEN r.rngmultitypid ELSE r.rngtypid END, 0)
FROM stable_type s JOIN pg_type t ON t.oid = s.oid JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN stable_type element ON element.oid = t.typelem
LEFT JOIN stable_type arrays ON arrays.oid = t.typarray
LEFT JOIN stable_type base ON base.oid = t.typbasetype
LEFT JOIN pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)";

const FUNCTIONS: &str = "
SELECT p.proname, p.oid,
       concat(p.prokind, p.provolatile, CASE WHEN p.proisstrict THEN 's' ELSE '-' END,
              CASE WHEN p.proretset THEN 'r' ELSE '-' END, coalesce(a.aggkind, '-')) AS letters,
       p.prorettype, p.provariadic, p.pronargdefaults, coalesce(a.aggnumdirectargs, 0), p.proargtypes::text AS args,
       p.proname || '(' || coalesce((SELECT string_agg(t.typname, ',' ORDER BY i)
            FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (type, i) JOIN pg_type t ON t.oid = u.type), '') || ')' AS signature,
       coalesce((SELECT string_agg(coalesce(p.proargmodes[i]::text, 'i') || ':' || type || ':' || coalesce(p.proargnames[i], ''), ' ' ORDER BY i)
            FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY AS u (type, i)
            WHERE p.proargnames IS NOT NULL OR p.proargmodes IS NOT NULL), '') AS details
FROM pg_proc p LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 10000";

const OPERATORS: &str = "
SELECT o.oprname, o.oid,
       concat(p.provolatile, CASE WHEN p.proisstrict THEN 's' ELSE '-' END, CASE WHEN p.proretset THEN 'r' ELSE '-' END,
              CASE WHEN o.oprcanhash THEN 'h' ELSE '-' END, CASE WHEN o.oprcanmerge THEN 'm' ELSE '-' END) AS letters,
       o.oprleft, o.oprright, o.oprresult, p.oid AS function, p.proname, o.oprcom, o.oprnegate
FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
WHERE o.oprnamespace = 'pg_catalog'::regnamespace";

const CASTS: &str = "
SELECT castsource, casttarget, concat(castcontext, castmethod) AS letters, castfunc AS function
FROM pg_cast WHERE castsource < 10000 AND casttarget < 10000";

const RELATIONS: &str = "
SELECT n.nspname || '.' || c.relname, c.relkind, s.number,
       (SELECT string_agg(a.attname || ':' || t.number || CASE WHEN a.attnotnull THEN ':n' ELSE '' END, ' ' ORDER BY a.attnum)
        FROM pg_attribute a JOIN stable_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN stable_type s ON s.oid = c.reltype
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')";

/// The names of time zones. A zone has the same offset on every date if PostgreSQL accepts a time of day with the name
/// of the zone and without a date.
const TIME_ZONES: &str = "
SELECT lower(name), CASE WHEN pg_input_is_valid('00:00 ' || name, 'timetz') THEN 'f' ELSE 'd' END FROM pg_timezone_names";

/// The abbreviations of time zones. The word `dst` may follow an abbreviation only if the abbreviation always has the
/// same offset.
const ABBREVIATIONS: &str = "
SELECT lower(abbrev), CASE WHEN is_dst THEN 'd' WHEN pg_input_is_valid('2000-01-01 00:00 ' || abbrev || ' dst', 'timestamptz')
                      THEN 's' ELSE 'y' END
FROM pg_timezone_abbrevs";

/// Selects the names of settings, in lower case and as `SHOW` names its column. The array in the query contains the
/// settings that `pg_settings` does not list.
const SETTINGS: &str = "
SELECT lower(name), name FROM (
    SELECT name FROM pg_settings
    UNION
    SELECT name FROM unnest(ARRAY['default_with_oids', 'is_superuser', 'role', 'seed', 'session_authorization',
                                  'ssl_renegotiation_limit']) AS hidden (name)
    WHERE current_setting(name, true) IS NOT NULL
) AS setting
WHERE name NOT LIKE '%.%'";

/// Returns every data file.
pub(crate) fn files(client: &mut Client, never_null: &NeverNull) -> Result<Vec<File>> {
    client.simple_query(STABLE_TYPES)?;
    let (types, types_by_name) = types(client)?;
    let functions = functions(client, never_null)?;
    let files = vec![
        File { name: "types.txt".to_owned(), text: types },
        File { name: "types_by_name.txt".to_owned(), text: types_by_name },
        File { name: "operators.txt".to_owned(), text: operators(client, &functions)? },
        File { name: "casts.txt".to_owned(), text: casts(client, &functions)? },
        File { name: "relations.txt".to_owned(), text: relations(client)? },
        File { name: "time_zones.txt".to_owned(), text: pairs(client, TIME_ZONES)? },
        File { name: "time_zone_abbreviations.txt".to_owned(), text: abbreviations(client)? },
        File { name: "settings.txt".to_owned(), text: pairs(client, SETTINGS)? },
        File { name: "functions_by_oid.txt".to_owned(), text: functions.by_oid },
        File { name: "functions.txt".to_owned(), text: functions.text },
    ];
    for file in &files {
        if !file.text.is_ascii() {
            bail!("{} is not ASCII: its lookups compare bytes", file.name);
        }
    }
    Ok(files)
}

/// Returns the types by OID and by name. All lines of a file have the same length, so that lookups are fast.
fn types(client: &mut Client) -> Result<(String, String)> {
    let rows = rows(client, TYPES)?;
    let rows: Vec<[&str; 9]> = rows.iter().map(fields).collect::<Result<_>>()?;
    let width = rows.iter().map(|[_, name, ..]| name.len()).max().unwrap_or(0);
    let by_oid = rows.iter().map(|[oid, name, letters, length, oids @ ..]| {
        format!("{oid:0>5}\t{name:<width$}\t{letters}\t{length:0>2}\t{}", five_digits(oids))
    });
    let by_name = rows.iter().map(|[oid, name, ..]| format!("{name:<width$}\t{oid:0>5}"));
    Ok((sorted(by_oid), sorted(by_name)))
}

fn relations(client: &mut Client) -> Result<String> {
    let rows = rows(client, RELATIONS)?;
    let lines = rows.iter().map(|row| {
        let [name, kind, row_type, columns] = fields(row)?;
        Ok(format!("{name}\t{kind}\t{row_type:0>5}\t{columns}"))
    });
    Ok(sorted(lines.collect::<Result<Vec<String>>>()?.into_iter()))
}

/// Lines of two fields.
fn pairs(client: &mut Client, sql: &str) -> Result<String> {
    let rows = rows(client, sql)?;
    let lines = rows.iter().map(|row| Ok(fields::<2>(row)?.join("\t")));
    Ok(sorted(lines.collect::<Result<Vec<String>>>()?.into_iter()))
}

/// The abbreviations of every set that PostgreSQL ships, because a server may use any of them. The sets of
/// abbreviations differ only in offsets, and the file does not contain offsets.
fn abbreviations(client: &mut Client) -> Result<String> {
    let mut known = BTreeMap::new();
    for set in ["Default", "Australia", "India"] {
        client.simple_query(&format!("SET timezone_abbreviations = '{set}'"))?;
        for row in rows(client, ABBREVIATIONS)? {
            let [name, letter] = fields(&row)?;
            let default = if set == "Default" { 'd' } else { '-' };
            known.entry(name.to_owned()).or_insert_with(|| format!("{letter}{default}"));
        }
    }
    Ok(sorted(known.iter().map(|(name, letters)| format!("{name}\t{letters}"))))
}

struct Functions {
    text: String,
    by_oid: String,
    classes: BTreeMap<String, Class>,
}

impl Functions {
    fn letter(&self, oid: &str) -> char {
        self.classes.get(oid).map_or('-', |class| class.letter())
    }
}

fn functions(client: &mut Client, never_null: &NeverNull) -> Result<Functions> {
    let mut lines = Vec::new();
    let mut by_oid = Vec::new();
    let mut classes = BTreeMap::new();
    let mut unused: BTreeSet<&str> = never_null.signatures().map(|(signature, _)| signature).collect();

    for row in rows(client, FUNCTIONS)? {
        let [name, oid, letters, returns, variadic, defaults, direct, args, signature, details] =
            fields(&row)?;
        unused.remove(signature);
        let class = never_null.class(signature);
        let mut marked = Vec::new();
        for detail in details.split(' ').filter(|detail| !detail.is_empty()) {
            marked.push(mark_column(detail, signature, class, never_null, &mut unused));
        }
        if let Some(class) = class {
            classes.insert(oid.to_owned(), class);
        }
        let letter = class.map_or('-', Class::letter);
        let types = five_digits(&[returns, variadic]);
        by_oid.push(format!("{oid:0>5}\t{name}"));
        lines.push(format!(
            "{name}\t{oid:0>5}\t{letters}{letter}\t{types}\t{defaults}\t{direct}\t{args}\t{}",
            marked.join(" ")
        ));
    }
    if !unused.is_empty() {
        bail!(
            "never_null.txt names functions or columns that do not exist: {}",
            Vec::from_iter(unused).join(" ")
        );
    }
    Ok(Functions { text: sorted(lines.into_iter()), by_oid: sorted(by_oid.into_iter()), classes })
}

/// Writes the mode of an OUT argument in upper case if the argument is never NULL.
fn mark_column(
    detail: &str,
    signature: &str,
    class: Option<Class>,
    never_null: &NeverNull,
    unused: &mut BTreeSet<&str>,
) -> String {
    let (mode, rest) = detail.split_once(':').unwrap_or((detail, ""));
    let name = rest.split_once(':').map_or("", |(_, name)| name);
    let column = format!("{signature}.{name}");
    unused.remove(column.as_str());
    let yes = matches!(class, Some(Class::Yes | Class::Always)) || never_null.class(&column).is_some();
    if yes && matches!(mode, "o" | "b" | "t") {
        format!("{}:{rest}", mode.to_uppercase())
    } else {
        detail.to_owned()
    }
}

fn operators(client: &mut Client, functions: &Functions) -> Result<String> {
    let rows = rows(client, OPERATORS)?;
    let lines = rows.iter().map(|row| {
        let [name, oid, letters, left, right, result, function, function_name, commutator, negator] =
            fields(row)?;
        let letter = functions.letter(function);
        let (key, behind) = (five_digits(&[left, right, oid]), five_digits(&[result, function]));
        let others = five_digits(&[commutator, negator]);
        Ok(format!("{name}\t{key}\t{letters}{letter}\t{behind}\t{function_name}\t{others}"))
    });
    Ok(sorted(lines.collect::<Result<Vec<String>>>()?.into_iter()))
}

fn casts(client: &mut Client, functions: &Functions) -> Result<String> {
    let rows = rows(client, CASTS)?;
    let lines = rows.iter().map(|row| {
        let [source, target, letters, function] = fields(row)?;
        // Only a cast that calls a function can return NULL for a value that is not NULL. A binary-coercible cast keeps
        // the value, and PostgreSQL reports an error if an input or output function returns NULL (InputFunctionCall).
        let never_null = !letters.ends_with('f') || functions.letter(function) != '-';
        let letter = if never_null { 'y' } else { '-' };
        Ok(format!("{source:0>5}\t{target:0>5}\t{letters}{letter}\t{function:0>5}"))
    });
    Ok(sorted(lines.collect::<Result<Vec<String>>>()?.into_iter()))
}

/// OIDs as fields of the same length, so that a bytewise sort of the fields has the order of the numbers.
fn five_digits(oids: &[&str]) -> String {
    oids.iter().map(|oid| format!("{oid:0>5}")).collect::<Vec<_>>().join("\t")
}

/// The lines of a file, sorted bytewise.
fn sorted(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<BTreeSet<_>>().iter().map(|line| format!("{line}\n")).collect()
}

fn rows(client: &mut Client, sql: &str) -> Result<Vec<SimpleQueryRow>> {
    let messages = client.simple_query(sql).with_context(|| sql.to_owned())?;
    Ok(messages
        .into_iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .collect())
}

fn fields<const N: usize>(row: &SimpleQueryRow) -> Result<[&str; N]> {
    let fields: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or_default()).collect();
    fields.try_into().ok().context("the query returns another number of columns")
}
