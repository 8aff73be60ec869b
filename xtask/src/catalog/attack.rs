//! Calls every function of `never_null.txt` with extreme values that are not NULL, and reports each function that
//! returns NULL. A call that ends with an error does not count as NULL. To check the values themselves, this module
//! also calls functions that are known to return NULL: with these values, each of them must return NULL.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use postgres::{Client, SimpleQueryMessage};

use dsql_edge_compiler::builtin::extract_is_never_null;

use super::battery::{CHOICES, Choice, is_polymorphic, samples, values};
use super::never_null::{Class, NeverNull};

/// The maximum number of calls of one function; if there are more combinations of arguments, this number of them is
/// chosen at random.
const CALLS: usize = 1000;

/// Strict functions that can return NULL for arguments that are not NULL. With the values of the battery, each of these
/// functions must return NULL at least once.
const KNOWN_NULLS: &[&str] = &[
    "array_length(anyarray,int4)",
    "array_lower(anyarray,int4)",
    "array_ndims(anyarray)",
    "array_position(anycompatiblearray,anycompatible)",
    "area(path)",
    "box_intersect(box,box)",
    "date_part(text,date)",
    "date_part(text,timestamp)",
    "extract(text,timestamptz)",
    "json_array_element_text(json,int4)",
    "json_object_field(json,text)",
    "jsonb_array_elements_text(jsonb)",
    "jsonb_extract_path(jsonb,_text)",
    "jsonb_object_field_text(jsonb,text)",
    "jsonb_path_exists_opr(jsonb,jsonpath)",
    "jsonb_path_match(jsonb,jsonpath,jsonb,bool)",
    "jsonb_path_query_first(jsonb,jsonpath,jsonb,bool)",
    "lower(anyrange)",
    "min_scale(numeric)",
    "obj_description(oid,name)",
    "pg_get_viewdef(oid)",
    "regexp_match(text,text)",
    "regexp_substr(text,text)",
    "scale(numeric)",
    "substring(text,text)",
    "time(timestamp)",
    "to_char(interval,text)",
    "to_char(timestamptz,text)",
    "to_number(text,text)",
    "to_regclass(text)",
    "unnest(anyarray)",
    "upper(anymultirange)",
];

/// The fields of `extract`.
const FIELDS: &[&str] = &[
    "century",
    "day",
    "decade",
    "dow",
    "doy",
    "epoch",
    "hour",
    "isodow",
    "isoyear",
    "julian",
    "microseconds",
    "millennium",
    "milliseconds",
    "minute",
    "month",
    "quarter",
    "second",
    "timezone",
    "timezone_hour",
    "timezone_minute",
    "week",
    "year",
];

/// Functions that are not called, because they would sleep for a very long time. The result type of these functions is
/// void, and a void result is never NULL.
const SKIPPED: &[&str] = &["pg_sleep(float8)", "pg_sleep_for(interval)", "pg_sleep_until(timestamptz)"];

struct Signature {
    name: String,
    args: Vec<String>,
    kind: char,
    agg_kind: char,
    direct: usize,
    variadic_array: bool,
}

#[derive(Default)]
struct Outcome {
    answered: usize,
    nulls: Vec<String>,
}

pub(super) fn run(client: &mut Client, never_null: &NeverNull) -> Result<()> {
    client.batch_execute(
        "SET statement_timeout = '2s'; SET search_path = pg_temp, pg_catalog; SET lock_timeout = '100ms'",
    )?;
    client.batch_execute("CREATE TYPE pg_temp.attack_mood AS ENUM ('calm', 'cross')")?;
    client.batch_execute(
        "CREATE SEQUENCE pg_temp.attack_sequence; SELECT nextval('pg_temp.attack_sequence')",
    )?;
    let signatures = signatures(client)?;
    let find = |name: &str| signatures.get(name).with_context(|| format!("no function {name}"));

    let (mut refuted, mut silent, mut calls) = (Vec::new(), Vec::new(), 0);
    for (reviewed, class) in never_null.signatures() {
        if SKIPPED.contains(&reviewed) {
            continue;
        }
        let (name, column) = match reviewed.split_once(").") {
            Some((name, column)) => (format!("{name})"), Some(column)),
            None => (reviewed.to_owned(), None),
        };
        let outcome = attack(client, find(&name)?, class, column)?;
        calls += outcome.answered;
        if let Some(call) = outcome.nulls.first() {
            refuted.push(format!(
                "{reviewed}: {} of {} calls, as {call}",
                outcome.nulls.len(),
                outcome.answered
            ));
        }
        if outcome.answered == 0 {
            silent.push(reviewed);
        }
    }
    let mut missed = Vec::new();
    for name in KNOWN_NULLS {
        if attack(client, find(name)?, Class::Yes, None)?.nulls.is_empty() {
            missed.push(*name);
        }
    }
    let fields = wrong_fields(client)?;
    println!(
        "{calls} calls answered, {} functions, {} of them NULL",
        never_null.signatures().count(),
        refuted.len()
    );
    println!(
        "{} of {} functions known to return NULL were found",
        KNOWN_NULLS.len() - missed.len(),
        KNOWN_NULLS.len()
    );
    if !silent.is_empty() {
        bail!(
            "these functions returned only errors, so nothing is tested: {}; add values to battery.rs",
            silent.join(" ")
        );
    }
    if !missed.is_empty() {
        bail!(
            "no value makes these functions return NULL, although they can: {}; add values to battery.rs",
            missed.join(" ")
        );
    }
    if !fields.is_empty() {
        bail!("extract_is_never_null is wrong: {}", fields.join(" "));
    }
    if !refuted.is_empty() {
        bail!("these functions return NULL, so remove them from never_null.txt:\n{}", refuted.join("\n"));
    }
    Ok(())
}

/// For infinite dates and times, returns the fields for which `extract_is_never_null` is wrong. Either it returns true
/// and PostgreSQL returns NULL, or it returns false and PostgreSQL never returns NULL.
fn wrong_fields(client: &mut Client) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for field in FIELDS {
        for type_name in ["date", "timestamp", "timestamptz"] {
            for function in ["extract", "date_part"] {
                let mut outcome = Outcome::default();
                for value in ["infinity", "-infinity", "epoch"] {
                    let sql = format!("SELECT pg_catalog.\"{function}\"('{field}', '{value}'::{type_name})");
                    call(client, &sql, &mut outcome)?;
                }
                if outcome.answered > 0 && extract_is_never_null(field) != outcome.nulls.is_empty() {
                    wrong.push(format!("{function}({field}, {type_name})"));
                }
            }
        }
    }
    Ok(wrong)
}

fn signatures(client: &mut Client) -> Result<BTreeMap<String, Signature>> {
    let sql = "SELECT p.proname::text, p.prokind, coalesce(a.aggkind, '-'), coalesce(a.aggnumdirectargs, 0)::int4,
                      p.provariadic NOT IN (0, 2276),
                      ARRAY(SELECT t.typname::text FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (type, i)
                            JOIN pg_type t ON t.oid = u.type ORDER BY i)
               FROM pg_proc p LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
               WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 10000";
    let mut all = BTreeMap::new();
    for row in client.query(sql, &[])? {
        let signature = Signature {
            name: row.get(0),
            kind: char::from(row.get::<_, i8>(1).unsigned_abs()),
            agg_kind: char::from(row.get::<_, i8>(2).unsigned_abs()),
            direct: usize::try_from(row.get::<_, i32>(3))?,
            variadic_array: row.get(4),
            args: row.get(5),
        };
        all.insert(format!("{}({})", signature.name, signature.args.join(",")), signature);
    }
    Ok(all)
}

fn attack(client: &mut Client, function: &Signature, class: Class, column: Option<&str>) -> Result<Outcome> {
    let polymorphic = function.args.iter().any(|arg| is_polymorphic(arg));
    let choices = if polymorphic { CHOICES } else { CHOICES.get(..1).unwrap_or_default() };
    let mut outcome = Outcome::default();
    for choice in choices {
        for args in combinations(function, class, *choice) {
            for sql in queries(function, class, column, &args) {
                call(client, &sql, &mut outcome)?;
            }
        }
    }
    for list in samples(&function.name) {
        call(client, &format!("SELECT pg_catalog.\"{}\"({list})", function.name), &mut outcome)?;
    }
    Ok(outcome)
}

/// Returns the argument lists to try: every combination of values or, if there are too many, some of the combinations.
fn combinations(function: &Signature, class: Class, choice: Choice) -> Vec<Vec<String>> {
    let lists: Vec<Vec<String>> = function
        .args
        .iter()
        .map(|arg| {
            let mut list = values(arg, choice);
            if matches!(class, Class::Always | Class::AnyRows) {
                list.extend(null(arg, choice));
            }
            list
        })
        .collect();
    let total =
        lists.iter().try_fold(1usize, |total, list| total.checked_mul(list.len())).unwrap_or(usize::MAX);
    let pick = |number: usize| -> Vec<String> {
        let mut rest = number;
        lists
            .iter()
            .filter_map(|list| {
                let value = list.get(rest % list.len());
                rest /= list.len();
                value.cloned()
            })
            .collect()
    };
    if total <= CALLS {
        return (0..total).map(pick).collect();
    }
    (0..CALLS as u64).map(|call| pick((mix(call) % total as u64) as usize)).collect()
}

/// Hashes a counter (splitmix64), with the same result in every run.
fn mix(counter: u64) -> u64 {
    let mixed = (counter + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 27)
}

fn null(arg: &str, choice: Choice) -> Option<String> {
    let sample = values(arg, choice).pop()?;
    Some(if sample.starts_with("ROW") {
        "NULL::record".to_owned()
    } else {
        format!("nullif({sample}, {sample})")
    })
}

fn queries(function: &Signature, class: Class, column: Option<&str>, args: &[String]) -> Vec<String> {
    let name = format!("pg_catalog.\"{}\"", function.name);
    let list = match args.split_last() {
        Some((last, [])) if function.variadic_array => format!("VARIADIC {last}"),
        Some((last, first)) if function.variadic_array => format!("{}, VARIADIC {last}", first.join(", ")),
        _ => args.join(", "),
    };
    if let Some(column) = column {
        return vec![format!("SELECT \"{column}\" FROM {name}({list}) LIMIT 50")];
    }
    match (function.kind, function.agg_kind) {
        ('w', _) => vec![format!("SELECT {name}({list}) OVER () FROM generate_series(1, 2)")],
        ('a', 'n') => {
            let list = if function.name == "count" && args.is_empty() { "*".to_owned() } else { list };
            let mut queries = vec![
                format!("SELECT {name}({list})"),
                format!("SELECT {name}({list}) FROM generate_series(1, 3)"),
            ];
            if class == Class::Always {
                queries.push(format!("SELECT {name}({list}) FROM generate_series(1, 0)"));
            }
            queries
        }
        ('a', _) => {
            // The arguments of a hypothetical-set function are the values of a hypothetical row.
            let (direct, rows) =
                if function.agg_kind == 'h' { (args, args) } else { args.split_at(function.direct) };
            let call =
                format!("SELECT {name}({}) WITHIN GROUP (ORDER BY {})", direct.join(", "), rows.join(", "));
            let mut queries = vec![call.clone(), format!("{call} FROM generate_series(1, 3)")];
            if class == Class::Always {
                queries.push(format!("{call} FROM generate_series(1, 0)"));
            }
            queries
        }
        _ => vec![format!("SELECT {name}({list}) LIMIT 50")],
    }
}

/// Runs one query. Returns an error only if the connection fails. An error of the called function is not an error of
/// `call`.
fn call(client: &mut Client, sql: &str, outcome: &mut Outcome) -> Result<()> {
    let messages = match client.simple_query(sql) {
        Ok(messages) => messages,
        Err(error) if error.as_db_error().is_some() => return Ok(()),
        Err(error) => return Err(error).with_context(|| sql.to_owned()),
    };
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            outcome.answered += 1;
            if row.get(0).is_none() {
                outcome.nulls.push(sql.to_owned());
            }
        }
    }
    Ok(())
}
