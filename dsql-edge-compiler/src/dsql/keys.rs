//! Checks the types and the lengths of the columns in a key or an index.
//!
//! Input: the columns as written, and the schema if it is known. Output: the rules that the columns break. DSQL limits
//! the declared length of a column in a key to 2,000 bytes, and the values of all columns of a key together to about
//! 1,981 bytes: a statement that writes longer values fails.

use super::Finding;
use super::rule::rules;
use super::types::{self, characters};
use crate::schema::{Relation, Schema, UserTypeKind};
use crate::source::Span;
use crate::syntax::ast::{
    Constraint, ConstraintKind, CreateIndex, CreateTable, ExprKind, TableColumn, TableElement, TypeName,
};

/// The maximum length of a column in a key, in bytes, according to DSQL's message.
const MOST_BYTES: i32 = 2_000;

/// The maximum number of nested domains that are followed from a column's type to its base type.
const MOST_DOMAINS: usize = 32;

rules! {
    /// The rules about the columns of primary keys, unique constraints and indexes.
    KEYS;
    // rule             what                                  SQLSTATE  DSQL's words
    // known by       alternative
    key_type:           "a key or index column of timetz, interval, bytea, json, jsonb" | "0A000" | "datatype {} is not supported in a key" | Observed "AWS's agent plugins, observed 2026-10" | "index an expression over it: ((data ->> 'id'))";
    key_size:           "a varchar over 2,000 in a key or an index" | "54000" | "key size greater than 2000 bytes not supported"               | Observed "AWS's agent plugins, observed 2026-10" | "write a shorter limit, or use a digest of the value as the key";
    key_size_of_char:   "a char over 2,000 in a key or an index" | "54000" | "key size greater than 2000 bytes not supported"                  | Sibling      | "write a shorter limit, or use a digest of the value as the key";
    key_domain:         "a key or index column of a domain over a type that no key may have" | "0A000" | "datatype {} is not supported in a key" | Inferred | "index an expression over it: ((data ->> 'id'))";
    key_domain_size:    "a domain over a string of more than 2,000 in a key or an index" | "54000" | "key size greater than 2000 bytes not supported" | Inferred | "use a domain with a shorter limit, or a digest of the value as the key";
    key_sizes:          "string columns whose lengths together exceed 2,000 in a key or an index" | "54000" | "key size too large"                           | Inferred     | "values of full length do not fit in one key: write shorter limits, or use a digest as the key";
}

/// Checks the keys that a CREATE TABLE defines, as column constraints or as table constraints.
pub(super) fn of_table(table: &CreateTable, schema: Option<&Schema>, out: &mut Vec<Finding>) {
    let column = |name: &str| {
        table.elements.iter().find_map(|element| match element {
            TableElement::Column(column) if column.name.text == name => Some(column),
            _ => None,
        })
    };
    let mut checked: Vec<Span> = Vec::new();
    for element in &table.elements {
        let columns: Vec<&TableColumn> = match element {
            TableElement::Column(column) if column.constraints.iter().any(is_key) => vec![column],
            TableElement::Constraint(Constraint {
                kind: ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key),
                ..
            }) => key.columns.iter().filter_map(|name| column(&name.text)).collect(),
            _ => continue,
        };
        let types: Vec<&TypeName> = columns.iter().filter_map(|it| it.type_name.as_ref()).collect();
        for ty in &types {
            // A column that is in two keys is reported only once.
            if !checked.contains(&ty.span) {
                out.extend(key(ty, ty.span, schema));
                checked.push(ty.span);
            }
        }
        if let TableElement::Constraint(constraint) = element {
            out.extend(together(&types, constraint.span, schema));
        }
    }
}

fn is_key(constraint: &Constraint) -> bool {
    matches!(constraint.kind, ConstraintKind::PrimaryKey(_) | ConstraintKind::Unique(_))
}

/// Checks the columns in the key of an index.
pub(super) fn of_index(index: &CreateIndex, relation: &Relation, schema: &Schema, out: &mut Vec<Finding>) {
    let mut types = Vec::new();
    for element in &index.elements {
        let ExprKind::Column(parts) = &element.expr.kind else { continue };
        let Some(ty) = parts.last().and_then(|name| type_of(relation, &name.text)) else { continue };
        out.extend(key(ty, element.expr.span, Some(schema)));
        types.push(ty);
    }
    out.extend(together(&types, index.table.span(), Some(schema)));
}

fn type_of<'s>(relation: &'s Relation, column: &str) -> Option<&'s TypeName> {
    relation.column(column).map(|column| &column.type_name)
}

/// Returns a finding if the type of a column in a key or an index breaks a rule.
fn key(ty: &TypeName, place: Span, schema: Option<&Schema>) -> Option<Finding> {
    let base = base_type(ty, schema);
    if base.array_dimensions > 0 {
        return None;
    }
    let is_domain = !std::ptr::eq(base, ty);
    if let Some(shown) = types::display(base).filter(|_| types::is_only_outside_keys(base)) {
        let rule = if is_domain { &key_domain } else { &key_type };
        return Some(rule.naming(place, &shown));
    }
    let rule = match base.name.name() {
        "varchar" | "bpchar" if is_domain => &key_domain_size,
        "varchar" => &key_size,
        "bpchar" => &key_size_of_char,
        _ => return None,
    };
    (types::display(base).is_some() && length(base) > MOST_BYTES).then(|| rule.at(place))
}

/// Returns a finding if the columns of a key are too long together, but each column alone is short enough.
fn together(columns: &[&TypeName], place: Span, schema: Option<&Schema>) -> Option<Finding> {
    let lengths: Vec<i32> = columns.iter().map(|ty| length(base_type(ty, schema))).collect();
    let sum = lengths.iter().fold(0, |sum: i32, length| sum.saturating_add(*length));
    let single = lengths.iter().any(|length| *length > MOST_BYTES);
    (!single && sum > MOST_BYTES).then(|| key_sizes.at(place))
}

/// Returns the declared length of a string type; 0 for another type.
fn length(ty: &TypeName) -> i32 {
    match ty.name.name() {
        "varchar" | "bpchar" if ty.array_dimensions == 0 => characters(ty).unwrap_or_default(),
        _ => 0,
    }
}

/// Returns the type below a domain; the type itself if it is not a domain, or if the schema is not known.
fn base_type<'t>(mut ty: &'t TypeName, schema: Option<&'t Schema>) -> &'t TypeName {
    let Some(schema) = schema else { return ty };
    for _ in 0..MOST_DOMAINS {
        let name = ty.name.name();
        let at = match ty.name.schema() {
            Some(namespace) => schema.user_type(namespace, name),
            // PostgreSQL's own types take precedence over types of the schema.
            None if types::display(ty).is_some() => None,
            None => schema.search_path.iter().find_map(|path| schema.user_type(path, name)),
        };
        match at.and_then(|at| schema.types.get(at)).map(|it| &it.kind) {
            Some(UserTypeKind::Domain { base, .. }) if ty.array_dimensions == 0 => ty = base,
            _ => break,
        }
    }
    ty
}

#[cfg(test)]
mod tests {
    use crate::schema::Schema;
    use crate::source::Source;
    use crate::syntax::Parsed;

    const SCHEMA: &str = "CREATE DOMAIN payload AS jsonb;
        CREATE DOMAIN long AS varchar(3000);
        CREATE DOMAIN short AS varchar(100);
        CREATE DOMAIN shorter AS short;
        CREATE TABLE wide (a varchar(1500), b char(1000), c char(3000), v varchar(2001), p payload, l long, s shorter, d date);";

    #[test]
    fn keys_are_checked_through_domains_and_together() {
        let schema = Schema::parse(SCHEMA).unwrap();
        let found = |sql: &str| {
            let source = Source::numbered(sql);
            let parsed = Parsed::script(&source).unwrap();
            let of = |statement| super::super::findings(statement, Some(&schema));
            parsed.iter().flat_map(of).map(|finding| finding.rule.id).collect::<Vec<_>>().join(" ")
        };
        for (columns, rules) in [
            ("a, s, d", ""),
            ("a NULLS FIRST, d NULLS LAST", ""),
            ("a, b", "key_sizes"),
            ("c", "key_size_of_char"),
            ("v", "key_size"),
            ("c, v", "key_size_of_char key_size"),
            ("p", "key_domain"),
            ("l", "key_domain_size"),
        ] {
            assert_eq!(found(&format!("CREATE INDEX ASYNC i ON wide ({columns})")), rules, "{columns}");
        }
        for (table, rules) in [
            ("a varchar(1500), b short, PRIMARY KEY (a, b)", ""),
            ("a varchar(1500), b char(1000), PRIMARY KEY (a, b)", "key_sizes"),
            ("a long PRIMARY KEY, b payload UNIQUE", "key_domain_size key_domain"),
            ("a varchar(3000) UNIQUE, UNIQUE (a)", "key_size"),
        ] {
            assert_eq!(found(&format!("CREATE TABLE t ({table})")), rules, "{table}");
        }
    }
}
