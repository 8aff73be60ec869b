//! Collects columns with names such as `"author.name"` into groups.
//!
//! Input: columns. Output: the tree of the columns' names; for each group that can be absent, a column that is NULL
//! exactly if an outer join found no matching row. No value is lost, because a group is absent only if all its columns
//! are certainly NULL.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ident::{ColumnName, FieldName};
use crate::typed::TypedColumn;

/// A node in the tree of column names, which are divided at their dots.
pub(super) enum Branch {
    Column { name: FieldName, column: usize },
    Group { name: FieldName, branches: Vec<Branch> },
}

impl Branch {
    fn name(&self) -> &FieldName {
        match self {
            Branch::Column { name, .. } | Branch::Group { name, .. } => name,
        }
    }

    fn columns(&self, out: &mut Vec<usize>) {
        match self {
            Branch::Column { column, .. } => out.push(*column),
            Branch::Group { branches, .. } => branches.iter().for_each(|branch| branch.columns(out)),
        }
    }
}

/// Returns the tree of the columns' names. Columns that cannot be fields are added to `problems`.
pub(super) fn tree(columns: &[(ColumnName, &TypedColumn)], problems: &mut Diagnostics) -> Vec<Branch> {
    let mut tree = Vec::new();
    for (at, (written, column)) in columns.iter().enumerate() {
        let inserted = path(&written.field, at).and_then(|path| insert(&mut tree, &path, at, columns));
        if let Err((message, hint)) = inserted {
            let looks_like_one = !column.is_alias && ColumnName::parse(&column.name) != *written;
            let hint = match looks_like_one {
                true => "give it an alias: AS name; only an alias can contain an override (\"x!\", \"x?\", \"x: T\")".to_owned(),
                false if column.from_star && column.name == "?column?" => {
                    "name the column in the query from which * takes it: SELECT … AS name".to_owned()
                }
                false => hint,
            };
            problems.push(Diagnostic::error(Code::UnnamedColumn, column.span, message).with_hint(hint));
        }
    }
    // The first entry is the struct of the row itself: its suffix is empty.
    let mut structs = vec![(String::new(), String::new())];
    struct_names(&tree, ("", ""), columns, &mut structs, problems);
    tree
}

/// Reports groups whose structs would have the same name: the structs for `"a.b.x"` and for `"a_b.x"` would both be
/// named `…AB`.
fn struct_names(
    tree: &[Branch],
    (outer, outer_path): (&str, &str),
    columns: &[(ColumnName, &TypedColumn)],
    known: &mut Vec<(String, String)>,
    problems: &mut Diagnostics,
) {
    for branch in tree {
        let Branch::Group { name, branches } = branch else { continue };
        let suffix = format!("{outer}{}", name.pascal_case());
        let path = format!("{outer_path}{}.", name.text());
        // Two suffixes are equal if rustc treats identifiers that end in them as equal. A suffix alone need not be an
        // identifier, so a letter is put before each suffix.
        let same = |(other, _): &&(String, String)| {
            FieldName::new(&format!("R{other}")) == FieldName::new(&format!("R{suffix}"))
        };
        if let Some((_, other)) = known.iter().find(same) {
            let mut inside = Vec::new();
            branch.columns(&mut inside);
            let span = inside.first().and_then(|at| columns.get(*at)).map(|(_, column)| column.span);
            let message = match other.is_empty() {
                true => format!("the group \"{path}…\" has no letter for the name of its struct"),
                false => {
                    format!("the groups \"{other}…\" and \"{path}…\" would both be structs named …{suffix}")
                }
            };
            let hint = format!("rename the group: AS \"{outer_path}group.…\"");
            problems.push(
                Diagnostic::error(Code::UnnamedColumn, span.unwrap_or_default(), message).with_hint(hint),
            );
        } else {
            known.push((suffix.clone(), path.clone()));
        }
        struct_names(branches, (&suffix, &path), columns, known, problems);
    }
}

/// The message and the hint.
type Problem = (String, String);

fn path(name: &str, at: usize) -> Result<Vec<FieldName>, Problem> {
    if name == "?column?" || name.is_empty() {
        return Err((format!("column {} has no name", at + 1), "add an alias: AS name".to_owned()));
    }
    let parts = name.split('.').map(|part| FieldName::new(part).ok_or(part));
    parts.collect::<Result<_, _>>().map_err(|part| {
        let message = if part == name {
            format!("column \"{name}\" cannot be the name of a Rust field")
        } else {
            format!("column \"{name}\": \"{part}\" cannot be the name of a Rust field")
        };
        (message, "use another name: AS name".to_owned())
    })
}

fn insert(
    tree: &mut Vec<Branch>,
    path: &[FieldName],
    at: usize,
    columns: &[(ColumnName, &TypedColumn)],
) -> Result<(), Problem> {
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    let known = tree.iter_mut().find(|branch| branch.name() == first);
    match (known, rest.is_empty()) {
        (None, true) => tree.push(Branch::Column { name: first.clone(), column: at }),
        (None, false) => {
            let mut branches = Vec::new();
            insert(&mut branches, rest, at, columns)?;
            tree.push(Branch::Group { name: first.clone(), branches });
        }
        (Some(Branch::Group { branches, .. }), false) => insert(branches, rest, at, columns)?,
        (Some(Branch::Column { column, .. }), true) => {
            let name = columns.get(at).map_or("", |(written, _)| &written.field);
            let message =
                format!("column {} has the same name as column {}: \"{name}\"", at + 1, *column + 1);
            let [earlier, later] = [*column, at].map(|at| columns.get(at).map(|(_, column)| *column));
            return Err((message, rename(first.text(), earlier, later)));
        }
        (Some(_), _) => {
            let name = first.text();
            let message = format!("\"{name}\" is the name of a column and of a group");
            return Err((message, format!("rename the column: AS {name}_2")));
        }
    }
    Ok(())
}

/// Returns the hint for two columns of the same name.
fn rename(name: &str, earlier: Option<&TypedColumn>, later: Option<&TypedColumn>) -> String {
    let stars = [earlier, later].map(|it| it.filter(|it| it.from_star));
    match stars {
        // Only the columns of tables have an origin, so the two columns come from a function or a query in FROM.
        [Some(earlier), Some(later)] if earlier.span == later.span && later.origin.is_none() => {
            format!("name the columns in FROM: AS t ({name}, {name}_2)")
        }
        [Some(_), Some(_)] => {
            format!("* cannot have an alias: list its columns, and name one of them: AS {name}_2")
        }
        _ => format!("name one of them: AS {name}_2"),
    }
}

/// Returns the index of a column that is NULL exactly if the group is absent; `None` if such a column does not exist.
/// If such a column is NULL, an outer join found no match, and each outer join that can make this column NULL makes all
/// columns of the group NULL. A join in `matched` certainly found a row, so this function ignores the join.
pub(super) fn witness(
    branches: &[Branch],
    columns: &[(ColumnName, &TypedColumn)],
    matched: &[u32],
) -> Option<usize> {
    let mut inside = Vec::new();
    branches.iter().for_each(|branch| branch.columns(&mut inside));
    let column = |at: usize| columns.get(at).map(|(_, column)| *column);
    let open = |column: &TypedColumn| -> Vec<u32> {
        column.nulled_by.iter().copied().filter(|join| !matched.contains(join)).collect()
    };
    let can_witness = |at: usize| {
        let Some(witness) = column(at) else { return false };
        let joins = open(witness);
        let nulls_all = || {
            inside
                .iter()
                .all(|at| column(*at).is_some_and(|it| joins.iter().all(|join| it.nulled_by.contains(join))))
        };
        !joins.is_empty() && !witness.nullable_within && nulls_all()
    };
    inside.iter().copied().find(|at| can_witness(*at))
}
