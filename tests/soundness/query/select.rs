//! Queries: `SELECT`, `VALUES`, set operations, and their clauses.

use std::rc::Rc;

use dsql_edge_compiler::builtin::oid;

use super::Gen;
use super::scope::Scope;
use crate::tree::{Node, Sort};
use crate::types::Ty;

impl Gen<'_> {
    /// Generates a query, and returns it with its columns: of the types `want`, or of any types. If `free`, the columns
    /// may have no alias, or be `*`.
    pub(super) fn query(
        &mut self,
        depth: u32,
        outer: Option<&Scope>,
        want: Option<&[Ty]>,
        free: bool,
    ) -> (Node, Vec<(String, Ty)>) {
        let known = self.ctes.len();
        let with = if depth > 0 && self.once_in(6) { Some(self.with(depth - 1)) } else { None };
        let types: Vec<Ty> = match want {
            Some(types) => types.to_vec(),
            None => (0..self.rng.usize(1..5)).map(|_| self.wanted(outer)).collect(),
        };
        let bundle = self.bundle();
        let (body, columns) = match self.rng.u32(..20) {
            0..3 if depth > 0 && types.iter().all(|ty| self.schema.types.is_ordered(*ty)) => {
                self.set_operation(depth - 1, outer, &types, bundle)
            }
            3 => {
                let columns = types.iter().enumerate().map(|(at, ty)| (format!("column{}", at + 1), *ty));
                (self.values_rows(&types, depth.min(1), outer), columns.collect())
            }
            _ => self.select(depth, outer, &types, want.is_none() && free, bundle),
        };
        self.ctes.truncate(known);
        let mut node = Node::new(Sort::Query, "");
        if let Some((items, recursive)) = with {
            node = node.list(if recursive { "WITH RECURSIVE " } else { "WITH " }, ", ", items).text(" ");
        }
        (node.node(body), columns)
    }

    /// Chooses a type for a column, preferably the type of a column in scope or of a table.
    fn wanted(&mut self, outer: Option<&Scope>) -> Ty {
        match outer {
            Some(scope) if self.rng.bool() => self.some_type(scope),
            _ => {
                let columns: Vec<Ty> =
                    self.schema.relations.iter().flat_map(|it| &it.columns).map(|it| it.ty).collect();
                match self.choose(&columns) {
                    Some(ty) if !self.once_in(3) => ty,
                    _ => self.schema.types.any(&mut self.rng),
                }
            }
        }
    }

    fn set_operation(
        &mut self,
        depth: u32,
        outer: Option<&Scope>,
        types: &[Ty],
        bundle: u32,
    ) -> (Node, Vec<(String, Ty)>) {
        let operator = self
            .choose(&["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"])
            .unwrap_or("UNION");
        let (left, columns) = self.select(depth, outer, types, false, bundle);
        let right = match self.rng.u32(..4) {
            0 => self.set_operation(depth.saturating_sub(1), outer, types, bundle).0,
            _ => self.select(depth, outer, types, false, bundle).0,
        };
        let node = Node::new(Sort::Query, operator)
            .text("(")
            .node(left)
            .text(format!(") {operator} ("))
            .node(right)
            .text(")");
        let order = if self.once_in(4) { vec![Node::words("1")] } else { Vec::new() };
        let node = node.list(" ORDER BY ", ", ", order);
        (self.limit(node), columns)
    }

    /// Generates a `SELECT`.
    pub(super) fn select(
        &mut self,
        depth: u32,
        outer: Option<&Scope>,
        types: &[Ty],
        free: bool,
        bundle: u32,
    ) -> (Node, Vec<(String, Ty)>) {
        let mut from = Vec::new();
        let mut visible = super::from::Visible::default();
        if !self.once_in(9) {
            let (item, seen) = self.from(depth, outer);
            from.push(item);
            visible = seen;
            if self.once_in(6) {
                let (item, seen) = self.from(0, outer);
                from.push(item);
                visible.columns.extend(seen.columns);
                visible.tables.extend(seen.tables);
            }
        }
        let mut scope = self.scope(&visible, outer);
        if free && !from.is_empty() && self.once_in(8) {
            return (self.star(depth, from, &scope), Vec::new());
        }
        if free && !from.is_empty() && self.once_in(25) {
            return (self.doubled(from, &scope), Vec::new());
        }
        let filter = if self.rng.u32(..10) < 6 { Some(self.condition(depth.min(2), &scope)) } else { None };
        let mut grouping = None;
        let mut having = None;
        let kind = self.rng.u32(..10);
        if kind < 3 {
            let full = Rc::new(scope.clone());
            let mut grouped = Scope { outer: scope.outer.clone(), inside: Some(full), ..Scope::default() };
            if kind > 0 {
                grouping = self.group_by(depth, &scope, &visible, &mut grouped);
            }
            scope = grouped;
            if self.once_in(3) {
                having = Some(self.condition(depth.min(1), &scope));
            }
        }
        // In a grouped query, a window function can refer to the groups.
        scope.windows = self.once_in(4);
        let mut windows = Vec::new();
        if scope.windows && self.rng.bool() {
            let name = self.fresh("w");
            let over = Scope { windows: false, ..scope.clone() };
            windows.push(
                Node::new(Sort::Other, "WINDOW")
                    .text(format!("{name} AS ("))
                    .node(self.window(0, &over))
                    .text(")"),
            );
            scope.named_windows.push(name);
        }
        let mut targets = Vec::new();
        let mut columns = Vec::new();
        for (at, ty) in types.iter().enumerate() {
            let value = self.target(*ty, depth, &scope, free);
            let name = format!("c{at}");
            targets.push(if free && self.once_in(3) {
                value
            } else {
                Node::new(Sort::Other, "").node(value).text(format!(" AS {name}"))
            });
            columns.push((name, *ty));
        }
        let mut lead = Node::new(Sort::Query, "SELECT").text("SELECT");
        let mut order = Vec::new();
        let sortable = types.iter().all(|ty| self.schema.types.is_ordered(*ty));
        match self.rng.u32(..12) {
            0 if sortable => lead = lead.text(" DISTINCT"),
            1 => {
                let ty = self.ordered_type(&scope.plain());
                let key = self.key(ty, 0, &scope.plain());
                order.push(Node::new(Sort::Other, "").node(key.clone()).text(self.direction()));
                lead = lead
                    .node(Node::new(Sort::Other, "DISTINCT ON").text(" DISTINCT ON (").node(key).text(")"));
            }
            2 | 3 => {
                let ty = self.ordered_type(&scope);
                order.push(
                    Node::new(Sort::Other, "ORDER BY")
                        .node(self.key(ty, depth.min(1), &scope))
                        .text(self.direction()),
                );
            }
            4 if sortable => order.push(Node::new(Sort::Other, "ORDER BY number").text("1")),
            _ => {}
        }
        let node = lead
            .bundle(bundle, " ", ", ", targets)
            .list(" FROM ", ", ", from)
            .maybe(" WHERE ", filter)
            .maybe(" GROUP BY ", grouping)
            .maybe(" HAVING ", having)
            .list(" WINDOW ", ", ", windows)
            .list(" ORDER BY ", ", ", order);
        (self.limit(node), columns)
    }

    /// Generates a target: an expression; in a `free` query also a whole row or a set.
    fn target(&mut self, ty: Ty, depth: u32, scope: &Scope, free: bool) -> Node {
        if free
            && scope.inside.is_none()
            && !scope.rows.is_empty()
            && self.once_in(20)
            && let Some(name) = self.choose(&scope.rows)
        {
            return Node::expr(ty, "whole row").text(name);
        }
        if free && scope.inside.is_none() && self.once_in(20) {
            let (call, _) = self.set_call(depth.min(1), &scope.plain());
            return Node::expr(ty, "set in the targets").node(call);
        }
        if free && ty == oid::INT4 && scope.inside.is_none() && self.once_in(12) {
            let (low, high) = (self.expr(ty, 0, &scope.plain()), self.expr(ty, 0, &scope.plain()));
            let node = Node::expr(ty, "operator that returns a set").text("((");
            return node.node(low).text(")::int4 <~> (").node(high).text(")::int4)");
        }
        if free { self.expr(ty, depth, scope) } else { self.operand(ty, depth, scope) }
    }

    /// A query with one expression under two names. A grouping set may leave out one of these names.
    fn doubled(&mut self, from: Vec<Node>, scope: &Scope) -> Node {
        let ty = self.ordered_type(scope);
        let key = self.key(ty, 1, &scope.plain());
        let sets = ["x, ROLLUP (y)", "CUBE (x), y", "GROUPING SETS ((x), (y))", "ROLLUP (x, y)", "x, y"];
        let sets = self.choose(&sets).unwrap_or("x, y");
        let having = if self.once_in(3) {
            Some(Node::words("(").node(key.clone()).text(") IS NOT NULL"))
        } else {
            None
        };
        let node = Node::new(Sort::Query, "GROUP BY one expression under two names")
            .text("SELECT ")
            .node(key.clone())
            .text(" AS x, ")
            .node(key.clone())
            .text(" AS y, COALESCE(")
            .node(key)
            .text(", NULL) AS z")
            .list(" FROM ", ", ", from)
            .text(format!(" GROUP BY {sets}"));
        node.maybe(" HAVING ", having)
    }

    fn star(&mut self, depth: u32, from: Vec<Node>, scope: &Scope) -> Node {
        let star = match self.choose(&scope.rows) {
            Some(name) if self.rng.bool() => Node::new(Sort::Other, "t.*").text(format!("{name}.*")),
            _ => Node::new(Sort::Other, "*").text("*"),
        };
        let filter = if self.rng.bool() { Some(self.condition(depth.min(2), scope)) } else { None };
        let node = Node::new(Sort::Query, "SELECT")
            .list_of(1, "SELECT ", ", ", vec![star])
            .list(" FROM ", ", ", from)
            .maybe(" WHERE ", filter);
        self.limit(node)
    }

    fn group_by(
        &mut self,
        depth: u32,
        scope: &Scope,
        visible: &super::from::Visible,
        grouped: &mut Scope,
    ) -> Option<Node> {
        let mut keys = Vec::new();
        for _ in 0..self.rng.usize(1..4) {
            let own: Vec<(Ty, Node)> =
                scope.items.iter().filter(|it| self.schema.types.is_ordered(it.0)).cloned().collect();
            let (ty, node) = match self.choose(&own) {
                Some(item) if !self.once_in(5) => item,
                _ => {
                    let ty = self.ordered_type(scope);
                    (ty, self.key(ty, depth.min(1), &scope.plain()))
                }
            };
            // Only a key that contains a column can be used again in the grouped query: PostgreSQL does not recognize a
            // repeated parameter or constant as the grouping key.
            let mut column = node.what.ends_with("column");
            node.visit(&mut |it| column |= it.what.ends_with("column"));
            if column {
                grouped.push(ty, node.clone());
            }
            keys.push(node);
        }
        if self.once_in(8)
            && let Some((alias, relation)) = visible.tables.iter().find_map(|alias| {
                let relation = self.schema.relations.iter().find(|it| it.primary && !it.view)?;
                Some((alias.clone(), relation.clone()))
            })
            && relation
                .columns
                .iter()
                .all(|it| visible.columns.contains(&(alias.clone(), it.name.clone(), it.ty)))
        {
            // The query is grouped by the primary key, on which the other columns depend.
            keys = relation.keys[0]
                .iter()
                .map(|at| Node::words(format!("{alias}.{}", relation.columns[*at].name)))
                .collect();
            grouped.items = relation
                .columns
                .iter()
                .map(|it| (it.ty, Node::expr(it.ty, "dependent column").text(format!("{alias}.{}", it.name))))
                .collect();
            return Some(Node::new(Sort::Other, "GROUP BY key").list_of(1, "", ", ", keys));
        }
        let what = match self.rng.u32(..10) {
            0 => "ROLLUP",
            1 => "CUBE",
            2 => {
                let mut sets: Vec<Node> = keys
                    .iter()
                    .map(|key| Node::words("(").list("", ", ", vec![key.clone()]).text(")"))
                    .collect();
                match self.rng.u32(..4) {
                    0 => sets.push(Node::words("()")),
                    1 => {
                        let last = Node::new(Sort::Other, "").list_of(1, "(", ", ", keys.clone()).text(")");
                        sets = vec![last];
                    }
                    2 => sets.push(Node::words("").list_of(1, "ROLLUP (", ", ", keys.clone()).text(")")),
                    _ => {}
                }
                self.grouping(&keys, grouped);
                return Some(
                    Node::new(Sort::Other, "GROUPING SETS")
                        .list_of(1, "GROUPING SETS (", ", ", sets)
                        .text(")"),
                );
            }
            _ => return Some(Node::new(Sort::Other, "GROUP BY").list_of(1, "", ", ", keys)),
        };
        self.grouping(&keys, grouped);
        let lead = if what == "CUBE" { "CUBE (" } else { "ROLLUP (" };
        let sets = Node::new(Sort::Other, what).list_of(1, lead, ", ", keys.clone()).text(")");
        if self.once_in(4) {
            return Some(Node::new(Sort::Other, "").list_of(1, "", ", ", vec![keys[0].clone(), sets]));
        }
        Some(sets)
    }

    /// Adds `GROUPING()` over one of the keys to the scope.
    fn grouping(&mut self, keys: &[Node], grouped: &mut Scope) {
        if let Some(key) = self.choose(keys) {
            grouped
                .push(oid::INT4, Node::expr(oid::INT4, "GROUPING()").text("GROUPING(").node(key).text(")"));
        }
    }

    fn limit(&mut self, node: Node) -> Node {
        let limit = match self.rng.u32(..24) {
            0 | 1 => Some(
                Node::new(Sort::Other, "LIMIT").text(self.choose(&["1", "2", "0", "ALL"]).unwrap_or("1")),
            ),
            2 => Some(Node::new(Sort::Other, "LIMIT").text("NULL")),
            3 if self.parametric => {
                let id = self.parameter(oid::INT8);
                Some(Node::new(Sort::Other, "LIMIT $").parameter(id))
            }
            _ => None,
        };
        let fetch = if limit.is_none() && self.once_in(25) {
            Some(
                Node::new(Sort::Other, "FETCH FIRST")
                    .text(self.choose(&["FIRST ROW ONLY", "FIRST 2 ROWS ONLY"]).unwrap_or("")),
            )
        } else {
            None
        };
        let offset = if self.once_in(16) {
            Some(Node::new(Sort::Other, "OFFSET").text(self.choose(&["0", "1"]).unwrap_or("1")))
        } else {
            None
        };
        node.maybe(" LIMIT ", limit).maybe(" OFFSET ", offset).maybe(" FETCH ", fetch)
    }
}
