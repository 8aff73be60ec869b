//! Checks that no answer to AssumeRole causes a panic, and that the text that is shown contains no secret.
#![no_main]

libfuzzer_sys::fuzz_target!(|answer: &[u8]| dsql_edge::fuzzing::assumed_role(answer));
