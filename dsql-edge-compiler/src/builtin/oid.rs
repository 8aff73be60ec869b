//! Defines the well-known OIDs of types. The names are PostgreSQL's, without the suffix `OID`: `INT4ARRAY` is
//! `INT4ARRAYOID` in PostgreSQL.

/// An object identifier; 0 means "none".
pub type Oid = u32;

/// OIDs below this number are the same on every server, and only those may be sent to a server or compared with OIDs
/// from a server. PostgreSQL assigns the OIDs from this number to 16383 in sequence: up to 11999 when it is built (row
/// types of catalog tables), and from 12000 on in `initdb` (row types of views, the domains of `information_schema`).
/// So they differ between versions. In the catalog here, these objects have other numbers below 16384, which do not
/// change.
pub const FIRST_UNPINNED: Oid = 10_000;

macro_rules! oids {
    ($($constant:ident = $oid:literal, $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: Oid = $oid;)*

        #[cfg(test)]
        const ALL: &[(Oid, &str)] = &[$(($oid, $name)),*];
    };
}

oids! {
    BOOL = 16, "bool";
    BYTEA = 17, "bytea";
    CHAR = 18, "char";
    NAME = 19, "name";
    INT8 = 20, "int8";
    INT2 = 21, "int2";
    INT2VECTOR = 22, "int2vector";
    INT4 = 23, "int4";
    REGPROC = 24, "regproc";
    TEXT = 25, "text";
    OID = 26, "oid";
    TID = 27, "tid";
    XID = 28, "xid";
    CID = 29, "cid";
    OIDVECTOR = 30, "oidvector";
    PG_DDL_COMMAND = 32, "pg_ddl_command";
    JSON = 114, "json";
    XML = 142, "xml";
    XMLARRAY = 143, "_xml";
    PG_NODE_TREE = 194, "pg_node_tree";
    JSONARRAY = 199, "_json";
    PG_TYPEARRAY = 210, "_pg_type";
    TABLE_AM_HANDLER = 269, "table_am_handler";
    PG_ATTRIBUTEARRAY = 270, "_pg_attribute";
    XID8ARRAY = 271, "_xid8";
    PG_PROCARRAY = 272, "_pg_proc";
    PG_CLASSARRAY = 273, "_pg_class";
    INDEX_AM_HANDLER = 325, "index_am_handler";
    POINT = 600, "point";
    LSEG = 601, "lseg";
    PATH = 602, "path";
    BOX = 603, "box";
    POLYGON = 604, "polygon";
    LINE = 628, "line";
    LINEARRAY = 629, "_line";
    CIDR = 650, "cidr";
    CIDRARRAY = 651, "_cidr";
    FLOAT4 = 700, "float4";
    FLOAT8 = 701, "float8";
    UNKNOWN = 705, "unknown";
    CIRCLE = 718, "circle";
    CIRCLEARRAY = 719, "_circle";
    MACADDR8 = 774, "macaddr8";
    MACADDR8ARRAY = 775, "_macaddr8";
    MONEY = 790, "money";
    MONEYARRAY = 791, "_money";
    MACADDR = 829, "macaddr";
    INET = 869, "inet";
    BOOLARRAY = 1000, "_bool";
    BYTEAARRAY = 1001, "_bytea";
    CHARARRAY = 1002, "_char";
    NAMEARRAY = 1003, "_name";
    INT2ARRAY = 1005, "_int2";
    INT2VECTORARRAY = 1006, "_int2vector";
    INT4ARRAY = 1007, "_int4";
    REGPROCARRAY = 1008, "_regproc";
    TEXTARRAY = 1009, "_text";
    TIDARRAY = 1010, "_tid";
    XIDARRAY = 1011, "_xid";
    CIDARRAY = 1012, "_cid";
    OIDVECTORARRAY = 1013, "_oidvector";
    BPCHARARRAY = 1014, "_bpchar";
    VARCHARARRAY = 1015, "_varchar";
    INT8ARRAY = 1016, "_int8";
    POINTARRAY = 1017, "_point";
    LSEGARRAY = 1018, "_lseg";
    PATHARRAY = 1019, "_path";
    BOXARRAY = 1020, "_box";
    FLOAT4ARRAY = 1021, "_float4";
    FLOAT8ARRAY = 1022, "_float8";
    POLYGONARRAY = 1027, "_polygon";
    OIDARRAY = 1028, "_oid";
    ACLITEM = 1033, "aclitem";
    ACLITEMARRAY = 1034, "_aclitem";
    MACADDRARRAY = 1040, "_macaddr";
    INETARRAY = 1041, "_inet";
    BPCHAR = 1042, "bpchar";
    VARCHAR = 1043, "varchar";
    DATE = 1082, "date";
    TIME = 1083, "time";
    TIMESTAMP = 1114, "timestamp";
    TIMESTAMPARRAY = 1115, "_timestamp";
    DATEARRAY = 1182, "_date";
    TIMEARRAY = 1183, "_time";
    TIMESTAMPTZ = 1184, "timestamptz";
    TIMESTAMPTZARRAY = 1185, "_timestamptz";
    INTERVAL = 1186, "interval";
    INTERVALARRAY = 1187, "_interval";
    NUMERICARRAY = 1231, "_numeric";
    CSTRINGARRAY = 1263, "_cstring";
    TIMETZ = 1266, "timetz";
    TIMETZARRAY = 1270, "_timetz";
    BIT = 1560, "bit";
    BITARRAY = 1561, "_bit";
    VARBIT = 1562, "varbit";
    VARBITARRAY = 1563, "_varbit";
    NUMERIC = 1700, "numeric";
    REFCURSOR = 1790, "refcursor";
    REFCURSORARRAY = 2201, "_refcursor";
    REGPROCEDURE = 2202, "regprocedure";
    REGOPER = 2203, "regoper";
    REGOPERATOR = 2204, "regoperator";
    REGCLASS = 2205, "regclass";
    REGTYPE = 2206, "regtype";
    REGPROCEDUREARRAY = 2207, "_regprocedure";
    REGOPERARRAY = 2208, "_regoper";
    REGOPERATORARRAY = 2209, "_regoperator";
    REGCLASSARRAY = 2210, "_regclass";
    REGTYPEARRAY = 2211, "_regtype";
    RECORD = 2249, "record";
    CSTRING = 2275, "cstring";
    ANY = 2276, "any";
    ANYARRAY = 2277, "anyarray";
    VOID = 2278, "void";
    TRIGGER = 2279, "trigger";
    LANGUAGE_HANDLER = 2280, "language_handler";
    INTERNAL = 2281, "internal";
    ANYELEMENT = 2283, "anyelement";
    RECORDARRAY = 2287, "_record";
    ANYNONARRAY = 2776, "anynonarray";
    TXID_SNAPSHOTARRAY = 2949, "_txid_snapshot";
    UUID = 2950, "uuid";
    UUIDARRAY = 2951, "_uuid";
    TXID_SNAPSHOT = 2970, "txid_snapshot";
    FDW_HANDLER = 3115, "fdw_handler";
    PG_LSN = 3220, "pg_lsn";
    PG_LSNARRAY = 3221, "_pg_lsn";
    TSM_HANDLER = 3310, "tsm_handler";
    PG_NDISTINCT = 3361, "pg_ndistinct";
    PG_DEPENDENCIES = 3402, "pg_dependencies";
    ANYENUM = 3500, "anyenum";
    TSVECTOR = 3614, "tsvector";
    TSQUERY = 3615, "tsquery";
    GTSVECTOR = 3642, "gtsvector";
    TSVECTORARRAY = 3643, "_tsvector";
    GTSVECTORARRAY = 3644, "_gtsvector";
    TSQUERYARRAY = 3645, "_tsquery";
    REGCONFIG = 3734, "regconfig";
    REGCONFIGARRAY = 3735, "_regconfig";
    REGDICTIONARY = 3769, "regdictionary";
    REGDICTIONARYARRAY = 3770, "_regdictionary";
    JSONB = 3802, "jsonb";
    JSONBARRAY = 3807, "_jsonb";
    ANYRANGE = 3831, "anyrange";
    EVENT_TRIGGER = 3838, "event_trigger";
    INT4RANGE = 3904, "int4range";
    INT4RANGEARRAY = 3905, "_int4range";
    NUMRANGE = 3906, "numrange";
    NUMRANGEARRAY = 3907, "_numrange";
    TSRANGE = 3908, "tsrange";
    TSRANGEARRAY = 3909, "_tsrange";
    TSTZRANGE = 3910, "tstzrange";
    TSTZRANGEARRAY = 3911, "_tstzrange";
    DATERANGE = 3912, "daterange";
    DATERANGEARRAY = 3913, "_daterange";
    INT8RANGE = 3926, "int8range";
    INT8RANGEARRAY = 3927, "_int8range";
    JSONPATH = 4072, "jsonpath";
    JSONPATHARRAY = 4073, "_jsonpath";
    REGNAMESPACE = 4089, "regnamespace";
    REGNAMESPACEARRAY = 4090, "_regnamespace";
    REGROLE = 4096, "regrole";
    REGROLEARRAY = 4097, "_regrole";
    REGCOLLATION = 4191, "regcollation";
    REGCOLLATIONARRAY = 4192, "_regcollation";
    INT4MULTIRANGE = 4451, "int4multirange";
    NUMMULTIRANGE = 4532, "nummultirange";
    TSMULTIRANGE = 4533, "tsmultirange";
    TSTZMULTIRANGE = 4534, "tstzmultirange";
    DATEMULTIRANGE = 4535, "datemultirange";
    INT8MULTIRANGE = 4536, "int8multirange";
    ANYMULTIRANGE = 4537, "anymultirange";
    ANYCOMPATIBLEMULTIRANGE = 4538, "anycompatiblemultirange";
    PG_BRIN_BLOOM_SUMMARY = 4600, "pg_brin_bloom_summary";
    PG_BRIN_MINMAX_MULTI_SUMMARY = 4601, "pg_brin_minmax_multi_summary";
    PG_MCV_LIST = 5017, "pg_mcv_list";
    PG_SNAPSHOT = 5038, "pg_snapshot";
    PG_SNAPSHOTARRAY = 5039, "_pg_snapshot";
    XID8 = 5069, "xid8";
    ANYCOMPATIBLE = 5077, "anycompatible";
    ANYCOMPATIBLEARRAY = 5078, "anycompatiblearray";
    ANYCOMPATIBLENONARRAY = 5079, "anycompatiblenonarray";
    ANYCOMPATIBLERANGE = 5080, "anycompatiblerange";
    INT4MULTIRANGEARRAY = 6150, "_int4multirange";
    NUMMULTIRANGEARRAY = 6151, "_nummultirange";
    TSMULTIRANGEARRAY = 6152, "_tsmultirange";
    TSTZMULTIRANGEARRAY = 6153, "_tstzmultirange";
    DATEMULTIRANGEARRAY = 6155, "_datemultirange";
    INT8MULTIRANGEARRAY = 6157, "_int8multirange";
}

#[cfg(test)]
mod tests {
    use super::super::type_by_oid;

    #[test]
    fn each_oid_constant_is_that_of_its_type() {
        for (oid, name) in super::ALL {
            assert_eq!(type_by_oid(*oid).map(|it| it.name), Some(*name));
        }
    }
}
