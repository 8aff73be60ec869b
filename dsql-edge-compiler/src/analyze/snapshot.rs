//! Reads a snapshot: runs the fold of `schema`, and resolves types and queries for the fold.
//!
//! Input: the DDL of one or more files, or statements one by one. Output: [`Schema`]. The columns of `CREATE TABLE …
//! AS` are the columns that the query has when the statement runs: a later change to the tables that the query reads
//! does not affect these columns.

use super::analyzer::Analyzer;
use super::catalog::{Catalog, ERROR};
use super::columns_read::columns_read;
use super::foreign_key;
use super::parameter::Parameter;
use crate::builtin::{self, Oid, TypeKind, oid};
use crate::own_stack::on_own_stack;
use crate::schema::{Dialect, Growth, Moment, ResolvedColumn, Resolver, Schema, SchemaError};
use crate::source::Span;
use crate::syntax::ast::{self, Expr, ExprKind, Literal, Name, QualifiedName, TypeName};

const RESOLVER: Resolver = Resolver {
    is_builtin_type: |name| builtin::type_by_name(name).is_some(),
    columns_of_query,
    columns_of_relation,
    columns_read,
    incompatible_types: foreign_key::incompatible,
};

impl Schema {
    /// Folds one file of DDL into an empty schema.
    ///
    /// # Errors
    ///
    /// Returns every error in the file, with its location.
    pub fn parse(sql: &str) -> Result<Schema, Vec<SchemaError>> {
        Schema::parse_files([("", sql)], None)
    }

    /// Folds several files in the given order, for example a folder of migrations. `dialect` takes precedence over the
    /// files.
    ///
    /// # Errors
    ///
    /// Returns every error in the files, each with its file and location.
    pub fn parse_files<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        dialect: Option<Dialect>,
    ) -> Result<Schema, Vec<SchemaError>> {
        let files: Vec<(&str, &str)> = files.into_iter().collect();
        on_own_stack(|| Schema::fold(files.iter().copied(), dialect, RESOLVER))
    }
}

impl Growth {
    /// Starts from an existing schema.
    pub fn new(schema: Schema) -> Growth {
        Growth::with(schema, RESOLVER)
    }
}

/// Returns the columns of a table that is created from a query.
fn columns_of_query(
    schema: &Schema,
    query: &ast::Query,
    moment: &Moment,
    parameters: &[TypeName],
) -> Option<Vec<ResolvedColumn>> {
    on_own_stack(|| {
        let mut analyzer = Analyzer::new(Catalog::now(schema).at(moment));
        let declared = |written| Parameter {
            ty: analyzer.catalog.resolve(written).ok().map(|found| found.0),
            ..Parameter::default()
        };
        analyzer.parameters = parameters.iter().map(declared).collect();
        let query = analyzer.query(query, None);
        let query = analyzer.settle_unknown(query);
        if analyzer.diagnostics.has_errors() {
            return None;
        }
        let columns = query.targets.iter().enumerate().map(|(at, target)| {
            let collation = query.collations.get(at).and_then(|it| it.seen());
            let collation = collation.map(|it| analyzer.collations.name(it).to_owned());
            Some(ResolvedColumn {
                name: target.name.as_str().to_owned(),
                type_name: written(analyzer.catalog, target.node.ty, target.node.typmod)?,
                collation: collation.filter(|name| name != "default" && target.node.ty != oid::NAME),
            })
        });
        columns.collect()
    })
}

/// Returns the columns of a relation whose definition does not list its columns: a view or a sequence.
fn columns_of_relation(schema: &Schema, at: usize) -> Option<Vec<ResolvedColumn>> {
    on_own_stack(|| {
        let mut analyzer = Analyzer::new(Catalog::now(schema));
        let rte = analyzer.relation_rte(at);
        if !analyzer.broken_views.is_empty() {
            return None;
        }
        let columns = rte.columns.iter().map(|column| {
            let type_name = written(analyzer.catalog, column.ty, column.typmod)?;
            Some(ResolvedColumn { name: column.name.as_str().to_owned(), type_name, collation: None })
        });
        columns.collect()
    })
}

/// Returns the name of a type as a statement can contain it; `None` if a column cannot have the type.
fn written(catalog: Catalog<'_>, ty: Oid, typmod: i32) -> Option<TypeName> {
    let info = catalog.type_info(ty);
    if ty == ERROR || info.kind == TypeKind::Pseudo {
        return None;
    }
    if info.is_array && info.name.starts_with('_') {
        let element = written(catalog, info.elem, typmod)?;
        return Some(TypeName { array_dimensions: 1, ..element });
    }
    let parts = [info.schema, info.name].map(|text| Name { text: text.into(), span: Span::default() });
    Some(TypeName {
        name: QualifiedName { parts: parts.into() },
        system: false,
        modifiers: modifiers(ty, typmod).into_iter().map(integer).collect(),
        array_dimensions: 0,
        set_of: false,
        percent_type: false,
        span: Span::default(),
    })
}

/// `typmodout`: the numbers in the parentheses of a type. For an interval, the first number is the mask of the
/// interval's fields, as in the grammar.
fn modifiers(ty: Oid, typmod: i32) -> Vec<i32> {
    let low = typmod & 0xFFFF;
    match ty {
        _ if typmod < 0 => Vec::new(),
        oid::BPCHAR | oid::VARCHAR => vec![typmod - 4],
        oid::NUMERIC => vec![((typmod - 4) >> 16) & 0xFFFF, (((typmod - 4) & 0x7FF) ^ 0x400) - 0x400],
        oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::BIT | oid::VARBIT => vec![typmod],
        oid::INTERVAL if low == 0xFFFF => vec![typmod >> 16],
        oid::INTERVAL => vec![typmod >> 16, low],
        _ => Vec::new(),
    }
}

fn integer(number: i32) -> Expr {
    Expr { kind: ExprKind::Literal(Literal::Integer(number)), span: Span::default() }
}
