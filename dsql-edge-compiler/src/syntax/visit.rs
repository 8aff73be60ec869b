//! Visits the queries, items of `FROM`, expressions and casts of a statement.
//!
//! Input: a statement. Output: calls of a [`Visit`]. The visitor receives an expression before the parts of the
//! expression, and the type of a cast before the expression that is cast. Apart from this, the order is that of the
//! SQL, as far as the tree keeps this order. The `match` expressions do not use `_`, so that a new kind of statement,
//! action or expression cannot be forgotten. Text that the parser skips is not in the tree: `dsql::named_functions`
//! examines the skipped words.

use super::ast::{
    AlterAction, Assignment, ConflictTarget, Constraint, ConstraintKind, Distinct, Expr, ExprKind,
    FrameBound, FromItem, FunctionParameter, GroupingElement, InList, Indirection, JoinConstraint, Limit,
    MergeAction, NewType, OnConflict, Quantified, Query, QueryBody, SortBy, Statement, StatementKind,
    TableColumn, TableElement, TableSource, Target, TypeName, Window, With,
};

/// The methods receive the parts of a statement. The default methods do nothing.
pub trait Visit<'s> {
    /// Receives a query. Returns whether the parts of the query are visited too.
    fn query(&mut self, _query: &'s Query) -> bool {
        true
    }

    /// Receives an item of `FROM`. Returns whether the parts of the item are visited too.
    fn item(&mut self, _item: &'s FromItem) -> bool {
        true
    }

    /// Receives an expression.
    fn expr(&mut self, _expr: &'s Expr) {}

    /// Receives the type of a cast, and the expression that is cast.
    fn target_type(&mut self, _ty: &'s TypeName, _of: &'s Expr) {}
}

/// Visits a statement.
pub fn statement<'s>(statement: &'s Statement, visit: &mut dyn Visit<'s>) {
    match &statement.kind {
        StatementKind::Query(query) => self::query(query, visit),
        StatementKind::Insert(insert) => {
            with(&insert.with, visit);
            insert.source.iter().for_each(|source| query(source, visit));
            insert.on_conflict.iter().for_each(|it| on_conflict(it, visit));
            targets(&insert.returning, visit);
        }
        StatementKind::Update(update) => {
            with(&update.with, visit);
            update.assignments.iter().for_each(|it| assignment(it, visit));
            update.from.iter().for_each(|item| from_item(item, visit));
            update.filter.iter().for_each(|filter| expr(filter, visit));
            targets(&update.returning, visit);
        }
        StatementKind::Delete(delete) => {
            with(&delete.with, visit);
            delete.using.iter().for_each(|item| from_item(item, visit));
            delete.filter.iter().for_each(|filter| expr(filter, visit));
            targets(&delete.returning, visit);
        }
        StatementKind::Merge(merge) => {
            with(&merge.with, visit);
            from_item(&merge.source, visit);
            expr(&merge.on, visit);
            for clause in &merge.clauses {
                clause.condition.iter().for_each(|it| expr(it, visit));
                match &clause.action {
                    MergeAction::Update(list) => list.iter().for_each(|it| assignment(it, visit)),
                    MergeAction::Insert { values, .. } => exprs(values.iter().flatten(), visit),
                    MergeAction::Delete | MergeAction::Nothing => {}
                }
            }
        }
        StatementKind::CreateView(view) => query(&view.query, visit),
        StatementKind::CreateTableAs(table) => match &table.source {
            TableSource::Query(it) => query(it, visit),
            TableSource::Execute(_) => {}
        },
        StatementKind::CreateTable(table) => {
            for element in &table.elements {
                match element {
                    TableElement::Column(column) => self::column(column, visit),
                    TableElement::Constraint(constraint) => self::constraint(constraint, visit),
                    TableElement::Like { .. } => {}
                }
            }
        }
        StatementKind::CreateIndex(index) => {
            let keys = index.elements.iter().chain(&index.include).map(|it| &it.expr);
            exprs(keys.chain(&index.filter), visit);
        }
        StatementKind::CreateDomain(domain) => {
            domain.constraints.iter().for_each(|it| constraint(it, visit));
        }
        StatementKind::CreateType(new) => match &new.kind {
            NewType::Composite(columns) => columns.iter().for_each(|it| column(it, visit)),
            NewType::Enum(_) | NewType::Range { .. } | NewType::Base { .. } => {}
        },
        StatementKind::CreateSchema(schema) => {
            schema.elements.iter().for_each(|element| self::statement(element, visit));
        }
        StatementKind::CreateFunction(function) => parameters(&function.parameters, visit),
        StatementKind::AlterFunction(function) => {
            function.parameters.iter().for_each(|it| parameters(it, visit));
        }
        StatementKind::AlterTable(alter) => alter.actions.iter().for_each(|it| alter_action(it, visit)),
        StatementKind::Drop(drop) => {
            drop.parameters.iter().flatten().for_each(|it| parameters(it, visit));
        }
        StatementKind::CreateSequence(_)
        | StatementKind::CreateTrigger(_)
        | StatementKind::CreateRule(_)
        | StatementKind::CreateOperator(_)
        | StatementKind::CreateCollation(_)
        | StatementKind::CreateCast(_)
        | StatementKind::CreateExtension(_)
        | StatementKind::MoveExtension(_)
        | StatementKind::RenameSchema { .. }
        | StatementKind::Set(_)
        | StatementKind::Transaction(_)
        | StatementKind::Utility(_) => {}
    }
}

fn alter_action<'s>(action: &'s AlterAction, visit: &mut dyn Visit<'s>) {
    match action {
        AlterAction::AddColumn { column, .. } => self::column(column, visit),
        AlterAction::SetDefault { default, .. } => exprs(default, visit),
        AlterAction::AddConstraint(constraint) => self::constraint(constraint, visit),
        AlterAction::DropColumn { .. }
        | AlterAction::SetType { .. }
        | AlterAction::SetNotNull(_)
        | AlterAction::DropNotNull(_)
        | AlterAction::AddIdentity { .. }
        | AlterAction::DropIdentity(_)
        | AlterAction::DropExpression(_)
        | AlterAction::DropConstraint { .. }
        | AlterAction::Rename(_)
        | AlterAction::RenameColumn { .. }
        | AlterAction::RenameConstraint { .. }
        | AlterAction::SetSchema(_)
        | AlterAction::Inherit(_)
        | AlterAction::NoInherit(_)
        | AlterAction::AttachPartition(_)
        | AlterAction::DetachPartition(_)
        | AlterAction::OfType(_)
        | AlterAction::NotOfType
        | AlterAction::ValidateConstraint(_)
        | AlterAction::RowSecurity
        | AlterAction::AddValue { .. }
        | AlterAction::RenameValue { .. }
        | AlterAction::Other(_) => {}
    }
}

fn column<'s>(column: &'s TableColumn, visit: &mut dyn Visit<'s>) {
    column.constraints.iter().for_each(|it| constraint(it, visit));
}

fn constraint<'s>(constraint: &'s Constraint, visit: &mut dyn Visit<'s>) {
    match &constraint.kind {
        ConstraintKind::Default(it)
        | ConstraintKind::Generated(it)
        | ConstraintKind::Check { expr: it, .. } => expr(it, visit),
        ConstraintKind::Exclude(elements) => exprs(elements.iter().map(|it| &it.expr), visit),
        ConstraintKind::NotNull
        | ConstraintKind::Null
        | ConstraintKind::Identity { .. }
        | ConstraintKind::PrimaryKey(_)
        | ConstraintKind::Unique(_)
        | ConstraintKind::ForeignKey(_)
        | ConstraintKind::Attribute(_) => {}
    }
}

fn parameters<'s>(parameters: &'s [FunctionParameter], visit: &mut dyn Visit<'s>) {
    exprs(parameters.iter().flat_map(|parameter| &parameter.default), visit);
}

fn with<'s>(with: &'s Option<With>, visit: &mut dyn Visit<'s>) {
    for cte in with.iter().flat_map(|with| &with.ctes) {
        statement(&cte.statement, visit);
        if let Some((mark, default)) = cte.cycle.as_ref().and_then(|cycle| cycle.values.as_ref()) {
            exprs([mark, default], visit);
        }
    }
}

fn on_conflict<'s>(conflict: &'s OnConflict, visit: &mut dyn Visit<'s>) {
    if let ConflictTarget::Index(elements, filter, _) = &conflict.target {
        exprs(elements.iter().map(|it| &it.expr).chain(filter), visit);
    }
    if let Some((assignments, filter)) = &conflict.update {
        assignments.iter().for_each(|it| assignment(it, visit));
        exprs(filter, visit);
    }
}

fn assignment<'s>(assignment: &'s Assignment, visit: &mut dyn Visit<'s>) {
    match assignment {
        Assignment::Single(_, value) | Assignment::Multiple(_, value) => expr(value, visit),
    }
}

/// Visits a query.
pub fn query<'s>(query: &'s Query, visit: &mut dyn Visit<'s>) {
    if !visit.query(query) {
        return;
    }
    with(&query.with, visit);
    body(query, visit);
    order_and_limit(query, visit);
}

/// Visits the parts of a query, except WITH, ORDER BY, LIMIT and OFFSET.
pub fn body<'s>(query: &'s Query, visit: &mut dyn Visit<'s>) {
    match &query.body {
        QueryBody::Select(select) => {
            if let Some(Distinct::On(list)) = &select.distinct {
                exprs(list, visit);
            }
            targets(&select.targets, visit);
            select.from.iter().for_each(|item| from_item(item, visit));
            exprs(&select.filter, visit);
            select.group_by.iter().for_each(|it| grouping(it, visit));
            exprs(&select.having, visit);
            select.windows.iter().for_each(|it| window(it, visit));
        }
        QueryBody::Values(rows) => exprs(rows.iter().flatten(), visit),
        QueryBody::SetOperation { left, right, .. } => {
            self::query(left, visit);
            self::query(right, visit);
        }
    }
}

/// Visits ORDER BY, LIMIT and OFFSET of a query.
pub fn order_and_limit<'s>(query: &'s Query, visit: &mut dyn Visit<'s>) {
    sort_keys(&query.order_by, visit);
    match &query.limit {
        Some(Limit::Count(count) | Limit::WithTies(count)) => expr(count, visit),
        Some(Limit::All) | None => {}
    }
    exprs(&query.offset, visit);
}

fn targets<'s>(targets: &'s [Target], visit: &mut dyn Visit<'s>) {
    exprs(targets.iter().map(|target| &target.expr), visit);
}

fn sort_keys<'s>(keys: &'s [SortBy], visit: &mut dyn Visit<'s>) {
    exprs(keys.iter().map(|key| &key.expr), visit);
}

fn grouping<'s>(element: &'s GroupingElement, visit: &mut dyn Visit<'s>) {
    match element {
        GroupingElement::Expr(it) => expr(it, visit),
        GroupingElement::Empty(_) => {}
        GroupingElement::Rollup(list, _) | GroupingElement::Cube(list, _) => exprs(list, visit),
        GroupingElement::Sets(sets, _) => sets.iter().for_each(|it| grouping(it, visit)),
    }
}

fn window<'s>(window: &'s Window, visit: &mut dyn Visit<'s>) {
    exprs(&window.partition_by, visit);
    sort_keys(&window.order_by, visit);
    for bound in window.frame.iter().flat_map(|frame| std::iter::once(&frame.start).chain(&frame.end)) {
        if let FrameBound::Preceding(it) | FrameBound::Following(it) = bound {
            expr(it, visit);
        }
    }
}

/// Visits an item of `FROM`.
pub fn from_item<'s>(item: &'s FromItem, visit: &mut dyn Visit<'s>) {
    if !visit.item(item) {
        return;
    }
    match item {
        FromItem::Table { sample, .. } => {
            if let Some(sample) = sample {
                exprs(sample.args.iter().chain(&sample.repeatable), visit);
            }
        }
        FromItem::Subquery { query, .. } => self::query(query, visit),
        FromItem::Function(item) => exprs(item.functions.iter().map(|(call, _)| call), visit),
        FromItem::Join(join) => {
            from_item(&join.left, visit);
            from_item(&join.right, visit);
            if let JoinConstraint::On(on) = &join.constraint {
                expr(on, visit);
            }
        }
        FromItem::XmlTable(table) => {
            exprs(table.namespaces.iter().chain([&table.row, &table.document]), visit);
            exprs(table.columns.iter().flat_map(|it| it.path.iter().chain(&it.default)), visit);
        }
    }
}

fn exprs<'s>(list: impl IntoIterator<Item = &'s Expr>, visit: &mut dyn Visit<'s>) {
    list.into_iter().for_each(|it| expr(it, visit));
}

/// Visits an expression.
pub fn expr<'s>(expr: &'s Expr, visit: &mut dyn Visit<'s>) {
    visit.expr(expr);
    match &expr.kind {
        ExprKind::Column(_)
        | ExprKind::Star(_)
        | ExprKind::Literal(_)
        | ExprKind::Parameter(_)
        | ExprKind::ValueFunction { .. }
        | ExprKind::Default
        | ExprKind::CurrentOf(_) => {}
        ExprKind::Indirection { base, steps } => {
            self::expr(base, visit);
            for step in steps {
                match step {
                    Indirection::Index(at) => self::expr(at, visit),
                    Indirection::Slice(low, high) => exprs(low.iter().chain(high).map(|it| &**it), visit),
                    Indirection::Field(_) | Indirection::Star(_) => {}
                }
            }
        }
        ExprKind::Operator { left, right, .. } => exprs(left.iter().chain([right]).map(|it| &**it), visit),
        ExprKind::Quantified { left, right, .. } => {
            self::expr(left, visit);
            match right {
                Quantified::Array(array) => self::expr(array, visit),
                Quantified::Subquery(query) => self::query(query, visit),
            }
        }
        ExprKind::And(list)
        | ExprKind::Or(list)
        | ExprKind::Coalesce(list)
        | ExprKind::MinMax { args: list, .. }
        | ExprKind::Row(list)
        | ExprKind::Array(list)
        | ExprKind::Grouping(list) => exprs(list, visit),
        ExprKind::Not(arg)
        | ExprKind::IsNull { arg, .. }
        | ExprKind::BooleanTest { arg, .. }
        | ExprKind::IsJson { arg, .. }
        | ExprKind::IsDocument { arg, .. }
        | ExprKind::Collate { arg, .. } => self::expr(arg, visit),
        ExprKind::IsDistinct { left, right, .. } | ExprKind::NullIf { left, right, .. } => {
            exprs([&**left, right], visit);
        }
        ExprKind::In { left, right, .. } => {
            self::expr(left, visit);
            match right {
                InList::List(list) => exprs(list, visit),
                InList::Subquery(query) => self::query(query, visit),
            }
        }
        ExprKind::Like { left, right, escape, .. } => {
            exprs([left, right].into_iter().chain(escape).map(|it| &**it), visit);
        }
        ExprKind::Between { arg, low, high, .. } => exprs([&**arg, low, high], visit),
        ExprKind::Case { operand, arms, otherwise } => {
            exprs(operand.iter().map(|it| &**it), visit);
            exprs(arms.iter().flat_map(|arm| [&arm.condition, &arm.result]), visit);
            exprs(otherwise.iter().map(|it| &**it), visit);
        }
        ExprKind::ArraySubquery(query) | ExprKind::Exists(query) | ExprKind::Subquery(query) => {
            self::query(query, visit);
        }
        ExprKind::Function(call) => {
            exprs(call.args.iter().map(|arg| &arg.value), visit);
            sort_keys(&call.order_by, visit);
            exprs(&call.filter, visit);
            call.over.iter().for_each(|it| window(it, visit));
        }
        ExprKind::Cast { arg, target, .. } => {
            visit.target_type(target, arg);
            self::expr(arg, visit);
        }
        ExprKind::SqlFunction(call) => {
            exprs(&call.args, visit);
            sort_keys(&call.order_by, visit);
            exprs(&call.filter, visit);
            call.over.iter().for_each(|it| window(it, visit));
        }
    }
}
