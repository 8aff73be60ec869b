//! Follows the search path while a script runs: the schemas in which unqualified names are looked up and new objects
//! are created.
//!
//! Input: the statements `SET` and `RESET`, calls of `set_config(…)`, and the ends of transactions. Output: the current
//! path.

use super::fold::Fold;
use super::{Schema, TEMPORARY};
use crate::syntax::ast::{
    Expr, ExprKind, FunctionCall, Literal, QualifiedName, Query, QueryBody, Set, TypeName,
};

impl Fold {
    /// Applies `SET search_path`.
    pub(super) fn set_search_path(&mut self, set: Set) {
        self.change_path(set.values, set.command == "SET LOCAL");
    }

    /// Changes the search path. An empty path becomes the default path: pg_dump sets an empty path, and writes each
    /// name with its schema, so the names in a dump do not depend on the path.
    fn change_path(&mut self, names: Vec<String>, is_local: bool) {
        // The path does not include `$user`, because its value is the name of the current role, which only the cluster
        // can determine.
        let is_searched = |name: &String| !matches!(name.as_str(), "" | "pg_catalog" | "$user");
        let path: Vec<String> = names.into_iter().filter(is_searched).collect();
        let path = if path.is_empty() { self.default_path.clone() } else { path };
        let before = std::mem::replace(&mut self.path, path);
        self.path_after = if is_local { self.path_after.take().or(Some(before)) } else { None };
    }

    /// Restores the search path that was changed by `SET LOCAL`, because the transaction ends.
    pub(super) fn end_transaction(&mut self) {
        if let Some(path) = self.path_after.take() {
            self.path = path;
        }
    }

    /// Applies `RESET search_path`, `RESET ALL`, `DISCARD ALL` and `SET SCHEMA`. These statements are recognized by
    /// their words, because the parser skips the words.
    pub(super) fn change_session(&mut self, text: &str) {
        let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["reset", "all" | "search_path"] | ["discard", "all"] => self.change_path(Vec::new(), false),
            ["set", rest @ ..] => {
                let (is_local, rest) = match rest {
                    ["local", rest @ ..] => (true, rest),
                    ["session", rest @ ..] => (false, rest),
                    rest => (false, rest),
                };
                let quoted = text.split('\'').nth(1);
                if let (["schema", _], Some(name)) = (rest, quoted) {
                    self.change_path(vec![name.to_owned()], is_local);
                }
            }
            _ => {}
        }
    }

    /// Applies `SELECT set_config('search_path', 'a, b', false)`, which pg_dump writes.
    pub(super) fn call_set_config(&mut self, query: &Query) {
        let QueryBody::Select(select) = &query.body else { return };
        let calls = select.targets.iter().filter_map(|target| match &target.expr.kind {
            ExprKind::Function(call) if call.name.name() == "set_config" => configured_path(call),
            _ => None,
        });
        for (path, is_local) in calls.collect::<Vec<_>>() {
            self.change_path(names(path), is_local);
        }
    }

    /// Returns the schema in which an object with an unqualified name is created: the first existing schema of the
    /// search path. If none of the schemas exists, returns the first.
    pub(super) fn first_schema(&self) -> String {
        let exists = |name: &&String| *name == TEMPORARY || self.has_schema(name);
        let found = match self.path.as_slice() {
            [only] => Some(only),
            path => path.iter().find(exists).or(path.first()),
        };
        found.cloned().unwrap_or_else(|| "public".to_owned())
    }

    /// Returns the schema in which a CREATE statement with this name creates the object.
    pub(super) fn creation_schema(&self, name: &QualifiedName) -> String {
        name.schema().map_or_else(|| self.first_schema(), str::to_owned)
    }

    /// Adds the schema of a user-defined type to the type's name, because a later search path may not find the type.
    pub(super) fn qualify(&self, written: &mut TypeName) {
        let [name] = written.name.parts.as_slice() else { return };
        if written.percent_type || (self.resolver.is_builtin_type)(&name.text) {
            return;
        }
        let mut path = [TEMPORARY].into_iter().chain(self.path.iter().map(String::as_str));
        if let Some(schema) = path.find(|of| has_type(&self.schema, of, &name.text)) {
            let schema = crate::syntax::ast::Name { text: schema.to_owned(), span: name.span };
            written.name.parts.insert(0, schema);
        }
    }
}

/// Whether a schema has a type, a row type of a relation, or an array type of this name.
fn has_type(schema: &Schema, of: &str, name: &str) -> bool {
    let is_type = |name: &str| schema.user_type(of, name).is_some();
    is_type(name) || schema.relation(of, name).is_some() || name.strip_prefix('_').is_some_and(is_type)
}

/// Returns `value` and `is_local` of `set_config('search_path', value, is_local)`; `None` for another setting, or if an
/// argument is not a constant.
fn configured_path(call: &FunctionCall) -> Option<(&str, bool)> {
    let [name, value, is_local] = call.args.as_slice() else { return None };
    let is_path = text(&name.value)?.eq_ignore_ascii_case("search_path");
    let ExprKind::Literal(Literal::Boolean(is_local)) = is_local.value.kind else { return None };
    is_path.then_some((text(&value.value)?, is_local))
}

fn text(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Literal(Literal::String(text)) => Some(text),
        ExprKind::Cast { arg, .. } => text(arg),
        _ => None,
    }
}

/// Splits a list of names at its commas (`SplitIdentifierString`); names without quotes become lower case.
fn names(list: &str) -> Vec<String> {
    let unquoted = |name: &str| match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_lowercase(),
    };
    list.split(',').map(|name| unquoted(name.trim())).collect()
}
