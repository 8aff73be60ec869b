//! Checks that any string is either read as a schema, or causes errors whose spans are within the string.
#![no_main]

use dsql_edge_compiler::Schema;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(errors) = Schema::parse(text) {
        assert!(!errors.is_empty(), "rejected without an error");
        for error in errors {
            let (start, end) = (error.diagnostic.span.start as usize, error.diagnostic.span.end as usize);
            assert!(text.get(start..end).is_some(), "{start}..{end} is not in the text");
        }
    }
});
