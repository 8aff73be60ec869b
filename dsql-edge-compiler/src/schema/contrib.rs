//! Contains the extensions that come with PostgreSQL 16: for each extension, the DDL of the objects to which queries
//! can refer.

macro_rules! extensions {
    ($($name:literal,)*) => {
        [$(($name, include_str!(concat!("../builtin/data/extensions/", $name, ".sql")))),*]
    };
}

/// The extensions that come with PostgreSQL and create objects to which queries can refer. `cargo xtask catalog` reads
/// the extensions from PostgreSQL.
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

/// Returns the names of the known extensions.
pub fn extension_names() -> impl Iterator<Item = &'static str> {
    EXTENSIONS.iter().map(|(name, _)| *name)
}

/// Extensions whose functions compute a value from their arguments: these functions run no SQL, and read no other
/// database and no file.
const OF_VALUES: [&str; 15] = [
    "btree_gin",
    "btree_gist",
    "citext",
    "cube",
    "earthdistance",
    "fuzzystrmatch",
    "hstore",
    "intarray",
    "isn",
    "ltree",
    "pg_trgm",
    "pgcrypto",
    "seg",
    "unaccent",
    "uuid-ossp",
];

/// Whether an extension has a function of this name, such as `uuid_generate_v4`, that computes a value from its
/// arguments.
pub fn is_value_function(name: &str) -> bool {
    let begin = format!("CREATE FUNCTION {name}(");
    let of_values = EXTENSIONS.iter().filter(|(extension, _)| OF_VALUES.contains(extension));
    of_values.flat_map(|(_, ddl)| ddl.lines()).any(|line| line.starts_with(&begin))
}
