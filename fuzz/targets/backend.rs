//! Any bytes from a server, in any pieces: no panic, and the same events as in one piece.
#![no_main]

libfuzzer_sys::fuzz_target!(|answers: &[u8]| dsql_edge::fuzzing::backend(answers));
