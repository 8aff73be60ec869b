//! Reads the snapshot: folds DDL into relations, types and functions.
//!
//! Input: SQL text, from one file or from several files in a given order. Output: [`Schema`], which keeps names and
//! types as written, but adds the schema to the name of a user-defined type. The names of built-in types are resolved
//! later, by the analyzer, and only if a query uses the type. `resolver` lists the functions of the analyzer that the
//! fold calls.

mod alter;
mod check;
mod column_constraints;
mod committed;
mod contrib;
mod defaults;
mod dependents;
mod directive;
mod do_block;
mod drop;
mod error;
mod extension;
mod fold;
mod foreign_key;
mod function;
mod inherit;
mod key;
mod key_name;
mod labels;
mod misspelt;
mod names;
mod names_taken;
mod namespace;
mod nesting;
mod objects;
mod operator;
mod origin;
mod resolver;
mod search_path;
mod table;
mod table_as;
mod taint;
mod unfollowed;
mod unknown_objects;
mod unlisted;
mod user_type;

pub use contrib::{extension_names, is_value_function};
pub use directive::{DirectiveLine, directives};
pub use error::SchemaError;
pub use fold::Growth;
pub use labels::labels_of_checks;
pub use misspelt::misspelt_directives;
pub use names::{Moment, NOW};
pub use objects::{
    Cast, Check, Column, Dialect, Exclusion, ForeignKey, Function, Key, Operator, Relation, RelationKind,
    RustType, Schema, TEMPORARY, UserType, UserTypeKind,
};
use objects::{NamedIndex, is_null_default};
pub use origin::Origin;
pub(crate) use resolver::{ResolvedColumn, Resolver};
pub use taint::Taint;

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
    fn tables_are_suggested_in_the_form_that_a_query_uses() {
        let schema =
            Schema::parse("CREATE SCHEMA app; CREATE TABLE app.j (id int); CREATE TABLE posts (id int)");
        let error = compile(&Source::numbered("SELECT id FROM nothing"), &schema.unwrap()).unwrap_err();
        let hint = error.errors().find_map(|error| error.hint.clone());
        assert_eq!(hint.as_deref(), Some("the tables are app.j, posts"));
    }

    #[test]
    fn file_with_both_directions_is_an_error() {
        let text = "CREATE TABLE a (id int);\n-- migrate:down\nDROP TABLE a;";
        let errors = Schema::parse(text).unwrap_err();
        let hint = errors.first().and_then(|error| error.diagnostic.hint.clone()).unwrap_or_default();
        assert!(hint.contains("the statements after `-- migrate:down`"), "{hint}");
    }
}
