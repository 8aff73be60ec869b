//! Any text in `sql!`: an answer whose places are within the text; and if it is accepted, what is sent is
//! accepted too.
#![no_main]

use std::sync::LazyLock;

use dsql_edge_compiler::{Schema, Source, compile, compile_partly};

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse(include_str!("../../tests/dsql-schema.sql")).expect("it is a schema"));

libfuzzer_sys::fuzz_target!(|text: &str| {
    let source = Source::named(text);
    match compile(&source, &SCHEMA) {
        Ok(query) => {
            let sent = Source::numbered(query.sql.as_str());
            assert!(compile(&sent, &SCHEMA).is_ok(), "what is sent is not a statement: {}", query.sql);
        }
        Err(diagnostics) => {
            assert!(diagnostics.errors().next().is_some(), "refused for no reason");
            for diagnostic in diagnostics.iter() {
                let (start, end) = (diagnostic.span.start as usize, diagnostic.span.end as usize);
                assert!(text.get(start..end).is_some(), "{start}..{end} is not a place in it");
            }
            let _partly = compile_partly(&source, &SCHEMA);
        }
    }
});
