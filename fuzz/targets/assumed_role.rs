//! Any answer to AssumeRole: no panic, and no secret in the text that is shown.
#![no_main]

libfuzzer_sys::fuzz_target!(|answer: &[u8]| dsql_edge::fuzzing::assumed_role(answer));
