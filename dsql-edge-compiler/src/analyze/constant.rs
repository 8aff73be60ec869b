//! During parse analysis, PostgreSQL reads constants with the input functions of their types; this module checks these
//! constants.
//!
//! Input: a type and the text of a quoted constant. Output: nothing, or the error that PostgreSQL reports.
//!
//! A constant that PostgreSQL accepts is never rejected, so a check accepts the constant if the answer depends on a
//! setting or a collation that the compiler does not know. Constants of geometric types, text search types, `jsonpath`,
//! `xml` and the types of extensions are not checked here: the server checks them at run time.

mod blank;
mod bytes;
mod composite;
mod container;
mod datetime;
mod decimal;
mod json;
mod network;
mod number;
mod object_name;
mod rejection;
mod strtod;
mod system;
mod type_name;

use super::catalog::Catalog;
use crate::builtin::{Oid, TypeKind, oid};
use crate::diagnostic::Code;
use crate::schema::{Dialect, UserTypeKind};
use blank::trim;
use container::{NotAnArray, Range};
use datetime::{Problem, SessionSettings};
pub(super) use datetime::{UnitOfTime, is_time_zone};
pub(super) use rejection::Rejection;
use rejection::Value;

/// Checks whether `text` is a value of the type, as far as this module implements the type's input function. `typmod`
/// is the type modifier that PostgreSQL passes to the input function: the modifier of an `interval`, and -1 for other
/// types.
pub(super) fn check(catalog: Catalog<'_>, type_oid: Oid, typmod: i32, text: &str) -> Result<(), Rejection> {
    value(catalog, type_oid, typmod, text, 0).map(drop)
}

/// Does the same as [`check`] for a constant that is nested in `depth` row values. Returns the value of the constant,
/// if this module computes the value.
fn value(
    catalog: Catalog<'_>,
    type_oid: Oid,
    typmod: i32,
    text: &str,
    depth: usize,
) -> Result<Value, Rejection> {
    let unless = |fine: bool, name: &str| if fine { Ok(()) } else { Err(Rejection::syntax(name, text)) };
    let checked = match type_oid {
        oid::INT2 => return number::integer(text, "smallint", i64::from(i16::MIN), i64::from(i16::MAX)),
        oid::INT4 => return number::integer(text, "integer", i64::from(i32::MIN), i64::from(i32::MAX)),
        oid::INT8 => return number::integer(text, "bigint", i64::MIN, i64::MAX),
        oid::NUMERIC => return number::numeric(text),
        oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => {
            return date_or_time(catalog, type_oid, typmod, text);
        }
        oid::FLOAT4 => number::float(text, "real", number::size_of_float4),
        oid::FLOAT8 => number::float(text, "double precision", number::size_of_float8),
        oid::MONEY => number::money(text),
        oid::OID => number::unsigned(text, "oid", 32),
        oid::XID => number::unsigned(text, "xid", 32),
        oid::CID => number::unsigned(text, "cid", 32),
        oid::XID8 => number::unsigned(text, "xid8", 64),
        oid::BOOL => unless(is_boolean(text), "boolean"),
        oid::UUID => bytes::uuid(text),
        oid::BYTEA => bytes::bytea(text),
        oid::BIT | oid::VARBIT => bytes::bits(text),
        oid::INET => network::inet(text),
        oid::CIDR => network::cidr(text),
        oid::MACADDR => network::macaddr(text),
        oid::MACADDR8 => network::macaddr8(text),
        oid::JSON => json::check(text, false),
        oid::JSONB => json::check(text, true),
        oid::TID => unless(system::is_tid(text), "tid"),
        oid::PG_LSN => unless(system::is_pg_lsn(text), "pg_lsn"),
        oid::PG_SNAPSHOT => unless(system::is_pg_snapshot(text), "pg_snapshot"),
        oid::REGTYPE => type_name::check(catalog, text),
        oid::REGCLASS | oid::REGPROC | oid::REGPROCEDURE | oid::REGOPER | oid::REGOPERATOR => {
            object_name::check(catalog, type_oid, text)
        }
        // The constant is a list of numbers with spaces between them. The server checks this constant, because the
        // input function of the elements is not implemented exactly here.
        oid::OIDVECTOR | oid::INT2VECTOR => Ok(()),
        oid::RECORD => Err(anonymous_composite()),
        oid::RECORDARRAY if !matches!(trim(text), "{}" | "{NULL}") => Err(anonymous_composite()),
        _ => by_kind(catalog, (type_oid, typmod), text, depth),
    };
    checked.map(|()| Value::Unknown)
}

fn anonymous_composite() -> Rejection {
    let message = "input of anonymous composite types is not implemented".to_owned();
    Rejection::new(Code::FeatureNotSupported, message)
}

/// Checks constants of arrays, ranges, multiranges, enums and composite types.
fn by_kind(
    catalog: Catalog<'_>,
    (type_oid, typmod): (Oid, i32),
    text: &str,
    depth: usize,
) -> Result<(), Rejection> {
    let info = catalog.type_info(type_oid);
    let malformed =
        |what: &str| Rejection::new(Code::InvalidLiteral, format!("malformed {what} literal: \"{text}\""));
    if info.is_array {
        let delimiter = if info.elem == oid::BOX { ';' } else { ',' };
        let elements = container::array_elements(text, delimiter).map_err(|reason| match reason {
            NotAnArray::Malformed(part) => {
                Rejection::new(Code::InvalidLiteral, format!("malformed array literal: \"{part}\""))
            }
            NotAnArray::Bounds => {
                let message = "upper bound cannot be less than lower bound".to_owned();
                Rejection::new(Code::InvalidArrayBounds, message)
            }
        })?;
        // The modifier of an array is the modifier of its elements.
        let read = |ty: Oid, typmod: i32, text: &str, depth: usize| value(catalog, ty, typmod, text, depth);
        let element = (info.elem, typmod);
        return elements
            .iter()
            .try_for_each(|text| composite::with_modifier(catalog, &read, element, text, depth));
    }
    match info.kind {
        TypeKind::Range => {
            let written = container::range(text).map_err(|_| malformed("range"))?;
            range(catalog, info.subtype, &written, depth)
        }
        TypeKind::Multirange => {
            let (ranges, end) = container::multirange(text);
            ranges.iter().try_for_each(|text| value(catalog, info.counterpart, -1, text, depth).map(drop))?;
            end.map_err(|_| malformed("multirange"))
        }
        TypeKind::Composite => match catalog.fields(type_oid) {
            Some(fields) => check_fields(catalog, &fields, text, depth),
            None => Ok(()),
        },
        _ => match catalog.user_kind(type_oid) {
            Some(UserTypeKind::Enum(labels)) if !labels.iter().any(|label| label == text) => {
                let name = catalog.display(type_oid, -1);
                let message = format!("invalid input value for enum {name}: \"{text}\"");
                Err(Rejection::new(Code::InvalidLiteral, message))
            }
            _ => Ok(()),
        },
    }
}

/// Checks a row.
fn check_fields(
    catalog: Catalog<'_>,
    fields: &[(Oid, i32)],
    text: &str,
    depth: usize,
) -> Result<(), Rejection> {
    let read = |ty: Oid, typmod: i32, text: &str, depth: usize| value(catalog, ty, typmod, text, depth);
    composite::check(catalog, &read, fields, text, depth)
}

/// Checks the bounds of a range and their order. The order is checked only if this module computes the values of both
/// bounds ([`Value`]).
fn range(catalog: Catalog<'_>, subtype: Oid, range: &Range, depth: usize) -> Result<(), Rejection> {
    let Range::Bounds { lower, lower_inclusive, upper, upper_inclusive } = range else { return Ok(()) };
    let subtype = catalog.base_type(subtype).0;
    let bound = |bound: &Option<String>| match bound {
        Some(text) => value(catalog, subtype, -1, text, depth),
        None => Ok(Value::Unknown),
    };
    let (lower, upper) = (bound(lower)?, bound(upper)?);
    let known = lower != Value::Unknown && upper != Value::Unknown;
    if known && lower > upper {
        let message = "range lower bound must be less than or equal to range upper bound".to_owned();
        return Err(Rejection::new(Code::InvalidRange, message));
    }
    // Ranges of whole numbers are stored as `[lower,upper)`.
    let (most, name) = match subtype {
        oid::INT4 => (i128::from(i32::MAX), "integer"),
        oid::INT8 => (i128::from(i64::MAX), "bigint"),
        _ => return Ok(()),
    };
    let most = Value::Integer(most);
    let empty = known && lower == upper && !(*lower_inclusive && *upper_inclusive);
    if !empty && (!lower_inclusive && lower == most || *upper_inclusive && upper == most) {
        return Err(Rejection::new(Code::OutOfRange, format!("{name} out of range")));
    }
    Ok(())
}

/// Checks a date, time or interval.
fn date_or_time(catalog: Catalog<'_>, type_oid: Oid, typmod: i32, text: &str) -> Result<Value, Rejection> {
    let session = match catalog.schema.dialect {
        Dialect::Dsql => SessionSettings::Default,
        Dialect::Postgres => SessionSettings::Unknown,
    };
    let (checked, overflow) = match type_oid {
        oid::DATE => (datetime::date(text, session), format!("date out of range: \"{text}\"")),
        oid::TIMESTAMP => (datetime::timestamp(text, session), format!("timestamp out of range: \"{text}\"")),
        oid::TIMESTAMPTZ => {
            (datetime::timestamptz(text, session), format!("timestamp out of range: \"{text}\""))
        }
        oid::INTERVAL => {
            (datetime::interval(text, typmod).map(|()| None), "interval out of range".to_owned())
        }
        _ => (datetime::time(text, session).map(|()| None), String::new()),
    };
    let problem = match checked {
        Ok(Some(value)) => return Ok(Value::Integer(i128::from(value))),
        Ok(None) => return Ok(Value::Unknown),
        Err(problem) => problem,
    };
    let field = format!("field value out of range: \"{text}\"");
    let (code, message) = match problem {
        Problem::Malformed => {
            // The messages of `timestamp_in` and `time_in` do not contain "without time zone".
            let name = catalog.display(type_oid, -1);
            let name = name.trim_end_matches(" without time zone");
            (Code::InvalidDatetime, format!("invalid input syntax for type {name}: \"{text}\""))
        }
        Problem::FieldOutOfRange if type_oid == oid::INTERVAL => {
            (Code::IntervalOutOfRange, format!("interval {field}"))
        }
        Problem::FieldOutOfRange | Problem::MonthOrDayOutOfRange => {
            (Code::DatetimeOutOfRange, format!("date/time {field}"))
        }
        Problem::ZoneOutOfRange => {
            (Code::OffsetOutOfRange, format!("time zone displacement out of range: \"{text}\""))
        }
        Problem::UnknownZone(zone) => (Code::UnknownTimeZone, format!("time zone \"{zone}\" not recognized")),
        Problem::ValueOutOfRange => (Code::DatetimeOutOfRange, overflow),
    };
    Err(Rejection::new(code, message))
}

/// `parse_bool_with_len`: accepts any unambiguous prefix of a boolean word.
fn is_boolean(text: &str) -> bool {
    let word = trim(text).to_ascii_lowercase();
    match word.as_str() {
        "" | "o" => false,
        "1" | "0" | "on" | "of" | "off" => true,
        _ => ["true", "false", "yes", "no"].iter().any(|full| full.starts_with(&word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    #[test]
    fn constants_by_type() {
        let schema = Schema::default();
        let catalog = Catalog::now(&schema);
        for (ty, text, code) in [
            (oid::INT4, " 12 ", None),
            (oid::INT4, "0x1F", None),
            (oid::INT4, "1_000", None),
            (oid::INT4, "abc", Some(Code::InvalidLiteral)),
            (oid::INT4, "", Some(Code::InvalidLiteral)),
            (oid::INT4, "_1", Some(Code::InvalidLiteral)),
            (oid::INT4, "2147483648", Some(Code::OutOfRange)),
            (oid::INT4, "99999999999x", Some(Code::OutOfRange)),
            (oid::INT2, "-32768", None),
            (oid::BOOL, "t", None),
            (oid::BOOL, "maybe", Some(Code::InvalidLiteral)),
            (oid::FLOAT8, "-1.5e3", None),
            (oid::FLOAT8, "e3", Some(Code::InvalidLiteral)),
            (oid::FLOAT8, "1e400", Some(Code::OutOfRange)),
            (oid::FLOAT8, "1e-400", Some(Code::OutOfRange)),
            (oid::FLOAT8, "0e-400", None),
            (oid::FLOAT4, "1e39", Some(Code::OutOfRange)),
            (oid::NUMERIC, "NaN", None),
            (oid::TEXT, "anything", None),
            (oid::DATE, "2026-11-21", None),
            (oid::DATE, "soon", Some(Code::InvalidDatetime)),
            (oid::DATE, "2026-02-29", Some(Code::DatetimeOutOfRange)),
            // PostgreSQL reads the next two constants as 492359-06-29 and 2000-01-01, because its numbers overflow.
            (oid::DATE, "24010801/219", None),
            (oid::DATE, "42949692960101", None),
            (oid::TIMESTAMPTZ, "-infinity", None),
            (oid::TIMESTAMPTZ, "2026-11-28 America/Atlantis", Some(Code::UnknownTimeZone)),
            (oid::TIMESTAMPTZ, "2026-11-28 10:00 +25", Some(Code::OffsetOutOfRange)),
            (oid::INTERVAL, "", Some(Code::InvalidDatetime)),
            (oid::INTERVAL, "99999999999 days", Some(Code::IntervalOutOfRange)),
            // Half a microsecond is not rounded up.
            (oid::INTERVAL, "9223372036854775807.5 us", None),
            (oid::INTERVAL, "9223372036854775807.6 us", Some(Code::IntervalOutOfRange)),
            (oid::MONEY, "$1,000.00", None),
            (oid::MONEY, "123456789012345678", Some(Code::OutOfRange)),
            (oid::INT4RANGE, "[1,4)", None),
            (oid::INT4RANGE, "[4,1)", Some(Code::InvalidRange)),
            (oid::INT4RANGE, "[1,2147483647]", Some(Code::OutOfRange)),
            (oid::INT4RANGE, "[a,4)", Some(Code::InvalidLiteral)),
            (oid::TSRANGE, "[2026-02-01,2026-01-01]", Some(Code::InvalidRange)),
            (oid::INT4MULTIRANGE, "{[1,2),[5,3)}", Some(Code::InvalidRange)),
        ] {
            assert_eq!(check(catalog, ty, -1, text).err().map(|it| it.code), code, "{ty} {text:?}");
        }
    }

    #[test]
    fn rows_are_read_as_record_in_reads_them() {
        let schema = Schema::default();
        let catalog = Catalog::now(&schema);
        let fields = [(oid::INT4, -1), (oid::VARCHAR, 3 + 4), (oid::NUMERIC, ((3 << 16) | 1) + 4)];
        let message = |text: &str| check_fields(catalog, &fields, text, 0).err().map(|it| it.message);
        for text in [
            "(1,abc,1)",
            " ( 1 ,,) \n",
            "(,\"a,\"\"\",99.94)",
            "(1,abc   ,-99.949)",
            "(1,\"\",0)",
            "(\"1\",\\,\\),0)",
            "(1,a\"b\"c,nan)",
        ] {
            assert_eq!(message(text), None, "{text}");
        }
        for (text, expected) in [
            ("", "malformed record literal: \"\""),
            ("1,abc,1", "malformed record literal: \"1,abc,1\""),
            ("(1,abc)", "malformed record literal: \"(1,abc)\""),
            ("(1,abc,1,2)", "malformed record literal: \"(1,abc,1,2)\""),
            ("(1,abc,1)x", "malformed record literal: \"(1,abc,1)x\""),
            ("(1,\"abc", "malformed record literal: \"(1,\"abc\""),
            ("(1,a\\", "malformed record literal: \"(1,a\\\""),
            // PostgreSQL reads the first field before it looks at the rest of the constant.
            ("(a,\"", "invalid input syntax for type integer: \"a\""),
            ("(1,abcd,1)", "value too long for type character varying(3)"),
            ("(1,abc,99.95)", "numeric field overflow"),
        ] {
            assert_eq!(message(text).as_deref(), Some(expected), "{text}");
        }
        let bits = [(oid::BIT, 3), (oid::VARBIT, 5)];
        let code = |text: &str| check_fields(catalog, &bits, text, 0).err().map(|it| it.code);
        assert_eq!(code("(101,x1)"), None);
        assert_eq!(code("(10,)"), Some(Code::LengthMismatch));
        assert_eq!(code("(b101,x11)"), Some(Code::ValueTooLong));
        // The elements of an array have the modifier of the array.
        let arrays = [(oid::BITARRAY, 3), (oid::VARCHARARRAY, 2 + 4)];
        let code = |text: &str| check_fields(catalog, &arrays, text, 0).err().map(|it| it.code);
        assert_eq!(code(r#"("{101,NULL}","{ab,{}}")"#), Some(Code::InvalidLiteral));
        assert_eq!(code(r#"("{101,NULL}","{ab,a}")"#), None);
        assert_eq!(code("({10},)"), Some(Code::LengthMismatch));
        assert_eq!(code("(,{abc})"), Some(Code::ValueTooLong));
    }
}
