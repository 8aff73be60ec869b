//! A session's copy of the catalog. This module checks whether another session's schema change has made the copy old.
//!
//! Input: the statements of the session, the versions of the endpoint's catalog. Output: whether a statement, or a
//! COMMIT, gets OC001. After OC001 the session has a new copy, so the next attempt succeeds.

use std::collections::HashMap;

use dsql_edge_compiler::dsql::used_tables;
use dsql_edge_compiler::syntax::ParsedStatement;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};

use crate::catalog_version::{CatalogVersion, OpenChange, SchemaChange};
use crate::oc001::Oc001;

/// The maximum number of tables in a session's copy.
const MOST_TABLES: usize = 100_000;

/// The part of the catalog that a session has a copy of.
pub(super) enum CatalogCopy {
    /// The tables that the session has used, with the version of the catalog at that time.
    Tables(HashMap<String, u64>),
    /// The whole catalog, in this version.
    Whole(u64),
}

impl CatalogCopy {
    pub(super) fn new(oc001: Oc001, catalog: &CatalogVersion) -> CatalogCopy {
        match oc001 {
            Oc001::Cached => CatalogCopy::Tables(HashMap::new()),
            Oc001::Any => CatalogCopy::Whole(catalog.newest()),
        }
    }

    /// Whether a statement gets OC001.
    pub(super) fn is_stale_for(&mut self, statement: ParsedStatement<'_>, catalog: &CatalogVersion) -> bool {
        let newest = catalog.newest();
        match self {
            CatalogCopy::Tables(tables) => {
                let mut stale = false;
                for name in used_tables(statement) {
                    if tables.len() >= MOST_TABLES {
                        tables.clear();
                    }
                    let before = tables.insert(name.clone(), newest);
                    stale |= before.is_some_and(|version| catalog.has_changed(&name, version));
                }
                stale
            }
            CatalogCopy::Whole(version) => {
                !is_of_the_session(&statement) && std::mem::replace(version, newest) != newest
            }
        }
    }

    /// Whether a COMMIT gets OC001, if its transaction has written and began at the version `begun`.
    pub(super) fn is_stale_for_commit(&mut self, begun: u64, catalog: &CatalogVersion) -> bool {
        let newest = catalog.newest();
        match self {
            CatalogCopy::Tables(tables) => {
                let mut stale = false;
                for (name, version) in tables.iter_mut().filter(|(_, version)| **version >= begun) {
                    stale |= catalog.has_changed(name, *version);
                    *version = newest;
                }
                stale
            }
            CatalogCopy::Whole(version) => std::mem::replace(version, newest) != newest,
        }
    }

    /// Records that the session has committed its own schema change. If another session changed a table before this
    /// change, this session's copy of that table stays old.
    pub(super) fn commits(&mut self, change: SchemaChange, catalog: &CatalogVersion) {
        match self {
            CatalogCopy::Tables(tables) => {
                let own = tables.iter_mut().filter(|(name, version)| {
                    change.names.contains(name) && !catalog.has_changed(name, **version)
                });
                let own: Vec<&mut u64> = own.map(|(_, version)| version).collect();
                let after = catalog.commit(change);
                own.into_iter().for_each(|version| *version = after);
            }
            CatalogCopy::Whole(version) => {
                let after = catalog.commit(change);
                if *version + 1 == after {
                    *version = after;
                }
            }
        }
    }
}

/// Collects the names in a schema change: every identifier in the statement. Names of columns and roles are included
/// too, but have an effect only if a table has the same name.
pub(super) fn schema_change(statement: ParsedStatement<'_>, open: OpenChange) -> SchemaChange {
    let names = statement.own_tokens().iter().filter_map(|token| token.kind.name()).map(str::to_owned);
    let created = match &statement.kind {
        StatementKind::CreateTable(table) => Some(table.name.name().to_owned()),
        StatementKind::CreateView(view) => Some(view.name.name().to_owned()),
        _ => None,
    };
    let parts = match &statement.kind {
        StatementKind::AlterTable(alter) => alter.actions.len(),
        StatementKind::Drop(drop) => drop.names.len(),
        _ => 1,
    };
    SchemaChange { names: names.collect(), created, parts: parts.max(1), open }
}

/// Whether a statement is `SET`, `SHOW` or similar.
fn is_of_the_session(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Set(_) => true,
        StatementKind::Utility(words) => {
            words.starts_with("SET ") || matches!(*words, "SET" | "SHOW" | "RESET" | "DEALLOCATE")
        }
        _ => false,
    }
}
