//! Whatever a server says, in whatever pieces: no panic, and the same events as in one piece.
#![no_main]

libfuzzer_sys::fuzz_target!(|said: &[u8]| dsql_edge::fuzzing::backend(said));
