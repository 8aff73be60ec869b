//! The code that `sql!` generates: each query below is emitted, formatted and compared with its file in `golden/`. The
//! files are part of this test, so that they are compiled. `UPDATE=1` writes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use dsql_edge_compiler::emit::{
    Declaration, Emission, Function, Many, Returns, RowTarget, WrittenTypes, declaration, declared_type,
    parameter_type,
};
use dsql_edge_compiler::fields::{Field, Fields, RustType, fields};
use dsql_edge_compiler::{Schema, Source, compile, compile_in_batches};
use dsql_edge_tests::golden;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

#[path = "golden/anonymous.rs"]
mod anonymous;
#[path = "golden/batches.rs"]
mod batches;
#[path = "golden/function.rs"]
mod function;
#[path = "golden/kinds.rs"]
mod kinds;
#[path = "golden/many_rows.rs"]
mod many_rows;
#[path = "golden/nested.rs"]
mod nested;
#[path = "golden/optional_text.rs"]
mod optional_text;
#[path = "golden/types.rs"]
mod types;

/// The Rust type in the override of the query of `golden/types.rs`.
#[derive(Debug, Clone, PartialEq, dsql_edge::Type)]
#[dsql(rename_all = "snake_case")]
#[allow(dead_code, reason = "no query runs")]
enum Status {
    Draft,
    InReview,
    Live,
}

const SCHEMA: &str = include_str!("rustc/ui/dsql-schema.sql");

/// The generated function for a query; `row` is the name of its row type, if the row type has a name.
fn emitted(name: &str, row: Option<&str>, sql: &str) -> TokenStream {
    emitted_for(name, row, sql, None)
}

fn emitted_for(name: &str, row: Option<&str>, sql: &str, pattern: Option<TokenStream>) -> TokenStream {
    let schema = Schema::parse(SCHEMA).unwrap();
    let query = compile(&Source::of_macro(sql), &schema).unwrap();
    let fields = fields(&query, &schema).unwrap();
    let types = written_types(&fields);
    let named = |name: &str| Ident::new(name, Span::call_site());
    let parameters: Vec<_> = query
        .parameters
        .iter()
        .map(|parameter| (named(parameter.name.as_deref().unwrap()), parameter_type(parameter)))
        .collect();
    let arguments: Vec<_> = parameters.iter().map(|(name, _)| (quote!(#name), Span::call_site())).collect();
    let target = match row {
        Some(row) => RowTarget::Declared(declared_type(&named(row), &fields)),
        None => RowTarget::Anonymous,
    };
    let many = pattern.map(|pattern| Many { pattern, rows: quote!(people), unnest: query.unnest.clone() });
    let emission = Emission {
        query: &query,
        fields: &fields,
        types: &types,
        row: &target,
        arguments: &arguments,
        name,
        many: many.as_ref(),
        batches: None,
        place: None,
    };
    if many.is_some() {
        let types = parameters.iter().map(|(_, ty)| ty);
        let (name, expression) = (format_ident!("{name}"), emission.expression());
        return quote!(fn #name(people: &[(#(#types),*)]) { let _ = #expression; });
    }
    let Some(row) = row else {
        let (expression, parameters) =
            (emission.expression(), parameters.iter().map(|(name, ty)| quote!(#name: #ty)));
        let name = format_ident!("{name}");
        return quote!(fn #name(#(#parameters),*) { let _ = #expression; });
    };
    let declared = Declaration {
        name: named(row),
        visibility: quote!(pub),
        docs: quote!(#[doc = "A row."]),
        attributes: quote!(),
        derived: &[],
        serialized: &str::to_owned,
    };
    let row = named(row);
    let function = Function {
        attributes: quote!(#[doc = "A function."]),
        visibility: quote!(pub),
        name: named(name),
        generics: quote!(),
        parameters,
        returns: Returns::Rows(quote!(#row)),
    };
    let (declaration, function) = (declaration(&declared, &fields, &types), function.with_query(&emission));
    quote!(#declaration #function)
}

/// The Rust types that the user wrote in overrides, parsed as the macro parses them.
fn written_types(fields: &Fields) -> WrittenTypes {
    let written = |field: &&Field| match &field.rust_type {
        RustType::Written(written) => Some((field.column, written.parse().unwrap())),
        _ => None,
    };
    fields.all().iter().filter_map(written).collect()
}

fn check(file: &str, tokens: TokenStream) {
    let text = format!(
        "//! Written by `sql!` for the query in `emission.rs`.\n#![allow(unused, non_camel_case_types, unreachable_pub, \
         missing_docs, clippy::all, reason = \"as the macro writes it\")]\n{tokens}"
    );
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rustfmt is installed: rust-toolchain.toml requires it");
    rustfmt.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = rustfmt.wait_with_output().unwrap();
    assert!(output.status.success(), "{text}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(file);
    golden::compare(&path, &String::from_utf8(output.stdout).unwrap()).unwrap();
}

#[test]
fn an_anonymous_row() {
    let sql = "SELECT title, body FROM posts WHERE author_id = $author AND views > $least";
    check("anonymous.rs", emitted("anonymous", None, sql));
}

#[test]
fn a_function() {
    let sql =
        "SELECT title, array_agg(body) AS bodies FROM posts WHERE id = ANY($ids) GROUP BY title LIMIT $limit";
    check("function.rs", emitted("posts", Some("Post"), sql));
}

#[test]
fn a_nested_row() {
    let sql = r#"SELECT p.title, u.name AS "author.name", u.email AS "author.email"
                   FROM posts p LEFT JOIN users u ON u.name = p.title"#;
    check("nested.rs", emitted("nested", Some("Post"), sql));
}

#[test]
fn an_optional_text() {
    let sql = "SELECT count(*) AS found FROM posts WHERE views > $least {? AND title = $title }{? AND body = $body }";
    let together = "SELECT count(*) AS found FROM posts WHERE true {? AND (title, id) > ($title, $id) } {? AND views < $most }";
    let (optional, together) = (emitted("optional", None, sql), emitted("together", None, together));
    check("optional_text.rs", quote!(#optional #together));
}

#[test]
fn types_of_the_users_own_and_types_that_are_text() {
    // No Rust type corresponds to a type such as `inet` or `point`, so values of such a type arrive as text.
    let sql = r#"SELECT status AS "status: super::Status", '10.0.0.1'::inet AS ip, '(1,2)'::point AS "place: String"
                   FROM orders WHERE status = $status AND inet_client_addr() = $ip"#;
    check("types.rs", emitted("types", None, sql));
}

#[test]
fn many_rows_at_once_and_one_by_one() {
    let insert = "INSERT INTO users (id, name, email) VALUES ($id, $name, $email)";
    let at_once = emitted_for("at_once", None, insert, Some(quote!((id, name, email))));
    let returning = "UPDATE users SET name = $name WHERE id = $id RETURNING email";
    let one_by_one = emitted_for("one_by_one", None, returning, Some(quote!((name, id))));
    check("many_rows.rs", quote!(#at_once #one_by_one));
}

#[test]
fn statement_in_batches() {
    let sql = Source::of_macro("UPDATE posts SET body = $body WHERE body IS NULL AND views < $least");
    let schema = Schema::parse(SCHEMA).unwrap();
    let batches = compile_in_batches(&sql, &schema, 1_000).unwrap();
    let arguments = [quote!(body), quote!(least)].map(|argument| (argument, Span::call_site()));
    let emission = Emission {
        query: &batches.statement,
        fields: &fields(&batches.first, &schema).unwrap(),
        types: &WrittenTypes::new(),
        row: &RowTarget::Anonymous,
        arguments: &arguments,
        name: "",
        many: None,
        batches: Some(&batches),
        place: None,
    };
    let expression = emission.expression();
    check("batches.rs", quote!(fn in_batches(body: &str, least: i32) { let _ = #expression; }));
}

#[test]
fn type_of_a_statement_states_where_it_may_run() {
    let key =
        emitted("key", None, "INSERT INTO users (id, name) VALUES ($id, $name) ON CONFLICT (id) DO NOTHING");
    let command = emitted("command", None, "INSERT INTO users (id, name) VALUES (gen_random_uuid(), $name)");
    let session = emitted("session_command", None, "SET timezone = 'UTC'");
    let query = emitted("session_query", None, "SELECT set_config('timezone', $zone, false) AS zone");
    check("kinds.rs", quote!(#key #command #session #query));
}

#[test]
fn a_function_returns_the_type_of_its_statement() {
    for (sql, returned) in [
        ("INSERT INTO users (id, name) VALUES ($id, 'x')", "KeyInsert"),
        ("INSERT INTO users (id, name) VALUES (gen_random_uuid(), $name)", "Command"),
        ("RESET timezone", "SessionCommand"),
        ("SELECT set_config('timezone', $zone, false) AS zone", "SessionQuery < Row >"),
        ("SELECT set_config('timezone', $zone, true) AS zone", "Query < Row >"),
    ] {
        let schema = Schema::parse(SCHEMA).unwrap();
        let query = compile(&Source::of_macro(sql), &schema).unwrap();
        let (fields, types) = (fields(&query, &schema).unwrap(), WrittenTypes::new());
        let value = || (quote!(value), Span::call_site());
        let arguments: Vec<_> = query.parameters.iter().map(|_| value()).collect();
        let emission = Emission {
            query: &query,
            fields: &fields,
            types: &types,
            row: &RowTarget::Anonymous,
            arguments: &arguments,
            name: "function",
            many: None,
            batches: None,
            place: None,
        };
        let function = Function {
            attributes: quote!(),
            visibility: quote!(),
            name: format_ident!("function"),
            generics: quote!(),
            parameters: Vec::new(),
            returns: if query.columns.is_empty() { Returns::Nothing } else { Returns::Rows(quote!(Row)) },
        };
        let tokens = function.with_query(&emission).to_string();
        let signature = format!("-> :: dsql_edge :: private :: {returned} {{");
        assert!(tokens.contains(&signature), "{sql}: {tokens}");
    }
}
