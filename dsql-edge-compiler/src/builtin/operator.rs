//! Looks up operators. Input: a name. Output: rows of `pg_operator`, with the facts about the operator's function.

use super::Oid;
use super::memo::Memo;
use super::null_contract::NullContract;
use super::table::{Key, Row, Table};
use crate::volatility::Volatility;

const OPERATORS: Table = Table::new(include_str!("data/operators.txt"));
/// The operators by name; there are 74 names.
static READ: Memo<Vec<Operator>, 256> = Memo::new();

/// A row of `pg_operator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// The OID of `pg_operator`.
    pub oid: Oid,
    /// `oprname`.
    pub name: &'static str,
    /// The type on the left; 0 for a prefix operator.
    pub left: Oid,
    /// The type on the right.
    pub right: Oid,
    /// The type of the result.
    pub result: Oid,
    /// The OID of the operator's function.
    pub function: Oid,
    /// The function's name.
    pub function_name: &'static str,
    /// The function's `proisstrict`: the result is NULL if an operand is NULL.
    pub function_strict: bool,
    /// The function's `provolatile`.
    pub function_volatility: Volatility,
    /// The function's `proretset`.
    pub function_retset: bool,
    /// The condition under which the result is not NULL.
    pub null: NullContract,
    /// `oprcanhash`.
    pub can_hash: bool,
    /// `oprcanmerge`.
    pub can_merge: bool,
    /// The operator with its operands swapped; 0 for none.
    pub commutator: Oid,
    /// The operator with the opposite result; 0 for none.
    pub negator: Oid,
}

/// Returns the operator with the name and exactly these operand types; `left` is 0 for a prefix operator.
pub fn operator(name: &str, left: Oid, right: Oid) -> Option<Operator> {
    operators(name).iter().find(|found| (found.left, found.right) == (left, right)).copied()
}

/// Returns the operators of this name in `pg_catalog`, including prefix operators, sorted by operands.
pub fn operators(name: &str) -> &'static [Operator] {
    let is = |known: &Vec<Operator>| known.first().is_some_and(|operator| operator.name == name);
    let read = || OPERATORS.find(Key::name(name)).map(read).collect();
    let place = name.bytes().take(4).fold(0, |place, byte| place * 31 + usize::from(byte));
    READ.value(place, is, || Some(read()).filter(is)).map_or(&[], Vec::as_slice)
}

/// Returns all names of operators, sorted, without duplicates.
pub fn operator_names() -> impl Iterator<Item = &'static str> + Clone {
    OPERATORS.names()
}

fn read(row: Row) -> Operator {
    let mut fields = row.fields();
    let name = fields.text();
    let (left, right, oid) = (fields.oid(), fields.oid(), fields.oid());
    let [volatility, strict, retset, hash, merge, null] = fields.letters();
    Operator {
        oid,
        name,
        left,
        right,
        result: fields.oid(),
        function: fields.oid(),
        function_name: fields.text(),
        function_strict: strict == b's',
        function_volatility: Volatility::of_letter(volatility),
        function_retset: retset == b'r',
        null: NullContract::of_letter(null),
        can_hash: hash == b'h',
        can_merge: merge == b'm',
        commutator: fields.oid(),
        negator: fields.oid(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{function_by_oid, oid};
    use super::*;

    fn one(name: &str, left: Oid, right: Oid) -> Operator {
        let exact = operator(name, left, right).unwrap();
        assert_eq!(operators(name).iter().find(|it| (it.left, it.right) == (left, right)), Some(&exact));
        exact
    }

    #[test]
    fn an_operator_carries_its_function() {
        let equal = one("=", oid::INT4, oid::INT4);
        assert_eq!((equal.oid, equal.result, equal.function_name), (96, oid::BOOL, "int4eq"));
        assert!(equal.function_strict && equal.null.holds_of_values() && equal.can_hash && equal.can_merge);
        assert_eq!(equal.commutator, 96);
        assert_eq!(equal.negator, one("<>", oid::INT4, oid::INT4).oid);
        let minus = one("-", 0, oid::INT4);
        assert_eq!((minus.function_name, minus.result), ("int4um", oid::INT4));
    }

    #[test]
    fn lookups_in_json_may_find_nothing() {
        for name in ["->", "->>", "#>", "#>>"] {
            for operator in operators(name) {
                let json = [oid::JSON, oid::JSONB].contains(&operator.left);
                assert!(!(json && operator.null.holds_of_values()), "{operator:?}");
            }
        }
        assert!(one("||", oid::JSONB, oid::JSONB).null.holds_of_values());
        assert!(!one("@?", oid::JSONB, oid::JSONPATH).null.holds_of_values());
    }

    #[test]
    fn every_operator_agrees_with_its_function() {
        let mut count = 0;
        for name in operator_names() {
            for operator in operators(name) {
                let function = function_by_oid(operator.function).unwrap();
                assert_eq!(operator.function_name, function.name);
                assert_eq!(operator.function_strict, function.strict, "{name}");
                assert_eq!(operator.null, function.null, "{name}");
                assert_eq!(operator.function_volatility, function.volatility, "{name}");
                assert_eq!(operator.function_retset, function.set, "{name}");
                count += 1;
            }
        }
        assert_eq!(count, 799);
    }
}
