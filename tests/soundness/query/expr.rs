//! Expressions of a given type: leaves, and expressions with a special syntax.

use dsql_edge_compiler::builtin::{self, oid};

use super::Gen;
use super::scope::Scope;
use crate::tree::Node;
use crate::types::{Ty, Types, UserKind};

impl Gen<'_> {
    /// An expression that should have this type.
    pub(super) fn expr(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        if depth == 0 {
            return self.leaf(ty, scope);
        }
        let next = depth - 1;
        if scope.inside.is_some()
            && self.once_in(4)
            && let Some(node) = self.aggregate(ty, next, scope)
        {
            return node;
        }
        if scope.windows
            && self.once_in(7)
            && let Some(node) = self.window_call(ty, next, scope)
        {
            return node;
        }
        match self.rng.u32(..100) {
            0..22 => self.leaf(ty, scope),
            22..37 => self.call(ty, next, scope),
            37..52 => self.operator(ty, next, scope),
            52..60 => self.case(ty, next, scope),
            60..66 => {
                let count = self.rng.usize(1..4);
                let items = (0..count).map(|_| self.expr(ty, next, scope)).collect();
                Node::expr(ty, "COALESCE").text("COALESCE(").list_of(1, "", ", ", items).text(")")
            }
            66..69 if self.schema.types.is_ordered(ty) => Node::expr(ty, "NULLIF")
                .text("NULLIF(")
                .node(self.expr(ty, next, scope))
                .text(", ")
                .node(self.expr(ty, next, scope))
                .text(")"),
            69..72 if self.schema.types.is_ordered(ty) => {
                let word = if self.rng.bool() { "GREATEST" } else { "LEAST" };
                let count = self.rng.usize(1..4);
                let items = (0..count).map(|_| self.expr(ty, next, scope)).collect();
                Node::expr(ty, word).text(word).list_of(1, "(", ", ", items).text(")")
            }
            72..78 => self.cast(ty, next, scope),
            78..80 => match self.along_a_key(ty, scope) {
                Some(node) => node,
                None => self.scalar_subquery(ty, next, scope),
            },
            80..83 => self.scalar_subquery(ty, next, scope),
            83..88 => self.part_of(ty, next, scope),
            _ => self.special(ty, next, scope),
        }
    }

    /// A column, a constant or a parameter.
    pub(super) fn leaf(&mut self, ty: Ty, scope: &Scope) -> Node {
        let known = scope.of_type(ty);
        if !self.once_in(4)
            && let Some(node) = self.choose(&known)
        {
            return node;
        }
        let sql = self.sql(ty);
        let number = self.rng.u32(..8);
        let literal = self.schema.types.literal(ty, number);
        match self.rng.u32(..100) {
            0..6 if self.parametric => {
                let id = self.parameter(ty);
                Node::expr(ty, "bare parameter").parameter(id)
            }
            6..30 if self.parametric => {
                let id = self.parameter(ty);
                Node::expr(ty, "parameter").parameter(id).text(format!("::{sql}"))
            }
            30..33 => Node::expr(ty, "NULL").text("NULL"),
            33..43 => Node::expr(ty, "typed NULL").text(format!("NULL::{sql}")),
            43..55 => match ty {
                oid::INT4 => Node::expr(ty, "number").text(["0", "1", "2", "3", "7"][number as usize % 5]),
                oid::NUMERIC => Node::expr(ty, "number").text(["0.0", "1.5", "2e3"][number as usize % 3]),
                oid::BOOL => Node::expr(ty, "boolean").text(["TRUE", "FALSE"][number as usize % 2]),
                oid::INT8 => Node::expr(ty, "number").text("3000000000"),
                _ if number > 3 => Node::expr(ty, "constant").text(format!("{literal}::{sql}")),
                _ => Node::expr(ty, "unknown constant").text(literal),
            },
            55..65 => Node::expr(ty, "CAST").text(format!("CAST({literal} AS {sql})")),
            65..70
                if schema_free(ty)
                    && self.schema.types.element(ty).is_none()
                    && builtin::type_by_oid(ty).is_some()
                    && ty != oid::CHAR =>
            {
                Node::expr(ty, "typed constant").text(format!("{sql} {literal}"))
            }
            70..74 => match self.niladic(ty) {
                Some(node) => node,
                None => Node::expr(ty, "constant").text(format!("{literal}::{sql}")),
            },
            _ => Node::expr(ty, "constant").text(format!("{literal}::{sql}")),
        }
    }

    /// A new or an existing parameter of this type.
    pub(super) fn parameter(&mut self, ty: Ty) -> u32 {
        let same: Vec<usize> = (0..self.parameters.len()).filter(|at| self.parameters[*at] == ty).collect();
        match self.choose(&same) {
            Some(at) if self.once_in(3) => at as u32,
            _ => {
                self.parameters.push(ty);
                self.parameters.len() as u32 - 1
            }
        }
    }

    fn niladic(&mut self, ty: Ty) -> Option<Node> {
        let words: &[&'static str] = match ty {
            oid::DATE => &["CURRENT_DATE"],
            oid::TIMETZ => &["CURRENT_TIME", "CURRENT_TIME(2)"],
            oid::TIMESTAMPTZ => &["CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP(0)", "now()"],
            oid::TIME => &["LOCALTIME"],
            oid::TIMESTAMP => &["LOCALTIMESTAMP", "LOCALTIMESTAMP(3)"],
            oid::NAME => {
                &["CURRENT_USER", "SESSION_USER", "CURRENT_CATALOG", "CURRENT_SCHEMA", "CURRENT_ROLE", "USER"]
            }
            oid::UUID => &["gen_random_uuid()"],
            oid::FLOAT8 => &["random()"],
            _ => return None,
        };
        Some(Node::expr(ty, "CURRENT_*").text(self.choose(words)?))
    }

    fn case(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let simple = self.once_in(3);
        let subject_type = self.ordered_type(scope);
        let mut node = Node::expr(ty, if simple { "simple CASE" } else { "CASE" }).text("CASE");
        if simple {
            node = node.text(" ").node(self.operand(subject_type, depth, scope));
        }
        let count = self.rng.usize(1..3);
        let mut arms = Vec::new();
        for _ in 0..count {
            let when = if simple { self.expr(subject_type, 0, scope) } else { self.condition(depth, scope) };
            arms.push(Node::words("WHEN ").node(when).text(" THEN ").node(self.expr(ty, depth, scope)));
        }
        node = node.list_of(1, " ", " ", arms);
        let otherwise = if self.once_in(3) { None } else { Some(self.expr(ty, depth, scope)) };
        node.maybe(" ELSE ", otherwise).text(" END")
    }

    /// Generates a cast to the type `ty` from a type that PostgreSQL can cast to `ty`.
    fn cast(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let base = self.schema.types.base(ty);
        let mut from: Vec<Ty> = crate::types::BASE
            .iter()
            .copied()
            .filter(|source| builtin::cast(*source, base).is_some() || *source == oid::TEXT)
            .collect();
        from.push(base);
        let source = self.choose(&from).unwrap_or(oid::TEXT);
        let sql = self.sql(ty);
        let typmod = match ty {
            oid::NUMERIC if self.once_in(3) => "(8,2)",
            oid::VARCHAR | oid::BPCHAR if self.once_in(2) => "(3)",
            oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::TIME | oid::INTERVAL if self.once_in(4) => "(1)",
            _ => "",
        };
        // A cast from text has a suitable constant as its operand, because few strings are valid for the type.
        let arg = if source == oid::TEXT && ![oid::VARCHAR, oid::BPCHAR, oid::NAME, oid::TEXT].contains(&base)
        {
            let literal = self.schema.types.literal(ty, self.names % 7);
            let null = if self.once_in(3) { "NULL" } else { literal.as_str() };
            Node::expr(oid::TEXT, "constant").text(format!("{null}::text"))
        } else {
            self.expr(source, depth, scope)
        };
        if self.rng.bool() {
            Node::expr(ty, "CAST").text("CAST(").node(arg).text(format!(" AS {sql}{typmod})"))
        } else {
            Node::expr(ty, "::").text("(").node(arg).text(format!(")::{sql}{typmod}"))
        }
    }

    /// A subquery that returns a column of another table. The subquery selects the row whose primary key equals a
    /// column in scope; this column may be a foreign key to that table.
    fn along_a_key(&mut self, ty: Ty, scope: &Scope) -> Option<Node> {
        let tables = self.schema.relations.iter().filter(|it| it.primary && it.keys[0].len() == 1);
        let found: Vec<(String, String, String, Ty)> = tables
            .flat_map(|table| {
                let key = &table.columns[table.keys[0][0]];
                let columns = table.columns.iter().filter(|column| column.ty == ty);
                columns.map(|it| (table.name.clone(), it.name.clone(), key.name.clone(), key.ty))
            })
            .collect();
        let (table, column, key, key_ty) = self.choose(&found)?;
        let outer = self.choose(&scope.of_type(key_ty))?;
        let alias = self.fresh("a");
        let node = Node::expr(ty, "scalar subquery along a key");
        let node =
            node.text(format!("(SELECT {alias}.{column} FROM {table} AS {alias} WHERE {alias}.{key} = "));
        Some(node.node(outer).text(")"))
    }

    pub(super) fn scalar_subquery(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let query = self.query(depth.min(1), Some(scope), Some(&[ty]), true).0;
        // Most queries are limited to one row, because more rows are an error.
        match self.rng.u32(..10) {
            0 => Node::expr(ty, "scalar subquery").text("(").node(query).text(")"),
            1..4 => Node::expr(ty, "scalar subquery")
                .text("(SELECT q.c FROM (")
                .node(query)
                .text(") AS q (c) LIMIT 1)"),
            4..6 => Node::expr(ty, "scalar subquery")
                .text("(SELECT q.c FROM (")
                .node(query)
                .text(") AS q (c) WHERE q.c IS NOT NULL LIMIT 1)"),
            _ => Node::expr(ty, "scalar subquery, aggregated")
                .text("(SELECT (array_agg(q.c))[1] FROM (")
                .node(query)
                .text(") AS q (c))"),
        }
    }

    /// An element of an array, or a field of a composite.
    fn part_of(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let fields: Vec<(Ty, String)> = self
            .schema
            .types
            .user
            .iter()
            .enumerate()
            .filter_map(|(at, user)| match &user.kind {
                UserKind::Composite(fields) => Some((Types::user_ty(at), fields)),
                _ => None,
            })
            .flat_map(|(whole, fields)| {
                fields.iter().filter(|field| field.1 == ty).map(move |field| (whole, field.0.clone()))
            })
            .collect();
        if self.rng.bool()
            && let Some((whole, name)) = self.choose(&fields)
        {
            let arg = self.expr(whole, depth, scope);
            let sql = self.sql(whole);
            return Node::expr(ty, "field").text("((").node(arg).text(format!(")::{sql}).{name}"));
        }
        let Some(array) = self.schema.types.array(ty) else { return self.leaf(ty, scope) };
        let arg = self.expr(array, depth, scope);
        let sql = self.sql(array);
        Node::expr(ty, "subscript")
            .text("((")
            .node(arg)
            .text(format!(")::{sql})["))
            .node(self.expr(oid::INT4, 0, scope))
            .text("]")
    }

    /// An expression that exists only for some types.
    fn special(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        if ty == oid::BOOL {
            return self.condition(depth, scope);
        }
        if let Some(element) = self.schema.types.element(ty) {
            return self.array(ty, element, depth, scope);
        }
        match self.schema.types.user(ty).map(|user| user.kind.clone()) {
            Some(UserKind::Composite(fields)) => {
                let items: Vec<Node> = fields.iter().map(|field| self.expr(field.1, depth, scope)).collect();
                let sql = self.sql(ty);
                return Node::expr(ty, "ROW")
                    .text("ROW(")
                    .list_of(items.len(), "", ", ", items)
                    .text(format!(")::{sql}"));
            }
            Some(UserKind::Domain { base, .. }) => {
                let sql = self.sql(ty);
                return Node::expr(ty, "::")
                    .text("(")
                    .node(self.expr(base, depth, scope))
                    .text(format!(")::{sql}"));
            }
            _ => {}
        }
        match ty {
            oid::TEXT => self.text_syntax(depth, scope),
            oid::NUMERIC => {
                let field =
                    self.choose(&["year", "epoch", "day", "hour", "century", "isodow"]).unwrap_or("day");
                let source = self
                    .choose(&[oid::DATE, oid::TIMESTAMP, oid::TIMESTAMPTZ, oid::INTERVAL])
                    .unwrap_or(oid::TIMESTAMP);
                let field = if source == oid::DATE && field == "hour" { "month" } else { field };
                let sql = self.sql(source);
                Node::expr(ty, "EXTRACT")
                    .text(format!("EXTRACT({field} FROM ("))
                    .node(self.expr(source, depth, scope))
                    .text(format!(")::{sql})"))
            }
            oid::INT4 => Node::expr(ty, "POSITION")
                .text("POSITION((")
                .node(self.expr(oid::TEXT, depth, scope))
                .text(") IN (")
                .node(self.expr(oid::TEXT, 0, scope))
                .text("))"),
            oid::TIMESTAMP => Node::expr(ty, "AT TIME ZONE")
                .text("((")
                .node(self.expr(oid::TIMESTAMPTZ, depth, scope))
                .text(")::timestamptz AT TIME ZONE 'UTC')"),
            oid::TIMESTAMPTZ => Node::expr(ty, "AT TIME ZONE")
                .text("((")
                .node(self.expr(oid::TIMESTAMP, depth, scope))
                .text(")::timestamp AT TIME ZONE 'UTC')"),
            oid::JSONB | oid::JSON => self.json(ty, depth, scope),
            _ => self.leaf(ty, scope),
        }
    }

    fn json(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let some = self.some_type(scope);
        match self.rng.u32(..4) {
            0 | 3 if ty == oid::JSON => Node::expr(ty, "JSON_OBJECT")
                .text("JSON_OBJECT('k' VALUE ")
                .node(self.expr(some, depth, scope))
                .text(if self.rng.bool() { " ABSENT ON NULL)" } else { ")" }),
            1 if ty == oid::JSON => {
                Node::expr(ty, "JSON_ARRAY").text("JSON_ARRAY(").node(self.expr(some, depth, scope)).text(")")
            }
            2 if ty == oid::JSONB => Node::expr(ty, "jsonb subscript")
                .text("((")
                .node(self.expr(ty, depth, scope))
                .text(")::jsonb)['a']"),
            _ => {
                let prefix = if ty == oid::JSON { "json" } else { "jsonb" };
                let count = self.rng.usize(1..3);
                let items = (0..count)
                    .map(|at| {
                        let ty = self.some_type(scope);
                        Node::words(format!("'k{at}', ")).node(self.expr(ty, depth, scope))
                    })
                    .collect();
                Node::expr(ty, "json_build_object")
                    .text(format!("{prefix}_build_object("))
                    .list("", ", ", items)
                    .text(")")
            }
        }
    }

    fn text_syntax(&mut self, depth: u32, scope: &Scope) -> Node {
        let text = self.expr(oid::TEXT, depth, scope);
        let other = self.expr(oid::TEXT, 0, scope);
        let ty = oid::TEXT;
        match self.rng.u32(..6) {
            0 => Node::expr(ty, "TRIM").text("TRIM(BOTH ").node(other).text(" FROM ").node(text).text(")"),
            1 => Node::expr(ty, "SUBSTRING")
                .text("SUBSTRING((")
                .node(text)
                .text(")::text FROM ")
                .node(self.expr(oid::INT4, 0, scope))
                .text(if self.rng.bool() { " FOR 2)" } else { ")" }),
            2 => Node::expr(ty, "OVERLAY")
                .text("OVERLAY((")
                .node(text)
                .text(")::text PLACING ")
                .node(other)
                .text(" FROM 1)"),
            3 => Node::expr(ty, "COLLATE").text("(").node(text).text(" COLLATE \"C\")"),
            4 => Node::expr(ty, "SUBSTRING SIMILAR")
                .text("SUBSTRING((")
                .node(text)
                .text(")::text SIMILAR 'a%' ESCAPE '#')"),
            _ => Node::expr(ty, "NORMALIZE").text("NORMALIZE((").node(text).text(")::text)"),
        }
    }

    fn array(&mut self, ty: Ty, element: Ty, depth: u32, scope: &Scope) -> Node {
        let sql = self.sql(ty);
        match self.rng.u32(..10) {
            0..5 => {
                let count = self.rng.usize(..4);
                let items = (0..count).map(|_| self.expr(element, depth, scope)).collect();
                let node = Node::expr(ty, "ARRAY[]").text("ARRAY[").list("", ", ", items).text("]");
                if count == 0 || self.rng.bool() { node.text(format!("::{sql}")) } else { node }
            }
            5..8 => {
                let query = self.query(depth.min(1), Some(scope), Some(&[element]), true).0;
                Node::expr(ty, "ARRAY()").text("ARRAY(").node(query).text(")")
            }
            _ => {
                let slice = self.choose(&["[1:2]", "[:1]", "[2:]", "[:]"]).unwrap_or("[:]");
                Node::expr(ty, "slice")
                    .text("((")
                    .node(self.expr(ty, depth, scope))
                    .text(format!(")::{sql}){slice}"))
            }
        }
    }
}

fn schema_free(ty: Ty) -> bool {
    !crate::schema::is_user(ty)
}
