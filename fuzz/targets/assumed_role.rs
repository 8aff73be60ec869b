//! Whatever answers to AssumeRole: no panic, and no secret in what is shown of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|answer: &[u8]| dsql_edge::fuzzing::assumed_role(answer));
