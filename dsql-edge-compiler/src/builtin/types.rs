//! Looks up types. Input: a name or an OID. Output: the row of `pg_type`. This module does not resolve the spellings of
//! `format_type` (`integer`) or the parser's keywords.

use super::Oid;
use super::letters::TypeKind;
use super::memo::Memo;
use super::table::{Key, Row, Table};

const TYPES: Table = Table::of_even_lines(include_str!("data/types.txt"));
const TYPES_BY_NAME: Table = Table::of_even_lines(include_str!("data/types_by_name.txt"));
/// The 613 types by OID.
static READ: Memo<Type, 2048> = Memo::new();

/// A row of `pg_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type {
    /// The server's OID; from [`super::oid::FIRST_UNPINNED`] on, the number is the catalog's own, as described there.
    pub oid: Oid,
    /// `typname`: `int4`, `_text`.
    pub name: &'static str,
    /// `pg_catalog` or `information_schema`.
    pub schema: &'static str,
    /// `typtype`.
    pub kind: TypeKind,
    /// `typcategory`.
    pub category: u8,
    /// `typispreferred`.
    pub preferred: bool,
    /// `typelem`: the type of a subscripted element; also set for `name`, `point` and similar types, which are not
    /// arrays (see [`Type::is_array`]). 0 for none.
    pub elem: Oid,
    /// `typarray`; 0 for none.
    pub array: Oid,
    /// `typbasetype` of a domain; 0 for none.
    pub base: Oid,
    /// `typlen`: bytes, -1 for varlena, -2 for a C string.
    pub len: i16,
    /// Whether `typcollation` is set.
    pub collatable: bool,
    /// The kind of subscripting: `a` is like an array, `r` like a fixed-length "raw array", `j` like jsonb; `-` means
    /// that the type has no subscripts.
    pub subscript: u8,
    /// The type of the bounds of a range or a multirange; 0 for other types.
    pub subtype: Oid,
    /// The multirange of a range, or the range of a multirange; 0 for other types.
    pub counterpart: Oid,
    /// `typnotnull` of a domain.
    pub not_null: bool,
    /// The relation of a composite type, as `schema.name`; "" for other types.
    pub relid_name: &'static str,
}

impl Type {
    /// Whether the type is an array with elements of type `elem`, so that array functions accept it
    /// (`IsTrueArrayType`).
    pub fn is_array(&self) -> bool {
        self.elem != 0 && self.subscript == b'a'
    }
}

/// Returns the type with this OID.
pub fn type_by_oid(oid: Oid) -> Option<Type> {
    READ.value(oid as usize, |known| known.oid == oid, || TYPES.find(Key::oid(oid)).next().map(read)).copied()
}

/// Returns the type of `pg_catalog` with this `typname`.
pub fn type_by_name(name: &str) -> Option<Type> {
    type_by_qualified_name("pg_catalog", name)
}

/// Returns the type with this `typname` in this schema.
pub fn type_by_qualified_name(schema: &str, name: &str) -> Option<Type> {
    let mut fields = TYPES_BY_NAME.find(Key::name(&format!("{schema}.{name}"))).next()?.fields();
    fields.text();
    type_by_oid(fields.oid())
}

/// Returns the type of an array with elements of this type; `None` if no such type exists, or if `element` is itself an
/// array type.
pub fn array_of(element: Oid) -> Option<Type> {
    type_by_oid(type_by_oid(element)?.array)
}

/// Returns every `typname` of `pg_catalog`, sorted.
pub fn type_names() -> impl Iterator<Item = &'static str> + Clone {
    TYPES_BY_NAME.names().filter_map(|name| name.strip_prefix("pg_catalog."))
}

fn read(row: Row) -> Type {
    let mut fields = row.fields();
    let oid = fields.oid();
    let qualified = fields.text();
    let (schema, name) = qualified.split_once('.').unwrap_or_default();
    let [kind, category, preferred, collatable, subscript, not_null] = fields.letters();
    Type {
        oid,
        name,
        schema,
        kind: TypeKind::of_letter(kind),
        category,
        preferred: preferred == b'p',
        collatable: collatable == b'c',
        subscript,
        not_null: not_null == b'n',
        len: fields.text().parse().unwrap_or_default(),
        elem: fields.oid(),
        array: fields.oid(),
        base: fields.oid(),
        subtype: fields.oid(),
        counterpart: fields.oid(),
        // A composite type and the relation that defines it have the same name.
        relid_name: if kind == b'c' { qualified } else { "" },
    }
}

#[cfg(test)]
mod tests {
    use super::super::oid;
    use super::*;

    #[test]
    fn a_base_type() {
        let int4 = type_by_name("int4").unwrap();
        assert_eq!(type_by_oid(oid::INT4), Some(int4));
        assert_eq!((int4.oid, int4.kind, int4.category, int4.preferred), (23, TypeKind::Base, b'N', false));
        assert_eq!((int4.len, int4.array, int4.elem, int4.is_array()), (4, oid::INT4ARRAY, 0, false));
        assert!(!int4.collatable);
        let text = type_by_oid(oid::TEXT).unwrap();
        assert!(text.preferred && text.collatable && text.len == -1);
    }

    #[test]
    fn arrays_and_types_that_only_look_like_arrays() {
        let array = type_by_name("_text").unwrap();
        assert!(array.is_array() && array.elem == oid::TEXT);
        assert_eq!(array_of(oid::TEXT), Some(array));
        assert_eq!(array_of(array.oid), None);
        assert!(type_by_name("int2vector").unwrap().is_array());
        assert!(!type_by_name("point").unwrap().is_array());
        assert_eq!(type_by_name("jsonb").unwrap().subscript, b'j');
    }

    #[test]
    fn ranges_and_multiranges_name_each_other() {
        let range = type_by_name("int4range").unwrap();
        let multirange = type_by_name("int4multirange").unwrap();
        assert_eq!(
            (range.kind, range.subtype, range.counterpart),
            (TypeKind::Range, oid::INT4, multirange.oid)
        );
        assert_eq!(
            (multirange.kind, multirange.subtype, multirange.counterpart),
            (TypeKind::Multirange, oid::INT4, range.oid)
        );
    }

    #[test]
    fn composite_types_and_domains() {
        let row = type_by_name("pg_class").unwrap();
        assert_eq!((row.kind, row.relid_name), (TypeKind::Composite, "pg_catalog.pg_class"));
        let domain = type_by_qualified_name("information_schema", "sql_identifier").unwrap();
        assert_eq!(
            (domain.kind, domain.base, domain.schema),
            (TypeKind::Domain, oid::NAME, "information_schema")
        );
        assert!(domain.oid >= oid::FIRST_UNPINNED);
        assert_eq!(type_by_name("sql_identifier"), None);
        assert_eq!(type_by_name("information_schema.sql_identifier"), None);
        assert_eq!(type_by_name("int5"), None);
        assert_eq!(type_by_oid(0), None);
    }

    #[test]
    fn every_name_finds_its_type() {
        let mut count = 0;
        for name in type_names() {
            assert_eq!(type_by_name(name).map(|found| found.name), Some(name));
            count += 1;
        }
        assert!(count > 400, "{count}");
    }
}
