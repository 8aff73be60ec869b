//! The types whose literals are tried, and where their values come from.

use anyhow::Result;
use dsql_edge_tests::oracle::Database;

/// A type.
pub(crate) struct Kind {
    /// The name of the type, as in `'…'::name`. Only an interval has a modifier: PostgreSQL reads a constant of another
    /// type without the modifier, and then casts the value. (`bit` is `bit(1)`, but `"bit"` has no modifier.)
    pub(crate) name: &'static str,
    /// SQL expressions that generate values. In an expression, `r` is a random number from 0 to 1, and `n` counts from
    /// 1 to 200 again and again.
    values: &'static [&'static str],
    /// Settings under which PostgreSQL writes the values.
    styles: &'static [&'static str],
    /// Whether the values contain dates, whose order depends on a setting.
    pub(crate) dated: bool,
    /// Words that occur in literals of the type, separated by blanks. `~` is a blank in a word.
    pub(crate) words: &'static str,
    /// Of 1,000 literals that PostgreSQL rejects, the maximum number that the compiler accepts.
    pub(crate) missed_per_mille: usize,
    /// Of 1,000 literals that PostgreSQL rejects, the maximum number for which the compiler's error differs from
    /// PostgreSQL's error.
    pub(crate) other_per_mille: usize,
}

const DATE_STYLES: &[&str] = &[
    "SET datestyle = 'ISO, MDY'",
    "SET datestyle = 'SQL, MDY'",
    "SET datestyle = 'SQL, DMY'",
    "SET datestyle = 'Postgres, MDY'; SET timezone = 'America/New_York'",
    "SET datestyle = 'Postgres, DMY'; SET timezone = 'Asia/Kolkata'",
    "SET datestyle = 'German, DMY'; SET timezone = 'Europe/Moscow'",
];

const INTERVAL_STYLES: &[&str] = &[
    "SET intervalstyle = 'postgres'",
    "SET intervalstyle = 'postgres_verbose'",
    "SET intervalstyle = 'sql_standard'",
    "SET intervalstyle = 'iso_8601'",
];

const PLAIN: &[&str] = &["SET datestyle = 'ISO, MDY'"];

const TIME_WORDS: &str = "
    now today tomorrow yesterday epoch infinity -infinity +infinity allballs am pm AD bc at on dst T t z
    Z j J2451187 julian jd mon Monday thurs jan February sept utc GMT pst PDT msk MSD America/New_York
    america/new_yorkk Etc/GMT+5 Etc/UTC EST5EDT foo3 <+03>-3 +02 -0330 +05:30:15 -08 -16 24:00 00:60
    12:30:60 23:59:59.999999 99 2026 19990108 990108 040506 040506.789 0405 1999.008 99.366 1/2/3
    8-Jan-99 Jan-8-1999 366 y m d h mm s dow doy isodow ago lunch 294276 5874897 4714
";

const INTERVAL_WORDS: &str = "
    ago day days months mon years yr week hrs mins m secs s ms us decade decs century c millennium mils
    quarter timezone @ P PT T 1-2 1-12 -1~2:03 P1Y2M P0001-02-03T04:05:06 P00010203T040506 P1.5W PT1e3S
    infinity 12:30 12:30.5 -12:30:60 1.5 .5 1e3 2147483647 2147483648 178956970 9223372036854775807 at
    on jan microsecondss 1 - +
";

const NUMBER_WORDS: &str = "
    e E5 e-5 e400 e-400 e39 e-46 - + . _ 1_000 0x 0x1F 0o17 0b101 inf NaN -nan Infinity
    99999999999999999999 2147483647 2147483648 32767 32768 9223372036854775807 9223372036854775808
    4294967295 4294967296 e131071 e131072 e-16383 e-16384 e4000000000 010 nan(1) 0x1p3
";

const JSON_WORDS: &str = "
    { } [ ] , : \"a\" \"\\u0000\" \"\\ud83d\\ude04\" \"\\ud83d\" \"\\ude04\" \\u00e9 \\n \\x true false
    null nul 1e5 1e1000000 -0 01 1. .5 \" \u{1} {} [] é
";

const NETWORK_WORDS: &str = "
    / /24 /0 /32 /33 /128 /129 /024 . :: : ::1 1.2.3.4 ::ffff:1.2.3.4 10 192.168 224 255 256 0x0a
    0XFFFFFF fe80:: 2001:db8:: abcd 12345 08:00:2b:01:02:03 08-00-2b-01-02-03 0800.2b01.0203
    08002b010203 - 0x8 1ff
";

const CONTAINER_WORDS: &str = "
    { } {} {{1},{2}} [ ] ( ) , \" \\ NULL null \"NULL\" empty EMPTY [1,2) (,) [2,1]
    [2147483647,2147483647] [0:1]={1,2} [1:1][1:2]={{1,2}} 1 -5 a 2026-01-01 infinity 12.50
";

const SYSTEM_WORDS: &str = "
    ( ) , : / 0 1 65535 65536 4294967295 4294967296 12:16:14,15 16/B374D848 -1 x 0x1f
";

const BYTE_WORDS: &str = "
    \\x \\x0 \\x00ff \\ \\\\ \\000 \\377 \\400 b B01 x X1f 01 2 g - { } é
";

const WORD_WORDS: &str = "
    t true tru yes of off o on 0 1 2 TRUE happy so~so sad hapy
";

pub(crate) const KINDS: &[Kind] = &[
    exact("int2", &["(r * 65535 - 32768)::int2"], NUMBER_WORDS),
    exact("int4", &["(r * 4e9 - 2e9)::int4", "n::int4"], NUMBER_WORDS),
    exact("int8", &["((r * 1.8e19) - 9e18)::int8", "n::int8"], NUMBER_WORDS),
    exact("small", &["n::int4"], NUMBER_WORDS),
    exact("float4", &["(r * 10 ^ (n % 38))::float4"], NUMBER_WORDS),
    exact("float8", &["(r * 10 ^ n)::float8", "(r * 10 ^ -n)::float8"], NUMBER_WORDS),
    exact("numeric", &["(r * 10 ^ (n % 30))::numeric", "(1 / (n + r))::numeric"], NUMBER_WORDS),
    exact("oid", &["n::int8::oid", "(r * 4294967295)::int8::oid"], NUMBER_WORDS),
    exact("xid", &["n::text::xid"], NUMBER_WORDS),
    exact("xid8", &["n::text::xid8"], NUMBER_WORDS),
    loose("money", &["(r * 10 ^ (n % 12))::numeric::money"], NUMBER_WORDS),
    exact("bool", &["n % 2 = 0", "CASE n % 2 WHEN 0 THEN 'yes' ELSE 'off' END"], WORD_WORDS),
    exact("mood", &["CASE n % 3 WHEN 0 THEN 'happy' WHEN 1 THEN 'so so' ELSE 'sad' END"], WORD_WORDS),
    exact(
        "uuid",
        &["md5(r::text)::uuid", "upper(md5(r::text))", "'{' || md5(r::text)::uuid || '}'"],
        BYTE_WORDS,
    ),
    exact(
        "bytea",
        &["decode(md5(r::text), 'hex')", "encode(decode(md5(r::text), 'hex'), 'escape')"],
        BYTE_WORDS,
    ),
    exact("bit varying", &["(r * 1e9)::int::bit(32)::varbit"], BYTE_WORDS),
    exact("\"bit\"", &["n::bit(8)", "'x' || to_hex((r * 255)::int)"], BYTE_WORDS),
    styled(
        "date",
        &["date '0001-01-01' + (r * 1500000)::int", "date '2000-01-01' - n * 10000"],
        DATE_STYLES,
        TIME_WORDS,
    ),
    styled("time", &["time '00:00' + r * interval '1 day'"], DATE_STYLES, TIME_WORDS),
    styled("timetz", &["(timestamptz '2000-01-01' + r * interval '1 day')::timetz"], DATE_STYLES, TIME_WORDS),
    styled(
        "timestamp",
        &[
            "timestamp '0001-01-01' + r * interval '3000 years'",
            "timestamp '2026-01-01' + n * interval '1 hour'",
        ],
        DATE_STYLES,
        TIME_WORDS,
    ),
    styled(
        "timestamptz",
        &[
            "timestamptz '0001-01-01' + r * interval '3000 years'",
            "timestamptz '2026-01-01' + n * interval '1 hour'",
        ],
        DATE_STYLES,
        TIME_WORDS,
    ),
    styled("interval", INTERVALS, INTERVAL_STYLES, INTERVAL_WORDS),
    styled("interval minute to second", INTERVALS, INTERVAL_STYLES, INTERVAL_WORDS),
    styled("interval day", INTERVALS, INTERVAL_STYLES, INTERVAL_WORDS),
    styled("interval year to month", INTERVALS, INTERVAL_STYLES, INTERVAL_WORDS),
    exact(
        "inet",
        &["('10.0.0.0'::inet + (r * 1e9)::int8)", "set_masklen('2001:db8::'::inet + n, n % 128)"],
        NETWORK_WORDS,
    ),
    exact(
        "cidr",
        &[
            "network(set_masklen('10.0.0.0'::inet + (r * 1e9)::int8, n % 33))",
            "network(set_masklen('2001:db8::'::inet + n, n % 128))",
        ],
        NETWORK_WORDS,
    ),
    exact("macaddr", &["left(md5(r::text), 12)::macaddr"], NETWORK_WORDS),
    exact("macaddr8", &["left(md5(r::text), 16)::macaddr8"], NETWORK_WORDS),
    exact("json", JSONS, JSON_WORDS),
    exact("jsonb", JSONS, JSON_WORDS),
    exact(
        "int4[]",
        &[
            "array[n, (r * 100)::int, -n]",
            "array[[n, 1], [2, (r * 9)::int]]",
            "array_fill(n, array[2], array[3])",
        ],
        CONTAINER_WORDS,
    ),
    exact("text[]", &["array[n::text, 'a \"b\\', 'null', NULL, '']"], CONTAINER_WORDS),
    styled("date[]", &["array[date '2000-01-01' + n, NULL]"], PLAIN, CONTAINER_WORDS),
    exact("numeric[]", &["array[n, (r * 1e6)::numeric, 'NaN']"], CONTAINER_WORDS),
    exact("uuid[]", &["array[md5(r::text)::uuid, NULL]"], CONTAINER_WORDS),
    exact("jsonb[]", &["array[to_jsonb(n), json_build_array(r, NULL, 'x\"y')::jsonb]"], JSON_WORDS),
    styled("interval[]", &["array[r * interval '40 days', NULL]"], INTERVAL_STYLES, CONTAINER_WORDS),
    styled(
        "timestamptz[]",
        &["array[timestamptz '2000-01-01' + r * interval '30 years', 'infinity']"],
        DATE_STYLES,
        CONTAINER_WORDS,
    ),
    exact("int4range", &["int4range(n, n + (r * 50)::int)", "int4range(n, NULL, '(]')"], CONTAINER_WORDS),
    exact("int8range", &["int8range(n, n + (r * 50)::int)"], CONTAINER_WORDS),
    exact("numrange", &["numrange(n, (n + r)::numeric, '[]')"], CONTAINER_WORDS),
    styled("daterange", &["daterange(date '2000-01-01' + n, date '2000-03-01' + n)"], PLAIN, CONTAINER_WORDS),
    styled(
        "tsrange",
        &[
            "tsrange(timestamp '2000-01-01' + n * interval '1 hour', NULL)",
            "tsrange(timestamp '2000-01-01', timestamp '2001-01-01' + n * interval '1 hour', '[]')",
        ],
        PLAIN,
        CONTAINER_WORDS,
    ),
    styled(
        "tstzrange",
        &[
            "tstzrange(timestamptz '2000-01-01' + n * interval '1 hour', NULL)",
            "tstzrange(timestamptz '2000-01-01', timestamptz '2001-01-01' + n * interval '1 hour', '()')",
        ],
        PLAIN,
        CONTAINER_WORDS,
    ),
    exact(
        "int4multirange",
        &["int4multirange(int4range(n, n + 2), int4range(n + 4, n + 4 + (r * 9)::int))"],
        CONTAINER_WORDS,
    ),
    exact(
        "int8multirange",
        &["int8multirange(int8range(n, n + 2), int8range(NULL, n - 1))"],
        CONTAINER_WORDS,
    ),
    exact("nummultirange", &["nummultirange(numrange(n, (n + r)::numeric, '[]'))"], CONTAINER_WORDS),
    styled(
        "tsmultirange",
        &["tsmultirange(tsrange(timestamp '2000-01-01' + n * interval '1 hour', NULL))"],
        PLAIN,
        CONTAINER_WORDS,
    ),
    styled(
        "tstzmultirange",
        &["tstzmultirange(tstzrange(timestamptz '2000-01-01' + n * interval '1 hour', NULL))"],
        PLAIN,
        CONTAINER_WORDS,
    ),
    styled(
        "datemultirange",
        &["datemultirange(daterange(date '2000-01-01' + n, date '2000-03-01' + n))"],
        PLAIN,
        CONTAINER_WORDS,
    ),
    exact("tid", &["('(' || n || ',' || (r * 65535)::int || ')')::tid"], SYSTEM_WORDS),
    exact("pg_lsn", &["('0/' || to_hex((r * 1e9)::int))::pg_lsn"], SYSTEM_WORDS),
    exact("pg_snapshot", &["n || ':' || n + 5 || ':' || n + 1 || ',' || n + 3"], SYSTEM_WORDS),
];

const INTERVALS: &[&str] = &[
    "make_interval(years => n, months => (r * 30)::int, days => n % 7, secs => r * 1e5)",
    "r * interval '40 days' - interval '20 days'",
    "make_interval(days => n, hours => -n)",
];

const JSONS: &[&str] = &[
    "json_build_object('a', n, 'b', json_build_array(r, NULL, true, 'x\"y'), 'é', '{}'::json)",
    "to_jsonb(n)",
    "json_build_array(n, json_build_array())",
];

/// A type whose literals do not depend on settings, and whose input function the compiler models almost completely.
const fn exact(name: &'static str, values: &'static [&'static str], words: &'static str) -> Kind {
    Kind { dated: false, ..styled(name, values, PLAIN, words) }
}

/// A type of which the compiler checks little.
const fn loose(name: &'static str, values: &'static [&'static str], words: &'static str) -> Kind {
    Kind { name, values, styles: PLAIN, dated: false, words, missed_per_mille: 1000, other_per_mille: 1000 }
}

const fn styled(
    name: &'static str,
    values: &'static [&'static str],
    styles: &'static [&'static str],
    words: &'static str,
) -> Kind {
    Kind { name, values, styles, dated: true, words, missed_per_mille: 10, other_per_mille: 10 }
}

/// Values of the type, as PostgreSQL writes them in each style. `literals` is the number of literals that are derived
/// from the values.
pub(crate) fn values(
    kind: &Kind,
    database: &Database<'_>,
    seed: u64,
    literals: usize,
) -> Result<Vec<String>> {
    let (client, runtime) = database.client();
    let rows = (literals / 100).max(200);
    let mut values = Vec::new();
    for style in kind.styles {
        database.run(&format!("RESET ALL; {style}"))?;
        for sql in kind.values {
            #[expect(clippy::cast_precision_loss, reason = "any number from -1 to 1 is a seed")]
            let seed = (seed % 1000) as f64 / 1000.0;
            database.run(&format!("SELECT setseed({seed})"))?;
            let sql = format!(
                "SELECT ({sql})::text FROM \
                 (SELECT (i - 1) % 200 + 1 AS n, random() AS r FROM generate_series(1, {rows}) i) t"
            );
            let rows = runtime.block_on(client.query(&sql, &[]))?;
            values.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        }
    }
    database.run("RESET ALL")?;
    Ok(values)
}
