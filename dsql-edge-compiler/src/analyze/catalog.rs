//! Combines PostgreSQL's types and the schema's types: both are identified by an OID.
//!
//! Input: an OID, or a type name as written. Output: the row that `pg_type` would contain. The compiler assigns the
//! OIDs of the schema's types itself, beginning with [`USER_TYPES`]. These OIDs are used only inside the compiler.

use crate::builtin::{self, Oid, TypeKind, oid};
use crate::schema::{Moment, NOW, RelationKind, Schema, UserTypeKind};
use crate::syntax::ast::{QualifiedName, TypeName};
use crate::syntax::keyword::{Class, Keyword};
use std::borrow::Cow;

/// The first OID of the schema's types. The type at `index` has the OID `USER_TYPES + 4 * index`. The array type over a
/// type of the schema has the OID after that of the type. If the type is a range, its multirange type has the OID after
/// the array type's.
pub(super) const USER_TYPES: Oid = 1 << 20;
/// The first OID for row types. The row type of the relation at `index` has the OID `ROW_TYPES + 2 * index`, and the
/// array type over the row type has the next OID.
const ROW_TYPES: Oid = 1 << 24;

/// The type OID of an expression whose type could not be determined; the reason is already reported as an error. This
/// OID is accepted wherever a type is required, so the first error does not cause further errors.
pub(super) const ERROR: Oid = 0;

/// A row of `pg_type`, built-in or derived from the schema.
#[derive(Clone, Debug)]
pub(super) struct TypeInfo {
    pub(super) name: Cow<'static, str>,
    pub(super) schema: Cow<'static, str>,
    /// `typtype`.
    pub(super) kind: TypeKind,
    pub(super) category: u8,
    pub(super) preferred: bool,
    pub(super) elem: Oid,
    pub(super) array: Oid,
    pub(super) base: Oid,
    pub(super) base_typmod: i32,
    pub(super) is_array: bool,
    pub(super) collatable: bool,
    pub(super) subtype: Oid,
    pub(super) counterpart: Oid,
    pub(super) not_null: bool,
}

/// Looks up names in the schema and in the built-in catalog.
#[derive(Clone, Copy)]
pub(super) struct Catalog<'a> {
    pub(super) schema: &'a Schema,
    /// The moment for which names are looked up: the number of a statement of the schema, or [`NOW`] for the moment
    /// after all statements. For the query of a view, `version` is the number of the statement that created the view.
    pub(super) version: u32,
    /// The schemas in which unqualified names are looked up.
    pub(super) path: &'a [String],
}

impl<'a> Catalog<'a> {
    /// Returns the catalog after all statements of the schema.
    pub(super) fn now(schema: &'a Schema) -> Catalog<'a> {
        Catalog { schema, version: NOW, path: &schema.search_path }
    }

    /// Returns the catalog with the names and the search path that the schema had at an earlier moment.
    pub(super) fn at(self, moment: &'a Moment) -> Catalog<'a> {
        Catalog { version: moment.version, path: &moment.path, ..self }
    }

    /// Resolves the type of a column or a function of the schema. If a later statement renames a type, the columns and
    /// functions that use the type also get its new name, so this method looks up the name in the schema after all
    /// statements.
    pub(super) fn resolve_stored(self, written: &TypeName) -> Result<(Oid, i32), TypeError> {
        Catalog::now(self.schema).resolve(written)
    }
}

/// Why a type name could not be resolved.
pub(super) enum TypeError {
    /// No type has this name.
    Unknown,
    /// A modifier that is not valid for the type.
    Modifier(String),
    /// A modifier of a type that does not take a modifier, or a modifier that is not a constant.
    ModifierForm(String),
}

impl<'a> Catalog<'a> {
    /// Returns the type with this OID.
    pub(super) fn type_info(self, type_oid: Oid) -> TypeInfo {
        if type_oid >= ROW_TYPES {
            return self.row_type_info(type_oid);
        }
        if type_oid >= USER_TYPES {
            return self.user_type_info(type_oid);
        }
        match builtin::type_by_oid(type_oid) {
            Some(found) => TypeInfo {
                name: Cow::Borrowed(found.name),
                schema: Cow::Borrowed(found.schema),
                kind: found.kind,
                category: found.category,
                preferred: found.preferred,
                elem: found.elem,
                array: found.array,
                base: found.base,
                base_typmod: -1,
                is_array: found.is_array(),
                collatable: found.collatable,
                subtype: found.subtype,
                counterpart: found.counterpart,
                not_null: found.not_null,
            },
            None => plain(Cow::Borrowed("???"), Cow::Borrowed("pg_catalog"), TypeKind::Pseudo, b'X'),
        }
    }

    fn user_type_info(self, type_oid: Oid) -> TypeInfo {
        let (index, which) = ((type_oid - USER_TYPES) / 4, (type_oid - USER_TYPES) % 4);
        let base_oid = type_oid - which;
        let Some(user) = self.schema.types.get(index as usize) else {
            return plain(Cow::Borrowed("???"), Cow::Borrowed("pg_catalog"), TypeKind::Pseudo, b'X');
        };
        let schema = Cow::Owned(user.schema.clone());
        let name = user.name.clone();
        match which {
            1 => return array_info(base_oid, &name, schema, self.type_info(base_oid).collatable),
            2 => {
                let multirange = multirange_name(&user.kind, &name);
                let mut info = plain(Cow::Owned(multirange), schema, TypeKind::Multirange, b'R');
                info.subtype = self.type_info(base_oid).subtype;
                info.counterpart = base_oid;
                return info;
            }
            _ => {}
        }
        let mut info = plain(Cow::Owned(name), schema, TypeKind::Base, b'U');
        info.array = base_oid + 1;
        match &user.kind {
            UserTypeKind::Domain { base, not_null, .. } => {
                let (base, typmod) = self.resolve_stored(base).unwrap_or((oid::TEXT, -1));
                let below = self.type_info(base);
                info.kind = TypeKind::Domain;
                info.category = below.category;
                info.collatable = below.collatable;
                info.base = base;
                info.base_typmod = typmod;
                info.not_null = *not_null;
            }
            UserTypeKind::Enum(_) => (info.kind, info.category) = (TypeKind::Enum, b'E'),
            UserTypeKind::Composite(_) => (info.kind, info.category) = (TypeKind::Composite, b'C'),
            UserTypeKind::Range { subtype, .. } => {
                (info.kind, info.category) = (TypeKind::Range, b'R');
                info.subtype =
                    subtype.as_ref().and_then(|it| self.resolve_stored(it).ok()).map_or(0, |it| it.0);
                info.counterpart = base_oid + 2;
            }
            UserTypeKind::Base { category, .. } => {
                info.category = *category;
                info.collatable = *category == b'S';
            }
        }
        info
    }

    fn row_type_info(self, type_oid: Oid) -> TypeInfo {
        let base_oid = type_oid & !1;
        let Some(relation) = self.schema.relations.get(((base_oid - ROW_TYPES) / 2) as usize) else {
            return plain(Cow::Borrowed("???"), Cow::Borrowed("pg_catalog"), TypeKind::Pseudo, b'X');
        };
        let schema = Cow::Owned(relation.schema.clone());
        if type_oid != base_oid {
            return array_info(base_oid, &relation.name, schema, false);
        }
        let mut info = plain(Cow::Owned(relation.name.clone()), schema, TypeKind::Composite, b'C');
        info.array = base_oid + 1;
        info
    }

    /// Returns the OID of the schema's type with this index.
    pub(super) fn user_type_oid(index: usize) -> Oid {
        USER_TYPES + 4 * index as Oid
    }

    /// Returns the row type of a relation of the schema.
    pub(super) fn row_type(index: usize) -> Oid {
        ROW_TYPES + 2 * index as Oid
    }

    /// Returns the index of the relation whose row type has this OID.
    pub(super) fn relation_of(type_oid: Oid) -> Option<usize> {
        (type_oid >= ROW_TYPES && type_oid.is_multiple_of(2)).then(|| ((type_oid - ROW_TYPES) / 2) as usize)
    }

    /// Returns the type and the modifier of each field of a composite type; `None` if the type is not composite, if a
    /// field's type is not known, or if the type is the row type of a relation that is not a table.
    pub(super) fn fields(self, type_oid: Oid) -> Option<Vec<(Oid, i32)>> {
        let resolve = |written| self.resolve_stored(written).ok();
        if let Some(at) = Self::relation_of(type_oid) {
            let relation = self.schema.relations.get(at)?;
            if !matches!(relation.kind, RelationKind::Table) {
                return None;
            }
            return relation.columns.iter().map(|column| resolve(&column.type_name)).collect();
        }
        match self.user_kind(type_oid)? {
            UserTypeKind::Composite(fields) => fields.iter().map(|(_, written)| resolve(written)).collect(),
            _ => None,
        }
    }

    /// Returns the kind of the schema's type with this OID; `None` for all other types: built-in types, row types, and
    /// the arrays and multiranges of the schema's types.
    pub(super) fn user_kind(self, type_oid: Oid) -> Option<&'a UserTypeKind> {
        if !(USER_TYPES..ROW_TYPES).contains(&type_oid) || !(type_oid - USER_TYPES).is_multiple_of(4) {
            return None;
        }
        self.schema.types.get(((type_oid - USER_TYPES) / 4) as usize).map(|it| &it.kind)
    }

    pub(super) fn user_type(self, schema: &str, name: &str) -> Option<usize> {
        self.schema.user_type_at(self.version, schema, name)
    }

    pub(super) fn relation(self, schema: &str, name: &str) -> Option<usize> {
        self.schema.relation_at(self.version, schema, name)
    }

    /// Returns the type of this name, found by the search path.
    pub(super) fn type_named(self, schema: Option<&str>, name: &str) -> Option<Oid> {
        let user = |schema: &str| {
            let created = self.user_type(schema, name).map(Self::user_type_oid);
            let row = || {
                let relation = self.relation(schema, name)?;
                let has_type = !matches!(self.schema.relations.get(relation)?.kind, RelationKind::Sequence);
                has_type.then(|| Self::row_type(relation))
            };
            // Array types have names too: `_name`.
            let array = || {
                let element = name.strip_prefix('_')?;
                self.user_type(schema, element).map(|at| Self::user_type_oid(at) + 1)
            };
            created.or_else(row).or_else(array).or_else(|| self.multirange(schema, name))
        };
        match schema {
            Some(schema) => {
                builtin::type_by_qualified_name(schema, name).map(|found| found.oid).or_else(|| user(schema))
            }
            None => builtin::type_by_name(name)
                .map(|found| found.oid)
                .or_else(|| self.path.iter().find_map(|schema| user(schema))),
        }
    }

    /// Returns the multirange with this name.
    fn multirange(self, schema: &str, name: &str) -> Option<Oid> {
        let at = self.schema.types.iter().enumerate().position(|(at, it)| {
            matches!(it.kind, UserTypeKind::Range { .. })
                && multirange_name(&it.kind, &it.name) == name
                && self.user_type(schema, &it.name) == Some(at)
        })?;
        Some(Self::user_type_oid(at) + 2)
    }

    /// Resolves a written type name; returns the type and its modifier.
    pub(super) fn resolve(self, written: &TypeName) -> Result<(Oid, i32), TypeError> {
        if written.percent_type {
            return self.type_of_column(&written.name).ok_or(TypeError::Unknown);
        }
        let schema = written.name.schema();
        let mut found = self.type_named(schema, written.name.name()).ok_or(TypeError::Unknown)?;
        let typmod = self.typmod(found, written)?;
        if written.array_dimensions > 0 {
            found =
                Some(self.type_info(found).array).filter(|array| *array != 0).ok_or(TypeError::Unknown)?;
        }
        Ok((found, typmod))
    }

    /// `[schema.]table.column%TYPE`
    fn type_of_column(self, name: &QualifiedName) -> Option<(Oid, i32)> {
        let (column, table) = name.parts.split_last()?;
        let (table, schema) = table.split_last()?;
        let at = match schema.last() {
            Some(schema) => self.relation(&schema.text, &table.text)?,
            None => self.path.iter().find_map(|it| self.relation(it, &table.text))?,
        };
        let relation = self.schema.relations.get(at)?;
        let column = relation.columns.iter().find(|known| known.name == column.text)?;
        self.resolve_stored(&column.type_name).ok()
    }

    /// Returns the type under a domain, and the modifier of this type. For a domain over another domain, the function
    /// returns the first type that is not a domain.
    pub(super) fn base_type(self, mut type_oid: Oid) -> (Oid, i32) {
        let mut typmod = -1;
        // The number of steps is limited: domains form no cycle in PostgreSQL, but could in a broken snapshot.
        for _ in 0..32 {
            let info = self.type_info(type_oid);
            if info.kind != TypeKind::Domain {
                break;
            }
            type_oid = info.base;
            typmod = info.base_typmod;
        }
        (type_oid, typmod)
    }

    /// Whether a domain, or a domain that it is based on, declares NOT NULL.
    pub(super) fn domain_not_null(self, mut type_oid: Oid) -> bool {
        for _ in 0..32 {
            let info = self.type_info(type_oid);
            if info.kind != TypeKind::Domain {
                return false;
            }
            if info.not_null {
                return true;
            }
            type_oid = info.base;
        }
        false
    }

    /// `get_element_type`, looking through domains.
    pub(super) fn element_type(self, type_oid: Oid) -> Option<Oid> {
        let info = self.type_info(self.base_type(type_oid).0);
        info.is_array.then_some(info.elem)
    }

    /// Returns the array over a type.
    pub(super) fn array_type(self, type_oid: Oid) -> Option<Oid> {
        match type_oid {
            ERROR => Some(ERROR),
            _ => Some(self.type_info(type_oid).array).filter(|array| *array != 0),
        }
    }

    /// `format_type`: the name of a type in PostgreSQL's messages.
    pub(super) fn display(self, type_oid: Oid, typmod: i32) -> String {
        let info = self.type_info(type_oid);
        if info.is_array && info.elem != 0 && info.name.starts_with('_') {
            return format!("{}[]", self.display(info.elem, typmod));
        }
        let precision = |name: &str, suffix: &str| match typmod {
            0.. => format!("{name}({typmod}){suffix}"),
            _ => format!("{name}{suffix}"),
        };
        match type_oid {
            oid::BOOL => "boolean".into(),
            oid::INT2 => "smallint".into(),
            oid::INT4 => "integer".into(),
            oid::INT8 => "bigint".into(),
            oid::FLOAT4 => "real".into(),
            oid::FLOAT8 => "double precision".into(),
            oid::BPCHAR if typmod > 4 => format!("character({})", typmod - 4),
            oid::BPCHAR => "character".into(),
            oid::VARCHAR if typmod > 4 => format!("character varying({})", typmod - 4),
            oid::VARCHAR => "character varying".into(),
            oid::CHAR => "\"char\"".into(),
            oid::BIT => "bit".into(),
            oid::VARBIT => "bit varying".into(),
            oid::NUMERIC if typmod >= 4 => {
                let scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
                format!("numeric({},{scale})", (typmod - 4) >> 16)
            }
            oid::NUMERIC => "numeric".into(),
            oid::INTERVAL if typmod < 0 => "interval".into(),
            oid::TIME => precision("time", " without time zone"),
            oid::TIMETZ => precision("time", " with time zone"),
            oid::TIMESTAMP => precision("timestamp", " without time zone"),
            oid::TIMESTAMPTZ => precision("timestamp", " with time zone"),
            _ => {
                let visible = info.schema == "pg_catalog"
                    || self.schema.search_path.iter().any(|schema| *schema == info.schema);
                let name = quote_identifier(&info.name);
                if visible { name } else { format!("{}.{name}", quote_identifier(&info.schema)) }
            }
        }
    }
}

/// Returns an identifier, quoted if necessary.
pub(super) fn quote_identifier(name: &str) -> String {
    let plain = name.bytes().enumerate().all(|(at, byte)| {
        byte.is_ascii_lowercase() || byte == b'_' || (at > 0 && (byte.is_ascii_digit() || byte == b'$'))
    });
    // As in PostgreSQL's function, every keyword is quoted, except unreserved keywords.
    let reserved = Keyword::from_word(name).is_some_and(|keyword| keyword.class() != Class::Unreserved);
    if plain && !reserved && !name.is_empty() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

fn plain(name: Cow<'static, str>, schema: Cow<'static, str>, kind: TypeKind, category: u8) -> TypeInfo {
    TypeInfo {
        name,
        schema,
        kind,
        category,
        preferred: false,
        elem: 0,
        array: 0,
        base: 0,
        base_typmod: -1,
        is_array: false,
        collatable: false,
        subtype: 0,
        counterpart: 0,
        not_null: false,
    }
}

/// Returns the name of a range's multirange: the name in the statement, or the name that `makeMultirangeTypeName`
/// makes.
fn multirange_name(range: &UserTypeKind, name: &str) -> String {
    if let UserTypeKind::Range { multirange: Some(name), .. } = range {
        return name.clone();
    }
    match name.split_once("range") {
        Some((before, behind)) => format!("{before}multirange{behind}"),
        None => format!("{name}_multirange"),
    }
}

fn array_info(elem: Oid, name: &str, schema: Cow<'static, str>, collatable: bool) -> TypeInfo {
    let mut info = plain(Cow::Owned(format!("_{name}")), schema, TypeKind::Base, b'A');
    info.elem = elem;
    info.is_array = true;
    info.collatable = collatable;
    info
}
