//! A PostgreSQL 16 in, the data files out: one row a line, sorted, fields separated by tabs. What each
//! field is, `dsql-edge-compiler/src/builtin/data/README.md` says.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::never_null::{Class, NeverNull};

/// A data file.
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// OIDs that initdb gives out differ from build to build: those types are numbered by name instead.
const STABLE_TYPES: &str = "
CREATE TEMPORARY TABLE stable_type AS
SELECT t.oid, CASE WHEN t.oid < 10000 THEN t.oid::int
            ELSE 10000 + row_number() OVER (PARTITION BY t.oid < 10000 ORDER BY n.nspname COLLATE \"C\", t.typname COLLATE \"C\") END AS number
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname IN ('pg_catalog', 'information_schema')";

const TYPES: &str = "
SELECT s.number, CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE n.nspname || '.' END || t.typname,
       concat(t.typtype, t.typcategory,
              CASE WHEN t.typispreferred THEN 'p' ELSE '-' END,
              CASE WHEN t.typcollation <> 0 THEN 'c' ELSE '-' END,
              CASE t.typsubscript::text WHEN 'array_subscript_handler' THEN 'a' WHEN 'raw_array_subscript_handler' THEN 'r'
                                        WHEN 'jsonb_subscript_handler' THEN 'j' ELSE '-' END,
              CASE WHEN t.typnotnull THEN 'n' ELSE '-' END),
       t.typlen, coalesce(element.number, 0), coalesce(arrays.number, 0), coalesce(base.number, 0),
       coalesce(r.rngsubtype, 0), coalesce(CASE WHEN t.oid = r.rngtypid THEN r.rngmultitypid ELSE r.rngtypid END, 0),
       coalesce((SELECT cn.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace cn ON cn.oid = c.relnamespace
                 WHERE c.oid = t.typrelid), '')
FROM stable_type s JOIN pg_type t ON t.oid = s.oid JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN stable_type element ON element.oid = t.typelem
LEFT JOIN stable_type arrays ON arrays.oid = t.typarray
LEFT JOIN stable_type base ON base.oid = t.typbasetype
LEFT JOIN pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)
ORDER BY s.number";

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
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 10000
ORDER BY p.proname COLLATE \"C\", p.oid";

const OPERATORS: &str = "
SELECT o.oprname, o.oid,
       concat(p.provolatile, CASE WHEN p.proisstrict THEN 's' ELSE '-' END, CASE WHEN p.proretset THEN 'r' ELSE '-' END,
              CASE WHEN o.oprcanhash THEN 'h' ELSE '-' END, CASE WHEN o.oprcanmerge THEN 'm' ELSE '-' END) AS letters,
       o.oprleft, o.oprright, o.oprresult, p.oid AS function, p.proname, o.oprcom, o.oprnegate
FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
WHERE o.oprnamespace = 'pg_catalog'::regnamespace
ORDER BY o.oprname COLLATE \"C\", o.oid";

const CASTS: &str = "
SELECT castsource, casttarget, concat(castcontext, castmethod) AS letters, castfunc AS function
FROM pg_cast WHERE castsource < 10000 AND casttarget < 10000
ORDER BY castsource, casttarget";

const RELATIONS: &str = "
SELECT n.nspname || '.' || c.relname, c.relkind, s.number,
       (SELECT string_agg(a.attname || ':' || t.number || CASE WHEN a.attnotnull THEN ':n' ELSE '' END, ' ' ORDER BY a.attnum)
        FROM pg_attribute a JOIN stable_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN stable_type s ON s.oid = c.reltype
WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')
ORDER BY (n.nspname || '.' || c.relname) COLLATE \"C\"";

/// Every data file, as it should be.
pub(crate) fn files(client: &mut Client, never_null: &NeverNull) -> Result<Vec<File>> {
    client.simple_query(STABLE_TYPES)?;
    let types = lines(client, TYPES)?;
    let relations = lines(client, RELATIONS)?;
    let functions = functions(client, never_null)?;
    let operators = operators(client, &functions)?;
    let casts = casts(client, &functions)?;
    let files = vec![
        File { name: "types_by_name.txt", text: index(&types, 1, 0) },
        File { name: "types.txt", text: types },
        File { name: "functions_by_oid.txt", text: functions.by_oid() },
        File { name: "functions.txt", text: functions.text },
        File { name: "operators.txt", text: operators },
        File { name: "casts.txt", text: casts },
        File { name: "relations.txt", text: relations },
    ];
    for file in &files {
        if !file.text.is_ascii() {
            bail!("{} is not ASCII: its lookups compare bytes", file.name);
        }
    }
    Ok(files)
}

struct Functions {
    text: String,
    names: BTreeMap<u32, String>,
    classes: BTreeMap<u32, Class>,
}

impl Functions {
    fn by_oid(&self) -> String {
        self.names.iter().map(|(oid, name)| format!("{oid}\t{name}\n")).collect()
    }

    fn letter(&self, oid: &str) -> Result<char> {
        Ok(self.classes.get(&oid.parse()?).map_or('-', |class| class.letter()))
    }
}

fn functions(client: &mut Client, never_null: &NeverNull) -> Result<Functions> {
    let mut text = String::new();
    let mut names = BTreeMap::new();
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
        let oid: u32 = oid.parse()?;
        names.insert(oid, name.to_owned());
        if let Some(class) = class {
            classes.insert(oid, class);
        }
        let letter = class.map_or('-', Class::letter);
        let line =
            [&oid.to_string(), &format!("{letters}{letter}"), returns, variadic, defaults, direct, args];
        text += &format!("{name}\t{}\t{}\n", line.join("\t"), marked.join(" "));
    }
    if !unused.is_empty() {
        bail!("never_null.txt names what is not there: {}", Vec::from_iter(unused).join(" "));
    }
    Ok(Functions { text, names, classes })
}

/// An OUT argument that is never NULL has its mode in upper case.
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
    let mut text = String::new();
    for row in rows(client, OPERATORS)? {
        let [name, oid, letters, left, right, result, function, function_name, commutator, negator] =
            fields(&row)?;
        let letter = functions.letter(function)?;
        let line = [
            name,
            oid,
            &format!("{letters}{letter}"),
            left,
            right,
            result,
            function,
            function_name,
            commutator,
            negator,
        ];
        text += &(line.join("\t") + "\n");
    }
    Ok(text)
}

fn casts(client: &mut Client, functions: &Functions) -> Result<String> {
    let mut text = String::new();
    for row in rows(client, CASTS)? {
        let [source, target, letters, function] = fields(&row)?;
        // The same bytes are the same value; an input function that yields NULL is an error
        // (InputFunctionCall), and so is an output function that does.
        let never_null = !letters.ends_with('f') || functions.letter(function)? != '-';
        let letter = if never_null { 'y' } else { '-' };
        text += &format!("{source}\t{target}\t{letters}{letter}\t{function}\n");
    }
    Ok(text)
}

/// A second way into a file: its field `key`, then its field `value`, sorted.
fn index(text: &str, key: usize, value: usize) -> String {
    let field = |line: &str, at: usize| line.split('\t').nth(at).unwrap_or_default().to_owned();
    let entries: BTreeSet<_> = text.lines().map(|line| (field(line, key), field(line, value))).collect();
    entries.iter().map(|(key, value)| format!("{key}\t{value}\n")).collect()
}

/// The rows of a query as they come, a line each.
fn lines(client: &mut Client, sql: &str) -> Result<String> {
    let mut text = String::new();
    for row in rows(client, sql)? {
        let line: Vec<&str> = (0..row.len()).map(|at| row.get(at).unwrap_or_default()).collect();
        text += &(line.join("\t") + "\n");
    }
    Ok(text)
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
    fields.try_into().ok().context("a query of another width")
}
