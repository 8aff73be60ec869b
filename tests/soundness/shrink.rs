//! Makes a case smaller while the case still fails with the same kind of difference.

use anyhow::Result;
use dsql_edge_compiler::Schema;
use dsql_edge_tests::oracle::Database;
use fastrand::Rng;

use crate::case::Case;
use crate::judge::{Find, judge};
use crate::tree::{Node, Part, Sort};
use crate::types::Types;

/// The maximum number of tries.
const TRIES: usize = 1500;

/// Returns the smallest case that was found, and how it fails.
///
/// # Errors
/// Returns an error if the connection to PostgreSQL fails.
pub(crate) fn shrink(
    case: &Case,
    find: &Find,
    types: &Types,
    database: &Database<'_>,
    seed: u64,
) -> Result<(Case, Find)> {
    let mut best = (case.clone(), find.clone());
    let mut tries = 0;
    let mut installed: Option<(String, Schema)> = None;
    let mut still = |candidate: &Case| -> Result<Option<Find>> {
        let setup = candidate.ddl() + &candidate.rows();
        if installed.as_ref().is_none_or(|(known, _)| *known != setup) {
            installed = None;
            if candidate.install(database).is_err() {
                database.run("ROLLBACK")?;
                return Ok(None);
            }
            let Ok(schema) = candidate.schema() else { return Ok(None) };
            installed = Some((setup, schema));
        }
        let Some((_, schema)) = &installed else { return Ok(None) };
        // A case with parameters is tried in three rounds, because the arguments of a statement are random.
        for round in 0..3 {
            let mut rng = Rng::with_seed(seed + round);
            let outcome = judge(&candidate.sql(), schema, types, database, &mut rng)?;
            match outcome.find {
                Some(found) if found.kind == find.kind => return Ok(Some(found)),
                _ if !candidate.sql().contains('$') => break,
                _ => {}
            }
        }
        Ok(None)
    };
    loop {
        let mut progress = false;
        let mut number = 0;
        while number < best.0.tree.size() {
            for candidate in candidates(&best.0, number) {
                tries += 1;
                if tries > TRIES {
                    return Ok(best);
                }
                if let Some(found) = still(&candidate)? {
                    best = (candidate, found);
                    progress = true;
                    break;
                }
            }
            number += 1;
        }
        if !progress {
            return Ok(best);
        }
    }
}

/// Returns smaller cases: in each of them, one node is replaced or loses items of a list. If the list is in a bundle
/// (`List::bundle` in `tree`), all lists of the bundle lose the item at the same index.
fn candidates(case: &Case, number: usize) -> Vec<Case> {
    let mut out = Vec::new();
    let mut edit = |change: &dyn Fn(&mut Node)| {
        let mut tree = case.tree.clone();
        if let Some(node) = tree.nth_mut(number) {
            change(node);
            out.push(tree);
        }
    };
    let mut copy = case.tree.clone();
    let Some(node) = copy.nth_mut(number) else { return Vec::new() };
    if let Sort::Expr(_) = node.sort
        && node.size() > 1
    {
        edit(&|node| *node = Node::new(node.sort, "").text("NULL"));
    }
    if node.sort != Sort::Other {
        for descendant in nearest(node) {
            edit(&move |node| *node = descendant.clone());
        }
    }
    // Replace the expression by an operand that has another type.
    if let Sort::Expr(_) = node.sort {
        let children: Vec<Node> = node
            .children()
            .filter(|it| matches!(it.sort, Sort::Expr(_)) && it.sort != node.sort)
            .cloned()
            .collect();
        for child in children {
            edit(&move |node| *node = child.clone());
        }
    }
    let mut bundles = Vec::new();
    for (at, part) in node.parts.iter().enumerate() {
        let Part::List(list) = part else { continue };
        if list.bundle == 0 && list.least == 0 && list.items.len() > 1 {
            edit(&|node| {
                if let Part::List(list) = &mut node.parts[at] {
                    list.items.clear();
                }
            });
            let half = list.items.len() / 2;
            edit(&|node| {
                if let Part::List(list) = &mut node.parts[at] {
                    list.items.truncate(half);
                }
            });
            edit(&|node| {
                if let Part::List(list) = &mut node.parts[at] {
                    list.items.drain(..half);
                }
            });
        }
        for item in 0..list.items.len() {
            if list.items.len() <= list.least {
                break;
            }
            if list.bundle == 0 {
                edit(&|node| {
                    if let Part::List(list) = &mut node.parts[at] {
                        list.items.remove(item);
                    }
                });
            } else {
                bundles.push((list.bundle, item));
            }
        }
    }
    for (bundle, item) in bundles {
        let mut tree = case.tree.clone();
        remove(&mut tree, bundle, item);
        out.push(tree);
    }
    out.into_iter().map(|tree| Case { tree }).collect()
}

/// Returns the nearest descendants that have the same sort as the node.
fn nearest(node: &Node) -> Vec<Node> {
    fn go(node: &Node, sort: Sort, out: &mut Vec<Node>) {
        for child in node.children() {
            if child.sort == sort {
                out.push(child.clone());
            } else {
                go(child, sort, out);
            }
        }
    }
    let mut out = Vec::new();
    go(node, node.sort, &mut out);
    out
}

fn remove(node: &mut Node, bundle: u32, item: usize) {
    for part in &mut node.parts {
        if let Part::List(list) = part
            && list.bundle == bundle
            && item < list.items.len()
        {
            list.items.remove(item);
        }
    }
    for child in node.children_mut() {
        remove(child, bundle, item);
    }
}
