//! Rewrites the errors of dsql-edge's client for a shell: they name methods of `Config`, which a user of the command line
//! does not call.
//!
//! Input: a text with such an error. Output: the text without the names of methods.

/// Advice of the client, and the advice for the command line.
const ADVICE: [(&str, &str); 4] = [
    ("for another host use Config::dangerous_endpoint", "a PostgreSQL is named with --postgres-url"),
    (", Hyperdrive, or a lower Config::max_connections", ", or close other connections"),
    ("Config::from_hyperdrive", "Hyperdrive, in the Worker"),
    ("Config::transaction_pooler", "a connection without the pooler"),
];

/// Returns a text without the names of methods of `Config`.
pub fn for_a_shell(text: &str) -> String {
    let text = ADVICE.iter().fold(text.to_owned(), |text, (method, advice)| text.replace(method, advice));
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
                "neither a nor b: a PostgreSQL is named with --postgres-url",
            ),
            ("a (b): c", "a (b): c"),
        ] {
            assert_eq!(for_a_shell(text), expected);
        }
    }
}
