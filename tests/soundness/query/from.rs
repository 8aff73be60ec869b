//! Items of `FROM`: tables, views, subqueries, functions, joins.

use std::rc::Rc;

use dsql_edge_compiler::builtin::oid;

use super::Gen;
use super::scope::Scope;
use crate::tree::{Node, Sort};
use crate::types::Ty;

/// The names that an item adds to the scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Visible {
    /// The table, name and type of each column. A column that a join has merged has the table "".
    pub(super) columns: Vec<(String, String, Ty)>,
    /// The tables to which a query can refer as a whole row.
    pub(super) tables: Vec<String>,
}

impl Visible {
    fn join(mut self, mut other: Visible) -> Visible {
        // A merged column has no table. If the other side of the join has a column with the same name, the merged
        // column can no longer be named.
        let named = |side: &Visible, name: &str| side.columns.iter().any(|it| it.1 == name);
        let (mine, theirs) = (self.clone(), other.clone());
        self.columns.retain(|it| !it.0.is_empty() || !named(&theirs, &it.1));
        other.columns.retain(|it| !it.0.is_empty() || !named(&mine, &it.1));
        self.columns.extend(other.columns);
        self.tables.extend(other.tables);
        self
    }

    /// Whether exactly one column has this name.
    fn is_unique(&self, name: &str) -> bool {
        self.columns.iter().filter(|it| it.1 == name).count() == 1
    }

    fn names(&self) -> Vec<(String, Ty)> {
        let merged = |name: &str| self.columns.iter().any(|it| it.0.is_empty() && it.1 == name);
        let mut out: Vec<(String, Ty)> = Vec::new();
        for (table, name, ty) in &self.columns {
            let usable = if table.is_empty() { true } else { self.is_unique(name) && !merged(name) };
            if usable && !out.iter().any(|it| it.0 == *name) {
                out.push((name.clone(), *ty));
            }
        }
        out
    }
}

impl Gen<'_> {
    /// The scope of the columns of `FROM`.
    pub(super) fn scope(&mut self, visible: &Visible, outer: Option<&Scope>) -> Scope {
        let mut scope = Scope { outer: outer.map(|it| Rc::new(it.plain())), ..Scope::default() };
        for (table, name, ty) in &visible.columns {
            let system = ["ctid", "tableoid"].contains(&name.as_str()) && !self.once_in(8);
            let bare = !system && (table.is_empty() || (visible.is_unique(name) && self.once_in(4)));
            let (what, text) =
                if bare { ("bare column", name.clone()) } else { ("column", format!("{table}.{name}")) };
            scope.push(*ty, Node::expr(*ty, what).text(text));
        }
        scope.rows = visible.tables.clone();
        scope
    }

    /// Generates one item of FROM, which may be a join.
    pub(super) fn from(&mut self, depth: u32, outer: Option<&Scope>) -> (Node, Visible) {
        if depth > 0 && self.rng.u32(..10) < 6 {
            return self.join(depth - 1, outer);
        }
        match self.rng.u32(..100) {
            0..60 => self.table(),
            60..66 if !self.ctes.is_empty() => self.table(),
            60..75 if depth > 0 => self.subquery(depth - 1, outer, false),
            75..80 => self.values(outer),
            80..92 => self.function(depth.saturating_sub(1), outer),
            92..94 => self.rows_from(outer),
            94..95 => self.catalog_table(),
            _ => self.table(),
        }
    }

    fn table(&mut self) -> (Node, Visible) {
        let alias = self.fresh("a");
        if !self.ctes.is_empty() && self.rng.bool() {
            let ctes = self.ctes.clone();
            if let Some((name, columns)) = self.choose(&ctes) {
                let node = Node::new(Sort::From, "CTE reference").text(format!("{name} AS {alias}"));
                return (node, visible(&alias, columns));
            }
        }
        let Some(relation) = self.choose(&self.schema.relations) else {
            return (Node::words("t0"), Visible::default());
        };
        let what = if relation.view { "view" } else { "table" };
        let mut columns: Vec<(String, Ty)> =
            relation.columns.iter().map(|it| (it.name.clone(), it.ty)).collect();
        let only = if !relation.view && self.once_in(8) { "ONLY " } else { "" };
        let mut text = format!("{only}{} AS {alias}", relation.name);
        if self.once_in(10) {
            let renamed: Vec<String> =
                (0..self.rng.usize(1..=columns.len())).map(|_| self.fresh("n")).collect();
            text += &format!(" ({})", renamed.join(", "));
            columns.iter_mut().zip(renamed).for_each(|(column, name)| column.0 = name);
        }
        if !relation.view && self.once_in(12) {
            columns.push(("ctid".to_owned(), oid::TID));
            columns.push(("tableoid".to_owned(), oid::OID));
        }
        (Node::new(Sort::From, what).text(text), visible(&alias, columns))
    }

    /// A relation of PostgreSQL's catalog.
    fn catalog_table(&mut self) -> (Node, Visible) {
        let alias = self.fresh("a");
        let (name, columns): (&str, &[(&str, Ty)]) = self
            .choose(&[
                ("pg_catalog.pg_am", &[("oid", oid::OID), ("amname", oid::NAME)][..]),
                ("pg_tables", &[("tablename", oid::NAME), ("hasindexes", oid::BOOL)][..]),
                ("pg_range", &[("rngtypid", oid::OID)][..]),
                ("information_schema.schemata", &[][..]),
            ])
            .unwrap_or(("pg_am", &[]));
        let node = Node::new(Sort::From, "catalog relation").text(format!("{name} AS {alias}"));
        let columns = columns.iter().map(|it| (it.0.to_owned(), it.1)).collect();
        (node, visible(&alias, columns))
    }

    fn subquery(&mut self, depth: u32, outer: Option<&Scope>, lateral: bool) -> (Node, Visible) {
        let (query, columns) = self.query(depth, outer, None, false);
        let alias = self.fresh("s");
        let (what, lead) = if lateral { ("LATERAL", "LATERAL (") } else { ("subquery in FROM", "(") };
        (
            Node::new(Sort::From, what).text(lead).node(query).text(format!(") AS {alias}")),
            visible(&alias, columns),
        )
    }

    fn values(&mut self, outer: Option<&Scope>) -> (Node, Visible) {
        let types: Vec<Ty> =
            (0..self.rng.usize(1..4)).map(|_| self.schema.types.any(&mut self.rng)).collect();
        let node = self.values_rows(&types, 0, outer);
        let alias = self.fresh("v");
        let columns: Vec<(String, Ty)> =
            types.iter().enumerate().map(|(at, ty)| (format!("c{at}"), *ty)).collect();
        let names: Vec<String> = columns.iter().map(|it| it.0.clone()).collect();
        let node = Node::new(Sort::From, "VALUES in FROM")
            .text("(")
            .node(node)
            .text(format!(") AS {alias} ({})", names.join(", ")));
        (node, visible(&alias, columns))
    }

    /// `VALUES` with rows of these types.
    pub(super) fn values_rows(&mut self, types: &[Ty], depth: u32, outer: Option<&Scope>) -> Node {
        let bundle = self.bundle();
        let scope = Scope { outer: outer.map(|it| Rc::new(it.plain())), ..Scope::default() };
        let rows = (0..self.rng.usize(1..4))
            .map(|_| {
                let items = types.iter().map(|ty| self.operand(*ty, depth, &scope)).collect();
                Node::words("(").bundle(bundle, "", ", ", items).text(")")
            })
            .collect();
        Node::new(Sort::Query, "VALUES").list_of(1, "VALUES ", ", ", rows)
    }

    fn function(&mut self, depth: u32, outer: Option<&Scope>) -> (Node, Visible) {
        let scope = Scope { outer: outer.map(|it| Rc::new(it.plain())), ..Scope::default() };
        let alias = self.fresh("f");
        if self.once_in(5) {
            return self.unnest_many(depth, &scope, alias);
        }
        let (call, mut columns) = self.set_call(depth, &scope);
        let ordinality = self.once_in(4);
        if columns.len() == 1 && columns[0].0.is_empty() {
            columns[0].0.clone_from(&alias);
        }
        let mut text = String::new();
        if ordinality {
            text += " WITH ORDINALITY";
            columns.push(("ordinality".to_owned(), oid::INT8));
        }
        text += &format!(" AS {alias}");
        if self.once_in(3) {
            let names: Vec<String> = columns.iter().map(|_| self.fresh("n")).collect();
            text += &format!(" ({})", names.join(", "));
            columns.iter_mut().zip(names).for_each(|(column, name)| column.0 = name);
        }
        let what = if ordinality { "WITH ORDINALITY" } else { "function in FROM" };
        (Node::new(Sort::From, what).node(call).text(text), visible(&alias, columns))
    }

    fn unnest_many(&mut self, depth: u32, scope: &Scope, alias: String) -> (Node, Visible) {
        let count = self.rng.usize(2..4);
        let mut args = Vec::new();
        let mut columns = Vec::new();
        for _ in 0..count {
            let element = crate::types::BASE[self.rng.usize(..10)];
            let array = self.schema.types.array(element).unwrap_or(oid::TEXTARRAY);
            let sql = self.sql(array);
            let item = self.expr(array, depth, scope);
            args.push(Node::words("(").node(item).text(format!(")::{sql}")));
            columns.push((self.fresh("n"), element));
        }
        let bundle = self.bundle();
        let names = columns.iter().map(|it| Node::words(it.0.clone())).collect();
        let node = Node::new(Sort::From, "unnest of several")
            .text("unnest(")
            .bundle(bundle, "", ", ", args)
            .text(format!(") AS {alias} ("))
            .bundle(bundle, "", ", ", names)
            .text(")");
        (node, visible(&alias, columns))
    }

    fn rows_from(&mut self, outer: Option<&Scope>) -> (Node, Visible) {
        let scope = Scope { outer: outer.map(|it| Rc::new(it.plain())), ..Scope::default() };
        let alias = self.fresh("f");
        let mut calls = Vec::new();
        let mut columns = Vec::new();
        for _ in 0..2 {
            let (call, found) = self.set_call(0, &scope);
            calls.push(call);
            columns.extend(found);
        }
        columns.iter_mut().for_each(|column| column.0 = self.fresh("n"));
        let names: Vec<String> = columns.iter().map(|it| it.0.clone()).collect();
        let node = Node::new(Sort::From, "ROWS FROM")
            .list_of(1, "ROWS FROM (", ", ", calls)
            .text(format!(") AS {alias} ({})", names.join(", ")));
        (node, visible(&alias, columns))
    }

    fn join(&mut self, depth: u32, outer: Option<&Scope>) -> (Node, Visible) {
        let (left, seen) = self.from(depth, outer);
        let kind = self
            .choose(&[
                "JOIN",
                "LEFT JOIN",
                "LEFT JOIN",
                "RIGHT JOIN",
                "FULL JOIN",
                "CROSS JOIN",
                "INNER JOIN",
            ])
            .unwrap_or("JOIN");
        if ["JOIN", "LEFT JOIN", "CROSS JOIN"].contains(&kind) && self.once_in(5) {
            let mut around = self.scope(&seen, outer);
            around.windows = false;
            let (right, more) = if self.rng.bool() {
                self.subquery(depth, Some(&around), true)
            } else {
                let (function, visible) = self.function(depth, Some(&around));
                (Node::new(Sort::From, "LATERAL function").node(function), visible)
            };
            let node = Node::new(Sort::From, format!("{kind} LATERAL"))
                .text("(")
                .node(left)
                .text(format!(" {kind} "))
                .node(right);
            let both = seen.join(more);
            let node = if kind == "CROSS JOIN" {
                node
            } else if self.rng.bool() {
                node.text(" ON TRUE")
            } else {
                let scope = self.scope(&both, outer);
                node.text(" ON ").node(self.condition(1, &scope))
            };
            return (node.text(")"), both);
        }
        let (right, more) = self.from(depth.min(1), outer);
        let node = Node::new(Sort::From, kind);
        if kind == "CROSS JOIN" {
            return (node.text("(").node(left).text(" CROSS JOIN ").node(right).text(")"), seen.join(more));
        }
        let common: Vec<(String, Ty)> = {
            let right = more.names();
            seen.names()
                .into_iter()
                .filter(|it| right.contains(it) && self.schema.types.is_ordered(it.1))
                .collect()
        };
        if !common.is_empty() && self.rng.bool() {
            let count = self.rng.usize(1..=common.len().min(2));
            let merged = &common[..count];
            let names: Vec<String> = merged.iter().map(|it| it.0.clone()).collect();
            let all_common = {
                let right = more.names();
                seen.names().iter().filter(|it| right.iter().any(|other| other.0 == it.0)).count()
            };
            let natural = all_common == count && self.once_in(3);
            let mut both = Visible::default();
            both.columns.extend(merged.iter().map(|it| (String::new(), it.0.clone(), it.1)));
            let rest = seen.join(more);
            both.columns
                .extend(rest.columns.into_iter().filter(|it| !it.0.is_empty() || !names.contains(&it.1)));
            both.tables = rest.tables;
            let node = if natural {
                Node::new(Sort::From, "NATURAL")
                    .text("(")
                    .node(left)
                    .text(format!(" NATURAL {kind} "))
                    .node(right)
            } else {
                let alias = if self.once_in(5) { format!(" AS {}", self.fresh("u")) } else { String::new() };
                Node::new(Sort::From, format!("{kind} USING"))
                    .text("(")
                    .node(left)
                    .text(format!(" {kind} "))
                    .node(right)
                    .text(format!(" USING ({}){alias}", names.join(", ")))
            };
            return (node.text(")"), both);
        }
        let seen_before = seen.clone();
        let both = seen.join(more);
        let scope = self.scope(&both, outer);
        let condition = match self.rng.u32(..6) {
            // The condition of a FULL JOIN is mostly an equality, because PostgreSQL rejects most other conditions when
            // the statement runs.
            0..5 if kind == "FULL JOIN" => self.equality(&seen_before, &scope),
            0 => Node::expr(oid::BOOL, "").text("TRUE"),
            _ => self.condition(depth.min(2), &scope),
        };
        let node = node
            .text("(")
            .node(left)
            .text(format!(" {kind} "))
            .node(right)
            .text(" ON ")
            .node(condition)
            .text(")");
        if self.once_in(12) {
            // An alias for the join hides the tables that the join contains.
            let alias = self.fresh("j");
            let names = both.names();
            let unique: Vec<(String, Ty)> = names
                .into_iter()
                .filter(|it| both.is_unique(&it.0))
                .filter(|it| it.0 != "ctid" && it.0 != "tableoid")
                .collect();
            let node = Node::new(Sort::From, "join with an alias").node(node).text(format!(" AS {alias}"));
            return (node, visible(&alias, unique));
        }
        (node, both)
    }
}

impl Gen<'_> {
    /// Returns the condition that two columns are equal: columns of the same type, one from each side of the join.
    fn equality(&mut self, left: &Visible, scope: &Scope) -> Node {
        let pairs: Vec<(Node, Node)> = scope
            .items
            .iter()
            .take(left.columns.len())
            .flat_map(|a| {
                let right = scope.items.iter().skip(left.columns.len());
                right.filter(move |b| a.0 == b.0).map(move |b| (a.1.clone(), b.1.clone()))
            })
            .filter(|(a, _)| match a.sort {
                Sort::Expr(ty) => self.schema.types.is_ordered(ty),
                _ => false,
            })
            .collect();
        match self.choose(&pairs) {
            Some((a, b)) => {
                Node::expr(oid::BOOL, "comparison").text("(").node(a).text(" = ").node(b).text(")")
            }
            None => Node::expr(oid::BOOL, "").text("TRUE"),
        }
    }
}

fn visible(alias: &str, columns: Vec<(String, Ty)>) -> Visible {
    Visible {
        columns: columns.into_iter().map(|(name, ty)| (alias.to_owned(), name, ty)).collect(),
        tables: vec![alias.to_owned()],
    }
}
