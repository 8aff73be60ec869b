//! Checks that no bytes from a server cause a panic, and that the events do not depend on the pieces in which the bytes
//! arrive.
#![no_main]

libfuzzer_sys::fuzz_target!(|answers: &[u8]| dsql_edge::fuzzing::backend(answers));
