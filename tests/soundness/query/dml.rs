//! Statements that change rows: `INSERT`, `UPDATE`, `DELETE` and `MERGE`, with `RETURNING`.

use super::Gen;
use super::from::Visible;
use super::scope::Scope;
use crate::schema::Relation;
use crate::tree::{Node, Sort};
use crate::types::Ty;

impl Gen<'_> {
    /// A data-modifying statement, or a query over data-modifying `WITH` queries.
    pub(super) fn dml(&mut self, depth: u32) -> Node {
        if self.once_in(7) {
            let mut items = vec![self.modifying(1)];
            if self.once_in(3) {
                items.push(self.modifying(1));
            }
            let query = if self.rng.bool() {
                self.query(1, None, None, false).0
            } else {
                self.modification(1, false).0
            };
            self.ctes.clear();
            return Node::new(Sort::Other, "").list("WITH ", ", ", items).text(" ").node(query);
        }
        let known = self.ctes.len();
        let with = if self.once_in(8) { Some(self.with(1)) } else { None };
        let (statement, _) = self.modification(depth, false);
        self.ctes.truncate(known);
        match with {
            Some((items, recursive)) => Node::new(Sort::Other, "")
                .list(if recursive { "WITH RECURSIVE " } else { "WITH " }, ", ", items)
                .text(" ")
                .node(statement),
            None => statement,
        }
    }

    /// One data-modifying statement, and the columns that it returns. If `named`, each column has a name.
    pub(super) fn modification(&mut self, depth: u32, named: bool) -> (Node, Vec<(String, Ty)>) {
        let tables: Vec<Relation> = self.schema.relations.iter().filter(|it| it.written).cloned().collect();
        let Some(table) = self.choose(&tables) else { return (Node::words("SELECT 1"), Vec::new()) };
        match self.rng.u32(..20) {
            0..8 => self.insert(depth, &table, named),
            8..14 => self.update(depth, &table, named),
            14..18 => self.delete(depth, &table, named),
            // MERGE does not write to views.
            _ if named || table.view => self.delete(depth, &table, named),
            _ => (self.merge(depth, &table), Vec::new()),
        }
    }

    fn returning(&mut self, scope: &Scope, named: bool) -> (Vec<Node>, Vec<(String, Ty)>) {
        let scope = scope.plain();
        let mut items = Vec::new();
        let mut columns = Vec::new();
        if self.once_in(6) && !named {
            let star = Node::new(Sort::Other, "RETURNING *").text("*");
            return (vec![star], columns);
        }
        let count = if named { self.rng.usize(1..3) } else { self.rng.usize(..4) };
        for at in 0..count {
            let ty = self.some_type(&scope);
            let value = self.expr(ty, 1, &scope);
            items.push(Node::new(Sort::Other, "RETURNING").node(value).text(format!(" AS c{at}")));
            columns.push((format!("c{at}"), ty));
        }
        (items, columns)
    }

    fn alias(&mut self, table: &Relation) -> (String, Visible) {
        let alias = self.fresh("a");
        let columns = table.columns.iter().map(|it| (alias.clone(), it.name.clone(), it.ty)).collect();
        (alias.clone(), Visible { columns, tables: vec![alias] })
    }

    fn insert(&mut self, depth: u32, table: &Relation, named: bool) -> (Node, Vec<(String, Ty)>) {
        let (alias, visible) = self.alias(table);
        let head = Node::new(Sort::Query, "INSERT").text(format!("INSERT INTO {} AS {alias}", table.name));
        let chosen: Vec<usize> = (0..table.columns.len())
            .filter(|at| {
                let column = &table.columns[*at];
                !column.generated && (column.not_null && !column.has_default || self.rng.u32(..3) > 0)
            })
            .collect();
        let scope = Scope::default();
        let node = if chosen.is_empty() {
            head.text(" DEFAULT VALUES")
        } else {
            let bundle = self.bundle();
            let names = chosen.iter().map(|at| Node::words(table.columns[*at].name.clone())).collect();
            let head = head.text(" (").bundle(bundle, "", ", ", names).text(")");
            let types: Vec<Ty> = chosen.iter().map(|at| table.columns[*at].ty).collect();
            if self.once_in(3) {
                let (query, _) = self.select(depth.min(1), None, &types, false, bundle);
                head.text(" ").node(query)
            } else {
                let rows = (0..self.rng.usize(1..4))
                    .map(|_| {
                        let items = chosen
                            .iter()
                            .map(|at| match self.rng.u32(..12) {
                                0 => Node::new(Sort::Other, "DEFAULT").text("DEFAULT"),
                                1..6 => {
                                    let ty = table.columns[*at].ty;
                                    let number = self.rng.u32(..8);
                                    Node::expr(ty, "unknown constant")
                                        .text(self.schema.types.literal(ty, number))
                                }
                                _ => self.expr(table.columns[*at].ty, depth.min(1), &scope),
                            })
                            .collect();
                        Node::words("(").bundle(bundle, "", ", ", items).text(")")
                    })
                    .collect();
                head.list_of(1, " VALUES ", ", ", rows)
            }
        };
        let own = self.scope(&visible, None);
        let conflict = self.conflict(table, &own);
        let (items, columns) = self.returning(&own, named);
        (node.maybe(" ", conflict).list(" RETURNING ", ", ", items), columns)
    }

    fn conflict(&mut self, table: &Relation, own: &Scope) -> Option<Node> {
        let key = match self.rng.u32(..3) {
            0 => self.choose(&table.keys),
            1 if self.once_in(3) => {
                return Some(Node::new(Sort::Other, "ON CONFLICT").text("ON CONFLICT DO NOTHING"));
            }
            _ => None,
        }?;
        let names: Vec<&str> = key.iter().map(|at| table.columns[*at].name.as_str()).collect();
        let target = format!("ON CONFLICT ({})", names.join(", "));
        if self.once_in(3) {
            return Some(Node::new(Sort::Other, "ON CONFLICT").text(format!("{target} DO NOTHING")));
        }
        let mut scope = own.plain();
        // A column name without a table would be ambiguous, because the existing row and the proposed row both have the
        // column.
        scope.items.retain(|(_, node)| node.what == "column" || self.rng.u32(..20) == 0);
        for column in &table.columns {
            scope
                .push(column.ty, Node::expr(column.ty, "EXCLUDED").text(format!("excluded.{}", column.name)));
        }
        let set = self.assignments(table, 1, &scope);
        let filter = if self.once_in(3) { Some(self.condition(1, &scope)) } else { None };
        Some(
            Node::new(Sort::Other, "ON CONFLICT DO UPDATE")
                .text(target)
                .list_of(1, " DO UPDATE SET ", ", ", set)
                .maybe(" WHERE ", filter),
        )
    }

    fn assignments(&mut self, table: &Relation, depth: u32, scope: &Scope) -> Vec<Node> {
        let mut free: Vec<usize> =
            (0..table.columns.len()).filter(|at| !table.columns[*at].generated).collect();
        let mut out = Vec::new();
        for _ in 0..self.rng.usize(1..3) {
            if free.is_empty() {
                break;
            }
            let at = free.swap_remove(self.rng.usize(..free.len()));
            let column = &table.columns[at];
            if self.once_in(8)
                && let Some(other) = free.pop()
            {
                let other = &table.columns[other];
                let pair = if self.rng.bool() {
                    Node::words("ROW(")
                        .node(self.expr(column.ty, depth, scope))
                        .text(", ")
                        .node(self.expr(other.ty, depth, scope))
                        .text(")")
                } else {
                    let types = [column.ty, other.ty];
                    Node::words("(").node(self.query(0, Some(scope), Some(&types), true).0).text(")")
                };
                out.push(
                    Node::new(Sort::Other, "SET (…)")
                        .text(format!("({}, {}) = ", column.name, other.name))
                        .node(pair),
                );
                continue;
            }
            let value = match self.rng.u32(..12) {
                0 => Node::new(Sort::Other, "DEFAULT").text("DEFAULT"),
                _ => self.expr(column.ty, depth, scope),
            };
            out.push(Node::new(Sort::Other, "SET").text(format!("{} = ", column.name)).node(value));
        }
        if out.is_empty() {
            out.push(Node::words(format!("{} = DEFAULT", table.columns[0].name)));
        }
        out
    }

    fn update(&mut self, depth: u32, table: &Relation, named: bool) -> (Node, Vec<(String, Ty)>) {
        let (alias, mut visible) = self.alias(table);
        let mut from = None;
        if self.once_in(3) {
            let (item, seen) = self.from(depth.min(1), None);
            visible.columns.extend(seen.columns);
            visible.tables.extend(seen.tables);
            from = Some(Node::new(Sort::Other, "UPDATE … FROM").node(item));
        }
        let scope = self.scope(&visible, None);
        let set = self.assignments(table, depth.min(1), &scope);
        let filter = if self.once_in(4) { None } else { Some(self.condition(depth.min(2), &scope)) };
        let (items, columns) = self.returning(&scope, named);
        let node = Node::new(Sort::Query, "UPDATE")
            .text(format!("UPDATE {} AS {alias}", table.name))
            .list_of(1, " SET ", ", ", set)
            .maybe(" FROM ", from)
            .maybe(" WHERE ", filter)
            .list(" RETURNING ", ", ", items);
        (node, columns)
    }

    fn delete(&mut self, depth: u32, table: &Relation, named: bool) -> (Node, Vec<(String, Ty)>) {
        let (alias, mut visible) = self.alias(table);
        let mut using = None;
        if self.once_in(3) {
            let (item, seen) = self.from(depth.min(1), None);
            visible.columns.extend(seen.columns);
            visible.tables.extend(seen.tables);
            using = Some(Node::new(Sort::Other, "DELETE … USING").node(item));
        }
        let scope = self.scope(&visible, None);
        let filter = if self.once_in(4) { None } else { Some(self.condition(depth.min(2), &scope)) };
        let (items, columns) = self.returning(&scope, named);
        let node = Node::new(Sort::Query, "DELETE")
            .text(format!("DELETE FROM {} AS {alias}", table.name))
            .maybe(" USING ", using)
            .maybe(" WHERE ", filter)
            .list(" RETURNING ", ", ", items);
        (node, columns)
    }

    fn merge(&mut self, depth: u32, table: &Relation) -> Node {
        let (alias, visible) = self.alias(table);
        let (source, seen) = self.from(depth.min(1), None);
        let source_scope = self.scope(&seen, None);
        let mut both = visible;
        both.columns.extend(seen.columns);
        let scope = self.scope(&both, None);
        let condition = self.condition(1, &scope);
        let matched = match self.rng.u32(..3) {
            0 => Node::words("DELETE"),
            1 => Node::words("DO NOTHING"),
            _ => Node::words("UPDATE").list_of(1, " SET ", ", ", self.assignments(table, 1, &scope)),
        };
        let mut arms = vec![Node::words("WHEN MATCHED THEN ").node(matched)];
        if self.rng.bool() {
            let bundle = self.bundle();
            let free: Vec<usize> =
                (0..table.columns.len()).filter(|at| !table.columns[*at].generated).collect();
            let names = free.iter().map(|at| Node::words(table.columns[*at].name.clone())).collect();
            let values = free.iter().map(|at| self.expr(table.columns[*at].ty, 1, &source_scope)).collect();
            arms.push(
                Node::words("WHEN NOT MATCHED THEN INSERT (")
                    .bundle(bundle, "", ", ", names)
                    .text(") VALUES (")
                    .bundle(bundle, "", ", ", values)
                    .text(")"),
            );
        }
        Node::new(Sort::Query, "MERGE")
            .text(format!("MERGE INTO {} AS {alias} USING ", table.name))
            .node(source)
            .text(" ON ")
            .node(condition)
            .list_of(1, " ", " ", arms)
    }
}
