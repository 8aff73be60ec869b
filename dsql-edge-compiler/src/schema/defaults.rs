//! Records the defaults of columns, and the objects on which each default depends: `DROP … CASCADE` of a sequence also
//! removes the defaults that use the sequence.
//!
//! Input: for each default that is set, its expression; later, an object that is dropped. Output: the columns, without
//! the defaults that depended on the dropped object. In PostgreSQL, a default is a row of `pg_attrdef`. `DROP …
//! CASCADE` of an object on which a default depends removes the default, but the column stays. A generated column is
//! dropped together with its expression (`StoreAttrDefault` in `pg_attrdef.c`).
//!
//! Example: after `CREATE SEQUENCE s`, `CREATE TABLE t (id bigint NOT NULL DEFAULT nextval('s'))` and
//! `DROP SEQUENCE s CASCADE`, an INSERT without `id` fails.

use super::drop::{Object, Reads};
use super::fold::Fold;
use super::names::Moment;
use super::objects::Computed;
use super::{Relation, Schema};
use crate::source::Source;
use crate::syntax::ast::{Expr, ExprKind, Literal, Name, QualifiedName};
use crate::syntax::visit::{self, Visit};
use crate::syntax::{lex, token::TokenKind};

impl Computed {
    /// Returns the expression with its moment; `None` for a constant, which cannot depend on an object.
    pub(super) fn of(expr: &Expr, set: Moment) -> Option<Box<Computed>> {
        let is_constant = matches!(expr.kind, ExprKind::Literal(_));
        (!is_constant).then(|| Box::new(Computed { expr: expr.clone(), set }))
    }

    fn depends_on(&self, schema: &Schema, object: Object) -> bool {
        let mut reads = Reads::at(schema, &self.set);
        visit::expr(&self.expr, &mut reads);
        let mut sequences = Sequences { schema, set: &self.set, found: Vec::new() };
        visit::expr(&self.expr, &mut sequences);
        reads.found.contains(&object)
            || matches!(object, Object::Relation(at) if sequences.found.contains(&at))
    }
}

/// Collects the sequences to which `nextval('name')` and `'name'::regclass` refer.
struct Sequences<'s> {
    schema: &'s Schema,
    set: &'s Moment,
    found: Vec<usize>,
}

impl Visit<'_> for Sequences<'_> {
    fn expr(&mut self, expr: &Expr) {
        let argument = match &expr.kind {
            ExprKind::Function(call) => call.args.first().map(|argument| &argument.value),
            ExprKind::Cast { arg, .. } => Some(arg.as_ref()),
            _ => None,
        };
        let Some(ExprKind::Literal(Literal::String(written))) = argument.map(|it| &it.kind) else { return };
        let Some(name) = regclass_name(written) else { return };
        let at = |schema: &str| self.schema.relation_at(self.set.version, schema, name.name());
        let found = match name.schema() {
            Some(schema) => at(schema),
            None => self.set.path.iter().find_map(|schema| at(schema)),
        };
        self.found.extend(found);
    }
}

/// Returns the name in a string, as `regclass` parses it.
fn regclass_name(written: &str) -> Option<QualifiedName> {
    let lexed = lex(&Source::numbered(written));
    let names = lexed.tokens.iter().filter_map(|token| match &token.kind {
        TokenKind::Symbol(b'.') | TokenKind::End => None,
        kind => Some(kind.name().map(|text| Name { text: text.to_owned(), span: token.span })),
    });
    let parts = names.collect::<Option<Vec<_>>>()?;
    (!parts.is_empty()).then_some(QualifiedName { parts })
}

impl Relation {
    /// Returns the positions of the columns whose default or expression depends on an object.
    fn columns_depending_on(&self, schema: &Schema, object: Object) -> Vec<usize> {
        let depends = |(at, column): (usize, &super::Column)| {
            let by_expr = column.computed.as_ref().is_some_and(|it| it.depends_on(schema, object));
            let by_serial = column.sequence.is_some_and(|it| object == Object::Relation(it));
            (by_expr || by_serial).then_some(at)
        };
        self.columns.iter().enumerate().filter_map(depends).collect()
    }
}

impl Fold {
    /// Removes the defaults and generated columns that depend on an object that is dropped with CASCADE. Among the
    /// relations, only a sequence can be such an object.
    pub(super) fn drop_defaults(&mut self, object: Object) {
        if matches!(object, Object::Relation(at) if !self.schema.relations.get(at).is_some_and(Relation::is_sequence))
        {
            return;
        }
        for table in 0..self.schema.relations.len() {
            let Some(relation) = self.schema.relations.get(table) else { continue };
            let found = relation.columns_depending_on(&self.schema, object);
            let mut generated = Vec::new();
            let columns = self.schema.relations[table].columns.iter_mut().enumerate();
            for (_, column) in columns.filter(|(at, _)| found.contains(at)) {
                if column.generated {
                    generated.push(column.name.clone());
                }
                (column.has_default, column.computed, column.sequence) = (false, None, None);
            }
            for column in generated {
                self.drop_views_of_column(table, &column);
                self.schema.relations[table].drop_column(&column);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schema;

    /// Returns the columns of `t` after a script; `=` marks a column that has a default.
    fn columns(sql: &str) -> String {
        let schema = Schema::parse(sql).unwrap();
        let at = schema.relation("public", "t").unwrap();
        let shown = schema.relations[at]
            .columns
            .iter()
            .map(|it| if it.has_default { format!("{}=", it.name) } else { it.name.clone() });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn cascade_removes_defaults_that_depend_on_the_object() {
        let sequence =
            "CREATE SEQUENCE s; CREATE TABLE t (a bigint NOT NULL DEFAULT nextval('s'), b int DEFAULT 1);";
        let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
                        CREATE TABLE t (a int DEFAULT f(), b int GENERATED ALWAYS AS (c + f()) STORED, c int);";
        for (before, change, expected) in [
            (sequence, "", "a= b="),
            (sequence, "DROP SEQUENCE s CASCADE", "a b="),
            (sequence, "DROP SCHEMA public CASCADE; CREATE TABLE t (a int)", "a"),
            (
                "CREATE SCHEMA x; CREATE SEQUENCE x.s; CREATE TABLE t (a int DEFAULT nextval('x.s'::regclass));",
                "DROP SCHEMA x CASCADE",
                "a",
            ),
            (
                "CREATE SEQUENCE \"S\"; CREATE TABLE t (a int DEFAULT nextval('public.\"S\"'));",
                "DROP SEQUENCE \"S\" CASCADE",
                "a",
            ),
            (
                "CREATE SEQUENCE s; CREATE TABLE t (a int); ALTER TABLE t ALTER a SET DEFAULT nextval('s');",
                "DROP SEQUENCE s CASCADE",
                "a",
            ),
            ("CREATE TABLE t (a serial);", "DROP SEQUENCE t_a_seq CASCADE", "a"),
            (
                "CREATE TABLE o (a serial); CREATE TABLE t (a int DEFAULT nextval('o_a_seq'));",
                "DROP TABLE o CASCADE",
                "a",
            ),
            (
                "CREATE TABLE o (a serial); CREATE TABLE t (a int DEFAULT nextval('o_a_seq'));",
                "ALTER TABLE o DROP COLUMN a CASCADE",
                "a",
            ),
            (function, "DROP FUNCTION f CASCADE", "a c"),
            (function, "ALTER TABLE t ALTER a SET DEFAULT 1; DROP FUNCTION f CASCADE", "a= c"),
            (
                "CREATE SEQUENCE s; CREATE TABLE t (a int DEFAULT nextval('s')); ALTER SEQUENCE s RENAME TO u;",
                "CREATE SEQUENCE s; DROP SEQUENCE s CASCADE",
                "a=",
            ),
            (
                "CREATE SEQUENCE s; CREATE TABLE t (a int DEFAULT nextval('s')); ALTER SEQUENCE s RENAME TO u;",
                "DROP SEQUENCE u CASCADE",
                "a",
            ),
        ] {
            assert_eq!(columns(&format!("{before}{change}")), expected, "{before}{change}");
        }
    }
}
