//! Checks constants of `regclass`, `regproc`, `regprocedure`, `regoper` and `regoperator`: the input functions in
//! PostgreSQL's `regproc.c`.
//!
//! Input: the text of a constant. Output: nothing, or the error that PostgreSQL reports for an object that does not
//! exist. The snapshot does not list every object of the database. So a name is accepted if the object may exist: an
//! object in a schema that the snapshot does not have, an index whose name PostgreSQL chose, or an object of an unknown
//! extension. The arguments in `'f(int)'::regprocedure` are not checked here.

use super::super::catalog::Catalog;
use super::number;
use super::rejection::Rejection;
use crate::builtin::{self, Oid, oid};
use crate::diagnostic::Code;
use crate::schema::{TEMPORARY, UserTypeKind};

/// The maximum number of bytes in a name. PostgreSQL cuts longer names off; they are not checked here.
const LONGEST: usize = 63;

/// Checks a constant whose type is one of the types that this module lists.
pub(super) fn check(catalog: Catalog<'_>, type_oid: Oid, text: &str) -> Result<(), Rejection> {
    if text == "-" || type_oid == oid::REGOPER && text == "0" {
        return Ok(());
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number::unsigned(text, "oid", 32);
    }
    match type_oid {
        oid::REGCLASS => relation(catalog, text),
        oid::REGPROC => function(catalog, text, text, true),
        oid::REGPROCEDURE => match text.split_once('(') {
            Some((name, _)) if !text.contains('"') => function(catalog, name, text, false),
            None if !text.contains('"') => {
                Err(Rejection::new(Code::InvalidLiteral, "expected a left parenthesis".to_owned()))
            }
            _ => Ok(()),
        },
        oid::REGOPER => operator(catalog, text, text, true),
        _ => match text.split_once('(') {
            Some((name, _)) if !text.contains('"') => operator(catalog, name, text, false),
            _ => Ok(()),
        },
    }
}

fn relation(catalog: Catalog<'_>, text: &str) -> Result<(), Rejection> {
    let Some((schema, name)) = qualified(text) else { return Ok(()) };
    let is_in = |schema: &str| {
        let composite = || catalog.user_type(schema, &name).and_then(|at| catalog.schema.types.get(at));
        catalog.relation(schema, &name).is_some()
            || composite().is_some_and(|it| matches!(it.kind, UserTypeKind::Composite(_)))
    };
    let may_exist = match &schema {
        Some(schema) => !catalog.schema.has_schema(schema) || is_in(schema),
        None => {
            name.starts_with("pg_")
                || builtin::relation("pg_catalog", &name).is_some()
                || is_in(TEMPORARY)
                || catalog.path.iter().any(|schema| !catalog.schema.has_schema(schema) || is_in(schema))
        }
    };
    if may_exist || catalog.schema.may_have_index(&name) || catalog.schema.may_have_unlisted(&name) {
        return Ok(());
    }
    let message = format!("relation \"{}\" does not exist", display(schema.as_deref(), &name));
    Err(Rejection::new(Code::UnknownTable, message))
}

/// Checks the name of a function. If `only_one` is true, only one function may have the name.
fn function(catalog: Catalog<'_>, name: &str, text: &str, only_one: bool) -> Result<(), Rejection> {
    let Some((schema, name)) = qualified(name) else { return Ok(()) };
    if schema.as_ref().is_some_and(|schema| !is_known(catalog, schema)) {
        return Ok(());
    }
    let is_user = catalog.schema.functions.iter().any(|it| it.definition.name.name() == name);
    if is_user || catalog.schema.may_have_unlisted(&name) {
        return Ok(());
    }
    let in_catalog = schema.as_ref().is_none_or(|schema| schema == "pg_catalog");
    let shown = if only_one { display(schema.as_deref(), &name) } else { text.to_owned() };
    match builtin::functions(&name).filter(|_| in_catalog).count() {
        0 => {
            let message = format!("function \"{shown}\" does not exist");
            Err(Rejection::new(Code::UnknownFunction, message))
        }
        2.. if only_one => {
            let message = format!("more than one function named \"{shown}\"");
            Err(Rejection::new(Code::AmbiguousFunction, message))
        }
        _ => Ok(()),
    }
}

/// Checks the name of an operator. If `only_one` is true, only one operator may have the name.
fn operator(catalog: Catalog<'_>, name: &str, text: &str, only_one: bool) -> Result<(), Rejection> {
    let name = name.trim();
    let is_plain = !name.is_empty() && name.bytes().all(|byte| b"+-*/<>=~!@#%^&|`?".contains(&byte));
    let is_user = catalog.schema.operators.iter().any(|it| it.definition.name == name);
    if !is_plain || is_user || catalog.schema.may_have_unlisted(name) {
        return Ok(());
    }
    match builtin::operators(name).len() {
        0 => {
            let message = format!("operator does not exist: {}", if only_one { name } else { text });
            Err(Rejection::new(Code::UnknownOperator, message))
        }
        2.. if only_one => {
            Err(Rejection::new(Code::AmbiguousFunction, format!("more than one operator named {name}")))
        }
        _ => Ok(()),
    }
}

fn is_known(catalog: Catalog<'_>, schema: &str) -> bool {
    schema == "pg_catalog" || catalog.schema.has_schema(schema)
}

fn display(schema: Option<&str>, name: &str) -> String {
    schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"))
}

/// Reads the schema and the name in a constant, as `stringToQualifiedNameList` does. Returns `None` for any other form,
/// which is not checked here.
fn qualified(text: &str) -> Option<(Option<String>, String)> {
    let mut parts = text.split('.').map(part);
    let first = parts.next()??;
    let Some(second) = parts.next() else { return Some((None, first)) };
    if parts.next().is_some() { None } else { Some((Some(first), second?)) }
}

/// Reads a name with or without quotation marks. A quoted name with a point or a quotation mark is not read.
fn part(text: &str) -> Option<String> {
    let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{c}', '\u{b}']);
    let name = match text.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"').filter(|name| !name.contains('"'))?.to_owned(),
        None => text.to_ascii_lowercase(),
    };
    let is_bare = name == text || !text.starts_with('"');
    let has_space = is_bare && text.contains(|c: char| c.is_whitespace() || c == '"');
    (!name.is_empty() && name.len() <= LONGEST && !has_space).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn message(schema: &str, type_oid: Oid, text: &str) -> Option<String> {
        let schema = Schema::parse(schema).unwrap();
        check(Catalog::now(&schema), type_oid, text).err().map(|it| it.message)
    }

    #[test]
    fn relation_that_exists_or_may_exist_is_accepted() {
        let schema = "CREATE TABLE t (id int PRIMARY KEY, a int UNIQUE, \"B\" int); CREATE INDEX i ON t (a); \
                      CREATE VIEW v AS SELECT 1; CREATE SEQUENCE s; CREATE TYPE pair AS (x int, y int); \
                      CREATE INDEX ON t (a); ALTER INDEX i RENAME TO j; CREATE TABLE \"T.T\" (a int)";
        for text in [
            "t",
            " T ",
            "public.t",
            "\"t\"",
            "i",
            "j",
            "v",
            "s",
            "pair",
            "t_pkey",
            "t_a_key",
            "t_a_idx1",
            "pg_class",
            "pg_class_oid_index",
            "pg_catalog.pg_class",
            "information_schema.tables",
            "-",
            "12",
            "elsewhere.t",
            "a.b.c",
            "",
            "t t",
            "\"T.T\"",
        ] {
            assert_eq!(message(schema, oid::REGCLASS, text), None, "{text}");
        }
        for (text, shown) in [("nope", "nope"), ("public.nope", "public.nope"), ("\"T\"", "T"), ("-1", "-1")]
        {
            let expected = format!("relation \"{shown}\" does not exist");
            assert_eq!(message(schema, oid::REGCLASS, text), Some(expected), "{text}");
        }
        assert_eq!(message("CREATE EXTENSION unheard_of", oid::REGCLASS, "nope"), None);
        assert_eq!(message("DO $$ BEGIN PERFORM f('nope'); END $$", oid::REGCLASS, "nope"), None);
    }

    #[test]
    fn functions_and_operators() {
        let schema = "CREATE FUNCTION own(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; \
                      CREATE OPERATOR ~~~ (LEFTARG = int, RIGHTARG = int, FUNCTION = own)";
        for (type_oid, text, expected) in [
            (oid::REGPROC, "own", None),
            (oid::REGPROC, "now", None),
            (oid::REGPROC, "pg_catalog.now", None),
            (oid::REGPROC, "foo", Some("function \"foo\" does not exist")),
            (oid::REGPROC, "public.now", Some("function \"public.now\" does not exist")),
            (oid::REGPROC, "abs", Some("more than one function named \"abs\"")),
            (oid::REGPROCEDURE, "abs(int)", None),
            (oid::REGPROCEDURE, "own(int)", None),
            (oid::REGPROCEDURE, "foo(int)", Some("function \"foo(int)\" does not exist")),
            (oid::REGPROCEDURE, "abs", Some("expected a left parenthesis")),
            (oid::REGOPER, "~~~", None),
            (oid::REGOPER, "!!!", Some("operator does not exist: !!!")),
            (oid::REGOPER, "+", Some("more than one operator named +")),
            (oid::REGOPERATOR, "+(int,int)", None),
            (oid::REGOPERATOR, "!!!(int,int)", Some("operator does not exist: !!!(int,int)")),
        ] {
            assert_eq!(message(schema, type_oid, text).as_deref(), expected, "{text}");
        }
    }
}
