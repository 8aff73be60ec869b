//! The signed request for a role: AWS Signature Version 4 in its header form.
//!
//! Input: the role, the keys that may assume it, the time. Output: a `POST` to STS. Property tests compare the request
//! with the request that `aws-sigv4` signs.

use super::role::AssumeRole;
use crate::auth::encoding::percent_encode;
use crate::auth::signature::Scope;
use crate::credentials::{Credentials, Unavailable};
use crate::transport::Post;

/// The only version that STS has had.
const VERSION: &str = "2011-06-15";

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

pub(super) async fn post(
    role: &AssumeRole,
    (host, port): (&str, u16),
    region: &str,
    credentials: &Credentials,
    now: u64,
) -> Result<Post, Unavailable> {
    let body = body(role);
    let scope = Scope::new(now, region, "sts");
    let Scope { time, name } = &scope;
    // The signature covers the Host header, in the form in which the platform sends it.
    let authority = if port == 443 { host.to_owned() } else { format!("{host}:{port}") };

    let mut canonical =
        format!("POST\n/\n\ncontent-type:{CONTENT_TYPE}\nhost:{authority}\nx-amz-date:{time}\n");
    let mut signed = "content-type;host;x-amz-date".to_owned();
    if let Some(token) = credentials.session_token() {
        canonical.push_str(&["x-amz-security-token:", token, "\n"].concat());
        signed.push_str(";x-amz-security-token");
    }
    canonical.push_str(&["\n", &signed, "\n"].concat());
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{name}, SignedHeaders={signed}, Signature=",
        credentials.access_key_id(),
    );
    let authorization =
        scope.sign(&canonical, &body, credentials.secret_access_key(), &authorization).await?;

    let mut headers = vec![
        ("content-type", CONTENT_TYPE.to_owned()),
        ("x-amz-date", time.clone()),
        ("authorization", authorization.expose().to_owned()),
    ];
    headers.extend(credentials.session_token().map(|token| ("x-amz-security-token", token.to_owned())));
    Ok(Post { host: host.to_owned(), port, headers, body })
}

fn body(role: &AssumeRole) -> String {
    let mut body = "Action=AssumeRole".to_owned();
    let mut parameter = |name: &str, value: &str| {
        body.push_str(&["&", name, "="].concat());
        percent_encode(value, &mut body);
    };
    parameter("DurationSeconds", &role.seconds.to_string());
    if let Some(id) = &role.external_id {
        parameter("ExternalId", id);
    }
    if let Some(policy) = &role.session_policy {
        parameter("Policy", policy);
    }
    parameter("RoleArn", &role.arn);
    parameter("RoleSessionName", &role.session_name);
    parameter("Version", VERSION);
    body
}

#[cfg(test)]
#[cfg(feature = "aws-sigv4")]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
    use proptest::prelude::*;

    use super::*;
    use crate::auth::tests;

    fn theirs(post: &Post, region: &str, credentials: &Credentials, now: u64) -> Vec<(String, String)> {
        let identity = aws_credential_types::Credentials::new(
            credentials.access_key_id(),
            credentials.secret_access_key(),
            credentials.session_token().map(str::to_owned),
            None,
            "test",
        )
        .into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("sts")
            .time(UNIX_EPOCH + Duration::from_secs(now))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let authority =
            if post.port == 443 { post.host.clone() } else { format!("{}:{}", post.host, post.port) };
        let headers = [("content-type", CONTENT_TYPE), ("host", &authority)];
        let request = SignableRequest::new(
            "POST",
            format!("https://{authority}/"),
            headers.into_iter(),
            SignableBody::Bytes(post.body.as_bytes()),
        )
        .unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let (headers, _) = instructions.into_parts();
        headers.into_iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect()
    }

    proptest! {
        #[test]
        fn aws_sigv4_signs_the_same(
            access_key_id in "[A-Z0-9]{1,20}",
            secret_access_key in "[ -~]{1,40}",
            session_token in proptest::option::of("[A-Za-z0-9+/=_-]{1,80}"),
            region in "[a-z]{2}-[a-z]{4,9}-[0-9]",
            port in prop_oneof![Just(443_u16), 1_u16..],
            external_id in proptest::option::of("[a-zA-Z0-9+=,.@:/-]{2,40}"),
            session_policy in proptest::option::of("\\{[ -~é]{0,60}\\}"),
            now in 0_u64..=253_402_300_799,
        ) {
            let mut credentials = Credentials::new(access_key_id, secret_access_key);
            if let Some(token) = session_token {
                credentials = credentials.with_session_token(token);
            }
            let mut role = AssumeRole::new("arn:aws:iam::123456789012:role/path/app");
            role.external_id = external_id;
            role.session_policy = session_policy;
            let post = post(&role, ("sts.example.com", port), &region, &credentials, now);
            let post = tests::at_once(post).unwrap();
            for (name, value) in theirs(&post, &region, &credentials, now) {
                let ours = post.headers.iter().find(|(ours, _)| *ours == name).map(|(_, value)| value.clone());
                prop_assert_eq!(ours, Some(value), "{}", name);
            }
        }
    }
}
