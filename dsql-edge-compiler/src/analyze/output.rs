//! Converts the analyzed query into a [`TypedQuery`].

use super::analyzer::Analyzer;
use super::catalog::{Catalog, ERROR, quote_identifier};
use super::tree::{Command, NodeKind, Query};
use super::{cardinality, labels, nullability};
use crate::builtin::{Oid, TypeKind, oid};
use crate::diagnostic::{Diagnostic, quotation};
use crate::many;
use crate::schema::UserTypeKind;
use crate::session_effect;
use crate::source::Span;
use crate::sql_type::{SqlType, SqlTypeKind};
use crate::syntax::ParsedStatement;
use crate::syntax::ast::{Expr, ExprKind};
use crate::syntax::visit::{self, Visit};
use crate::typed::{Effect, Origin, TypedColumn, TypedParameter, TypedQuery};

/// The spans of the `*` in target lists.
struct Stars(Vec<Span>);

impl Visit<'_> for Stars {
    fn expr(&mut self, expr: &Expr) {
        if matches!(expr.kind, ExprKind::Star(_)) {
            self.0.push(expr.span);
        }
    }
}

pub(super) fn typed_query(
    analyzer: Analyzer<'_>,
    query: &Query,
    statement: ParsedStatement<'_>,
) -> TypedQuery {
    let catalog = analyzer.catalog;
    let nullability::Columns { nullable, elements, mut sources } =
        nullability::columns(&analyzer.parameters, query);
    let mut stars = Stars(Vec::new());
    visit::statement(statement.tree, &mut stars);
    let columns = query
        .targets
        .iter()
        .enumerate()
        .map(|(at, target)| {
            // RowDescription contains the base type of a domain.
            let ty = catalog.base_type(target.node.ty).0;
            let source = sources.get_mut(at).map(std::mem::take).unwrap_or_default();
            TypedColumn {
                name: target.name.to_string(),
                is_alias: target.name.is_alias,
                sql_type: sql_type(catalog, ty),
                nullable: nullable.get(at).copied().unwrap_or(true),
                elements_nullable: elements.get(at).copied().unwrap_or(true),
                always_null: always_null(&target.node.kind),
                domain: domain(catalog, target.node.ty),
                labels: match source.origin {
                    Some((relation, column)) => labels::of_column(catalog, relation, column, true),
                    None => labels::of_type(catalog, target.node.ty),
                },
                origin: source.origin.and_then(|(relation, column)| origin(catalog, relation, column)),
                nulled_by: source.nulled_by,
                nullable_within: source.nullable_within,
                span: target.span,
                from_star: stars.0.contains(&target.span),
            }
        })
        .collect();
    let names = &statement.tokens.captures;
    let parameters = analyzer
        .parameters
        .iter()
        .enumerate()
        .map(|(at, parameter)| TypedParameter {
            name: names.get(at).cloned(),
            sql_type: sql_type(catalog, parameter.ty.unwrap_or(ERROR)),
            optional: false,
            nullable: parameter.nullable,
            null_expected: parameter.null_expected,
            null_is_value: parameter.null_is_value,
            elements_nullable: parameter.elements_nullable(),
            labels: match labels::of_type(catalog, parameter.ty.unwrap_or(ERROR)) {
                Some(of_type) => Some(of_type),
                None => parameter.same_labels().cloned(),
            },
        })
        .collect::<Vec<_>>();
    // The runtime compares the lengths of these arrays only if none of the parameters can be NULL.
    let certain = |number: &usize| analyzer.parameters.get(*number - 1).is_some_and(|it| !it.nullable);
    let equal_lengths =
        analyzer.equal_lengths.iter().filter(|group| group.iter().all(certain)).cloned().collect();
    let effect = match query.command {
        Command::Select if !analyzer.writes => Effect::Read,
        Command::Select if !analyzer.changes_rows => Effect::MayWrite,
        _ => Effect::Write,
    };
    let mut warnings: Vec<Diagnostic> = analyzer.diagnostics.into_iter().collect();
    for warning in &mut warnings {
        quotation::quote(warning, statement.text, names);
    }
    TypedQuery {
        sql: statement.text_to_send(analyzer.edits.into_iter().collect()),
        equal_lengths,
        unnest: many::unnest(statement, &parameters),
        parameters,
        columns,
        cardinality: cardinality::of(query, catalog.schema),
        effect,
        session: analyzer.session.max(session_effect::of_statement(statement)),
        idempotency: analyzer.idempotency,
        tables: analyzer.table_names,
        search_path: search_path(&catalog.schema.search_path),
        warnings,
        combinations: Vec::new(),
        optional_texts: Vec::new(),
    }
}

fn domain(catalog: Catalog<'_>, ty: Oid) -> Option<String> {
    let info = catalog.type_info(ty);
    (info.kind == TypeKind::Domain).then(|| info.name.into_owned())
}

fn origin(catalog: Catalog<'_>, relation: usize, column: usize) -> Option<Origin> {
    let relation = catalog.schema.relations.get(relation)?;
    let column = relation.columns.get(column)?.name.clone();
    Some(Origin { schema: relation.schema.clone(), table: relation.name.clone(), column })
}

/// Returns the value of `search_path` in the server's syntax; empty if the path is only `public`.
fn search_path(schemas: &[String]) -> String {
    match schemas {
        [only] if only == "public" => String::new(),
        schemas => {
            // Keywords are not quoted, because PostgreSQL's SplitIdentifierString treats keywords like other names.
            // Config::search_path of dsql-edge writes names in the same way.
            let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'_') || byte.is_ascii_digit();
            let bare =
                |name: &str| name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
            let written = |name: &String| if bare(name) { name.clone() } else { quote_identifier(name) };
            schemas.iter().map(written).collect::<Vec<_>>().join(", ")
        }
    }
}

fn always_null(kind: &NodeKind) -> bool {
    match kind {
        NodeKind::Constant(None) => true,
        NodeKind::Cast { arg, .. } | NodeKind::Collate(arg, _) => always_null(&arg.kind),
        _ => false,
    }
}

/// Returns the [`SqlType`] of the type with this OID.
pub(super) fn sql_type(catalog: Catalog<'_>, type_oid: Oid) -> SqlType {
    let info = catalog.type_info(type_oid);
    let kind = match info.kind {
        TypeKind::Domain => SqlTypeKind::Domain(Box::new(sql_type(catalog, info.base))),
        TypeKind::Enum => match catalog.user_kind(type_oid) {
            Some(UserTypeKind::Enum(labels)) => SqlTypeKind::Enum(labels.clone()),
            _ => SqlTypeKind::Scalar,
        },
        TypeKind::Composite => SqlTypeKind::Composite,
        TypeKind::Range | TypeKind::Multirange => SqlTypeKind::Range,
        _ if info.is_array && has_commas(catalog, info.elem) => {
            SqlTypeKind::Array(Box::new(sql_type(catalog, info.elem)))
        }
        _ if matches!(type_oid, oid::RECORD | oid::RECORDARRAY) => SqlTypeKind::Composite,
        _ => SqlTypeKind::Scalar,
    };
    SqlType {
        // OIDs that differ between servers are replaced by 0.
        oid: if type_oid < oid::FIRST_UNPINNED { type_oid } else { 0 },
        name: info.name.into_owned(),
        display: catalog.display(type_oid, -1),
        kind,
    }
}

/// Whether the text of an array has commas between elements of this type. If the text uses another separator, the
/// runtime does not split the text into elements.
fn has_commas(catalog: Catalog<'_>, element: Oid) -> bool {
    match catalog.user_kind(catalog.base_type(element).0) {
        Some(UserTypeKind::Base { delimiter, .. }) => *delimiter == Some(b','),
        _ => catalog.base_type(element).0 != BOX,
    }
}

/// The OID of `box`, the only built-in type in whose arrays the elements are separated by semicolons.
const BOX: Oid = 603;

#[cfg(test)]
mod tests {
    use crate::source::Source;
    use crate::typed::Effect;
    use crate::{Schema, compile};

    #[test]
    fn query_is_a_read_only_if_its_functions_are() {
        let schema = "-- dsql-edge: dialect postgres
            CREATE TABLE t (id int PRIMARY KEY, a text);
            CREATE SEQUENCE s;
            CREATE FUNCTION random() RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1';
            CREATE FUNCTION app(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
            CREATE FUNCTION same(text, int) RETURNS bool LANGUAGE sql STABLE AS 'SELECT true';
            CREATE OPERATOR ~=~ (LEFTARG = text, RIGHTARG = int, FUNCTION = same);
            CREATE FUNCTION noted(text) RETURNS bool LANGUAGE sql AS 'SELECT true';
            CREATE DOMAIN short AS text CHECK (length(VALUE) < 9 AND VALUE ~ '^a');
            CREATE DOMAIN audited AS text;
            ALTER DOMAIN audited ADD CHECK (VALUE IS NULL OR (VALUE, noted(VALUE)) IN (('a', true)));
            CREATE DOMAIN twice AS audited;
            CREATE VIEW plain AS SELECT id FROM t;
            CREATE PROCEDURE run(int) LANGUAGE sql AS 'SELECT 1';
            CREATE VIEW counting AS SELECT nextval('s') AS n;
            CREATE VIEW above AS SELECT n FROM counting;";
        let schema = Schema::parse(schema).unwrap();
        let effect = |sql: &str| {
            compile(&Source::of_macro(sql), &schema).unwrap_or_else(|error| panic!("{sql}: {error:?}")).effect
        };
        for reads in [
            "SELECT id, lower(a), now(), gen_random_uuid() FROM t WHERE id = $1 ORDER BY a LIMIT 1",
            "WITH x AS (SELECT count(*) AS n FROM t) SELECT n FROM x",
            "SELECT id FROM plain UNION SELECT 1",
            "VALUES (1)",
            "SELECT $1::short",
            "SELECT a::short FROM t",
            "SELECT id FROM t WHERE a = 'a'::short",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN (ANALYZE off) SELECT nextval('s')",
            "EXPLAIN ANALYZE SELECT id FROM t",
            "SHOW search_path",
        ] {
            assert_eq!(effect(reads), Effect::Read, "{reads}");
        }
        for may in [
            "SELECT id FROM t FOR UPDATE",
            "SELECT nextval('s')",
            "SELECT set_config('a.b', 'c', false)",
            "SELECT pg_advisory_lock(1)",
            "SELECT pg_notify('a', 'b')",
            "SELECT id FROM t WHERE id = (SELECT nextval('s'))",
            "SELECT app(id) FROM t",
            "SELECT public.random()",
            "SELECT id FROM t WHERE a ~=~ id",
            "SELECT n FROM counting",
            "EXPLAIN ANALYZE SELECT nextval('s')",
            "SELECT a.n FROM above a JOIN above b ON true",
            "SELECT id FROM t ORDER BY app(id)",
            "SELECT $1::audited",
            "SELECT 'a'::twice",
            "SELECT a::audited FROM t",
            "SELECT id FROM t WHERE true {? AND id = app($id) }",
        ] {
            assert_eq!(effect(may), Effect::MayWrite, "{may}");
        }
        for writes in [
            "INSERT INTO t (id) VALUES (1)",
            "WITH x AS (DELETE FROM t RETURNING id) SELECT id FROM x",
            "CREATE TABLE u (id int)",
            "CALL run(1)",
            "EXPLAIN ANALYZE DELETE FROM t",
            "EXPLAIN (ANALYZE) WITH x AS (DELETE FROM t RETURNING id) SELECT id FROM x",
        ] {
            assert_eq!(effect(writes), Effect::Write, "{writes}");
        }
    }
}
