//! Generates statements.
//!
//! Input: a schema and a seed. Output: a tree that PostgreSQL nearly always accepts. The generator assumes that an
//! expression has the type for which it was generated. PostgreSQL may give the expression another type; `judge`
//! compares that type with the compiler's answer. The generator itself does not compare answers.

mod call;
mod condition;
mod dml;
mod expr;
mod from;
mod scope;
mod select;
mod with;

use fastrand::Rng;

use crate::catalog::Catalog;
use crate::schema::Schema;
use crate::tree::Node;
use crate::types::Ty;
use scope::Scope;

/// A generator of one statement.
pub(crate) struct Gen<'a> {
    rng: Rng,
    schema: &'a Schema,
    catalog: &'a Catalog,
    /// The number in the last generated alias.
    names: u32,
    /// The types of the parameters.
    parameters: Vec<Ty>,
    /// The number of the last bundle.
    bundles: u32,
    /// The `WITH` queries in scope: name and columns.
    ctes: Vec<(String, Vec<(String, Ty)>)>,
    /// Whether the statement can have parameters.
    parametric: bool,
}

impl<'a> Gen<'a> {
    /// A generator.
    pub(crate) fn new(rng: Rng, schema: &'a Schema, catalog: &'a Catalog) -> Gen<'a> {
        Gen {
            rng,
            schema,
            catalog,
            names: 0,
            parameters: Vec::new(),
            bundles: 1000,
            ctes: Vec::new(),
            parametric: true,
        }
    }

    /// Generates a statement.
    pub(crate) fn statement(&mut self) -> Node {
        match self.rng.u32(..100) {
            0..72 => {
                let depth = self.rng.u32(1..4);
                self.query(depth, None, None, true).0
            }
            _ => self.dml(2),
        }
    }

    /// Generates a query that can define a view: it has no parameters, and each column has a name.
    pub(crate) fn view(&mut self) -> (Node, Vec<(String, Ty)>) {
        self.parametric = false;
        self.query(2, None, None, false)
    }

    /// Generates an expression over a function's parameters. The names of the parameters are `a0`, `a1` and so on.
    pub(crate) fn value_over(&mut self, ty: Ty, args: &[Ty]) -> Node {
        self.parametric = false;
        let mut scope = Scope::default();
        for (at, ty) in args.iter().enumerate() {
            scope.push(*ty, Node::expr(*ty, "").text(format!("a{at}")));
        }
        self.expr(ty, 2, &scope)
    }

    /// Returns true with probability 1/`times`.
    fn once_in(&mut self, times: u32) -> bool {
        self.rng.u32(..times) == 0
    }

    /// Returns a new name. The name is nearly always unique.
    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        // A few aliases are deliberately equal to an alias of an enclosing query.
        let number = if prefix == "a" && self.once_in(40) { 1 + self.rng.u32(..3) } else { self.names };
        format!("{prefix}{number}")
    }

    fn bundle(&mut self) -> u32 {
        self.bundles += 1;
        self.bundles
    }

    fn choose<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.rng.usize(..from.len())].clone()) }
    }

    fn sql(&self, ty: Ty) -> String {
        self.schema.types.sql(ty)
    }

    /// Chooses a type for a value, preferably the type of an item in scope.
    fn some_type(&mut self, scope: &Scope) -> Ty {
        let known: Vec<Ty> = scope.items.iter().map(|item| item.0).collect();
        match self.choose(&known) {
            Some(ty) if !self.once_in(3) => ty,
            _ => self.schema.types.any(&mut self.rng),
        }
    }

    /// Generates a key to sort or group by. A bare constant would be a position or an error, so it gets a cast.
    fn key(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let node = self.expr(ty, depth, scope);
        match node.what.as_ref() {
            "NULL" | "number" | "boolean" | "unknown constant" | "bare parameter" => {
                let sql = self.sql(ty);
                Node::expr(ty, "::").text("(").node(node).text(format!(")::{sql}"))
            }
            _ => node,
        }
    }

    /// Chooses a type with a default ordering.
    fn ordered_type(&mut self, scope: &Scope) -> Ty {
        for _ in 0..8 {
            let ty = self.some_type(scope);
            if self.schema.types.is_ordered(ty) {
                return ty;
            }
        }
        dsql_edge_compiler::builtin::oid::INT4
    }
}
