//! Lists PostgreSQL's functions and operators by their result type.
//!
//! Input: a type. Output: the calls that return this type. Functions that a generated statement must not run are left
//! out.

use std::collections::BTreeMap;

use dsql_edge_compiler::builtin::{self, Function, FunctionKind, Operator, oid};

use crate::types::{Ty, Types};

/// Everything that can be called.
pub(crate) struct Catalog {
    /// Plain functions whose result type is not a pseudo-type, by result type.
    pub(crate) by_result: BTreeMap<Ty, Vec<Function>>,
    /// Plain functions whose result type depends on the types of their arguments.
    pub(crate) polymorphic: Vec<Function>,
    /// Set-returning functions.
    pub(crate) sets: Vec<Function>,
    /// Aggregates.
    pub(crate) aggregates: Vec<Function>,
    /// Window functions.
    pub(crate) windows: Vec<Function>,
    /// Operators whose result type is not a pseudo-type, by result type.
    pub(crate) operators: BTreeMap<Ty, Vec<Operator>>,
    /// Operators whose result type depends on the types of their operands.
    pub(crate) polymorphic_operators: Vec<Operator>,
}

/// Functions that a generated statement may call even if they are volatile.
const VOLATILE: &[&str] =
    &["random", "gen_random_uuid", "clock_timestamp", "timeofday", "statement_timestamp", "now"];

/// Functions that take long, use much memory, require another build of PostgreSQL, or are internal.
const SKIPPED: &[&str] = &[
    "database_to_xml",
    "database_to_xmlschema",
    "database_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xmlschema",
    "schema_to_xml_and_xmlschema",
    "ts_stat",
    "pg_sequence_last_value",
    "pg_stat_get_activity",
    "shell_in",
    "shell_out",
    "any_in",
    "any_out",
    "pg_get_shmem_allocations",
    "generate_series",
];

impl Catalog {
    /// Reads the compiler's own catalog.
    pub(crate) fn load() -> Catalog {
        let mut catalog = Catalog {
            by_result: BTreeMap::new(),
            polymorphic: Vec::new(),
            sets: Vec::new(),
            aggregates: Vec::new(),
            windows: Vec::new(),
            operators: BTreeMap::new(),
            polymorphic_operators: Vec::new(),
        };
        for name in builtin::function_names() {
            for function in builtin::functions(name) {
                catalog.add(function);
            }
        }
        for name in builtin::operator_names() {
            for operator in builtin::operators(name) {
                let makeable = [operator.left, operator.right]
                    .into_iter()
                    .all(|ty| ty == 0 || is_makeable(ty) || is_polymorphic(ty));
                if !makeable || operator.function_volatility.is_volatile() {
                    continue;
                }
                if is_polymorphic(operator.result) {
                    catalog.polymorphic_operators.push(*operator);
                } else if is_makeable(operator.result) {
                    catalog.operators.entry(operator.result).or_default().push(*operator);
                }
            }
        }
        catalog
    }

    fn add(&mut self, function: Function) {
        let makeable = function.args().all(|ty| is_makeable(ty) || is_polymorphic(ty));
        let harmless = !function.volatility.is_volatile() || VOLATILE.contains(&function.name);
        if !makeable || !harmless || SKIPPED.contains(&function.name) {
            return;
        }
        let result = function.returns;
        let known = is_makeable(result) || is_polymorphic(result);
        match (function.kind, function.set) {
            (FunctionKind::Aggregate(_), _) if known => self.aggregates.push(function),
            (FunctionKind::Window, _) if known => self.windows.push(function),
            (FunctionKind::Plain, true) if known || result == oid::RECORD => self.sets.push(function),
            (FunctionKind::Plain, false) if is_polymorphic(result) => self.polymorphic.push(function),
            (FunctionKind::Plain, false) if is_makeable(result) => {
                self.by_result.entry(result).or_default().push(function);
            }
            _ => {}
        }
    }

    /// The number of functions and operators.
    pub(crate) fn size(&self) -> usize {
        self.by_result.values().map(Vec::len).sum::<usize>()
            + self.polymorphic.len()
            + self.sets.len()
            + self.aggregates.len()
            + self.windows.len()
            + self.operators.values().map(Vec::len).sum::<usize>()
            + self.polymorphic_operators.len()
    }
}

/// Whether the generator has values of the type.
pub(crate) fn is_makeable(ty: Ty) -> bool {
    let types = Types::default();
    match types.element(ty) {
        Some(element) => is_makeable(element),
        None => crate::types::BASE.contains(&ty),
    }
}

/// `anyelement` and the other polymorphic types, and `"any"`.
pub(crate) fn is_polymorphic(ty: Ty) -> bool {
    matches!(
        ty,
        oid::ANY
            | oid::ANYELEMENT
            | oid::ANYARRAY
            | oid::ANYNONARRAY
            | oid::ANYENUM
            | oid::ANYRANGE
            | oid::ANYMULTIRANGE
            | oid::ANYCOMPATIBLE
            | oid::ANYCOMPATIBLEARRAY
            | oid::ANYCOMPATIBLENONARRAY
            | oid::ANYCOMPATIBLERANGE
            | oid::ANYCOMPATIBLEMULTIRANGE
    )
}

/// Returns the concrete type that a polymorphic type becomes if its element type is `element`. Returns any other type
/// unchanged.
pub(crate) fn instantiate(types: &Types, ty: Ty, element: Ty) -> Option<Ty> {
    match ty {
        oid::ANY | oid::ANYELEMENT | oid::ANYCOMPATIBLE => Some(element),
        oid::ANYNONARRAY | oid::ANYCOMPATIBLENONARRAY => types.element(element).is_none().then_some(element),
        oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY => types.array(element),
        oid::ANYENUM => {
            let user = types.user(element)?;
            matches!(user.kind, crate::types::UserKind::Enum(_)).then_some(element)
        }
        oid::ANYRANGE | oid::ANYCOMPATIBLERANGE => types.range_over(element),
        oid::ANYMULTIRANGE | oid::ANYCOMPATIBLEMULTIRANGE => {
            types.range_counterpart(types.range_over(element)?)
        }
        ty => Some(ty),
    }
}

/// Returns the element type for which a polymorphic type becomes `ty`.
pub(crate) fn element_for(types: &Types, polymorphic: Ty, ty: Ty) -> Option<Ty> {
    match polymorphic {
        oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY => types.element(ty),
        oid::ANYRANGE | oid::ANYCOMPATIBLERANGE => types.range_subtype(ty),
        oid::ANYMULTIRANGE | oid::ANYCOMPATIBLEMULTIRANGE => {
            types.range_subtype(types.range_counterpart(ty)?)
        }
        polymorphic => instantiate(types, polymorphic, ty),
    }
}
