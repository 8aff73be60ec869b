//! The queries that `sql!` and `query!` compile: distinct variants of the committed list, with our compiler's answer to
//! each query.

use anyhow::{Context, Result, anyhow, ensure};
use dsql_edge_compiler::{Schema, Source, TypedQuery, compile};

/// The schema of the queries.
pub(super) const SCHEMA: &str = include_str!("schema.sql");
const QUERIES: &str = include_str!("queries.sql");

/// The size of the large schema, in bytes.
const LARGE: usize = 1_000_000;

/// A query and the compiler's answer.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) typed: TypedQuery,
}

/// Returns `count` distinct queries: the queries of the list are repeated, each time with another number in place of
/// `{n}`.
pub(super) fn queries(count: usize) -> Result<Vec<Query>> {
    let schema = Schema::parse(SCHEMA).map_err(|errors| anyhow!("schema.sql: {errors:?}"))?;
    let templates: Vec<&str> = QUERIES
        .split("\n\n")
        .map(str::trim)
        .filter(|text| !text.is_empty() && !text.starts_with("--"))
        .collect();
    ensure!(templates.iter().all(|text| text.contains("{n}")), "a query of queries.sql has no {{n}}");
    (0..count)
        .map(|at| {
            let template = templates.get(at % templates.len()).context("queries.sql is empty")?;
            let sql = template.replace("{n}", &(at / templates.len() + 1).to_string());
            let typed = compile(&Source::numbered(sql.clone()), &schema)
                .map_err(|errors| anyhow!("{sql}\n{:?}", errors.errors().next()))?;
            Ok(Query { sql, typed })
        })
        .collect()
}

/// Returns the schema in the middle of other tables; the whole string has about a megabyte.
pub(super) fn large_schema() -> String {
    let mut out = String::with_capacity(LARGE + SCHEMA.len());
    let mut tables = 0;
    let mut others = |out: &mut String, size: usize| {
        while out.len() < size {
            tables += 1;
            out.push_str(&format!(
                "CREATE TABLE archive_{tables} (\n    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),\n    \
                 owner_id uuid NOT NULL,\n    label_{tables} varchar(80) NOT NULL,\n    amount numeric(12, 2) NOT NULL \
                 DEFAULT 0,\n    note text,\n    tags text,\n    active boolean NOT NULL DEFAULT true,\n    \
                 created_at timestamptz NOT NULL DEFAULT now()\n);\n\n\
                 CREATE INDEX archive_{tables}_owner ON archive_{tables} (owner_id, created_at);\n\n"
            ));
        }
    };
    others(&mut out, LARGE / 2);
    out.push_str(SCHEMA);
    others(&mut out, LARGE);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsql_edge_compiler::fields::fields;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_compiles_and_every_query_is_distinct() {
        let schema = Schema::parse(SCHEMA).unwrap();
        let queries = queries(130).unwrap();
        let texts: BTreeSet<&str> = queries.iter().map(|query| query.sql.as_str()).collect();
        assert_eq!(texts.len(), queries.len());
        for query in &queries {
            let fields = fields(&query.typed, &schema).unwrap();
            assert!(query.typed.warnings.is_empty() && fields.warnings.is_empty(), "{}", query.sql);
        }
    }

    #[test]
    fn the_large_schema_holds_the_small_one() {
        let large = large_schema();
        assert!(large.len() >= LARGE);
        let schema = Schema::parse(&large).unwrap();
        for query in queries(42).unwrap() {
            assert!(compile(&Source::numbered(query.sql.clone()), &schema).is_ok(), "{}", query.sql);
        }
    }
}
