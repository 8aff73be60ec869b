//! The values that rows and arguments have, as PostgreSQL's text.
//!
//! Input: a type and a number. Output: a string that the type's input function reads. A value depends only on its type
//! and its number, so that joins and comparisons with arguments find matching rows.

/// The values to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Few values, among them NaN and infinity.
    Usual,
    /// The same values without infinity.
    Finite,
    /// The longest, smallest and largest values that the default Rust type of each type holds.
    Held,
    /// Values that the default Rust type cannot hold, such as infinity, years past 262,142, and arrays of more than one
    /// dimension. Some of these values fit an alternative Rust type, and some fit none.
    Beyond,
}

/// The kind of values that a type has.
pub(super) enum Kind {
    Base(String),
    Enum(Vec<String>),
    Array(Box<Kind>),
    Range(Box<Kind>),
    Composite(Vec<Kind>),
}

impl Kind {
    /// The text of a value; elements of arrays can be NULL.
    pub(super) fn text(&self, number: usize, values: Values) -> String {
        match self {
            Kind::Base(name) => base_text(name, number, values),
            Kind::Enum(labels) => labels.get(number % labels.len().max(1)).cloned().unwrap_or_default(),
            Kind::Array(_) if number == 1 => "{}".to_owned(),
            Kind::Array(element) if values == Values::Beyond && number == 2 => {
                let quoted = array(&[&element.text(number, values)], &["NULL"]);
                format!("{{{quoted},{quoted}}}")
            }
            Kind::Array(element) => array(&[&element.text(number, values)], &["NULL"]),
            Kind::Range(_) if number == 1 => "empty".to_owned(),
            Kind::Range(_) if number == 2 => "(,)".to_owned(),
            Kind::Range(subtype) => format!("[\"{0}\",\"{0}\"]", subtype.text(number, values)),
            Kind::Composite(fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .enumerate()
                    .map(|(at, field)| {
                        if at == 0 {
                            String::new()
                        } else {
                            let text = field.text(number, values);
                            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\""))
                        }
                    })
                    .collect();
                format!("({})", fields.join(","))
            }
        }
    }

    /// The text of an argument; arrays contain a NULL only if `null_elements`.
    pub(super) fn argument(&self, number: usize, values: Values, null_elements: bool) -> String {
        match self {
            // Two elements, as in the arrays with a NULL: `UNNEST(a, b)` would fill a shorter array with NULLs.
            Kind::Array(element) if !null_elements && number != 1 => {
                let text = element.text(number, values);
                array(&[&text, &text], &[])
            }
            kind => kind.text(number, values),
        }
    }
}

/// An array literal of these quoted and unquoted elements.
fn array(quoted: &[&str], unquoted: &[&str]) -> String {
    let quoted = quoted.iter().map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    let elements: Vec<String> = quoted.chain(unquoted.iter().map(|text| (*text).to_owned())).collect();
    format!("{{{}}}", elements.join(","))
}

/// Returns the text of one of the test values of a type, by its number. For some types, number 1 is a special value,
/// such as NaN.
fn base_text(type_name: &str, number: usize, values: Values) -> String {
    let special = match values {
        Values::Usual | Values::Finite => None,
        Values::Held => held(type_name).get(number),
        Values::Beyond => beyond(type_name).get(number),
    };
    if let Some(text) = special.filter(|text| **text != SAME) {
        return (*text).to_owned();
    }
    match type_name {
        "bool" => if number.is_multiple_of(2) { "t" } else { "f" }.to_owned(),
        "float4" | "float8" if number == 1 => "NaN".to_owned(),
        "date" | "timestamp" | "timestamptz" if number == 1 && values == Values::Usual => {
            "infinity".to_owned()
        }
        "date" | "timestamp" | "timestamptz" => format!("2024-02-0{}", number % 9 + 1),
        "time" | "timetz" => format!("0{number}:00:00"),
        "interval" => format!("{number} days"),
        "uuid" => format!("00000000-0000-0000-0000-{number:012}"),
        "json" | "jsonb" => match number {
            0 => "{\"a\": null, \"b\": [1, null]}".to_owned(),
            1 => "null".to_owned(),
            2 => "[]".to_owned(),
            _ => "{}".to_owned(),
        },
        "bytea" => format!("\\x0{number}"),
        "inet" | "cidr" => format!("10.0.0.{number}"),
        "text" | "varchar" | "bpchar" | "name" | "char" if number == 1 => String::new(),
        _ => number.to_string(),
    }
}

/// In the lists below, this constant means the usual value.
const SAME: &str = "\0";

/// Extreme values that the default Rust types hold.
fn held(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "int2" => &["-32768", "32767"],
        "int4" => &["-2147483648", "2147483647"],
        "int8" => &["-9223372036854775808", "9223372036854775807"],
        "float4" => &["-3.4028235e+38", "1e-45", "0.1", "-0"],
        "float8" => &["1.7976931348623157e+308", "5e-324", "0.30000000000000004", "-Infinity"],
        "numeric" => &["-79228162514264337593543950335", "0.0000000000000000000000000001", "1.500", "0.00"],
        "text" | "varchar" => &["O'Brien \"x\" \\ {a,b} (c) NULL", "", "NULL", "é漢😀\n\t\r"],
        "bytea" => &["\\x", "\\x00ff275c", "\\x0a", SAME],
        "uuid" => &["ffffffff-ffff-ffff-ffff-ffffffffffff", SAME],
        "date" => &["4713-01-01 BC", "9999-12-31", "2024-02-29", "2000-01-01"],
        "time" => &["00:00:00", "23:59:59.999999", "12:00:00.1"],
        "timetz" => &["00:00:00+15:59:59", "23:59:59.999999-15:59:59"],
        "timestamp" => {
            &["4713-01-01 00:00:00.000001 BC", "9999-12-31 23:59:59.999999", "1969-12-31 23:59:59.5"]
        }
        "timestamptz" => {
            &["4713-01-02 00:00:00.000001+00 BC", "9999-12-31 23:59:59.999999+00", "1999-12-31 23:59:59.5+00"]
        }
        "interval" => {
            &["-178000000 years -1 day -00:00:00.000001", "1 year 2 mons -3 days +04:05:06.789", "00:00:00"]
        }
        "json" | "jsonb" => &[
            "{\"a\": \"O'B \\\"x\\\" \\u00e9 \\ud83d\\ude00\", \"b\": [1, -0.5, null, true]}",
            "\"text\"",
            "[18446744073709551615, -9223372036854775808]",
            "{\"\": {\"deep\": [[[]]]}}",
        ],
        "inet" => &["::1", "10.0.0.1/8", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/1"],
        _ => &[],
    }
}

/// Values that the default Rust types do not hold.
fn beyond(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "numeric" => &["NaN", "79228162514264337593543950336", "1e-29", "Infinity"],
        "date" => &["infinity", "-infinity", "5874897-12-31", SAME],
        "time" => &["24:00:00", SAME],
        "timestamp" | "timestamptz" => &["infinity", "-infinity", "294276-12-31 23:59:59.999999", SAME],
        "json" | "jsonb" => &["{\"n\": 12345678901234567890.123}", "[1e400]", "0.1000000000000000055", SAME],
        _ => &[],
    }
}
