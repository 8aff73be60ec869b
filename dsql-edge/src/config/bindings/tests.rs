//! Bindings, with and without a prefix.

use super::*;
use crate::settings::Settings;
#[cfg(feature = "assume-role")]
use crate::settings::StsEndpoint;

const HOST: &str = "foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws";

fn config(prefix: &str, bindings: &[(&str, &str)]) -> Result<Config, Error> {
    Config::from_bindings(prefix, |name| {
        bindings.iter().find(|(bound, _)| *bound == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn a_missing_binding_is_named() {
    let all = [("DSQL_ENDPOINT", HOST), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "canary")];
    assert!(config("", &all).is_ok());
    for missing in 0..all.len() {
        for emptied in [None, Some((all[missing].0, ""))] {
            let mut some = all.to_vec();
            some.splice(missing..=missing, emptied);
            let error = config("", &some).unwrap_err();
            assert!(error.is_config() && error.to_string().contains(all[missing].0), "{error}");
            assert!(!error.to_string().contains("canary"));
        }
    }
}

#[test]
fn optional_bindings_default_and_a_prefix_separates_clusters() {
    let bindings = [
        ("DSQL_ENDPOINT", "localhost:1234"),
        ("DSQL_REGION", "us-east-1"),
        ("DSQL_USER", "blog"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "canary-key"),
        ("AWS_SESSION_TOKEN", "canary-token"),
        ("REPORTS_DSQL_ENDPOINT", HOST),
        ("REPORTS_DSQL_TLS", "direct"),
        ("WRONG_DSQL_ENDPOINT", HOST),
        ("WRONG_DSQL_TLS", "canary"),
    ];
    let first = config("", &bindings).unwrap();
    let Settings { endpoint, user, .. } = &first.settings;
    assert_eq!(
        (endpoint.host.as_str(), endpoint.port, endpoint.region.as_str()),
        ("localhost", 1234, "us-east-1")
    );
    assert_eq!(user, "blog");
    assert!(first.settings.direct_tls.is_none());
    #[cfg(feature = "direct-tls")]
    let wrong = config("WRONG_", &bindings).unwrap_err().to_string();
    #[cfg(feature = "direct-tls")]
    assert!(wrong.contains("DSQL_TLS") && !wrong.contains("canary"), "{wrong}");
    let Settings { endpoint, user, direct_tls, .. } = config("REPORTS_", &bindings).unwrap().settings;
    assert_eq!(direct_tls.is_some(), cfg!(feature = "direct-tls"));
    assert_eq!((endpoint.host.as_str(), endpoint.port, &*user), (HOST, 5432, "admin"));
    assert!(config("OTHER_", &bindings).unwrap_err().to_string().contains("OTHER_DSQL_ENDPOINT"));
    assert!(!format!("{first:?}").contains("canary"));
}

/// Tests every subset of these bindings: the keys and the parts of a role, each with and without the prefix. By the
/// rule in the documentation, all keys have the same prefix, and so have all parts of a role.
#[test]
#[cfg(feature = "assume-role")]
fn credentials_of_two_prefixes_never_mix() {
    const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    const ROLE: [&str; 3] = ["AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_ROLE_EXTERNAL_ID"];
    let arn = |prefix: &str| format!("arn:aws:iam::123456789012:role/{prefix}arn");
    let value = |prefix: &str, name: &str| match name {
        "AWS_ROLE_ARN" => arn(prefix),
        _ => format!("{prefix}{}", name.to_lowercase()),
    };
    let mut accepted = 0;
    for subset in 0_u32..1 << 12 {
        let is_set = |prefix: &str, name: &str| {
            let place = KEYS.iter().chain(&ROLE).position(|known| *known == name).unwrap();
            subset & 1 << (place * 2 + usize::from(prefix.is_empty())) != 0
        };
        let made = Config::from_bindings("P_", |bound| match bound {
            "P_DSQL_ENDPOINT" => Some(HOST.to_owned()),
            _ => {
                let (prefix, name) = bound.strip_prefix("P_").map_or(("", bound), |name| ("P_", name));
                let known = KEYS.contains(&name) || ROLE.contains(&name);
                (known && is_set(prefix, name)).then(|| value(prefix, name))
            }
        });

        let any = |prefix: &str, names: &[&str]| names.iter().any(|name| is_set(prefix, name));
        let keys = if any("P_", &KEYS) { "P_" } else { "" };
        let role = if keys == "P_" || any("P_", &ROLE) { "P_" } else { "" };
        let part = |prefix: &str, name: &str| is_set(prefix, name).then(|| value(prefix, name));
        let lacking = [(keys, KEYS[0]), (keys, KEYS[1]), (role, ROLE[0])]
            .into_iter()
            .find(|(prefix, name)| !is_set(prefix, name) && (KEYS.contains(name) || any(role, &ROLE)));
        match (made, lacking) {
            (Err(error), Some((prefix, name))) => {
                assert!(error.is_config() && error.to_string().contains(&[prefix, name].concat()), "{error}");
            }
            (Ok(config), None) => {
                accepted += 1;
                let expected = (
                    KEYS.map(|name| part(keys, name)),
                    is_set(role, ROLE[0]).then(|| ROLE.map(|name| part(role, name))),
                );
                assert_eq!(config.source.parts(), expected, "{subset:012b}");
            }
            (made, lacking) => panic!("{subset:012b}: {made:?}, {lacking:?}"),
        }
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
#[cfg(feature = "assume-role")]
fn sts_of_the_prefix_is_used_with_its_keys() {
    let shared = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "key")];
    let own = [("P_AWS_ACCESS_KEY_ID", "id"), ("P_AWS_SECRET_ACCESS_KEY", "key")];
    let sts = ("AWS_ENDPOINT_URL_STS", "https://localhost:1");
    let own_sts = ("P_AWS_ENDPOINT_URL_STS", "https://localhost:2");
    for (keys, urls, expected) in [
        (&shared, vec![], StsEndpoint::Regional),
        (&shared, vec![sts], StsEndpoint::Local { port: 1 }),
        (&shared, vec![sts, own_sts], StsEndpoint::Local { port: 2 }),
        (&own, vec![sts], StsEndpoint::Regional),
        (&own, vec![sts, own_sts], StsEndpoint::Local { port: 2 }),
    ] {
        let role = ("P_AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/app");
        let bindings = [&[("P_DSQL_ENDPOINT", HOST), role][..], keys, &urls].concat();
        assert_eq!(config("P_", &bindings).unwrap().settings.sts, expected, "{bindings:?}");
    }
}
