//! The sources from which the command line reads AWS credentials. Each source is set up as AWS documents it, and the
//! command runs as a process: environment, profiles, single sign-on, containers, instances and web identity.
//!
//! The services of AWS are a local HTTP server with their documented answers. No database runs, so the command always
//! ends with an error. An error about the connection shows that the command has found credentials.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use dsql_edge_tests::binary::{dsql_edge, without_shell_variables};

/// A source of credentials: its name, its files below the home folder, and its variables. `{home}` and `{aws}` are
/// replaced.
struct Source {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    variables: &'static [(&'static str, &'static str)],
}

const SOURCES: [Source; 8] = [
    Source {
        name: "environment",
        files: &[],
        variables: &[("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")],
    },
    Source {
        name: "a profile with keys",
        files: &[(
            ".aws/credentials",
            "[work]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n",
        )],
        variables: &[("AWS_PROFILE", "work")],
    },
    Source {
        name: "a profile with a process",
        files: &[
            (".aws/config", "[profile work]\ncredential_process = cat {home}/keys.json\n"),
            ("keys.json", r#"{"Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "secret"}"#),
        ],
        variables: &[("AWS_PROFILE", "work")],
    },
    Source {
        name: "a profile with single sign-on",
        files: &[
            (
                ".aws/config",
                "[profile work]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = Developer\n\n\
                 [sso-session company]\nsso_start_url = https://company.awsapps.com/start\nsso_region = us-east-1\n\
                 sso_registration_scopes = sso:account:access\n",
            ),
            // The name of the file is the SHA-1 of `company`.
            (
                ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json",
                r#"{"accessToken": "sso-token", "expiresAt": "2999-01-01T00:00:00Z", "region": "us-east-1",
                    "startUrl": "https://company.awsapps.com/start"}"#,
            ),
        ],
        variables: &[("AWS_PROFILE", "work"), ("AWS_ENDPOINT_URL_SSO", "{aws}")],
    },
    Source {
        name: "a role of another profile",
        files: &[
            (
                ".aws/config",
                "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/app\nsource_profile = keys\n",
            ),
            (".aws/credentials", "[keys]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n"),
        ],
        variables: &[("AWS_PROFILE", "work"), ("AWS_ENDPOINT_URL_STS", "{aws}")],
    },
    Source {
        name: "a container",
        files: &[],
        variables: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{aws}/container")],
    },
    Source {
        name: "an instance",
        files: &[],
        variables: &[("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "{aws}")],
    },
    Source {
        name: "web identity",
        files: &[("token", "identity-token")],
        variables: &[
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "{home}/token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app"),
            ("AWS_ENDPOINT_URL_STS", "{aws}"),
        ],
    },
];

#[test]
fn each_documented_source_of_credentials_is_read() {
    let aws = services();
    let home = tempfile::tempdir().unwrap();
    for Source { name, files, variables } in &SOURCES {
        let home = home.path().join(name.replace(' ', "-"));
        std::fs::create_dir_all(&home).unwrap();
        let filled = |text: &str| text.replace("{home}", home.to_str().unwrap()).replace("{aws}", &aws);
        for (file, text) in *files {
            let file = home.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, filled(text)).unwrap();
        }
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, filled(value))).collect();
        let error = pull(&home, &variables);
        assert!(error.contains("nothing answers at localhost:1"), "{name}: {error}");
    }
}

/// Without any source, the error states what to set.
#[test]
fn missing_credentials_are_an_error_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let error = pull(home.path(), &[]);
    assert!(error.contains("no keys for localhost"), "{error}");
}

/// Runs `dsql-edge pull` with this home folder and these variables. Returns its error.
fn pull(home: &Path, variables: &[(&str, String)]) -> String {
    let mut command = Command::new(dsql_edge());
    without_shell_variables(&mut command)
        .args(["pull", "--endpoint", "localhost:1", "--region", "us-east-1"])
        .current_dir(home)
        .env("HOME", home)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// Starts the services of AWS, and returns their URL. The services run until the process ends.
fn services() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap()));
        }
    });
    url
}

/// Answers one request: <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.
fn answer(mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let at = head.len();
        if reader.read_line(&mut head).unwrap() == 0 {
            return;
        }
        let line = head[at..].trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (kind, text) = body_of(&head, &String::from_utf8(body).unwrap());
    let status = if text.is_empty() { "404 Not Found" } else { "200 OK" };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
         x-aws-ec2-metadata-token-ttl-seconds: 21600\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
    .unwrap();
}

/// The type and the text of the answer; empty for an unknown request.
fn body_of(head: &str, body: &str) -> (&'static str, String) {
    const KEYS: &str = r#"{"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "secret", "Token": "session", "LastUpdated": "2026-01-01T00:00:00Z",
        "Expiration": "2999-01-01T00:00:00Z", "AccountId": "123456789012"}"#;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let credentials = "/latest/meta-data/iam/security-credentials";
    match (method, path) {
        ("PUT", "/latest/api/token") => ("text/plain", "metadata-token".to_owned()),
        ("GET", path) if path.starts_with(credentials) => match path.rsplit('/').next() {
            Some("") => ("text/plain", "app".to_owned()),
            _ => ("application/json", KEYS.to_owned()),
        },
        ("GET", "/container") => ("application/json", KEYS.to_owned()),
        ("GET", "/federation/credentials") if head.contains("sso-token") => (
            "application/json",
            r#"{"roleCredentials": {"accessKeyId": "ASIAEXAMPLE", "secretAccessKey": "secret",
                "sessionToken": "session", "expiration": 32472144000000}}"#
                .to_owned(),
        ),
        ("POST", "/") => {
            let action = ["AssumeRoleWithWebIdentity", "AssumeRole"]
                .into_iter()
                .find(|action| body.contains(&format!("Action={action}&")))
                .unwrap_or_else(|| panic!("an unknown action: {body}"));
            let text = format!(
                "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
                 <Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
                 <SessionToken>session</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
                 <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/app/s</Arn>\
                 <AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId></AssumedRoleUser>\
                 </{action}Result></{action}Response>"
            );
            ("text/xml", text)
        }
        _ => ("text/plain", String::new()),
    }
}
