//! Checks that no messages of a PostgreSQL during the login cause a panic, and that a server that does not know the
//! password is never accepted in SCRAM.
#![no_main]

libfuzzer_sys::fuzz_target!(|messages: &[u8]| dsql_edge::fuzzing::scram(messages));
