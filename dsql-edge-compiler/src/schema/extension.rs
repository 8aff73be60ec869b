//! The functions, operators, types and casts of extensions that a schema names.
//!
//! Input: `CREATE EXTENSION`. Output: what PostgreSQL 16's own version of it brings, folded in as if it were in the
//! schema. Of an extension that is not known nothing is added; what it brings is then not found.

use super::fold::Fold;
use crate::source::Source;
use crate::syntax::Parsed;
use crate::syntax::ast::CreateExtension;

macro_rules! extensions {
    ($($name:literal,)*) => {
        [$(($name, include_str!(concat!("../builtin/data/extensions/", $name, ".sql")))),*]
    };
}

/// As `cargo xtask catalog` reads them from PostgreSQL: all that come with it and bring something that queries name.
const EXTENSIONS: [(&str, &str); 36] = extensions![
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

/// The names of the extensions that are known.
pub fn extension_names() -> impl Iterator<Item = &'static str> {
    EXTENSIONS.iter().map(|(name, _)| *name)
}

impl Fold {
    pub(super) fn create_extension(&mut self, extension: CreateExtension) {
        let Some((_, text)) = EXTENSIONS.iter().find(|(name, _)| *name == extension.name.text) else {
            return;
        };
        let schema =
            extension.schema.or_else(|| self.path.first().cloned()).unwrap_or_else(|| "public".into());
        let source = Source::numbered(*text);
        if let Ok(parsed) = Parsed::script(&source) {
            let path = std::mem::replace(&mut self.path, vec![schema]);
            parsed.statements.into_iter().for_each(|statement| self.statement(statement));
            self.path = path;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Schema, Source, compile};

    #[test]
    fn every_extension_folds() {
        for (name, text) in super::EXTENSIONS {
            let schema = Schema::parse(text).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
            assert!(!schema.functions.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_it_brings_is_found_in_its_schema_alone() {
        let query = Source::numbered("SELECT similarity('a', 'b') AS a, 'a' <-> 'b'::text AS b");
        let public = "CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;";
        assert!(compile(&query, &Schema::parse(public).unwrap()).is_ok());
        let elsewhere = "CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions;";
        assert!(compile(&query, &Schema::parse(elsewhere).unwrap()).is_err());
        assert!(compile(&query, &Schema::parse("").unwrap()).is_err());
    }
}
