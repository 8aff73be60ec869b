//! Chooses, for each binding, between the name with a cluster's prefix and the name without it.
//!
//! Input: a prefix, and which names are bound. Output: the names to read. Invariant: within one set of bindings (the
//! keys, or the role), all names have the prefix, or none. Keys with the prefix are never used with a role without it.
//! A session token belongs to its keys, an external id to its role, and a role to the keys that may assume the role. A
//! mixture of two sets would be an identity that was not configured.

/// The bindings of the cluster, which always have the prefix.
pub(super) const CLUSTER: [&str; 3] = ["DSQL_ENDPOINT", "DSQL_REGION", "DSQL_USER"];

/// The cluster's binding for direct TLS. The binding is read only if the feature `direct-tls` is on.
pub(super) const TLS: &str = "DSQL_TLS";

/// The cluster's binding for its WebSocket. The binding is read only if the feature `websocket` is on.
pub(super) const TRANSPORT: &str = "DSQL_TRANSPORT";

pub(super) const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

pub(super) const ROLE: [&str; 3] = ["AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_ROLE_EXTERNAL_ID"];

/// The binding with the URL of an STS on this machine, `https://localhost:<port>`, to which requests to assume a role
/// are sent.
pub(super) const STS: &str = "AWS_ENDPOINT_URL_STS";

/// The prefix of each set of bindings.
pub(super) struct Names<'p> {
    pub(super) cluster: &'p str,
    pub(super) keys: &'p str,
    pub(super) role: &'p str,
    #[cfg_attr(not(feature = "assume-role"), allow(dead_code))]
    pub(super) sts: &'p str,
}

impl<'p> Names<'p> {
    /// Chooses the prefixes by the rule in the table of
    /// [`Config::from_env_with_prefix`](crate::Config::from_env_with_prefix).
    pub(super) fn chosen(prefix: &'p str, is_bound: &dyn Fn(&str) -> bool) -> Self {
        let any = |names: &[&str]| names.iter().any(|name| is_bound(&prefixed(prefix, name)));
        let keys = if any(&KEYS) { prefix } else { "" };
        let role = if any(&ROLE) { prefix } else { keys };
        let sts = if any(&[STS]) { prefix } else { keys };
        Names { cluster: prefix, keys, role, sts }
    }

    /// The names without a prefix.
    pub(super) const PLAIN: Names<'static> = Names { cluster: "", keys: "", role: "", sts: "" };

    /// Every name that is read.
    pub(super) fn all(&self) -> Vec<String> {
        let sets = [
            (self.cluster, &CLUSTER[..]),
            (self.cluster, &[TLS, TRANSPORT]),
            (self.keys, &KEYS),
            (self.role, &ROLE),
            (self.sts, &[STS]),
        ];
        sets.iter().flat_map(|(prefix, names)| names.iter().map(|name| prefixed(prefix, name))).collect()
    }
}

/// The name with the prefix. `[prefix, name].concat()` would be four times as much code in a Worker.
#[inline(never)]
pub(super) fn prefixed(prefix: &str, name: &str) -> String {
    let mut own = prefix.to_owned();
    own += name;
    own
}
