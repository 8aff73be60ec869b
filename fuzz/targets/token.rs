//! Checks that no password causes a panic, and that no password is accepted: no input is signed with the secret.
#![no_main]

use dsql_edge_local::Credentials;
use dsql_edge_local::iam::{self, Expected};
use time::OffsetDateTime;

libfuzzer_sys::fuzz_target!(|input: (&str, &str, &str, i64)| {
    let (password, date, expires, clock) = input;
    let credentials = Credentials::new(KEY, SECRET, None);
    let expected =
        Expected { user: "admin", host: "localhost", region: "us-east-1", credentials: &credentials };
    let clock = OffsetDateTime::from_unix_timestamp(clock).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    // Tries the input itself, and a token with a valid form and key. The dates of such a token are checked before its
    // signature.
    let day = date.get(..8).unwrap_or_default();
    let dated = format!(
        "localhost/?Action=DbConnectAdmin&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential={KEY}%2F{day}%2Fus-east-1%2Fdsql%2Faws4_request&X-Amz-Date={date}\
         &X-Amz-Expires={expires}&X-Amz-SignedHeaders=host&X-Amz-Signature=ab"
    );
    for token in [password, &dated] {
        let refusal = iam::verify(token, expected, clock).expect_err("the secret is not known");
        assert!(!format!("{refusal:?}").contains(SECRET));
    }
});

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
