//! Tests both signers with AWS's own test vectors (aws-sdk-dsql, @aws-sdk/dsql-signer), and compares them with each
//! other.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use super::*;
use crate::credentials::AuthFuture;

/// 20240827T000000Z
const NOW: u64 = 1_724_716_800;
const PECCY: &str = "peccy.dsql.us-east-1.on.aws";
const EXAMPLE: &str = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";

fn vectors() -> Vec<(Credentials, &'static str, u32, Action, &'static str)> {
    use Action::{DbConnect, DbConnectAdmin};
    let sdk = Credentials::new("akid", "secret");
    let example = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let session = example.clone().with_session_token("FwoGZXIvYXdzE/+=tok en~*");
    vec![
        (
            sdk.clone(),
            PECCY,
            450,
            DbConnect,
            "f5f2ad764ca5df44045d4ab6ccecba0eef941b0007e5765885a0b6ed3702a3f8",
        ),
        (sdk, PECCY, 450, DbConnectAdmin, "267cf8d04d84444f7a62d5bdb40c44bfc6cb13dd6c64fa7f772df6bbaa90fff1"),
        (
            example.clone(),
            EXAMPLE,
            900,
            DbConnectAdmin,
            "34108ec70de63a73ab34c3676b8e09f3badf33aef103c8607bc4a537b58bdf4c",
        ),
        (
            example,
            EXAMPLE,
            900,
            DbConnect,
            "72d5a4370481c36344bbed071ded618e17413ae578560315b887d81eb10595f1",
        ),
        (
            session.clone(),
            EXAMPLE,
            604_800,
            DbConnectAdmin,
            "0516bc0e3144a240e967bb8e66f0d9d670f734456662080c24766ea51e080499",
        ),
        (
            session,
            EXAMPLE,
            604_800,
            DbConnect,
            "a4052640dd5306033fe0af72b5b54944d7c1d4c1cfaf754e5134bf0d993889ff",
        ),
    ]
}

type Signer = fn(&Credentials, &TokenRequest<'_>) -> AuthFuture<'static, Secret>;

fn signers() -> Vec<Signer> {
    vec![
        presign::token,
        #[cfg(feature = "aws-sigv4")]
        sigv4::token,
    ]
}

/// Returns the output of a future that is ready at its first poll. Outside Workers, every future of `auth` is ready at
/// its first poll.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn the_signatures_of_aws_s_test_vectors() {
    for signer in signers() {
        for (credentials, host, expires, action, signature) in vectors() {
            let request = TokenRequest { host, region: "us-east-1", action, now: NOW, expires };
            let token = at_once(signer(&credentials, &request)).unwrap();
            assert!(
                token.expose().starts_with(&format!("{host}/?Action={}&X-Amz-Algorithm=", action.name()))
            );
            assert!(token.expose().contains(&format!("&X-Amz-Signature={signature}")), "{}", token.expose());
            assert!(token.expose().contains("&X-Amz-Date=20240827T000000Z&"));
        }
    }
}

#[test]
fn invalid_token_lifetime_is_rejected() {
    let credentials = Credentials::new("akid", "secret");
    for expires in [0, MAX_EXPIRES_SECONDS + 1] {
        let request =
            TokenRequest { host: PECCY, region: "us-east-1", action: Action::DbConnect, now: NOW, expires };
        assert!(at_once(token(&credentials, &request)).unwrap_err().is_config());
    }
}

#[test]
fn secrets_do_not_show() {
    let credentials = Credentials::new("canary-id", "canary-key").with_session_token("canary-token");
    assert!(!format!("{credentials:?} {:?}", Secret::new("canary")).contains("canary"));
}

#[cfg(feature = "aws-sigv4")]
mod against_aws_sigv4 {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_built_in_signer_agrees(
            access_key_id in "[A-Z0-9]{1,20}",
            secret_access_key in "[ -~]{1,40}",
            session_token in proptest::option::of("[A-Za-z0-9+/=_-]{1,80}"),
            host in "[a-z0-9]{26}\\.dsql(-[a-z0-9]{4})?\\.[a-z]{2}-[a-z]{4,9}-[0-9]\\.on\\.aws",
            region in "[a-z]{2}-[a-z]{4,9}-[0-9]",
            admin: bool,
            now in 0_u64..=253_402_300_799,
            expires in 1_u32..=MAX_EXPIRES_SECONDS,
        ) {
            let mut credentials = Credentials::new(access_key_id, secret_access_key);
            if let Some(session_token) = session_token {
                credentials = credentials.with_session_token(session_token);
            }
            let action = if admin { Action::DbConnectAdmin } else { Action::DbConnect };
            let request = TokenRequest { host: &host, region: &region, action, now, expires };
            let ours = at_once(presign::token(&credentials, &request)).unwrap();
            let theirs = at_once(sigv4::token(&credentials, &request)).unwrap();
            // The order of the parameters does not matter, because the signature is computed from the sorted
            // parameters.
            let parts = |token: &Secret| token.expose().split(['?', '&']).map(str::to_owned).collect::<BTreeSet<_>>();
            prop_assert_eq!(parts(&ours), parts(&theirs));
        }
    }
}
