//! Whatever is given as a password: no panic, and nobody is let in who does not know the secret.
#![no_main]

use dsql_edge_local::Credentials;
use dsql_edge_local::iam::{self, Expected};
use time::OffsetDateTime;

libfuzzer_sys::fuzz_target!(|password: &str| {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", SECRET, None);
    let expected =
        Expected { user: "admin", host: "localhost", region: "us-east-1", credentials: &credentials };
    let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("a time");
    let refusal = iam::verify(password, expected, now).expect_err("the secret is not known");
    assert!(!format!("{refusal:?}").contains(SECRET));
});

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
