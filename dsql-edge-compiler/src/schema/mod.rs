//! The snapshot: DDL folded into relations, types and functions.
//!
//! Input: SQL text, one file or several in order. Output: [`Schema`], which keeps names and written types as the syntax
//! tree has them; resolving a type name against PostgreSQL's own is the analyzer's work, and happens only for what a
//! query names.

mod alter;
mod check;
mod committed;
mod defaults;
mod directive;
mod drop;
mod error;
mod extension;
mod fold;
mod function;
mod key;
mod key_name;
mod names;
mod namespace;
mod objects;
mod table;
mod taint;
mod unfollowed;
mod user_type;

use crate::own_stack::on_own_stack;
pub use directive::{DirectiveLine, directives};
pub use error::SchemaError;
pub use extension::extension_names;
pub use fold::Growth;
pub use names::{Moment, NOW};
use objects::is_null_default;
pub use objects::{
    Check, Column, Dialect, ForeignKey, Function, Key, Relation, RelationKind, RustType, Schema, TEMPORARY,
    UserType, UserTypeKind,
};
pub use taint::Taint;

impl Schema {
    /// Folds one file of DDL into an empty schema.
    ///
    /// # Errors
    ///
    /// Everything in the file that cannot be understood, with its place.
    pub fn parse(sql: &str) -> Result<Schema, Vec<SchemaError>> {
        Schema::parse_files([("", sql)], None)
    }

    /// Folds several files, in the order given: a folder of migrations. `dialect` takes precedence over the files.
    ///
    /// # Errors
    ///
    /// Everything in the files that cannot be understood, with file and place.
    pub fn parse_files<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        dialect: Option<Dialect>,
    ) -> Result<Schema, Vec<SchemaError>> {
        let files: Vec<(&str, &str)> = files.into_iter().collect();
        on_own_stack(|| fold::fold(files.iter().copied(), dialect))
    }
}

#[cfg(test)]
mod tests {
    use super::Schema;
    use crate::{Source, compile};

    #[test]
    fn dropped_table_is_not_suggested() {
        let text = "CREATE TABLE posts (id int); CREATE TABLE other (id int); DROP TABLE posts;";
        let schema = Schema::parse(text).unwrap();
        let error = compile(&Source::numbered("SELECT id FROM posts"), &schema).unwrap_err();
        let hint = error.errors().find_map(|error| error.hint.clone());
        assert_eq!(hint.as_deref(), Some("the tables are other"));
    }

    #[test]
    fn tables_are_suggested_as_a_query_names_them() {
        let schema =
            Schema::parse("CREATE SCHEMA app; CREATE TABLE app.j (id int); CREATE TABLE posts (id int)");
        let error = compile(&Source::numbered("SELECT id FROM nothing"), &schema.unwrap()).unwrap_err();
        let hint = error.errors().find_map(|error| error.hint.clone());
        assert_eq!(hint.as_deref(), Some("the tables are app.j, posts"));
    }
}
