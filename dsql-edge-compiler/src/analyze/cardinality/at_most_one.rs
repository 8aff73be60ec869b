//! Proves that a query never returns more than one row.
//!
//! Input: an analyzed query. Output: whether the query returns at most one row, either because of LIMIT, VALUES, an
//! aggregate or an INSERT of one row, or because each entry of `FROM` is limited to one row.
//!
//! # The model
//!
//! A table is limited to one row if all columns of a unique key are equal to values that do not vary: constants,
//! parameters, columns of outer queries, and columns of tables that are themselves limited. Equality is strict: a row
//! that an outer join fills with NULLs never satisfies an equality. So for each table, at most one row is a candidate,
//! and a row of the result contains either this candidate or NULLs. The row of one side of a join determines whether
//! the other side contains its candidate or NULLs, so the result has at most one row. A FULL join is the exception: it
//! can return the rows of its two sides as separate rows.
//!
//! A WHERE condition restricts each table. The ON of an inner join restricts the tables below the join. The ON of an
//! outer join restricts only the nullable side: the rows of the other side are in the result whether they satisfy ON or
//! not.
//!
//! # Example
//!
//! ```sql
//! SELECT p.title, u.name FROM posts p LEFT JOIN users u ON u.id = p.author WHERE p.id = $1
//! ```
//!
//! `$1` limits `p` to one row, and therefore `p.author` limits `u`.
//!
//! # Rejected
//!
//! Columns of subqueries and functions do not count as values that do not vary, because a LATERAL subquery has one row
//! for each row of another entry. In `FROM t, LATERAL (SELECT t.id AS x LIMIT 1) s WHERE t.id = s.x`, `s` has at most
//! one row each time it runs, but does not limit `t`.

use super::super::tree::{Body, Callee, Command, JoinTree, LimitKind, Node, NodeKind, Query, RteSource, Var};
use crate::builtin::oid;
use crate::syntax::ast::JoinKind;
use std::ops::Range;

/// Proves that a query never returns more than one row.
pub(super) struct Proof {
    /// Whether all collations of the schema are deterministic: under each of them, strings of different bytes are
    /// different.
    pub(super) all_deterministic: bool,
}

/// An equality `column = value` that each row of the entry satisfies.
struct Equality {
    column: usize,
    /// The numbers of the entries from which the value reads columns.
    needs: Vec<usize>,
}

impl Proof {
    pub(super) fn of_query(&self, query: &Query) -> bool {
        *query.proofs.at_most_one.get_or_init(|| self.proves(query))
    }

    fn proves(&self, query: &Query) -> bool {
        if matches!(query.limit, LimitKind::Constant(..=1)) {
            return true;
        }
        match &query.body {
            Body::Values(rows) => rows.len() <= 1 && query.command == Command::Select,
            Body::SetOperation { .. } => false,
            Body::Plain => {
                if query.has_target_srf {
                    return false;
                }
                match query.command {
                    // The rows of an INSERT come from its source, not from `from`. The flag `single_row` states
                    // whether the statement returns at most one row.
                    Command::Insert | Command::Merge | Command::Utility => return query.single_row,
                    _ => {}
                }
                if query.has_aggregates && !query.grouped {
                    return true;
                }
                // A plain `GROUP BY` never returns more rows than it reads, but grouping sets can.
                !query.grouping_sets && !query.from.iter().any(has_full_join) && self.holds_all(query, None)
            }
        }
    }

    /// Whether, for each row of the entry `target`, each other entry has at most one row.
    pub(super) fn joins_one_row(&self, query: &Query, target: usize) -> bool {
        !query.from.iter().any(has_full_join) && self.holds_all(query, Some(target))
    }

    /// Whether each entry is limited to one row, on the assumption that the entry `limited` has only one row.
    fn holds_all(&self, query: &Query, limited: Option<usize>) -> bool {
        let mut leaves = Vec::new();
        query.from.iter().for_each(|tree| tree.rtes(&mut leaves));
        let derived = |rte: &usize| match query.rtes.get(*rte).map(|rte| &rte.source) {
            Some(RteSource::Table { .. }) => true,
            Some(source) => self.gives_one(source),
            None => false,
        };
        leaves.iter().all(derived) && self.holds_tables(query, &leaves, limited)
    }

    /// Whether a subquery or a function returns at most one row each time it runs.
    fn gives_one(&self, source: &RteSource) -> bool {
        match source {
            RteSource::Subquery { query, .. } => self.of_query(query),
            RteSource::Cte(cte) => {
                !cte.recursive && cte.query.borrow().as_ref().is_some_and(|query| self.of_query(query))
            }
            RteSource::Function { functions, .. } => functions.iter().all(|(call, _)| match &call.kind {
                NodeKind::Call { function, .. } => !function.set,
                _ => false,
            }),
            RteSource::Table { .. } | RteSource::Nullable => false,
        }
    }

    /// Whether each table in `leaves` is limited to one row; `leaves` is in the order of `FROM`.
    fn holds_tables(&self, query: &Query, leaves: &[usize], limited: Option<usize>) -> bool {
        let mut place = vec![usize::MAX; query.rtes.len()];
        for (at, rte) in leaves.iter().enumerate() {
            place[*rte] = at;
        }
        let is_table =
            |rte: usize| matches!(query.rtes.get(rte).map(|rte| &rte.source), Some(RteSource::Table { .. }));
        let mut found: Vec<Vec<Equality>> = query.rtes.iter().map(|_| Vec::new()).collect();
        let mut add = |condition: &Node, inside: Range<usize>| {
            self.equalities(condition, &mut |var, needs| {
                let reached = place.get(var.rte).is_some_and(|at| inside.contains(at));
                if reached && needs.iter().all(|rte| is_table(*rte) && place[*rte] != usize::MAX) {
                    found[var.rte].push(Equality { column: var.column, needs });
                }
            });
        };
        query.filter.iter().for_each(|filter| add(filter, 0..leaves.len()));
        let mut first = 0;
        for tree in &query.from {
            first = conditions(tree, first, &mut add);
        }
        // If a table is limited to one row, its columns have one value, so a comparison with these columns can limit
        // another table.
        let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); query.rtes.len()];
        for (rte, equalities) in found.iter().enumerate() {
            equalities.iter().flat_map(|it| &it.needs).for_each(|needed| waiting[*needed].push(rte));
        }
        let mut held: Vec<bool> = (0..query.rtes.len()).map(|rte| limited == Some(rte)).collect();
        let mut queue: Vec<usize> = leaves.to_vec();
        while let Some(rte) = queue.pop() {
            let RteSource::Table { keys, .. } = &query.rtes[rte].source else { continue };
            let is_fixed = |column: &usize| {
                let mut equalities = found[rte].iter().filter(|it| it.column == *column);
                equalities.any(|it| it.needs.iter().all(|needed| held[*needed]))
            };
            if !held[rte] && keys.iter().any(|key| key.iter().all(is_fixed)) {
                held[rte] = true;
                queue.append(&mut waiting[rte]);
            }
        }
        leaves.iter().all(|rte| !is_table(*rte) || held[*rte])
    }

    /// Finds the equalities `column = value` that a condition combines by AND: each row that satisfies the condition
    /// satisfies all these equalities.
    fn equalities(&self, condition: &Node, found: &mut dyn FnMut(Var, Vec<usize>)) {
        match &condition.kind {
            NodeKind::And(parts) => parts.iter().for_each(|part| self.equalities(part, found)),
            NodeKind::Call { function, args } if is_equality(&function.name) => {
                let [left, right] = args.as_slice() else { return };
                for (column, value) in [(left, right), (right, left)] {
                    if let Some(var) = column_of_key(column)
                        && self.is_of_one_equality(value, function)
                        && let Some(needs) = entries_of(value)
                        && !needs.contains(&var.rte)
                    {
                        found(var, needs);
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether this comparison and the key of the column treat the same strings as equal. This is certain if all
    /// collations are deterministic, if the type has no collation, or if the value contains neither COLLATE nor another
    /// column.
    fn is_of_one_equality(&self, value: &Node, function: &Callee) -> bool {
        let never_collates = ["int", "uuid", "oid", "date", "time", "numeric", "float", "bool"];
        self.all_deterministic
            || never_collates.iter().any(|beginning| function.name.starts_with(beginning))
            || !value.any(&|part| matches!(part.kind, NodeKind::Collate(..) | NodeKind::Var(_)))
    }
}

fn has_full_join(tree: &JoinTree) -> bool {
    match tree {
        JoinTree::Leaf(_) => false,
        JoinTree::Join { kind, left, right, .. } => {
            *kind == JoinKind::Full || has_full_join(left) || has_full_join(right)
        }
    }
}

/// Calls `add` for each ON condition with the range of entries that the condition restricts; returns the position of
/// the first entry after the tree.
fn conditions(tree: &JoinTree, first: usize, add: &mut dyn FnMut(&Node, Range<usize>)) -> usize {
    let JoinTree::Join { kind, left, right, on } = tree else { return first + 1 };
    let middle = conditions(left, first, add);
    let end = conditions(right, middle, add);
    if let Some(on) = on {
        match kind {
            JoinKind::Inner | JoinKind::Cross => add(on, first..end),
            JoinKind::Left => add(on, middle..end),
            JoinKind::Right => add(on, first..middle),
            JoinKind::Full => {}
        }
    }
    end
}

pub(super) fn is_equality(function: &str) -> bool {
    // Two kinds of functions whose names can also end in `eq` are excluded: the schema's functions (their names are
    // qualified and so contain a dot), and the functions of `~` and `LIKE` (`textregexeq`).
    function.ends_with("eq")
        && !function.contains('.')
        && !function.contains("regex")
        && !function.contains("like")
}

/// `node` is one operand of a comparison by `=`. Returns the column that the operand reads, if the comparison and the
/// column's key treat the same values as equal. Returns `None` if a varchar column is compared as bpchar, because such
/// a comparison ignores trailing blanks.
fn column_of_key(node: &Node) -> Option<Var> {
    let keeps_blanks = match &node.kind {
        NodeKind::Cast { arg, function: None } => node.ty != oid::BPCHAR || arg.ty == oid::BPCHAR,
        _ => true,
    };
    node.plain_column().filter(|_| keeps_blanks)
}

/// Returns the entries whose columns the value contains; `None` if the value can vary for another reason.
fn entries_of(value: &Node) -> Option<Vec<usize>> {
    let varies = value.any(&|part| {
        matches!(&part.kind, NodeKind::WholeRow { level: 0, .. })
            || matches!(&part.kind, NodeKind::Call { function, .. } if function.volatile || function.set)
            || part.subquery().is_some()
    });
    let mut out = Vec::new();
    collect_entries(value, &mut out);
    (!varies).then_some(out)
}

fn collect_entries(node: &Node, out: &mut Vec<usize>) {
    if let NodeKind::Var(var) = node.kind
        && var.level == 0
    {
        out.push(var.rte);
    }
    node.children(&mut |child| collect_entries(child, out));
}
