//! The types that the generator uses: PostgreSQL types by OID, types of the schema by generated numbers.
//!
//! Input: a type. Output: the spelling of the type, related types, and values of the type.

use dsql_edge_compiler::builtin::{self, TypeKind, oid};
use dsql_edge_compiler::syntax::keyword::Keyword;
use fastrand::Rng;

/// A type. A number below [`USER`] is the OID of a PostgreSQL type; from `USER` on, a number is a type of the schema;
/// from `USER + ARRAYS` on, a number is an array of such a type.
pub(crate) type Ty = u32;

/// The number of the first type of a schema.
pub(crate) const USER: Ty = 1_000_000;

/// The number of an array type is the number of its element type in the schema plus `ARRAYS`.
pub(crate) const ARRAYS: Ty = 1_000_000;

/// The PostgreSQL types for which the generator has values, the most common types first.
pub(crate) const BASE: &[Ty] = &[
    oid::INT4,
    oid::TEXT,
    oid::BOOL,
    oid::INT8,
    oid::NUMERIC,
    oid::TIMESTAMPTZ,
    oid::DATE,
    oid::JSONB,
    oid::UUID,
    oid::FLOAT8,
    oid::VARCHAR,
    oid::INT2,
    oid::TIMESTAMP,
    oid::INTERVAL,
    oid::BYTEA,
    oid::BPCHAR,
    oid::JSON,
    oid::TIME,
    oid::FLOAT4,
    oid::TIMETZ,
    oid::INET,
    oid::CIDR,
    oid::MACADDR,
    oid::MACADDR8,
    oid::BIT,
    oid::VARBIT,
    oid::MONEY,
    oid::NAME,
    oid::CHAR,
    oid::OID,
    oid::POINT,
    oid::BOX,
    oid::LSEG,
    oid::LINE,
    oid::PATH,
    oid::POLYGON,
    oid::CIRCLE,
    oid::TSVECTOR,
    oid::TSQUERY,
    oid::JSONPATH,
    oid::PG_LSN,
    oid::XID8,
    oid::TID,
    oid::REGCLASS,
    oid::REGTYPE,
    oid::INT4RANGE,
    oid::NUMRANGE,
    oid::DATERANGE,
    oid::TSTZRANGE,
    oid::INT8RANGE,
    oid::INT4MULTIRANGE,
    oid::DATEMULTIRANGE,
];

/// A type of the schema.
#[derive(Clone, Debug)]
pub(crate) struct UserType {
    /// Its name.
    pub(crate) name: String,
    /// The kind and the definition of the type.
    pub(crate) kind: UserKind,
}

/// The kinds of user-defined types.
#[derive(Clone, Debug)]
pub(crate) enum UserKind {
    /// An enum with these labels.
    Enum(Vec<String>),
    /// A domain over a type.
    Domain { base: Ty, not_null: bool },
    /// A composite type with these fields.
    Composite(Vec<(String, Ty)>),
    /// A range over a type.
    Range(Ty),
}

/// PostgreSQL types and the types of a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Types {
    /// The types of the schema.
    pub(crate) user: Vec<UserType>,
}

impl Types {
    /// The number of the schema's type with this index.
    pub(crate) fn user_ty(at: usize) -> Ty {
        USER + at as Ty
    }

    /// The user-defined type, or `None` for a PostgreSQL type and for an array.
    pub(crate) fn user(&self, ty: Ty) -> Option<&UserType> {
        (USER..USER + ARRAYS).contains(&ty).then(|| self.user.get((ty - USER) as usize)).flatten()
    }

    /// The type as written in a cast.
    pub(crate) fn sql(&self, ty: Ty) -> String {
        if let Some(element) = self.element(ty) {
            return format!("{}[]", self.sql(element));
        }
        match self.user(ty) {
            Some(user) => user.name.clone(),
            None => match builtin::type_by_oid(ty) {
                Some(found) if ty == oid::CHAR => format!("\"{}\"", found.name),
                // Unquoted, `bit` would be `bit(1)`.
                Some(found) if ty == oid::BIT => format!("\"{}\"", found.name),
                Some(found) => found.name.to_owned(),
                None => "text".to_owned(),
            },
        }
    }

    /// The element of an array type.
    pub(crate) fn element(&self, ty: Ty) -> Option<Ty> {
        if ty >= USER + ARRAYS {
            return Some(ty - ARRAYS);
        }
        if ty >= USER {
            return None;
        }
        builtin::type_by_oid(ty).filter(builtin::Type::is_array).map(|found| found.elem)
    }

    /// Returns the array type whose elements have this type; `None` if the type is itself an array.
    pub(crate) fn array(&self, ty: Ty) -> Option<Ty> {
        if ty >= USER + ARRAYS {
            return None;
        }
        if ty >= USER {
            return Some(ty + ARRAYS);
        }
        builtin::array_of(ty).map(|found| found.oid)
    }

    /// The base type of a domain, through nested domains; the type itself if it is not a domain.
    pub(crate) fn base(&self, ty: Ty) -> Ty {
        match self.user(ty).map(|user| &user.kind) {
            Some(UserKind::Domain { base, .. }) => self.base(*base),
            _ => ty,
        }
    }

    /// The type of a range's bounds.
    pub(crate) fn range_subtype(&self, ty: Ty) -> Option<Ty> {
        match self.user(ty).map(|user| &user.kind) {
            Some(UserKind::Range(subtype)) => Some(*subtype),
            Some(_) => None,
            None => builtin::type_by_oid(ty)
                .filter(|found| found.kind == TypeKind::Range)
                .map(|found| found.subtype),
        }
    }

    /// The range over a type.
    pub(crate) fn range_over(&self, ty: Ty) -> Option<Ty> {
        [oid::INT4RANGE, oid::NUMRANGE, oid::DATERANGE, oid::TSTZRANGE, oid::INT8RANGE, oid::TSRANGE]
            .into_iter()
            .find(|range| self.range_subtype(*range) == Some(ty))
    }

    /// The multirange of a range, or the range of a multirange.
    pub(crate) fn range_counterpart(&self, ty: Ty) -> Option<Ty> {
        builtin::type_by_oid(ty).map(|found| found.counterpart).filter(|counterpart| *counterpart != 0)
    }

    /// A random type for a column.
    pub(crate) fn any(&self, rng: &mut Rng) -> Ty {
        match rng.u32(..100) {
            0..15 if !self.user.is_empty() => {
                let ty = Types::user_ty(rng.usize(..self.user.len()));
                if rng.u32(..6) == 0 { ty + ARRAYS } else { ty }
            }
            15..27 => {
                let element = BASE[rng.usize(..12)];
                self.array(element).unwrap_or(oid::TEXTARRAY)
            }
            27..75 => BASE[rng.usize(..10)],
            _ => BASE[rng.usize(..BASE.len())],
        }
    }

    /// Whether the type has a default btree ordering.
    pub(crate) fn is_ordered(&self, ty: Ty) -> bool {
        let base = self.base(ty);
        if let Some(element) = self.element(base) {
            return self.is_ordered(element);
        }
        match self.user(base).map(|user| &user.kind) {
            Some(UserKind::Composite(fields)) => fields.iter().all(|(_, ty)| self.is_ordered(*ty)),
            Some(_) => true,
            None => ![
                oid::JSON,
                oid::POINT,
                oid::BOX,
                oid::LSEG,
                oid::LINE,
                oid::PATH,
                oid::POLYGON,
                oid::CIRCLE,
                oid::JSONPATH,
                oid::RECORD,
            ]
            .contains(&base),
        }
    }

    /// A value as text, without quotes. The same number always selects the same value, and similar types have the same
    /// text for the same number, as far as possible.
    pub(crate) fn text(&self, ty: Ty, number: u32) -> String {
        if let Some(element) = self.element(ty) {
            let quoted = |number| {
                let text = self.text(element, number);
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            };
            return match number % 5 {
                0 => format!("{{{}}}", quoted(number)),
                1 => "{}".to_owned(),
                2 => format!("{{{},{}}}", quoted(number), quoted(number + 1)),
                3 if matches!(
                    self.user(element),
                    Some(UserType { kind: UserKind::Domain { not_null: true, .. }, .. })
                ) =>
                {
                    format!("[0:1]={{{},{}}}", quoted(number), quoted(number + 1))
                }
                3 => format!("{{{},NULL}}", quoted(number)),
                _ => format!("{{{{{0}}},{{{0}}}}}", quoted(number)),
            };
        }
        if let Some(subtype) = self.range_subtype(ty) {
            let (low, high) = (self.text(subtype, 0), self.text(subtype, 2));
            return match number % 5 {
                0 => format!("[\"{low}\",\"{high}\"]"),
                1 => "empty".to_owned(),
                2 => "(,)".to_owned(),
                3 => format!("[\"{low}\",)"),
                _ => format!("(,\"{high}\")"),
            };
        }
        match self.user(ty).map(|user| &user.kind) {
            Some(UserKind::Enum(labels)) => labels[number as usize % labels.len()].clone(),
            Some(UserKind::Domain { base, .. }) => self.text(*base, number),
            Some(UserKind::Composite(fields)) => {
                let field = |(at, (_, ty)): (usize, &(String, Ty))| match (number as usize + at) % 3 {
                    1 => String::new(),
                    _ => format!("\"{}\"", self.text(*ty, number).replace('\\', "\\\\").replace('"', "\"\"")),
                };
                let fields: Vec<String> = fields.iter().enumerate().map(field).collect();
                format!("({})", fields.join(","))
            }
            Some(UserKind::Range(_)) | None => base_text(ty, number),
        }
    }

    /// A value as a quoted constant without a type.
    pub(crate) fn literal(&self, ty: Ty, number: u32) -> String {
        format!("'{}'", self.text(ty, number).replace('\'', "''"))
    }
}

fn base_text(ty: Ty, number: u32) -> String {
    let values: &[&str] = match ty {
        oid::BOOL => &["t", "f"],
        oid::INT2 | oid::INT4 | oid::INT8 => &["1", "0", "2", "3", "-1", "7", "30000"],
        oid::NUMERIC => &["1", "0", "2", "3", "-1", "1.50", "NaN", "Infinity"],
        oid::FLOAT4 | oid::FLOAT8 => &["1", "0", "2", "3", "-1", "0.5", "NaN", "-Infinity"],
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME => {
            &["1", "", "a", "A", "a ", "B b,%", "2020-01-01"]
        }
        oid::CHAR => &["1", "", "a", "b"],
        oid::DATE | oid::TIMESTAMP => &["2020-01-01", "infinity", "2020-01-02", "1999-12-31", "-infinity"],
        oid::TIMESTAMPTZ => {
            &["2020-01-01 00:00+00", "infinity", "2020-01-02 00:00+00", "1999-12-31 01:00+00", "-infinity"]
        }
        oid::TIME => &["01:00", "00:00", "02:00", "24:00"],
        oid::TIMETZ => &["01:00+00", "00:00+00", "02:00+02"],
        oid::INTERVAL => &["1 day", "0", "2 mons", "-3 hours", "1 year 2 days"],
        oid::UUID => &["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000000"],
        oid::JSON | oid::JSONB => &[
            r#"{"a": 1, "b": null}"#,
            "null",
            "[1, null, {\"a\": 2}]",
            "{}",
            "[]",
            "\"a\"",
            "1",
            r#"{"a": {"b": [true]}}"#,
        ],
        oid::BYTEA => &["\\x01", "\\x", "\\x6162"],
        oid::INET => &["10.0.0.1", "10.0.0.0/8", "::1"],
        oid::CIDR => &["10.0.0.1/32", "10.0.0.0/8", "::/0"],
        oid::MACADDR => &["08:00:2b:01:02:03", "00:00:00:00:00:00"],
        oid::MACADDR8 => &["08:00:2b:01:02:03:04:05", "08:00:2b:ff:fe:01:02:03"],
        oid::BIT | oid::VARBIT => &["1", "0", "101"],
        oid::MONEY => &["1", "0", "-2.50"],
        oid::OID => &["1", "0", "1259", "25"],
        oid::POINT => &["(1,1)", "(0,0)", "(2,-1)"],
        oid::BOX => &["(1,1),(0,0)", "(0,0),(0,0)"],
        oid::LSEG => &["[(1,1),(0,0)]", "[(0,1),(1,0)]"],
        oid::LINE => &["{1,1,0}", "{1,0,0}", "{0,1,2}"],
        oid::PATH => &["((1,1),(0,0))", "[(0,0),(2,2)]"],
        oid::POLYGON => &["((1,1),(0,0),(1,0))", "((0,0))"],
        oid::CIRCLE => &["<(1,1),1>", "<(0,0),0>"],
        oid::TSVECTOR => &["'a':1 'b':2", "", "'a':1A"],
        oid::TSQUERY => &["'a'", "'a' & !'b'", ""],
        oid::JSONPATH => &["$.a", "$", "$[*]", "lax $.a.b"],
        oid::PG_LSN => &["0/1", "0/0"],
        oid::XID8 => &["1", "0"],
        oid::TID => &["(0,1)", "(1,1)"],
        oid::REGCLASS => &["pg_class", "pg_type"],
        oid::REGTYPE => &["int4", "text"],
        oid::INT4MULTIRANGE => &["{[1,3)}", "{}", "{(,0),[5,6)}"],
        oid::DATEMULTIRANGE => &["{[2020-01-01,2020-01-03)}", "{}"],
        _ => &["1", "0"],
    };
    values[number as usize % values.len()].to_owned()
}

/// An identifier, quoted if necessary.
pub(crate) fn quoted(name: &str) -> String {
    let plain = name.starts_with(|it: char| it.is_ascii_lowercase() || it == '_')
        && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_');
    if plain && Keyword::from_word(name).is_none() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}
