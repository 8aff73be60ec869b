//! Checks two properties for any string in `sql!`: diagnostics have spans within the string, and if the string is
//! accepted, the SQL that is sent is also accepted.
#![no_main]

use std::sync::LazyLock;

use dsql_edge_compiler::{Schema, Source, compile, compile_partly};

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse(include_str!("../../tests/dsql-schema.sql")).expect("a valid schema"));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = Source::named(text);
    match compile(&source, &SCHEMA) {
        Ok(query) => {
            let sent = Source::numbered(query.sql.as_str());
            assert!(
                compile(&sent, &SCHEMA).is_ok(),
                "the SQL that is sent is not a statement: {}",
                query.sql
            );
        }
        Err(diagnostics) => {
            assert!(diagnostics.errors().next().is_some(), "rejected without an error");
            for diagnostic in diagnostics.iter() {
                let (start, end) = (diagnostic.span.start as usize, diagnostic.span.end as usize);
                assert!(text.get(start..end).is_some(), "{start}..{end} is not in the text");
            }
            let _partly = compile_partly(&source, &SCHEMA);
        }
    }
});
