//! Contains the extensions that come with PostgreSQL 16: the DDL of their objects that queries can name.

macro_rules! extensions {
    ($($name:literal,)*) => {
        [$(($name, include_str!(concat!("../builtin/data/extensions/", $name, ".sql")))),*]
    };
}

/// The extensions as `cargo xtask catalog` reads them from PostgreSQL: all that come with it and have objects that
/// queries can name.
pub(super) const EXTENSIONS: [(&str, &str); 36] = extensions![
    "adminpack",
    "amcheck",
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "dblink",
    "earthdistance",
    "file_fdw",
    "fuzzystrmatch",
    "hstore",
    "intagg",
    "intarray",
    "isn",
    "lo",
    "ltree",
    "old_snapshot",
    "pageinspect",
    "pg_buffercache",
    "pg_freespacemap",
    "pg_prewarm",
    "pg_stat_statements",
    "pg_surgery",
    "pg_trgm",
    "pg_visibility",
    "pg_walinspect",
    "pgcrypto",
    "pgrowlocks",
    "pgstattuple",
    "postgres_fdw",
    "seg",
    "sslinfo",
    "tablefunc",
    "unaccent",
    "uuid-ossp",
    "xml2",
];

/// Whether all objects of an extension are known.
pub(super) fn is_known_extension(name: &str) -> bool {
    EXTENSIONS.iter().any(|(known, _)| *known == name)
}

/// The names of the known extensions.
pub fn extension_names() -> impl Iterator<Item = &'static str> {
    EXTENSIONS.iter().map(|(name, _)| *name)
}
