//! `WITH`: plain, recursive and data-modifying queries.

use dsql_edge_compiler::builtin::oid;

use super::Gen;
use super::scope::Scope;
use crate::tree::{Node, Sort};
use crate::types::Ty;

impl Gen<'_> {
    /// Generates `WITH` queries and adds them to the scope. Returns the generated queries, and whether one of them is
    /// recursive.
    pub(super) fn with(&mut self, depth: u32) -> (Vec<Node>, bool) {
        let mut recursive = false;
        let mut items = Vec::new();
        for _ in 0..self.rng.usize(1..3) {
            if self.once_in(4) {
                recursive = true;
                items.push(self.recursive(depth));
                continue;
            }
            let name = self.fresh("q");
            let (query, mut columns) = self.query(depth, None, None, false);
            let mut head = name.clone();
            if self.once_in(3) {
                let names: Vec<String> = columns.iter().map(|_| self.fresh("n")).collect();
                head += &format!(" ({})", names.join(", "));
                columns.iter_mut().zip(names).for_each(|(column, name)| column.0 = name);
            }
            let materialized = self.choose(&["", "", " MATERIALIZED", " NOT MATERIALIZED"]).unwrap_or("");
            items.push(
                Node::new(Sort::Other, "WITH")
                    .text(format!("{head} AS{materialized} ("))
                    .node(query)
                    .text(")"),
            );
            self.ctes.push((name, columns));
        }
        (items, recursive)
    }

    fn recursive(&mut self, depth: u32) -> Node {
        let name = self.fresh("r");
        let types: Vec<Ty> =
            (0..self.rng.usize(..3)).map(|_| crate::types::BASE[self.rng.usize(..10)]).collect();
        let columns: Vec<(String, Ty)> = std::iter::once(("n".to_owned(), oid::INT4))
            .chain(types.iter().enumerate().map(|(at, ty)| (format!("c{at}"), *ty)))
            .collect();
        let bundle = self.bundle();
        let mut first = vec![Node::words("1")];
        for ty in &types {
            let sql = self.sql(*ty);
            let value = self.expr(*ty, depth.min(1), &Scope::default());
            first.push(Node::words("(").node(value).text(format!(")::{sql}")));
        }
        let mut scope = Scope::default();
        for (column, ty) in &columns {
            scope.push(*ty, Node::expr(*ty, "recursive column").text(format!("x.{column}")));
        }
        let mut next = vec![Node::words("x.n + 1")];
        for ty in &types {
            let sql = self.sql(*ty);
            let value = self.expr(*ty, depth.min(1), &scope);
            next.push(Node::words("(").node(value).text(format!(")::{sql}")));
        }
        let names = columns.iter().map(|it| Node::words(it.0.clone())).collect();
        let union = if self.rng.bool() { "UNION ALL" } else { "UNION" };
        let join = self.once_in(4).then(|| self.from(0, None).0);
        let join_kind = self.choose(&[" CROSS JOIN ", ", "]).unwrap_or(", ");
        let more = if self.rng.bool() { vec![self.condition(0, &scope)] } else { Vec::new() };
        let order = match self.rng.u32(..8) {
            0 => " SEARCH DEPTH FIRST BY n SET path",
            1 => " SEARCH BREADTH FIRST BY n SET path",
            2 => " CYCLE n SET found USING path",
            3 => " CYCLE n SET found TO 'y' DEFAULT 'n' USING path",
            _ => "",
        };
        let extra = match order {
            "" => Vec::new(),
            it if it.contains("TO 'y'") => vec![("found".to_owned(), oid::TEXT)],
            it if it.contains("CYCLE") => vec![("found".to_owned(), oid::BOOL)],
            _ => Vec::new(),
        };
        let node = Node::new(Sort::Other, if order.is_empty() { "WITH RECURSIVE" } else { "SEARCH/CYCLE" })
            .text(format!("{name} ("))
            .bundle(bundle, "", ", ", names)
            .text(") AS (SELECT ")
            .bundle(bundle, "", ", ", first)
            .text(format!(" {union} SELECT "))
            .bundle(bundle, "", ", ", next)
            .text(format!(" FROM {name} AS x"))
            .maybe(join_kind, join)
            .text(" WHERE x.n < 4")
            .list(" AND ", " AND ", more)
            .text(format!("){order}"));
        self.ctes.push((name, columns.into_iter().chain(extra).collect()));
        node
    }

    /// Generates a data-modifying `WITH` query, and adds it to the scope if it returns columns.
    pub(super) fn modifying(&mut self, depth: u32) -> Node {
        let name = self.fresh("m");
        let (statement, columns) = self.modification(depth, true);
        if !columns.is_empty() {
            self.ctes.push((name.clone(), columns));
        }
        Node::new(Sort::Other, "data-modifying WITH").text(format!("{name} AS (")).node(statement).text(")")
    }
}
