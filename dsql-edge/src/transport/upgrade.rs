//! Interprets the HTTP answer to the request that opens a WebSocket.
//!
//! Input: an HTTP status other than 101. Output: the error, whose kind states whether another attempt may succeed.

use super::contract::{TransportError, TransportErrorKind};

/// Returns the error for a server that answered with this HTTP status instead of opening the WebSocket. The statuses of
/// a server that is overloaded or away may be temporary: Cloudflare reports a tunnel without `cloudflared` as 530, and
/// a `cloudflared` that does not reach the database as 502.
pub(super) fn not_upgraded(status: u16) -> TransportError {
    let advice = match status {
        300..=399 | 401 | 403 => {
            "; if Cloudflare Access protects the host, set the service token, and give the application a policy with the \
             action Service Auth"
        }
        502 | 504 | 530 => "; check that the tunnel runs, and that it reaches the database",
        _ => "; check that the host accepts WebSockets at this path",
    };
    let kind = match status {
        408 | 429 | 500.. => TransportErrorKind::Lost,
        _ => TransportErrorKind::NoWebSocket,
    };
    TransportError::new(
        kind,
        format!("the server answered with HTTP status {status} instead of a WebSocket{advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_decides_whether_another_attempt_may_succeed() {
        for (status, kind, advice) in [
            (200, TransportErrorKind::NoWebSocket, "accepts WebSockets"),
            (302, TransportErrorKind::NoWebSocket, "service token"),
            (403, TransportErrorKind::NoWebSocket, "service token"),
            (404, TransportErrorKind::NoWebSocket, "at this path"),
            (429, TransportErrorKind::Lost, ""),
            (502, TransportErrorKind::Lost, "reaches the database"),
            (530, TransportErrorKind::Lost, "the tunnel runs"),
        ] {
            let error = not_upgraded(status);
            assert_eq!(error.kind, kind, "{status}");
            assert!(
                error.text.contains(&status.to_string()) && error.text.contains(advice),
                "{}",
                error.text
            );
        }
    }
}
