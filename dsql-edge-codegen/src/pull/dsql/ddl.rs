//! Prints a catalog as DDL: sorted, normalised, the same bytes for the same schema.
//!
//! Input: a catalog. Output: DDL that can be compared line by line and that `sql!` reads. DSQL also accepts this DDL.
//! The DDL does not contain owners, privileges, storage or comments.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::catalog::{Catalog, Column, Constraint, Domain, Function, Index, Relation, Sequence, View};

/// Returns the whole file below its head.
pub(super) fn print(catalog: &Catalog) -> String {
    let mut out = String::new();
    section(&mut out, catalog.schemas.iter().map(|name| format!("CREATE SCHEMA {name};\n")));
    let extensions = catalog.extensions.iter();
    section(
        &mut out,
        extensions.map(|[name, schema]| format!("CREATE EXTENSION {name} WITH SCHEMA {schema};\n")),
    );
    section(
        &mut out,
        catalog.enums.iter().map(|[name, labels]| format!("CREATE TYPE {name} AS ENUM ({labels});\n")),
    );
    section(&mut out, in_order(&catalog.domains, domain_order).into_iter().map(domain));
    let composites = catalog.relations.iter().filter(|relation| relation.kind == "c");
    section(&mut out, composites.map(composite));
    section(
        &mut out,
        catalog
            .ranges
            .iter()
            .map(|[name, subtype]| format!("CREATE TYPE {name} AS RANGE (subtype = {subtype});\n")),
    );
    section(&mut out, catalog.sequences.iter().map(sequence));
    // The body of a function may use tables, and DSQL rejects the setting `check_function_bodies`, so functions follow
    // tables where possible.
    functions(&mut out, catalog, |it| !comes_after_tables(it));
    for relation in
        catalog.relations.iter().filter(|relation| matches!(relation.kind.as_str(), "r" | "p" | "f"))
    {
        let of_table: Vec<&Constraint> =
            catalog.constraints.iter().filter(|it| it.table == relation.name).collect();
        let indexes = catalog.indexes.iter().filter(|it| it.table == relation.name);
        out.push('\n');
        out += &table(relation, &of_table);
        out.extend(of_table.iter().filter(|it| it.kind == "c" && !is_validated(it)).map(|it| added(it)));
        out.extend(indexes.map(index));
    }
    // A foreign key may point at a table that comes later.
    let foreign = catalog.constraints.iter().filter(|it| it.kind == "f");
    section(&mut out, foreign.map(added));
    functions(&mut out, catalog, comes_after_tables);
    for it in in_order(&catalog.views, view_order) {
        out.push('\n');
        out += &view(it, catalog);
        out.extend(catalog.indexes.iter().filter(|index| index.table == it.name).map(index));
    }
    out
}

/// Writes lines that belong together, with an empty line before the first of them.
fn section(out: &mut String, lines: impl Iterator<Item = String>) {
    let mut first = true;
    for line in lines {
        if std::mem::take(&mut first) {
            out.push('\n');
        }
        *out += &line;
    }
}

fn comes_after_tables(it: &Function) -> bool {
    it.after_tables || !it.needed
}

fn functions(out: &mut String, catalog: &Catalog, is_here: impl Fn(&Function) -> bool) {
    for it in catalog.functions.iter().filter(|it| is_here(it)) {
        let _ = write!(out, "\n{};\n", it.definition.trim_end());
    }
}

fn domain(it: &Domain) -> String {
    let mut out = format!("CREATE DOMAIN {} AS {}", it.name, it.base);
    if let Some(default) = &it.default {
        let _ = write!(out, " DEFAULT {default}");
    }
    if it.not_null {
        out += " NOT NULL";
    }
    if let Some(checks) = &it.checks {
        let _ = write!(out, " {checks}");
    }
    out + ";\n"
}

fn composite(relation: &Relation) -> String {
    let columns: Vec<String> =
        relation.columns.iter().map(|it| format!("{} {}", it.name, it.type_name)).collect();
    format!("CREATE TYPE {} AS ({});\n", relation.name, columns.join(", "))
}

fn sequence(it: &Sequence) -> String {
    let of_type = if it.type_name == "bigint" { String::new() } else { format!(" AS {}", it.type_name) };
    format!("CREATE SEQUENCE {}{of_type}{};\n", it.name, options(&it.options, &it.cache))
}

/// Returns the options of a sequence, each after a blank. DSQL requires CACHE.
fn options(others: &str, cache: &str) -> String {
    let mut out = String::new();
    if !others.is_empty() {
        let _ = write!(out, " {others}");
    }
    let _ = write!(out, " CACHE {cache}");
    out
}

/// Returns the statements that add a constraint to its table. A job validates the constraint.
fn added(it: &Constraint) -> String {
    let (table, name, definition) = (&it.table, &it.name, &it.definition);
    if !is_validated(it) {
        return format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition};\n");
    }
    format!(
        "ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID;\n\
         ALTER TABLE ASYNC {table} VALIDATE CONSTRAINT {name};\n"
    )
}

/// Whether a constraint is validated. A constraint that is not validated must be added after CREATE TABLE, because
/// CREATE TABLE creates only valid constraints.
fn is_validated(it: &Constraint) -> bool {
    !it.definition.ends_with(" NOT VALID")
}

fn table(relation: &Relation, constraints: &[&Constraint]) -> String {
    let mut lines: Vec<String> = relation.columns.iter().map(column).collect();
    for kind in ["p", "u", "c"] {
        let of_kind = constraints.iter().filter(|it| it.kind == kind && is_validated(it));
        lines.extend(of_kind.map(|it| constraint(it)));
    }
    if lines.is_empty() {
        return format!("CREATE TABLE {} ();\n", relation.name);
    }
    format!("CREATE TABLE {} (\n    {}\n);\n", relation.name, lines.join(",\n    "))
}

fn column(it: &Column) -> String {
    let mut out = format!("{} {}", it.name, it.type_name);
    if it.not_null {
        out += " NOT NULL";
    }
    let default = it.default.as_deref().unwrap_or_default();
    match (it.generated.as_str(), it.identity.as_str()) {
        ("s", _) => {
            let _ = write!(out, " GENERATED ALWAYS AS ({default}) STORED");
        }
        (_, "a" | "d") => {
            let always = if it.identity == "a" { "ALWAYS" } else { "BY DEFAULT" };
            let _ = write!(out, " GENERATED {always} AS IDENTITY");
            let options = options(&it.options, it.cache.as_deref().unwrap_or("1"));
            let _ = write!(out, " ({})", options.trim_start());
        }
        _ if !default.is_empty() => {
            let _ = write!(out, " DEFAULT {default}");
        }
        _ => {}
    }
    out
}

fn constraint(it: &Constraint) -> String {
    let nulls = if it.nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
    match it.kind.as_str() {
        "p" => format!("CONSTRAINT {} PRIMARY KEY ({})", it.name, it.keys),
        "u" => format!("CONSTRAINT {} UNIQUE{nulls} ({})", it.name, it.keys),
        _ => format!("CONSTRAINT {} {}", it.name, it.definition),
    }
}

fn index(it: &Index) -> String {
    let unique = if it.unique { "UNIQUE " } else { "" };
    // On DSQL, the only access method of indexes has the name btree_index.
    let method = match it.method.as_str() {
        "btree" | "btree_index" => String::new(),
        other => format!(" USING {other}"),
    };
    let nulls = if it.nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
    let predicate = it.predicate.as_ref().map(|it| format!(" WHERE {it}")).unwrap_or_default();
    let include = it.include.as_ref().map(|it| format!(" INCLUDE ({it})")).unwrap_or_default();
    let (name, table, keys) = (&it.name, &it.table, &it.keys);
    format!("CREATE {unique}INDEX ASYNC {name} ON {table}{method} ({keys}){include}{nulls}{predicate};\n")
}

fn view(it: &View, catalog: &Catalog) -> String {
    let relation = catalog.relations.iter().find(|relation| relation.name == it.name);
    let materialized =
        if relation.is_some_and(|relation| relation.kind == "m") { "MATERIALIZED " } else { "" };
    let names: Vec<&str> = relation
        .map(|relation| relation.columns.iter().map(|it| it.name.as_str()).collect())
        .unwrap_or_default();
    let names = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let definition = it.definition.trim().trim_end_matches(';');
    format!("CREATE {materialized}VIEW {}{names} AS\n{definition};\n", it.name)
}

fn domain_order(it: &Domain) -> (&str, Vec<&str>) {
    (&it.name, it.over.as_deref().into_iter().collect())
}

fn view_order(it: &View) -> (&str, Vec<&str>) {
    (&it.name, it.reads.iter().map(String::as_str).collect())
}

/// Sorts items so that each item follows the items that it needs; apart from this, the items keep their order. Each
/// round takes the first item for which all needed items are already in the output.
fn in_order<T>(items: &[T], order: impl Fn(&T) -> (&str, Vec<&str>)) -> Vec<&T> {
    let names: BTreeSet<&str> = items.iter().map(|item| order(item).0).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut waiting: Vec<&T> = items.iter().collect();
    let mut sorted = Vec::with_capacity(items.len());
    while !waiting.is_empty() {
        let ready =
            |item: &&T| order(item).1.iter().all(|needed| done.contains(needed) || !names.contains(needed));
        // A cycle cannot occur; in a cycle, the first item would be taken.
        let next = waiting.iter().position(ready).unwrap_or(0);
        let item = waiting.remove(next);
        done.insert(order(item).0);
        sorted.push(item);
    }
    sorted
}
