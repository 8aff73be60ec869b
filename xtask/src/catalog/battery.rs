//! Extreme values that are not NULL, as SQL expressions.
//!
//! Input: a type's name. Output: the values to call functions with. A polymorphic type gets the values of a concrete
//! type. The same concrete type replaces the polymorphic type of every argument of a call.

/// The types of the polymorphic arguments of one call.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) element: &'static str,
    pub(super) range: &'static str,
}

/// The concrete types that replace polymorphic types. Each polymorphic call is tried with every choice.
pub(super) const CHOICES: &[Choice] = &[
    Choice { element: "int4", range: "int4range" },
    Choice { element: "text", range: "tstzrange" },
    Choice { element: "float8", range: "numrange" },
    Choice { element: "timestamptz", range: "daterange" },
    Choice { element: "jsonb", range: "int8range" },
    Choice { element: "record", range: "tsrange" },
];

/// Whether a type is polymorphic.
pub(super) fn is_polymorphic(type_name: &str) -> bool {
    type_name.starts_with("any")
}

/// The values of a type; empty if this module has no values of the type.
pub(super) fn values(type_name: &str, choice: Choice) -> Vec<String> {
    let resolved = match type_name {
        "any" | "anyelement" | "anynonarray" | "anycompatible" | "anycompatiblenonarray" => choice.element,
        "anyrange" | "anycompatiblerange" => choice.range,
        "anyenum" => "attack_mood",
        "anyarray" | "anycompatiblearray" => return arrays(choice.element),
        "anymultirange" | "anycompatiblemultirange" => {
            return multiranges(&choice.range.replace("range", "multirange"));
        }
        name if name.ends_with("multirange") => return multiranges(name),
        name => name,
    };
    if resolved == "record" {
        return ["ROW(1, 'a'::text)", "ROW(NULL::int4, NULL::text)", "ROW(0, ''::text)"]
            .map(str::to_owned)
            .to_vec();
    }
    if let Some(element) = resolved.strip_prefix('_') {
        return arrays(element);
    }
    let quoted = if resolved == "char" { "\"char\"" } else { resolved };
    literals(resolved).iter().map(|literal| format!("'{}'::{quoted}", literal.replace('\'', "''"))).collect()
}

/// Returns complete argument lists for a function that needs more than arbitrary values of the right types.
pub(super) fn samples(name: &str) -> &'static [&'static str] {
    match name {
        "nextval" | "currval" => &["'pg_temp.attack_sequence'"],
        "setval" => &["'pg_temp.attack_sequence', 5", "'pg_temp.attack_sequence', 5, false"],
        "lastval" => &[""],
        "json_build_object" | "jsonb_build_object" => &["'a', NULL", "'a', 1, 'b', NULL::text"],
        "make_timestamptz" => &["2024, 2, 29, 1, 2, 3.4, 'UTC'", "-1, 1, 1, 0, 0, 0, 'Europe/Berlin'"],
        "to_ascii" => &["'a', 'latin1'", "'', 'latin1'", "'a', 8", "'', 8"],
        _ => &[],
    }
}

fn arrays(element: &str) -> Vec<String> {
    let name = if element == "char" { "\"char\"" } else { element };
    let mut arrays = vec![format!("ARRAY[NULL]::{name}[]"), format!("ARRAY[]::{name}[]")];
    let choice = CHOICES.first().copied().unwrap_or(Choice { element: "int4", range: "int4range" });
    let elements = values(element, choice);
    arrays.extend(elements.iter().take(4).map(|value| format!("ARRAY[{value}]")));
    arrays.push(format!("ARRAY[{}]", elements.join(", ")));
    if let [first, .., last] = elements.as_slice() {
        arrays.push(format!("ARRAY[[{first}, {last}], [{last}, NULL]]"));
        arrays.push(format!("ARRAY[{first}, {last}]"));
    }
    arrays
}

fn multiranges(name: &str) -> Vec<String> {
    let range = name.replace("multirange", "range");
    let mut all = vec![format!("'{{}}'::{name}")];
    all.extend(literals(&range).iter().map(|literal| format!("{name}('{literal}'::{range})")));
    all
}

fn literals(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "bool" => &["t", "f"],
        "int2" => &["0", "1", "-1", "2", "32767", "-32768"],
        "int4" => &["0", "1", "-1", "2", "2147483647", "-2147483648", "2024"],
        "int8" => &["0", "1", "-1", "2", "9223372036854775807", "-9223372036854775808", "20"],
        "float4" => &["0", "-0", "1", "-1.5", "NaN", "Infinity", "-Infinity", "3.4e38", "1e-45"],
        "float8" => &["0", "-0", "1", "-1.5", "0.5", "NaN", "Infinity", "-Infinity", "1.7e308", "5e-324"],
        "numeric" => &[
            "0",
            "1",
            "-1.50",
            "0.00001",
            "NaN",
            "Infinity",
            "-Infinity",
            "1e40",
            "99999999999999999999.999",
        ],
        "money" => &["0", "1.50", "-92233720368547758.08", "92233720368547758.07"],
        "text" => &[
            "",
            "a",
            "abc",
            " ",
            "ÄÖ日本",
            "0",
            "year",
            "hour",
            "epoch",
            "timezone",
            "UTC",
            "%s",
            "simple",
            "utf8",
            "hex",
            "YYYY",
            "9",
            "(a)|b",
            "(",
            "\\",
            "NFC",
            "int4",
            "pg_class",
            "a,b,,c",
            "1 day",
            "g",
            "[]",
            "select",
            "2024-01-02",
            "use_json_null",
            "postgres",
            "1 MB",
            "00",
        ],
        "varchar" | "bpchar" | "name" => &["", "a", "abc ", "ÄÖ日本", "0", "postgres", "utf8", "pg_class"],
        "char" => &["", "a", "A", "D"],
        "bytea" => &["", "\\x00", "\\xff00ff", "abc"],
        "uuid" => &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        "date" => &["infinity", "-infinity", "2024-02-29", "4713-01-01 BC", "5874897-12-31", "1970-01-01"],
        "time" => &["00:00", "24:00", "12:34:56.789"],
        "timetz" => &["00:00+00", "24:00-15", "12:34:56.789+02"],
        "timestamp" | "timestamptz" => &[
            "infinity",
            "-infinity",
            "2024-02-29 23:59:59.999999",
            "4713-01-01 00:00 BC",
            "294276-12-31 23:59:59",
            "epoch",
        ],
        "interval" => &[
            "0",
            "1 day",
            "-1 year",
            "178000000 years",
            "-178000000 years",
            "1 mon 2 days 03:04:05.678901",
            "2562047788:00:54.775807",
        ],
        "json" | "jsonb" => &[
            "null",
            "{}",
            "[]",
            "{\"a\": null, \"b\": {\"a\": 1}}",
            "[null, 1, \"x\", [], {\"a\": null}]",
            "1",
            "1.5e10",
            "\"\"",
            "\"a\"",
            "true",
        ],
        "jsonpath" => &["$", "$.a", "$[*]", "$.**", "strict $.b", "$ ? (@ == null)", "$.a == 1", "lax $[5]"],
        "int4range" | "int8range" => &["empty", "(,)", "[1,1]", "[1,5)", "(,3]", "[7,)"],
        "numrange" => &["empty", "(,)", "[1.5,1.5]", "[NaN,NaN]", "(,3]", "[-Infinity,Infinity]"],
        "tsrange" | "tstzrange" | "daterange" => &[
            "empty",
            "(,)",
            "[-infinity,infinity]",
            "[2024-01-01,2024-02-01)",
            "(,2024-01-01)",
            "[infinity,)",
        ],
        "inet" => &["0.0.0.0/0", "255.255.255.255", "10.1.2.3/8", "::", "::ffff:1.2.3.4/64"],
        "cidr" => &["0.0.0.0/0", "10.0.0.0/8", "::/0"],
        "macaddr" => &["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"],
        "macaddr8" => &["00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff", "08:00:2b:ff:fe:01:02:03"],
        "bit" | "varbit" => &["", "0", "1", "10110", "11111111111111111111111111111111"],
        "point" => &["(0,0)", "(1,-1)", "(NaN,Infinity)", "(1e300,-1e300)", "(-Infinity,0)"],
        "line" => &["{1,0,0}", "{0,1,0}", "{1,-1,3}", "{NaN,1,0}", "{Infinity,1,0}"],
        "lseg" => &["[(0,0),(0,0)]", "[(0,0),(1,1)]", "[(NaN,0),(1,Infinity)]", "[(-1,5),(3,5)]"],
        "box" => {
            &["(0,0),(0,0)", "(1,1),(0,0)", "(Infinity,Infinity),(-Infinity,-Infinity)", "(NaN,NaN),(0,0)"]
        }
        "path" => &["((0,0))", "[(0,0),(1,1)]", "((0,0),(1,1),(2,0))", "[(NaN,0),(1,Infinity)]"],
        "polygon" => &["((0,0))", "((0,0),(1,1),(2,0))", "((NaN,0),(1,Infinity))"],
        "circle" => &["<(0,0),0>", "<(1,1),5>", "<(NaN,0),Infinity>"],
        "tsvector" => &["", "a:1 b:2A", "simple"],
        "tsquery" => &["", "a", "!a", "a & b | c", "a <-> b"],
        "regconfig" => &["simple", "english"],
        "regclass" => &["pg_class", "pg_catalog.pg_type"],
        "oid" => &["0", "10", "23", "1259", "4294967295"],
        "oidvector" => &["", "1 2", "0"],
        "xid" | "cid" => &["0", "3", "4294967295"],
        "xid8" => &["0", "3", "18446744073709551615"],
        "tid" => &["(0,1)", "(4294967295,65535)"],
        "pg_lsn" => &["0/0", "FFFFFFFF/FFFFFFFF", "1/2"],
        "pg_snapshot" | "txid_snapshot" => &["10:20:10,14,15", "1:1:"],
        "unknown" => &["", "a"],
        "cstring" => &["", "a"],
        "aclitem" => &["postgres=r/postgres"],
        "attack_mood" => &["calm", "cross"],
        _ => &[],
    }
}
