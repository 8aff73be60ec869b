//! Conditions from which the compiler proves NOT NULL, and similar conditions that prove nothing.

use dsql_edge_compiler::builtin::oid;

use super::Gen;
use super::scope::Scope;
use crate::tree::Node;
use crate::types::Ty;

const COMPARISONS: &[&str] = &["=", "=", "=", "<>", "<", "<=", ">", ">="];

fn truth(what: &'static str) -> Node {
    Node::expr(oid::BOOL, what)
}

impl Gen<'_> {
    /// Generates a condition.
    pub(super) fn condition(&mut self, depth: u32, scope: &Scope) -> Node {
        let next = depth.saturating_sub(1);
        if depth > 0 {
            match self.rng.u32(..100) {
                0..16 => {
                    let count = self.rng.usize(2..4);
                    let parts = (0..count).map(|_| self.condition(next, scope)).collect();
                    return truth("AND").text("(").list_of(1, "", " AND ", parts).text(")");
                }
                16..28 => {
                    let parts = (0..2).map(|_| self.condition(next, scope)).collect();
                    return truth("OR").text("(").list_of(1, "", " OR ", parts).text(")");
                }
                28..36 => return truth("NOT").text("(NOT ").node(self.condition(next, scope)).text(")"),
                36..41 => return self.exists(next, scope),
                41..46 => return self.in_subquery(next, scope),
                46..50 => return self.quantified(next, scope),
                50..54 => return self.row_comparison(next, scope),
                54..57 => return self.operator(oid::BOOL, next, scope),
                57..60 => return self.call(oid::BOOL, next, scope),
                _ => {}
            }
        }
        let ty = self.ordered_type(scope);
        match self.rng.u32(..100) {
            0..30 => {
                let operator = self.choose(COMPARISONS).unwrap_or("=");
                truth("comparison")
                    .text("(")
                    .node(self.side(ty, next, scope))
                    .text(format!(" {operator} "))
                    .node(self.side(ty, next, scope))
                    .text(")")
            }
            30..50 => {
                let ty = self.some_type(scope);
                let test = self.choose(&["IS NULL", "IS NOT NULL", "IS NOT NULL", "ISNULL", "NOTNULL"]);
                truth("IS [NOT] NULL")
                    .text("(")
                    .node(self.side(ty, next, scope))
                    .text(format!(" {})", test.unwrap_or("IS NULL")))
            }
            50..58 => {
                let not = if self.rng.bool() { "NOT " } else { "" };
                truth("IS [NOT] DISTINCT")
                    .text("(")
                    .node(self.side(ty, next, scope))
                    .text(format!(" IS {not}DISTINCT FROM "))
                    .node(self.side(ty, next, scope))
                    .text(")")
            }
            58..66 => {
                let not = if self.once_in(3) { " NOT" } else { "" };
                let count = self.rng.usize(1..4);
                let items = (0..count).map(|_| self.side(ty, 0, scope)).collect();
                truth("IN list")
                    .text("(")
                    .node(self.side(ty, next, scope))
                    .text(format!("{not} IN ("))
                    .list_of(1, "", ", ", items)
                    .text("))")
            }
            66..73 => {
                let not = if self.once_in(3) { " NOT" } else { "" };
                let symmetric = if self.once_in(3) { " SYMMETRIC" } else { "" };
                truth("BETWEEN")
                    .text("(")
                    .node(self.side(ty, next, scope))
                    .text(format!("{not} BETWEEN{symmetric} "))
                    .node(self.side(ty, 0, scope))
                    .text(" AND ")
                    .node(self.side(ty, 0, scope))
                    .text(")")
            }
            73..80 => {
                let not = if self.once_in(3) { " NOT" } else { "" };
                let like = self.choose(&["LIKE", "ILIKE", "SIMILAR TO"]).unwrap_or("LIKE");
                truth("LIKE")
                    .text("((")
                    .node(self.side(oid::TEXT, next, scope))
                    .text(format!("){not} {like} "))
                    .node(self.side(oid::TEXT, 0, scope))
                    .text(")")
            }
            80..88 => {
                let test = self
                    .choose(&[
                        "IS TRUE",
                        "IS NOT TRUE",
                        "IS FALSE",
                        "IS NOT FALSE",
                        "IS UNKNOWN",
                        "IS NOT UNKNOWN",
                    ])
                    .unwrap_or("IS TRUE");
                truth("IS [NOT] TRUE …")
                    .text("(")
                    .node(self.expr(oid::BOOL, next, scope))
                    .text(format!(" {test})"))
            }
            88..92 => truth("CASE condition")
                .text("(CASE WHEN ")
                .node(self.condition(next, scope))
                .text(" THEN ")
                .node(self.condition(0, scope))
                .maybe(" ELSE ", if self.rng.bool() { Some(self.condition(0, scope)) } else { None })
                .text(" END)"),
            92..95 => self.any_of_array(ty, next, scope),
            _ => self.leaf(oid::BOOL, scope),
        }
    }

    /// One side of a comparison, preferably a column.
    fn side(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let known = scope.of_type(ty);
        match self.choose(&known) {
            Some(node) if !self.once_in(3) => node,
            _ => self.expr(ty, depth, scope),
        }
    }

    fn exists(&mut self, depth: u32, scope: &Scope) -> Node {
        let query = self.query(depth.min(1), Some(scope), None, true).0;
        truth("EXISTS").text("EXISTS (").node(query).text(")")
    }

    fn in_subquery(&mut self, depth: u32, scope: &Scope) -> Node {
        let ty = self.ordered_type(scope);
        let not = if self.once_in(3) { " NOT" } else { "" };
        let left = self.side(ty, depth, scope);
        let query = self.query(depth.min(1), Some(scope), Some(&[ty]), true).0;
        truth("IN subquery").text("(").node(left).text(format!("{not} IN (")).node(query).text("))")
    }

    fn quantified(&mut self, depth: u32, scope: &Scope) -> Node {
        let ty = self.ordered_type(scope);
        let operator = self.choose(COMPARISONS).unwrap_or("=");
        let word = self.choose(&["ANY", "ALL", "SOME"]).unwrap_or("ANY");
        let left = self.side(ty, depth, scope);
        let query = self.query(depth.min(1), Some(scope), Some(&[ty]), true).0;
        truth("ANY/ALL subquery")
            .text("(")
            .node(left)
            .text(format!(" {operator} {word} ("))
            .node(query)
            .text("))")
    }

    fn any_of_array(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let Some(array) = self.schema.types.array(ty) else { return self.leaf(oid::BOOL, scope) };
        let operator = self.choose(COMPARISONS).unwrap_or("=");
        let word = self.choose(&["ANY", "ALL"]).unwrap_or("ANY");
        let left = self.side(ty, depth, scope);
        let right = self.expr(array, depth, scope);
        truth("ANY/ALL array")
            .text("(")
            .node(left)
            .text(format!(" {operator} {word} ("))
            .node(right)
            .text("))")
    }

    fn row_comparison(&mut self, depth: u32, scope: &Scope) -> Node {
        let bundle = self.bundle();
        let types: Vec<Ty> = (0..self.rng.usize(1..4)).map(|_| self.ordered_type(scope)).collect();
        let row = |this: &mut Self| {
            let items = types.iter().map(|ty| this.side(*ty, depth, scope)).collect();
            Node::words("ROW(").bundle(bundle, "", ", ", items).text(")")
        };
        let left = row(self);
        match self.rng.u32(..8) {
            0..4 => {
                let operator = self.choose(COMPARISONS).unwrap_or("=");
                let right = row(self);
                truth("row comparison")
                    .text("(")
                    .node(left)
                    .text(format!(" {operator} "))
                    .node(right)
                    .text(")")
            }
            4 => {
                let right = row(self);
                truth("row IS DISTINCT").text("(").node(left).text(" IS DISTINCT FROM ").node(right).text(")")
            }
            5 => truth("row IS NULL").text("(").node(left).text(if self.rng.bool() {
                " IS NULL)"
            } else {
                " IS NOT NULL)"
            }),
            6 => {
                let items = (0..2).map(|_| row(self)).collect();
                truth("row IN list").text("(").node(left).text(" IN (").list_of(1, "", ", ", items).text("))")
            }
            _ => {
                let query = self.query(depth.min(1), Some(scope), Some(&types), true).0;
                truth("row IN subquery").text("(").node(left).text(" IN (").node(query).text("))")
            }
        }
    }
}
