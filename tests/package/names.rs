//! Compiles names of columns, parameters, tables and groups with the macro and rustc: each name is a Rust identifier,
//! or causes an error that contains this name.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dsql_edge_compiler::fields::fields;
use dsql_edge_compiler::{Schema, Source, compile};
use dsql_edge_tests::scratch_package::Package;

/// Rust's keywords, including weak keywords, and words that are similar to keywords.
const KEYWORDS: &str = "\
    abstract as async auto await become box break const continue crate default do dyn else enum extern \
    false final fn for gen if impl in let loop macro macro_rules match mod move mut override priv pub raw \
    ref return safe self Self static struct super trait true try type typeof union unsafe unsized use \
    virtual where while yield bool str u8 Row T0 STATEMENT decode arguments p1 r#type 'static";

/// Characters that the crate unicode-ident has in its tables, but that rustc's version of Unicode may not have yet.
const NEWER: [&str; 2] = ["a\u{208f}", "\u{2b81e}a"];

/// Names from every class of characters that Unicode, PostgreSQL or Rust treats in its own way: about a thousand.
fn names() -> Vec<String> {
    let mut out: BTreeSet<String> = KEYWORDS.split_whitespace().map(str::to_owned).collect();
    let written = [
        "",
        " ",
        "_",
        "__",
        "___",
        "_1",
        "1",
        "1st",
        "a b",
        "a-b",
        "a$b",
        "a!b",
        "!",
        "?",
        ":",
        "a:",
        ": T",
        "m²",
        "CO₂",
        "ⓐ",
        "記事",
        "ﬁ",
        "ŉ",
        "ß",
        "ΐ",
        "ǆ",
        "e\u{301}",
        "\u{301}e",
        "a\u{200d}b",
        "\u{200b}",
        "\u{feff}a",
        "👍",
        "🏳\u{fe0f}\u{200d}🌈",
        "क्षि",
        "שָׁלוֹם",
        "r#a",
        "'a",
        "a'",
        "a{",
        "}",
        "a//",
        "/*",
        "\\",
        "a\u{2028}b",
        "a.",
        ".",
    ];
    out.extend(written.map(str::to_owned));
    for character in (0x80..0x3_4000).filter_map(char::from_u32) {
        let code = u32::from(character);
        let (odd, mark) = match (character.is_alphanumeric(), unicode_ident::is_xid_continue(character)) {
            // `char::is_alphanumeric` accepts the character, but an identifier must not contain it.
            (true, false) => (true, false),
            // The ranges contain marks, connectors, and letters that Unicode allows by exception. Other characters may
            // be newer than rustc's version of Unicode.
            (false, true) => {
                (false, matches!(code, 0x300..0x370 | 0x203f..0x2041 | 0x2118 | 0x212e | 0xfe20..0xfe30))
            }
            (false, false) => (matches!(code, 0x80..0x100 | 0x2000..0x2070), false),
            (true, true) => (false, matches!(code, 0x80..0x180 | 0xfb00..0xfb20)),
        };
        let sampled =
            code % 997 == 0 && (character.is_alphanumeric() || !unicode_ident::is_xid_continue(character));
        if (odd && code % 7 == 0) || (mark && code % 3 == 0) || sampled {
            // The number makes two names different that rustc would otherwise treat as the same name.
            out.extend([format!("{character}a{code}"), format!("a{code}{character}")]);
        }
    }
    out.into_iter().collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Divides the names into the names that the compiler accepts as fields, and the other names.
fn divided(schema: &Schema, select: impl Fn(&str) -> String) -> (Vec<String>, Vec<String>) {
    names().into_iter().partition(|name| {
        let query = compile(&Source::of_macro(select(name)), schema);
        query.is_ok_and(|query| fields(&query, schema).is_ok())
    })
}

/// Rust code that contains these statements, fifty in each function, so that rustc does not have to check a very long
/// function.
fn program(statements: &[String]) -> String {
    let mut out = String::from("#![deny(warnings)]\nuse dsql_edge::sql;\n");
    for (at, statements) in statements.chunks(50).enumerate() {
        writeln!(out, "pub fn f{at}() {{\n{}}}", statements.concat()).unwrap();
    }
    out
}

#[test]
fn every_accepted_name_is_a_field_in_rust() {
    let schema = Schema::parse("").unwrap();
    let alias = |name: &str| format!("SELECT 1 AS {}", quoted(name));
    let (mut accepted, rejected) = divided(&schema, alias);
    // In an alias, the text after a colon is a type: another test checks such aliases.
    accepted.retain(|name| !name.contains(':'));
    // The list must contain many accepted names and many rejected names.
    assert!(accepted.len() > 500 && rejected.len() > 300, "{} {}", accepted.len(), rejected.len());
    let mut statements = Vec::new();
    let mut tables = String::new();
    for (at, names) in accepted.chunks(60).enumerate() {
        // The names are used as aliases with and without overrides, and as columns of a table. The columns are selected
        // by name and through `*`. An override is removed from an alias, and never from a name of the database.
        let aliases = |value: &str, suffix: &str| -> String {
            let aliases: Vec<String> = names
                .iter()
                .map(|name| format!("{value} AS {}", quoted(&format!("{name}{suffix}"))))
                .collect();
            format!("let _ = sql!({:?});\n", format!("SELECT {}", aliases.join(", ")))
        };
        statements.extend([
            aliases("1", ""),
            aliases("1", "?"),
            aliases("NULL::int", "?: _"),
            aliases("1", ": i32"),
        ]);
        let syntax = |it: char| matches!(it, '!' | '?' | '.') || it.is_whitespace();
        let plain: Vec<&String> = names.iter().filter(|it| !it.contains(syntax)).collect();
        let columns: Vec<String> = plain.iter().map(|name| format!("{} int", quoted(name))).collect();
        let listed: Vec<String> = plain.iter().map(|name| quoted(name)).collect();
        writeln!(tables, "CREATE TABLE t{at} ({});", columns.join(", ")).unwrap();
        statements.push(format!("let _ = sql!(\"SELECT * FROM t{at}\");\n"));
        statements.push(format!("let _ = sql!({:?});\n", format!("SELECT {} FROM t{at}", listed.join(", "))));
        // Each of these names is used as the name of a group, as in `AS "name.name"`. A name that consists only of `_`
        // is left out, because the name of its struct would not have a letter.
        let lettered = plain.iter().filter(|name| name.chars().any(|it| it != '_')).step_by(3);
        statements.extend(lettered.map(|name| {
            format!("let _ = sql!({:?});\n", format!("SELECT 1 AS {}", quoted(&format!("{name}.{name}"))))
        }));
    }
    let source = program(&statements);
    let package = Package::new("accepted-names", &[("src/lib.rs", &source), ("dsql-schema.sql", &tables)]);
    package.built(&["check"], &[]);
    println!("{} names are fields, {} are errors", accepted.len(), rejected.len());
}

#[test]
fn every_rejected_name_is_an_error_that_names_it() {
    let schema = Schema::parse("").unwrap();
    let (_, rejected) = divided(&schema, |name| format!("SELECT 1 AS {}", quoted(name)));
    // Another test checks types.
    let rejected: Vec<&String> = rejected.iter().filter(|name| !name.contains(':')).collect();
    let statement =
        |name: &&String| format!("let _ = sql!({:?});\n", format!("SELECT 1 AS {}", quoted(name)));
    let mut statements: Vec<String> = rejected.iter().map(statement).collect();
    statements.extend(NEWER.map(|name| format!("let _ = sql!(\"SELECT 1 AS \\\"{name}\\\"\");\n")));
    let source = program(&statements);
    let package = Package::new("rejected-names", &[("src/lib.rs", &source), ("dsql-schema.sql", "")]);
    let printed = package.failed(&["check"], &[]);
    assert!(!printed.contains("panicked"), "{printed}");
    let count = |text: &str| printed.matches(text).count();
    let errors = count("cannot be the name of a Rust field [42701")
        + count("has no name [42701")
        + count("zero-length delimited identifier");
    assert!((rejected.len()..=rejected.len() + NEWER.len()).contains(&errors), "{errors}: {printed}");
}

#[test]
fn every_parameter_name_is_a_variable_or_an_error() {
    let is_ident = |name: &str| {
        let mut characters = name.chars();
        characters.next().is_some_and(|it| it == '_' || unicode_ident::is_xid_start(it))
            && characters.all(unicode_ident::is_xid_continue)
            && !matches!(name, "_" | "self" | "Self" | "super" | "crate")
    };
    // Names that PostgreSQL's lexer reads as one name after `$`: the lexer accepts every character above ASCII.
    let lexed = |name: &String| {
        let first =
            name.chars().next().is_some_and(|it| it == '_' || it.is_ascii_alphabetic() || !it.is_ascii());
        first && name.chars().all(|it| it == '_' || it.is_ascii_alphanumeric() || !it.is_ascii())
    };
    let (fine, wrong): (Vec<String>, Vec<String>) =
        names().into_iter().filter(lexed).partition(|name| is_ident(name));
    assert!(fine.len() > 500 && wrong.len() > 300, "{} {}", fine.len(), wrong.len());
    let query = |name: &String| format!("let _ = sql!({:?});\n", format!("SELECT ${name} + 1 AS x"));
    let statements: Vec<String> =
        fine.iter().map(|name| format!("let r#{name} = 1i32; {}", query(name))).collect();
    let allowed =
        "#![allow(non_snake_case, uncommon_codepoints, mixed_script_confusables, confusable_idents)]\n";
    let source = allowed.to_owned() + &program(&statements);
    let package = Package::new("parameter-names", &[("src/lib.rs", &source), ("dsql-schema.sql", "")]);
    package.built(&["check"], &[]);
    let statements: Vec<String> = wrong.iter().map(query).collect();
    package.write("src/lib.rs", &program(&statements));
    let printed = package.failed(&["check"], &[]);
    assert!(!printed.contains("panicked"), "{printed}");
    assert_eq!(printed.matches("is not a Rust variable").count(), wrong.len(), "{printed}");
}

#[test]
fn each_pair_of_equal_identifiers_is_one_error() {
    let package = Package::new("colliding-names", &[("dsql-schema.sql", "")]);
    for (sql, expected) in [
        (r#"SELECT 1 AS "é", 2 AS "e\u{301}""#, "column 2 has the same name as column 1"),
        (r#"SELECT 1 AS "ﬃ", 2 AS "Å", 3 AS "\u{212b}""#, "column 3 has the same name as column 2"),
        (r#"SELECT 1 AS "a.é", 2 AS "a.e\u{301}""#, "column 2 has the same name as column 1"),
        (r#"SELECT 1 AS "a.b.x", 2 AS "a_b.x""#, "would both be structs named …AB"),
        (r#"SELECT 1 AS "ab.x", 2 AS "Ab.x""#, "would both be structs named …Ab"),
        (r#"SELECT 1 AS "é.x", 2 AS "É.x""#, "would both be structs named …É"),
        (r#"SELECT 1 AS "_e.x", 2 AS "e.x""#, "would both be structs named …E"),
        (r#"SELECT 1 AS "__.x""#, "has no letter for the name of its struct"),
    ] {
        let source = format!("pub fn f() {{ let _ = dsql_edge::sql!(\"{}\"); }}", sql.replace('"', "\\\""));
        package.write("src/lib.rs", &source);
        let printed = package.failed(&["check"], &[]);
        assert!(printed.contains(expected), "{sql}: {printed}");
        assert!(printed.contains("due to 1 previous error"), "{sql}: {printed}");
    }
}

#[test]
fn type_in_an_override_is_the_users() {
    // Types of the user whose names also occur in the expansion, and strings that are not types.
    let source = r#"
        use dsql_edge::sql;
        pub mod own {
            pub struct Row(pub i32);
            pub struct RowA(pub i32);
            pub struct T0(pub i32);
            pub struct T1(pub i32);
        }
        use dsql_edge::private::NotNull;
        use dsql_edge::types::{Column, ConversionError, sql::Int4};
        use own::{Row, RowA, T0, T1};
        IMPLS
        pub async fn f(dsql: &dsql_edge::Dsql) -> Result<(Row, T0, RowA, T1), dsql_edge::Error> {
            let row = sql!(r@"SELECT 1 AS "x: Row", 2 AS "y: T0", 3 AS "a.z: RowA", 4 AS "a.w: T1""@).fetch_one(dsql).await?;
            Ok((row.x, row.y, row.a.z, row.a.w))
        }
    "#;
    let impls: String = ["Row", "RowA", "T0", "T1"]
        .map(|name| {
            format!(
                "impl<N> Column<Int4, N> for {name} {{\n fn decode(bytes: &[u8]) -> Result<Self, ConversionError> {{\n \
                 <i32 as Column<Int4, NotNull>>::decode(bytes).map({name})\n}}\n}}\n"
            )
        })
        .concat();
    let source = source.replace("IMPLS", &impls).replace("r@", "r#").replace("\"@", "\"#");
    let package = Package::new("written-types", &[("src/lib.rs", &source), ("dsql-schema.sql", "")]);
    package.built(&["check"], &[]);
    for wrong in ["m²", "a b", "'", "\\\"\\\"", "Vec<", "}", "i32; fn", "⓪", "i32 + 1", "/*", "r#\\\"\\\""]
    {
        let source = format!("pub fn f() {{ let _ = dsql_edge::sql!(\"SELECT 1 AS \\\"x: {wrong}\\\"\"); }}");
        package.write("src/lib.rs", &source);
        let printed = package.failed(&["check"], &[]);
        let named = printed.contains("the type for column \"x\", is not a Rust type");
        assert!(named && !printed.contains("panicked"), "{wrong}: {printed}");
        assert!(printed.contains("due to 1 previous error"), "{wrong}: {printed}");
    }
}
