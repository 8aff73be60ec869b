//! Functions, aggregates, window functions and procedures: a name or an OID in, rows of `pg_proc`
//! (with `pg_aggregate`'s part) out, and beside them the reviewed column of `data/never_null.txt`.

use super::Oid;
use super::table::{Key, Row, Table, number, oids};

const FUNCTIONS: Table = Table::new(include_str!("data/functions.txt"));
const FUNCTIONS_BY_OID: Table = Table::new(include_str!("data/functions_by_oid.txt"));

/// A row of `pg_proc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// The OID of `pg_proc`.
    pub oid: Oid,
    /// `proname`.
    pub name: &'static str,
    /// `prokind`: `f`unction, `a`ggregate, `w`indow function, `p`rocedure.
    pub kind: u8,
    /// `provolatile`: `i`mmutable, `s`table, `v`olatile.
    pub volatility: u8,
    /// `proisstrict`: NULL in, NULL out. It says nothing of what comes out of non-NULL input.
    pub strict: bool,
    /// `proretset`.
    pub set: bool,
    /// `aggkind` of an aggregate: `n`ormal, `o`rdered-set, `h`ypothetical-set; 0 for others.
    pub agg_kind: u8,
    /// `aggnumdirectargs` of an ordered-set or hypothetical-set aggregate.
    pub direct_args: u8,
    /// `prorettype`.
    pub returns: Oid,
    /// `provariadic`: the element type of the last argument; 0 for none.
    pub variadic: Oid,
    /// `pronargdefaults`: how many of the last arguments may be left out.
    pub defaults: u8,
    /// Reviewed: with arguments that are all non-NULL, the result (each row of a set) is not NULL.
    /// Of an aggregate: also over no rows.
    pub never_null: bool,
    /// Reviewed: not NULL whatever the arguments are (`concat`, `jsonb_build_object`, `count`).
    pub never_null_on_null: bool,
    /// Reviewed, aggregates: not NULL over at least one row whose arguments are all non-NULL.
    pub never_null_on_rows: bool,
    /// Reviewed, aggregates: not NULL over at least one row, whatever its arguments (`array_agg`).
    pub never_null_on_any_row: bool,
    args: &'static str,
    details: &'static str,
}

/// A column of a function's result, of an OUT, INOUT or TABLE argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutColumn {
    /// The argument's name; "" where it has none.
    pub name: &'static str,
    /// Its type.
    pub type_oid: Oid,
    /// Reviewed: not NULL when all arguments are non-NULL.
    pub never_null: bool,
}

impl Function {
    /// `proargtypes`: the types of the input arguments.
    pub fn args(&self) -> impl Iterator<Item = Oid> + Clone + use<> {
        oids(self.args)
    }

    /// How many input arguments there are, a VARIADIC one counted once.
    pub fn nargs(&self) -> usize {
        if self.args.is_empty() { 0 } else { self.args.bytes().filter(|byte| *byte == b' ').count() + 1 }
    }

    /// The names of the input arguments, "" for one that has none; nothing at all where none has.
    pub fn arg_names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.details().filter(|detail| matches!(detail.mode, b'i' | b'b' | b'B' | b'v')).map(|it| it.name)
    }

    /// The columns of the result, where OUT arguments declare them; a single one gives the result its
    /// name, not a column.
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

/// The overloads of a name of `pg_catalog`, by OID.
pub fn functions(name: &str) -> impl Iterator<Item = Function> + Clone + use<> {
    FUNCTIONS.find(Key::name(name)).map(read)
}

/// The function with this OID.
pub fn function_by_oid(oid: Oid) -> Option<Function> {
    let mut fields = FUNCTIONS_BY_OID.find(Key::oid(oid)).next()?.fields();
    fields.oid();
    FUNCTIONS.find(Key::name(fields.text()).then(oid)).next().map(read)
}

/// Every name of a function, sorted, each once.
pub fn function_names() -> impl Iterator<Item = &'static str> + Clone {
    FUNCTIONS.names()
}

/// Whether `extract` and `date_part` of a date or timestamp that is not NULL always yield this field. Of an
/// infinite one, those that grow without end are infinite and all others NULL (timestamp.c,
/// `NonFiniteTimestampTzPart`). The field is as it is written, of any case.
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
    let [kind, volatility, strict, set, agg_kind, never_null] = fields.letters();
    Function {
        oid,
        name,
        kind,
        volatility,
        strict: strict == b's',
        set: set == b'r',
        agg_kind: if agg_kind == b'-' { 0 } else { agg_kind },
        never_null: matches!(never_null, b'y' | b'a'),
        never_null_on_null: never_null == b'a',
        never_null_on_rows: matches!(never_null, b'n' | b'r' | b'a'),
        never_null_on_any_row: matches!(never_null, b'r' | b'a'),
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
        assert_eq!((lower.oid, lower.returns, lower.kind, lower.volatility), (870, oid::TEXT, b'f', b'i'));
        assert!(lower.strict && !lower.set && lower.never_null && !lower.never_null_on_null);
        assert_eq!((lower.nargs(), lower.agg_kind, lower.variadic, lower.defaults), (1, 0, 0, 0));
        assert_eq!(function_by_oid(870), Some(lower));
        assert_eq!(functions("lower").count(), 3);
        assert_eq!(functions("lowe").count(), 0);
    }

    #[test]
    fn strict_is_not_never_null() {
        for (name, args) in [
            ("array_length", &[oid::ANYARRAY, oid::INT4][..]),
            ("regexp_match", &[oid::TEXT, oid::TEXT]),
            ("scale", &[oid::NUMERIC]),
            ("date_part", &[oid::TEXT, oid::TIMESTAMPTZ]),
            ("jsonb_object_field_text", &[oid::JSONB, oid::TEXT]),
            ("unnest", &[oid::ANYARRAY]),
        ] {
            let function = one(name, args);
            assert!(function.strict && !function.never_null, "{name}");
        }
    }

    #[test]
    fn not_null_whatever_comes_in() {
        let concat = one("concat", &[oid::ANY]);
        assert!(concat.never_null_on_null && concat.never_null && !concat.strict);
        assert_eq!(concat.variadic, oid::ANY);
        let now = one("now", &[]);
        assert!(now.never_null && now.volatility == b's' && now.nargs() == 0);
    }

    #[test]
    fn aggregates() {
        let count = one("count", &[oid::ANY]);
        assert_eq!((count.kind, count.agg_kind, count.returns), (b'a', b'n', oid::INT8));
        assert!(count.never_null);
        let sum = one("sum", &[oid::INT4]);
        assert!(!sum.never_null && sum.never_null_on_rows && !sum.never_null_on_any_row);
        assert!(one("array_agg", &[oid::ANYNONARRAY]).never_null_on_any_row);
        let percentile = one("percentile_cont", &[oid::FLOAT8, oid::FLOAT8]);
        assert_eq!((percentile.agg_kind, percentile.direct_args), (b'o', 1));
        assert!(!one("stddev_samp", &[oid::FLOAT8]).never_null_on_rows);
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
