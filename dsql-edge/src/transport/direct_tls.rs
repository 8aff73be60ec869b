//! Remembers which endpoints accept direct TLS: a TLS handshake without an SSLRequest before it.
//!
//! Input: an endpoint, and whether it has accepted direct TLS. Output: the last answer. All requests of an isolate
//! share the answers, so an answer is plain data. The answers are hints: a wrong answer costs a round trip, but no
//! write is lost.

use crate::settings::Endpoint;

/// The maximum number of endpoints in the list; a Worker rarely connects to more clusters. If the list is full, all
/// answers are deleted before another endpoint is added.
const ROOM: usize = 16;

/// Whether each endpoint has accepted direct TLS.
pub(crate) struct DirectTlsAnswers(Vec<(String, u16, bool)>);

impl DirectTlsAnswers {
    pub(crate) const fn new() -> Self {
        DirectTlsAnswers(Vec::new())
    }

    /// Whether the endpoint has accepted direct TLS; `None` if it is not known.
    pub(crate) fn find(&self, endpoint: &Endpoint) -> Option<bool> {
        let mut known = self.0.iter();
        known.find(|(host, port, _)| (host, *port) == (&endpoint.host, endpoint.port)).map(|known| known.2)
    }

    /// Records the answer of the endpoint; `None` deletes the record.
    pub(crate) fn note(&mut self, endpoint: &Endpoint, accepted: Option<bool>) {
        self.0.retain(|(host, port, _)| (host, *port) != (&endpoint.host, endpoint.port));
        if let Some(accepted) = accepted {
            if self.0.len() >= ROOM {
                self.0.clear();
            }
            self.0.push((endpoint.host.clone(), endpoint.port, accepted));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_its_own_answer_and_their_number_is_limited() {
        let at = |port: usize| Endpoint::local(&format!("localhost:{port}"), "us-east-1").unwrap();
        let mut answers = DirectTlsAnswers::new();
        assert_eq!(answers.find(&at(1)), None);
        answers.note(&at(1), Some(true));
        answers.note(&at(2), Some(false));
        assert_eq!([1, 2, 3].map(|port| answers.find(&at(port))), [Some(true), Some(false), None]);
        answers.note(&at(1), Some(false));
        answers.note(&at(2), None);
        assert_eq!([1, 2].map(|port| answers.find(&at(port))), [Some(false), None]);
        for port in 1..1000 {
            answers.note(&at(port), Some(true));
            assert_eq!(answers.find(&at(port)), Some(true));
        }
        assert!(answers.0.len() <= ROOM);
    }
}
