//! The local STS with requests of AWS's own signer: the sessions that it issues, and each of AWS's errors.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use dsql_edge_local::{Credentials, Local};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const BODY: &str = "Action=AssumeRole&DurationSeconds=900&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp&\
                    RoleSessionName=test&Version=2011-06-15";

/// The parts of a request; the default is valid.
struct Ask {
    keys: Credentials,
    region: &'static str,
    service: &'static str,
    at: SystemTime,
    signed_body: String,
    body: String,
    /// Changes the headers after they have been signed.
    edit: fn(&mut Vec<(String, String)>),
}

fn ask(local: &Local) -> Ask {
    Ask {
        keys: local.credentials().clone(),
        region: "us-east-1",
        service: "sts",
        at: SystemTime::now(),
        signed_body: BODY.to_owned(),
        body: BODY.to_owned(),
        edit: |_| {},
    }
}

impl Ask {
    /// Sends the request, and returns the status and the body.
    async fn send(self, local: &Local) -> (u16, String) {
        let authority = local.sts_url().strip_prefix("https://").unwrap().to_owned();
        let keys = &self.keys;
        let token = keys.session_token().map(str::to_owned);
        let identity =
            AwsCredentials::new(keys.access_key_id(), keys.secret_access_key(), token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(self.at)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let mut headers = vec![
            ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("host".to_owned(), authority.clone()),
        ];
        let request = SignableRequest::new(
            "POST",
            format!("https://{authority}/"),
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            SignableBody::Bytes(self.signed_body.as_bytes()),
        )
        .unwrap();
        let (signed, _) = sign(request, &params).unwrap().into_parts();
        let (signed, _) = signed.into_parts();
        headers
            .extend(signed.into_iter().map(|header| (header.name().to_owned(), header.value().to_owned())));
        (self.edit)(&mut headers);
        let mut text = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n", self.body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        exchange(local, &format!("{text}\r\n{}", self.body)).await
    }
}

/// Sends one request over TLS, and returns the answer.
async fn exchange(local: &Local, request: &str) -> (u16, String) {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(local.ca_pem().as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let port: u16 = local.sts_url().rsplit_once(':').unwrap().1.parse().unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once("</").unwrap().0
}

fn session(xml: &str) -> Credentials {
    let part = |name| element(xml, name).to_owned();
    Credentials::new(part("AccessKeyId"), part("SecretAccessKey"), Some(part("SessionToken")))
}

#[tokio::test]
async fn signed_requests_get_sessions_that_end() {
    let local = Local::builder().role(ROLE, None).start().await.unwrap();
    let (status, xml) = ask(&local).send(&local).await;
    assert_eq!(status, 200, "{xml}");
    assert_eq!(element(&xml, "Arn"), "arn:aws:sts::123456789012:assumed-role/app/test");
    let first = session(&xml);
    assert!(Credentials::is_made_up(first.access_key_id()));

    // A session may also assume a role, but only with the session's token.
    let (status, xml) = Ask { keys: first.clone(), ..ask(&local) }.send(&local).await;
    assert_eq!(status, 200, "{xml}");
    assert_ne!(session(&xml), first);
    let without = Credentials::new(first.access_key_id(), first.secret_access_key(), None);
    let (status, xml) = Ask { keys: without, ..ask(&local) }.send(&local).await;
    assert_eq!((status, element(&xml, "Code")), (403, "InvalidClientTokenId"));

    local.advance_clock(Duration::from_secs(901));
    let later = SystemTime::now() + Duration::from_secs(901);
    let (status, xml) = Ask { keys: first, at: later, ..ask(&local) }.send(&local).await;
    assert_eq!((status, element(&xml, "Code")), (403, "ExpiredToken"));
    assert_eq!(element(&xml, "Message"), "The security token included in the request is expired");
    assert_eq!(Ask { at: later, ..ask(&local) }.send(&local).await.0, 200);
    local.stop().await.unwrap();
}

#[tokio::test]
async fn each_error_has_the_message_of_aws() {
    let local = Local::builder().role(ROLE, Some("partner")).start().await.unwrap();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let differs = "The request signature we calculated does not match the signature you provided.";
    let with_id = BODY.replace("&RoleArn", "&ExternalId=partner&RoleArn");
    let base = || Ask { signed_body: with_id.clone(), body: with_id.clone(), ..ask(&local) };
    assert_eq!(base().send(&local).await.0, 200);
    let wrong_secret = Credentials::new(local.credentials().access_key_id(), "wrong", None);
    for (name, request, status, code, words) in [
        (
            "no external id",
            ask(&local),
            403,
            "AccessDenied",
            "is not authorized to perform: sts:AssumeRole on resource",
        ),
        ("another secret", Ask { keys: wrong_secret, ..base() }, 403, "SignatureDoesNotMatch", differs),
        (
            "another body",
            Ask { body: with_id.replace("900", "901"), ..base() },
            403,
            "SignatureDoesNotMatch",
            differs,
        ),
        (
            "an unknown key",
            Ask { keys: Credentials::new("AKIAOTHER", "x", None), ..base() },
            403,
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        ),
        (
            "too old",
            Ask { at: SystemTime::now() - minutes(6), ..base() },
            403,
            "SignatureDoesNotMatch",
            "Signature expired: ",
        ),
        (
            "too young",
            Ask { at: SystemTime::now() + minutes(6), ..base() },
            403,
            "SignatureDoesNotMatch",
            "Signature not yet current: ",
        ),
        (
            "another region",
            Ask { region: "eu-west-1", ..base() },
            403,
            "SignatureDoesNotMatch",
            "Credential should be scoped to a valid region, not 'eu-west-1'.",
        ),
        (
            "another service",
            Ask { service: "iam", ..base() },
            403,
            "SignatureDoesNotMatch",
            "Credential should be scoped to correct service: 'sts'.",
        ),
        (
            "unsigned",
            Ask { edit: |headers| headers.retain(|(name, _)| name != "authorization"), ..base() },
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
        (
            "half a signature",
            Ask {
                edit: |headers| {
                    headers.iter_mut().for_each(|(_, value)| *value = value.replace("Signature=", "X="))
                },
                ..base()
            },
            400,
            "IncompleteSignature",
            "Authorization header requires",
        ),
        (
            "the host is not signed",
            Ask {
                edit: |headers| {
                    headers.iter_mut().for_each(|(_, value)| *value = value.replace(";host;", ";"))
                },
                ..base()
            },
            403,
            "SignatureDoesNotMatch",
            differs,
        ),
        (
            "a header twice",
            Ask { edit: |headers| headers.push(("x-amz-date".to_owned(), "x".to_owned())), ..base() },
            400,
            "IncompleteSignature",
            "X-Amz-Date",
        ),
    ] {
        let (got, xml) = request.send(&local).await;
        assert_eq!((got, element(&xml, "Code")), (status, code), "{name}");
        assert!(element(&xml, "Message").contains(words), "{name}: {xml}");
        assert!(!xml.contains(local.credentials().secret_access_key()));
    }
    local.stop().await.unwrap();
}

#[tokio::test]
async fn other_bytes_are_answered_with_a_status() {
    let local = Local::builder().start().await.unwrap();
    for (request, status) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("POST /other HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nhost: x\r\n\r\n", 411),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        ("POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\ncontent-length: 65537\r\n\r\n", 413),
    ] {
        assert_eq!(exchange(&local, request).await, (status, String::new()), "{request}");
    }
    let long = format!("POST / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(40_000));
    assert_eq!(exchange(&local, &long).await.0, 431);
    local.stop().await.unwrap();
}
