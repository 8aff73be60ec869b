//! Remembers which endpoints could not be reached.
//!
//! Input: an endpoint, and a time. Output: the time at which the endpoint was last found unreachable. All requests of
//! an isolate share the records, so a record is plain data. The records are hints: a wrong record costs time, but no
//! write is lost.

use crate::millis::Millis;
use crate::settings::Endpoint;

/// The maximum number of endpoints; a Worker has fewer. If the list is full, all records are deleted before another one
/// is added.
const ROOM: usize = 16;

/// The endpoints that could not be reached.
pub(crate) struct Unreachable(Vec<(String, u16, Millis)>);

impl Unreachable {
    pub(crate) const fn new() -> Self {
        Unreachable(Vec::new())
    }

    /// The time at which the endpoint was last found unreachable; `None` if it was reached since then.
    pub(crate) fn since(&self, endpoint: &Endpoint) -> Option<Millis> {
        let mut known = self.0.iter();
        known.find(|(host, port, _)| (host, *port) == (&endpoint.host, endpoint.port)).map(|known| known.2)
    }

    /// Records that the endpoint was not reached at this time; `None` deletes the record.
    pub(crate) fn note(&mut self, endpoint: &Endpoint, at: Option<Millis>) {
        self.0.retain(|(host, port, _)| (host, *port) != (&endpoint.host, endpoint.port));
        if let Some(at) = at {
            if self.0.len() >= ROOM {
                self.0.clear();
            }
            self.0.push((endpoint.host.clone(), endpoint.port, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_its_own_record_and_their_number_is_limited() {
        let at = |port: usize| Endpoint::local(&format!("localhost:{port}"), "us-east-1").unwrap();
        let mut records = Unreachable::new();
        records.note(&at(1), Some(5));
        records.note(&at(2), Some(6));
        records.note(&at(1), Some(7));
        assert_eq!([1, 2, 3].map(|port| records.since(&at(port))), [Some(7), Some(6), None]);
        records.note(&at(1), None);
        assert_eq!(records.since(&at(1)), None);
        for port in 1..1000 {
            records.note(&at(port), Some(1));
            assert_eq!(records.since(&at(port)), Some(1));
        }
        assert!(records.0.len() <= ROOM);
    }
}
