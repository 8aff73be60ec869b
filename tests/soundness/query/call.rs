//! Generates calls of functions, operators, aggregates, window functions and set-returning functions from PostgreSQL's
//! catalog, and calls of the schema's own functions.

use dsql_edge_compiler::builtin::{AggregateKind, Function, FunctionKind, Oid, oid};

use super::Gen;
use super::scope::Scope;
use crate::catalog::{element_for, instantiate, is_polymorphic};
use crate::tree::Node;
use crate::types::{BASE, Ty, quoted};

impl Gen<'_> {
    /// A call of a function that returns this type.
    pub(super) fn call(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let own: Vec<_> =
            self.schema.functions.iter().filter(|it| it.returns == ty && !it.set).cloned().collect();
        if self.once_in(3)
            && let Some(function) = self.choose(&own)
        {
            let args = function.args.iter().map(|ty| self.expr(*ty, depth, scope)).collect();
            return Node::expr(ty, "function of the schema")
                .text(function.name)
                .list_of(function.args.len(), "(", ", ", args)
                .text(if function.args.is_empty() { "()" } else { ")" });
        }
        let catalog = self.catalog;
        let concrete = catalog.by_result.get(&ty).map_or(&[][..], Vec::as_slice);
        let function = if concrete.is_empty() || self.once_in(4) {
            self.choose(&catalog.polymorphic)
        } else {
            self.choose(concrete)
        };
        let Some(function) = function else { return self.leaf(ty, scope) };
        match self.arguments(&function, Some(ty), depth, scope) {
            Some(args) => finish(Node::expr(ty, format!("{}()", function.name)), &function, args, ""),
            None => self.leaf(ty, scope),
        }
    }

    /// The arguments of a call, chosen so that its result has this type.
    fn arguments(
        &mut self,
        function: &Function,
        ty: Option<Ty>,
        depth: u32,
        scope: &Scope,
    ) -> Option<Vec<Node>> {
        let types = self.schema.types.clone();
        let element = match ty {
            Some(ty) if is_polymorphic(function.returns) => element_for(&types, function.returns, ty)?,
            _ => self.element(function.args(), scope),
        };
        let mut args = Vec::new();
        let declared: Vec<Oid> = function.args().collect();
        let least = declared.len() - usize::from(function.defaults).min(declared.len());
        let count = if least < declared.len() { self.rng.usize(least..=declared.len()) } else { least };
        for (at, declared) in declared.iter().take(count).enumerate() {
            let variadic = function.variadic != 0 && at + 1 == count;
            if variadic && self.once_in(4) {
                let item = if function.variadic == oid::ANY { self.some_type(scope) } else { element };
                let array = match is_polymorphic(function.variadic) || function.variadic == oid::ANY {
                    true => types.array(item),
                    false => types.array(function.variadic),
                };
                let array = array?;
                let sql = self.sql(array);
                let value = Node::expr(array, "::").text("(").node(self.expr(array, depth, scope));
                let value = value.text(format!(")::{sql}"));
                args.push(Node::expr(array, "VARIADIC array").text("VARIADIC ").node(value));
                continue;
            }
            let declared = if variadic { function.variadic } else { *declared };
            let times = if variadic { self.rng.usize(1..4) } else { 1 };
            for _ in 0..times {
                let ty = match declared {
                    oid::ANY => self.some_type(scope),
                    declared => instantiate(&types, declared, element)?,
                };
                args.push(if is_polymorphic(declared) {
                    self.operand(ty, depth, scope)
                } else {
                    self.expr(ty, depth, scope)
                });
            }
        }
        Some(args)
    }

    /// An expression whose type PostgreSQL can nearly always determine without its context.
    pub(super) fn operand(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        if self.once_in(12) { self.expr(ty, depth, scope) } else { self.key(ty, depth, scope) }
    }

    /// Chooses the element type for the polymorphic arguments.
    fn element(&mut self, args: impl Iterator<Item = Oid> + Clone, scope: &Scope) -> Ty {
        for _ in 0..8 {
            let ty = self.some_type(scope);
            if args.clone().all(|arg| instantiate(&self.schema.types, arg, ty).is_some()) {
                return ty;
            }
        }
        oid::INT4
    }

    /// An operator that returns this type.
    pub(super) fn operator(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Node {
        let catalog = self.catalog;
        let concrete = catalog.operators.get(&ty).map_or(&[][..], Vec::as_slice);
        let operator = if concrete.is_empty() || self.once_in(6) {
            self.choose(&catalog.polymorphic_operators)
        } else {
            self.choose(concrete)
        };
        let Some(operator) = operator else { return self.leaf(ty, scope) };
        let types = self.schema.types.clone();
        let element = if is_polymorphic(operator.result) {
            element_for(&types, operator.result, ty)
        } else {
            Some(self.element([operator.left, operator.right].into_iter().filter(|it| *it != 0), scope))
        };
        let Some(element) = element else { return self.leaf(ty, scope) };
        let right = instantiate(&types, operator.right, element);
        let left = instantiate(&types, operator.left, element);
        let (Some(left), Some(right)) = (left, right) else { return self.leaf(ty, scope) };
        let node = Node::expr(ty, format!("operator {}", operator.name)).text("(");
        let node = if left == 0 { node } else { node.node(self.operand(left, depth, scope)).text(" ") };
        node.text(format!("{} ", operator.name)).node(self.operand(right, depth, scope)).text(")")
    }

    /// An aggregate that returns this type.
    pub(super) fn aggregate(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Option<Node> {
        let inside = scope.within()?.plain();
        let function = self.aggregate_for(ty)?;
        let what = format!("{}()", function.name);
        let node = match function.kind {
            FunctionKind::Aggregate(AggregateKind::Normal) => {
                if function.name == "count" && function.nargs() == 0 {
                    Node::expr(ty, "count(*)").text("count(*)")
                } else {
                    let args = self.arguments(&function, Some(ty), depth, &inside)?;
                    let ordered = args.len() == 1 && self.once_in(8);
                    if ordered {
                        let key_type = self.ordered_type(&inside);
                        let key = self.key(key_type, 0, &inside);
                        finish(Node::expr(ty, what), &function, args, "").before_end(" ORDER BY ", key)
                    } else {
                        let sortable = function.args().all(|it| self.schema.types.is_ordered(it))
                            && !function.args().any(is_polymorphic);
                        let distinct =
                            if sortable && args.len() == 1 && self.once_in(6) { "DISTINCT " } else { "" };
                        finish(Node::expr(ty, what), &function, args, distinct)
                    }
                }
            }
            _ => {
                // The direct arguments of an aggregate can refer to the grouping keys; the other arguments can refer to
                // the rows of the group.
                let types = self.schema.types.clone();
                let element = match is_polymorphic(function.returns) {
                    true => element_for(&types, function.returns, ty)?,
                    false => self.ordered_type(&inside),
                };
                if !types.is_ordered(element) {
                    return None;
                }
                let declared: Vec<Oid> = function.args().collect();
                let direct = usize::from(function.direct_args);
                let plain = scope.plain();
                if function.kind == FunctionKind::Aggregate(AggregateKind::HypotheticalSet) {
                    let first = self.leaf(element, &Scope::default());
                    let second = self.leaf(element, &inside);
                    return Some(
                        self.filter(
                            Node::expr(ty, what)
                                .text(format!("{}(", quoted(function.name)))
                                .node(first)
                                .text(") WITHIN GROUP (ORDER BY ")
                                .node(second)
                                .text(")"),
                            depth,
                            &inside,
                        ),
                    );
                }
                let mut directs = Vec::new();
                for declared in declared.iter().take(direct) {
                    let ty = instantiate(&types, *declared, element)?;
                    directs.push(match ty {
                        oid::FLOAT8 => Node::expr(ty, "number").text("0.5"),
                        ty => self.leaf(ty, &plain),
                    });
                }
                let mut keys = Vec::new();
                for declared in declared.iter().skip(direct) {
                    let ty = instantiate(&types, *declared, element)?;
                    keys.push(self.expr(ty, depth, &inside));
                }
                Node::expr(ty, what)
                    .text(format!("{}(", quoted(function.name)))
                    .list("", ", ", directs)
                    .text(") WITHIN GROUP (ORDER BY ")
                    .list_of(1, "", ", ", keys)
                    .text(")")
            }
        };
        Some(self.filter(node, depth, &inside))
    }

    fn filter(&mut self, node: Node, depth: u32, inside: &Scope) -> Node {
        if !self.once_in(5) {
            return node;
        }
        let condition = self.condition(depth.min(1), inside);
        Node::new(node.sort, "FILTER").node(node).text(" FILTER (WHERE ").node(condition).text(")")
    }

    fn aggregate_for(&mut self, ty: Ty) -> Option<Function> {
        let catalog = self.catalog;
        let found: Vec<Function> = catalog
            .aggregates
            .iter()
            .filter(|it| {
                it.returns == ty
                    || is_polymorphic(it.returns) && element_for(&self.schema.types, it.returns, ty).is_some()
            })
            .copied()
            .collect();
        self.choose(&found)
    }

    /// A window function, or an aggregate over a window.
    pub(super) fn window_call(&mut self, ty: Ty, depth: u32, scope: &Scope) -> Option<Node> {
        let plain = Scope { windows: false, ..scope.clone() };
        let call = if self.rng.bool() {
            let catalog = self.catalog;
            let found: Vec<Function> = catalog
                .windows
                .iter()
                .filter(|it| it.returns == ty || is_polymorphic(it.returns))
                .copied()
                .collect();
            let function = self.choose(&found)?;
            let args = self.arguments(&function, Some(ty), depth, &plain)?;
            finish(Node::expr(ty, format!("{}()", function.name)), &function, args, "")
        } else {
            let function = self.aggregate_for(ty)?;
            if function.kind != FunctionKind::Aggregate(AggregateKind::Normal) {
                return None;
            }
            if function.name == "count" && function.nargs() == 0 {
                Node::expr(ty, "count(*)").text("count(*)")
            } else {
                let args = self.arguments(&function, Some(ty), depth, &plain)?;
                let call = finish(Node::expr(ty, format!("{}()", function.name)), &function, args, "");
                self.filter(call, depth, &plain)
            }
        };
        let over = match self.choose(&scope.named_windows) {
            Some(name) if self.rng.bool() => Node::words(name),
            _ => Node::words("(").node(self.window(depth, &plain)).text(")"),
        };
        Some(Node::expr(ty, "OVER").node(call).text(" OVER ").node(over))
    }

    /// The content of a window's parentheses.
    pub(super) fn window(&mut self, depth: u32, scope: &Scope) -> Node {
        let mut partition = Vec::new();
        if self.rng.bool() {
            let ty = self.ordered_type(scope);
            partition.push(self.expr(ty, depth.min(1), scope));
        }
        let mut order = Vec::new();
        if self.rng.bool() {
            let ty = self.ordered_type(scope);
            order.push(self.key(ty, 0, scope).text(self.direction()));
        }
        let unit = if order.is_empty() { "ROWS" } else { self.choose(&["ROWS", "GROUPS"]).unwrap_or("ROWS") };
        let range = self.choose(&[
            "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
            "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
        ]);
        let bounds = [
            "BETWEEN 1 PRECEDING AND 1 FOLLOWING",
            "BETWEEN 2 PRECEDING AND 1 PRECEDING",
            "BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
            "UNBOUNDED PRECEDING",
            "BETWEEN CURRENT ROW AND 1 FOLLOWING",
        ];
        let exclude = self.choose(&[
            "",
            "",
            " EXCLUDE CURRENT ROW",
            " EXCLUDE GROUP",
            " EXCLUDE TIES",
            " EXCLUDE NO OTHERS",
        ]);
        let frame = match self.rng.u32(..6) {
            0 => range.map(|it| Node::new(crate::tree::Sort::Other, "frame").text(it)),
            1 | 2 => self.choose(&bounds).map(|it| {
                Node::new(crate::tree::Sort::Other, "frame")
                    .text(format!("{unit} {it}{}", exclude.unwrap_or("")))
            }),
            _ => None,
        };
        Node::words("")
            .list("PARTITION BY ", ", ", partition)
            .list(" ORDER BY ", ", ", order)
            .maybe(" ", frame)
    }

    pub(super) fn direction(&mut self) -> &'static str {
        self.choose(&["", "", " DESC", " ASC", " NULLS FIRST", " DESC NULLS LAST"]).unwrap_or("")
    }

    /// A call that returns a set, and its columns. If the function does not name its column, the name is empty.
    pub(super) fn set_call(&mut self, depth: u32, scope: &Scope) -> (Node, Vec<(String, Ty)>) {
        let sort = crate::tree::Sort::Other;
        match self.rng.u32(..10) {
            0..2 => {
                let ty = self.choose(&[oid::INT4, oid::INT8, oid::NUMERIC]).unwrap_or(oid::INT4);
                let sql = self.sql(ty);
                let low = Node::expr(ty, "").text(format!("{}::{sql}", self.rng.u32(..3)));
                let high = match self.rng.u32(..3) {
                    0 => self.expr(ty, depth, scope),
                    _ => Node::expr(ty, "").text(format!("3::{sql}")),
                };
                let node = Node::new(sort, "generate_series()")
                    .text("generate_series(")
                    .node(low)
                    .text(", ")
                    .node(high)
                    .text(")");
                (node, vec![(String::new(), ty)])
            }
            2..5 => {
                let element = self.some_type(scope);
                let (element, array) = match self.schema.types.array(element) {
                    Some(array) => (element, array),
                    None => (oid::TEXT, oid::TEXTARRAY),
                };
                let sql = self.sql(array);
                let node = Node::new(sort, "unnest()")
                    .text("unnest((")
                    .node(self.expr(array, depth, scope))
                    .text(format!(")::{sql})"));
                (node, vec![(String::new(), element)])
            }
            5..7 if self.schema.functions.iter().any(|it| it.set) => {
                let own: Vec<_> = self.schema.functions.iter().filter(|it| it.set).cloned().collect();
                let Some(function) = self.choose(&own) else {
                    return (Node::words("unnest('{1}'::int4[])"), vec![(String::new(), oid::INT4)]);
                };
                let args = function.args.iter().map(|ty| self.expr(*ty, depth, scope)).collect();
                let columns = if function.columns.is_empty() {
                    vec![(String::new(), function.returns)]
                } else {
                    function.columns.clone()
                };
                let node = Node::new(sort, "set function of the schema")
                    .text(function.name)
                    .text("(")
                    .list_of(function.args.len(), "", ", ", args)
                    .text(")");
                (node, columns)
            }
            _ => {
                let catalog = self.catalog;
                for _ in 0..4 {
                    let Some(function) = self.choose(&catalog.sets) else { break };
                    let ty =
                        if is_polymorphic(function.returns) { Some(BASE[self.rng.usize(..8)]) } else { None };
                    let Some(args) = self.arguments(&function, ty, depth, scope) else { continue };
                    let mut columns: Vec<(String, Ty)> =
                        function.out_columns().map(|it| (it.name.to_owned(), it.type_oid)).collect();
                    if columns.iter().any(|it| is_polymorphic(it.1))
                        || (columns.is_empty() && function.returns == oid::RECORD)
                    {
                        continue;
                    }
                    if columns.len() < 2 {
                        let ty = columns.first().map_or(ty.unwrap_or(function.returns), |it| it.1);
                        columns = vec![(String::new(), ty)];
                    }
                    let node = finish(Node::new(sort, format!("{}()", function.name)), &function, args, "");
                    return (node, columns);
                }
                (Node::words("unnest('{1,NULL}'::int4[])"), vec![(String::new(), oid::INT4)])
            }
        }
    }
}

/// Adds the function's name and its arguments to the node.
fn finish(node: Node, function: &Function, args: Vec<Node>, distinct: &'static str) -> Node {
    let least = if function.variadic != 0 { 1 } else { args.len() };
    node.text(format!("{}({distinct}", quoted(function.name))).list_of(least, "", ", ", args).text(")")
}

impl Node {
    /// Inserts a clause before the closing parenthesis.
    fn before_end(mut self, lead: &'static str, item: Node) -> Node {
        self.parts.pop();
        self.maybe(lead, Some(item)).text(")")
    }
}
