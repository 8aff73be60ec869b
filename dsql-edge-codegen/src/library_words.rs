//! Rewrites the errors of dsql-edge's client for a shell: the client's errors name methods of `Config` and bindings of
//! a Worker, but a user of the command line writes options.
//!
//! Input: the text of an error of dsql-edge's client. Output: the same error in the words of the command line.

/// Parts of the library's messages that are about a Worker, and the text that replaces each of them on the command
/// line.
const ADVICE: [(&str, &str); 4] = [
    ("for another host use Config::dangerous_endpoint", "for a PostgreSQL use --postgres-url"),
    (", Hyperdrive, or a lower Config::max_connections", ", or close other connections"),
    ("Config::from_hyperdrive", "Hyperdrive, in the Worker"),
    ("Config::transaction_pooler", "a connection without the pooler"),
];

/// The option for the endpoint.
pub(crate) const ENDPOINT: &str = "--endpoint";

/// Words in an error about the endpoint, and the replacement if the endpoint comes from an option.
const OF_OPTION: [(&str, &str); 2] =
    [("DSQL_ENDPOINT", ENDPOINT), ("set DSQL_REGION", "pass --region or set DSQL_REGION")];

/// Rewrites an error about an endpoint from the option `--endpoint`: the client's text mentions the binding instead.
pub(crate) fn for_options(text: &str) -> String {
    replaced(text, &OF_OPTION)
}

/// Adds the likely mistake to an error about this endpoint, if the client's text does not mention the mistake.
pub(crate) fn for_endpoint(text: &str, endpoint: &str) -> String {
    let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
    let likely = if host.ends_with(".on.aws") && host != endpoint {
        "leave out the port, which is always 5432"
    } else if matches!(host, "127.0.0.1" | "[::1]") {
        "for a dsql-local use localhost and its port"
    } else {
        return text.to_owned();
    };
    text.replace(ADVICE[0].0, likely)
}

fn replaced(text: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, ours)| text.replace(word, ours))
}

/// Returns a message without the names of methods of `Config`.
pub fn for_a_shell(text: &str) -> String {
    let text = replaced(text, &ADVICE);
    let mut pieces = text.split(" (Config::");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out += piece.split_once(')').map_or("", |(_, rest)| rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_of_config_are_left_out() {
        for (text, expected) in [
            ("timeout connecting to a (Config::connect_timeout): b", "timeout connecting to a: b"),
            ("timeout waiting for credentials (Config::connect_timeout)", "timeout waiting for credentials"),
            (
                "neither a nor b: for another host use Config::dangerous_endpoint",
                "neither a nor b: for a PostgreSQL use --postgres-url",
            ),
            ("a (b): c", "a (b): c"),
        ] {
            assert_eq!(for_a_shell(text), expected);
        }
    }

    #[test]
    fn option_is_named_in_place_of_the_binding() {
        let text = "DSQL_ENDPOINT is not a DSQL endpoint: set DSQL_REGION";
        assert_eq!(for_options(text), "--endpoint is not a DSQL endpoint: pass --region or set DSQL_REGION");
    }
}
