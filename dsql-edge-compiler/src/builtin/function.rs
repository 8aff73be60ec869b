//! Looks up functions, aggregates, window functions and procedures. Input: a name or an OID. Output: rows of `pg_proc`
//! (joined with `pg_aggregate`) and the reviewed facts about NULL in `data/never_null.txt`.

use super::Oid;
use super::letters::FunctionKind;
use super::null_contract::NullContract;
use super::table::{Key, Row, Table, number, oids};
use crate::volatility::Volatility;

const FUNCTIONS: Table = Table::new(include_str!("data/functions.txt"));
const FUNCTIONS_BY_OID: Table = Table::new(include_str!("data/functions_by_oid.txt"));

/// A row of `pg_proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// The OID of `pg_proc`.
    pub oid: Oid,
    /// `proname`.
    pub name: &'static str,
    /// `prokind`, and `aggkind` of an aggregate.
    pub kind: FunctionKind,
    /// `provolatile`.
    pub volatility: Volatility,
    /// `proisstrict`: the result is NULL if an argument is NULL. `proisstrict` proves nothing about the result for
    /// arguments that are not NULL.
    pub strict: bool,
    /// `proretset`.
    pub set: bool,
    /// `aggnumdirectargs` of an ordered-set or hypothetical-set aggregate.
    pub direct_args: u8,
    /// `prorettype`.
    pub returns: Oid,
    /// `provariadic`: the element type of the VARIADIC argument; 0 if the function has no such argument.
    pub variadic: Oid,
    /// `pronargdefaults`: the number of parameters, at the end of the list, that have defaults.
    pub defaults: u8,
    /// The condition under which the result is not NULL.
    pub null: NullContract,
    args: &'static str,
    details: &'static str,
}

/// A column of a function's result; an OUT, INOUT or TABLE argument declares the column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutColumn {
    /// The argument's name; "" if the argument has no name.
    pub name: &'static str,
    /// Its type.
    pub type_oid: Oid,
    /// Whether the column is never NULL if no argument is NULL (reviewed).
    pub never_null: bool,
}

impl Function {
    /// `proargtypes`: the types of the input arguments.
    pub fn args(&self) -> impl Iterator<Item = Oid> + Clone + use<> {
        oids(self.args)
    }

    /// Returns the number of input arguments; a VARIADIC argument counts as one.
    pub fn nargs(&self) -> usize {
        if self.args.is_empty() { 0 } else { self.args.bytes().filter(|byte| *byte == b' ').count() + 1 }
    }

    /// Returns the names of the input arguments, "" for an argument without a name; no items if no argument has a name
    /// or a mode such as VARIADIC.
    pub fn arg_names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.details().filter(|detail| matches!(detail.mode, b'i' | b'b' | b'B' | b'v')).map(|it| it.name)
    }

    /// Returns the columns of the result, if the function declares OUT arguments. For a single OUT argument, the item
    /// is not a column: the argument only gives the result a name.
    pub fn out_columns(&self) -> impl Iterator<Item = OutColumn> + Clone + use<> {
        self.details().filter(|detail| matches!(detail.mode, b'o' | b'O' | b'b' | b'B' | b't' | b'T')).map(
            |detail| OutColumn {
                name: detail.name,
                type_oid: detail.type_oid,
                never_null: detail.mode.is_ascii_uppercase(),
            },
        )
    }

    fn details(&self) -> impl Iterator<Item = Detail> + Clone + use<> {
        self.details.split(' ').filter(|item| !item.is_empty()).map(|item| {
            let mut parts = item.splitn(3, ':');
            Detail {
                mode: parts.next().and_then(|mode| mode.bytes().next()).unwrap_or(b'i'),
                type_oid: number(parts.next().unwrap_or_default()),
                name: parts.next().unwrap_or_default(),
            }
        })
    }
}

/// Returns the functions in `pg_catalog` that have this name, sorted by OID.
pub fn functions(name: &str) -> impl Iterator<Item = Function> + Clone + use<> {
    FUNCTIONS.find(Key::name(name)).map(read)
}

/// Returns the function with this OID.
pub fn function_by_oid(oid: Oid) -> Option<Function> {
    let mut fields = FUNCTIONS_BY_OID.find(Key::oid(oid)).next()?.fields();
    fields.oid();
    FUNCTIONS.find(Key::name(fields.text()).then(oid)).next().map(read)
}

/// Returns all names of functions, sorted, without duplicates.
pub fn function_names() -> impl Iterator<Item = &'static str> + Clone {
    FUNCTIONS.names()
}

/// Whether `extract` and `date_part` never return NULL for this field if the date or timestamp is not NULL. For an
/// infinite value, fields that grow without end are infinite, and all other fields are NULL (timestamp.c,
/// `NonFiniteTimestampTzPart`). `field` may be in upper or lower case.
pub fn extract_is_never_null(field: &str) -> bool {
    ["century", "decade", "epoch", "isoyear", "julian", "millennium", "year"]
        .iter()
        .any(|it| it.eq_ignore_ascii_case(field))
}

/// An argument, input or output; an upper-case mode marks an output that is never NULL.
struct Detail {
    mode: u8,
    type_oid: Oid,
    name: &'static str,
}

fn read(row: Row) -> Function {
    let mut fields = row.fields();
    let name = fields.text();
    let oid = fields.oid();
    let [kind, volatility, strict, set, agg_kind, null] = fields.letters();
    Function {
        oid,
        name,
        kind: FunctionKind::of_letters(kind, agg_kind),
        volatility: Volatility::of_letter(volatility),
        strict: strict == b's',
        set: set == b'r',
        null: NullContract::of_letter(null),
        returns: fields.oid(),
        variadic: fields.oid(),
        defaults: fields.count(),
        direct_args: fields.count(),
        args: fields.text(),
        details: fields.rest(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::AggregateKind;
    use super::super::oid;
    use super::*;

    fn one(name: &str, args: &[Oid]) -> Function {
        let mut found = functions(name).filter(|function| function.args().eq(args.iter().copied()));
        let function = found.next().unwrap_or_else(|| panic!("{name}{args:?}"));
        assert_eq!(found.next(), None);
        function
    }

    #[test]
    fn a_plain_function() {
        let lower = one("lower", &[oid::TEXT]);
        assert_eq!(
            (lower.oid, lower.returns, lower.kind, lower.volatility),
            (870, oid::TEXT, FunctionKind::Plain, Volatility::Immutable)
        );
        assert!(lower.strict && !lower.set && lower.null == NullContract::OfValues);
        assert_eq!((lower.nargs(), lower.variadic, lower.defaults), (1, 0, 0));
        assert_eq!(function_by_oid(870), Some(lower));
        assert_eq!(functions("lower").count(), 3);
        assert_eq!(functions("lowe").count(), 0);
    }

    #[test]
    fn strict_function_can_return_null() {
        for (name, args) in [
            ("array_length", &[oid::ANYARRAY, oid::INT4][..]),
            ("regexp_match", &[oid::TEXT, oid::TEXT]),
            ("scale", &[oid::NUMERIC]),
            ("date_part", &[oid::TEXT, oid::TIMESTAMPTZ]),
            ("jsonb_object_field_text", &[oid::JSONB, oid::TEXT]),
            ("unnest", &[oid::ANYARRAY]),
        ] {
            let function = one(name, args);
            assert!(function.strict && function.null == NullContract::Unknown, "{name}");
        }
    }

    #[test]
    fn some_functions_are_not_null_for_any_arguments() {
        let concat = one("concat", &[oid::ANY]);
        assert!(concat.null == NullContract::Always && !concat.strict);
        assert_eq!(concat.variadic, oid::ANY);
        let now = one("now", &[]);
        assert!(now.null.holds_of_values() && now.volatility == Volatility::Stable && now.nargs() == 0);
    }

    #[test]
    fn aggregates() {
        let count = one("count", &[oid::ANY]);
        assert_eq!((count.kind, count.returns), (FunctionKind::Aggregate(AggregateKind::Normal), oid::INT8));
        assert_eq!(count.null, NullContract::Always);
        let sum = one("sum", &[oid::INT4]);
        assert_eq!(sum.null, NullContract::OverValues);
        assert_eq!(one("array_agg", &[oid::ANYNONARRAY]).null, NullContract::OverRows);
        let percentile = one("percentile_cont", &[oid::FLOAT8, oid::FLOAT8]);
        let ordered_set = FunctionKind::Aggregate(AggregateKind::OrderedSet);
        assert_eq!((percentile.kind, percentile.direct_args), (ordered_set, 1));
        assert_eq!(one("stddev_samp", &[oid::FLOAT8]).null, NullContract::Unknown);
    }

    #[test]
    fn named_arguments_and_out_columns() {
        let each = one("jsonb_each_text", &[oid::JSONB]);
        assert!(each.set);
        let columns: Vec<_> = each.out_columns().map(|it| (it.name, it.type_oid, it.never_null)).collect();
        assert_eq!(columns, [("key", oid::TEXT, true), ("value", oid::TEXT, false)]);
        assert_eq!(each.arg_names().collect::<Vec<_>>(), ["from_json"]);
        let interval = functions("make_interval").next().unwrap();
        assert_eq!((interval.nargs(), interval.defaults), (7, 7));
        assert_eq!(interval.arg_names().nth(6), Some("secs"));
        assert_eq!(one("lower", &[oid::TEXT]).arg_names().count(), 0);
    }

    #[test]
    fn every_function_is_found_by_name_and_by_oid() {
        let mut count = 0;
        for name in function_names() {
            for function in functions(name) {
                assert_eq!(function.name, name);
                assert_eq!(function_by_oid(function.oid), Some(function));
                assert_eq!(function.args().count(), function.nargs(), "{name}");
                count += 1;
            }
        }
        assert!(count > 3200, "{count}");
    }
}
