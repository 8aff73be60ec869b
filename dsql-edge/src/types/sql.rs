//! PostgreSQL's types as Rust types: an empty enum for each, with its name and OIDs.
//!
//! Input: nothing. Output: the type arguments of [`Param`](super::Param) and [`Column`](super::Column). These enums
//! have no variants, so they have no values. The OIDs are from PostgreSQL's `pg_type.dat`.

pub use super::format::Format;

/// A PostgreSQL type, as a value.
struct Listed {
    oid: u16,
    array_oid: u16,
    name: &'static str,
}

/// The name of a type that is listed here, or of its array type; for other types the OID.
pub(crate) fn name_of(oid: u32) -> String {
    let is = |listed: u16| u32::from(listed) == oid && oid != 0;
    let Some(listed) = LISTED.iter().find(|listed| is(listed.oid) || is(listed.array_oid)) else {
        return format!("OID {oid}");
    };
    let mut name = listed.name.to_owned();
    if is(listed.array_oid) {
        name += "[]";
    }
    name
}

/// A PostgreSQL type.
pub trait SqlType {
    /// The name in `pg_type`, as error messages show it.
    const NAME: &'static str;
    /// The OID; 0 if the server determines the type.
    const OID: u32;
    /// The name of the type's array type.
    const ARRAY_NAME: &'static str;
    /// The OID of the type's array type; 0 if the type has no array type.
    const ARRAY_OID: u32;
    /// The format of the type's values.
    const FORMAT: Format;
}

/// An array of elements of the type `S`. For a parameter, `N` states whether an element may be NULL.
#[derive(Debug, Clone, Copy)]
pub struct Array<S, N = super::Nullable>(core::convert::Infallible, core::marker::PhantomData<(S, N)>);

impl<S: SqlType, N> SqlType for Array<S, N> {
    const NAME: &'static str = S::ARRAY_NAME;
    const OID: u32 = S::ARRAY_OID;
    // PostgreSQL does not have arrays of arrays: `int4[][]` is `int4[]`.
    const ARRAY_NAME: &'static str = S::ARRAY_NAME;
    const ARRAY_OID: u32 = S::ARRAY_OID;
    const FORMAT: Format = match S::FORMAT {
        Format::Text => Format::Text,
        Format::Binary | Format::Same if S::ARRAY_OID == 0 => Format::Same,
        Format::Binary | Format::Same => Format::Binary,
    };
}

/// An array whose elements are values of a domain over `S`. The OIDs of the array type and of the domain are not known.
#[derive(Debug, Clone, Copy)]
pub struct ArrayOfDomain<S, N = super::Nullable>(
    core::convert::Infallible,
    core::marker::PhantomData<(S, N)>,
);

impl<S: SqlType, N> SqlType for ArrayOfDomain<S, N> {
    const NAME: &'static str = S::ARRAY_NAME;
    const OID: u32 = 0;
    const ARRAY_NAME: &'static str = S::ARRAY_NAME;
    const ARRAY_OID: u32 = 0;
    const FORMAT: Format = match S::FORMAT {
        Format::Text => Format::Text,
        Format::Binary | Format::Same => Format::Same,
    };
}

macro_rules! markers {
    ($($(#[$doc:meta])* $marker:ident $name:literal $oid:literal $array_oid:literal $format:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub enum $marker {}

            impl SqlType for $marker {
                const NAME: &'static str = $name;
                const OID: u32 = $oid;
                const ARRAY_NAME: &'static str = concat!($name, "[]");
                const ARRAY_OID: u32 = $array_oid;
                const FORMAT: Format = Format::$format;
            }
        )*
    };
}

markers! {
    /// An enum of the schema: its values are labels
    Enum "enum" 0 0 Same;
    /// A composite type: `String` receives and sends PostgreSQL's text; a struct that derives
    /// [`Type`](macro@crate::Type) receives and sends the fields
    Composite "composite" 0 0 Text;
}

/// A type whose values can be the labels of a Rust enum: an enum, the text family, and types that are received as text.
pub trait LabelType: SqlType {
    /// Whether spaces at the end of a value have no meaning.
    const IS_PADDED: bool = false;
}

impl LabelType for Enum {}
impl LabelType for Text {}
impl LabelType for Varchar {}
impl LabelType for Name {}
impl LabelType for Unknown {}

impl LabelType for Bpchar {
    const IS_PADDED: bool = true;
}

macro_rules! sql_types {
    ($($(#[$doc:meta])* $marker:ident $name:literal $oid:literal $array_oid:literal $format:ident;)*) => {
        markers! { $($(#[$doc])* $marker $name $oid $array_oid $format;)* }

        /// The types that are listed here. If a type has no array type, `array_oid` is 0.
        const LISTED: &[Listed] = &[
            $(Listed { oid: $oid, array_oid: $array_oid, name: $name },)*
        ];
    };
}

sql_types! {
    /// `boolean`
    Bool "bool" 16 1000 Binary;
    /// `smallint`
    Int2 "int2" 21 1005 Binary;
    /// `integer`
    Int4 "int4" 23 1007 Binary;
    /// `bigint`
    Int8 "int8" 20 1016 Binary;
    /// `real`
    Float4 "float4" 700 1021 Binary;
    /// `double precision`
    Float8 "float8" 701 1022 Binary;
    /// `numeric`, also called `decimal`
    Numeric "numeric" 1700 1231 Binary;
    /// `text`
    Text "text" 25 1009 Same;
    /// `character varying`
    Varchar "varchar" 1043 1015 Same;
    /// `character`, blank-padded: values contain the padding
    Bpchar "bpchar" 1042 1014 Same;
    /// `name`, the type of identifiers in the catalog
    Name "name" 19 1003 Same;
    /// `bytea`
    Bytea "bytea" 17 1001 Binary;
    /// `uuid`
    Uuid "uuid" 2950 2951 Binary;
    /// `date`
    Date "date" 1082 1182 Binary;
    /// `time without time zone`
    Time "time" 1083 1183 Binary;
    /// `time with time zone`
    Timetz "timetz" 1266 1270 Binary;
    /// `timestamp without time zone`
    Timestamp "timestamp" 1114 1115 Binary;
    /// `timestamp with time zone`
    Timestamptz "timestamptz" 1184 1185 Binary;
    /// `interval`
    Interval "interval" 1186 1187 Binary;
    /// `json`
    Json "json" 114 199 Same;
    /// `jsonb`
    Jsonb "jsonb" 3802 3807 Binary;
    /// `oid`
    Oid "oid" 26 1028 Binary;
    /// `"char"`, the one-byte type of the catalog; not `character(1)`, which is [`Bpchar`]
    Char "char" 18 1002 Binary;
    /// `void`, the result type of a function without a result
    Void "void" 2278 0 Binary;
    /// Any type without a decoder here; it is sent as text and is a `String` in Rust
    Unknown "unknown" 705 0 Text;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_take_their_names_and_oids_from_the_element() {
        assert_eq!((<Array<Int4> as SqlType>::NAME, <Array<Int4> as SqlType>::OID), ("int4[]", 1007));
        assert_eq!(<Array<Array<Int4>> as SqlType>::OID, 1007);
    }
}
