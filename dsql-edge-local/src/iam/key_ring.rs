//! The keys that an endpoint knows: those it was given, and those of the sessions that its STS has issued.
//!
//! In: an access key and the time. Out: the credentials that go with it, or that they have expired. It lives as long as
//! the endpoint; sessions are forgotten some time after their end, and the oldest when there are too many.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::Error;
use crate::keys::Credentials;

/// Sessions that are remembered.
const ROOM: usize = 1000;

/// How long a session is remembered after its end, to be told from one that never was.
const REMEMBERED: Duration = Duration::hours(12);

/// Known keys.
pub(crate) struct KeyRing {
    given: Credentials,
    sessions: Mutex<VecDeque<Session>>,
}

/// Credentials that were issued, until then.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) credentials: Credentials,
    pub(crate) expires: OffsetDateTime,
}

/// What is known of an access key.
pub(crate) enum Known {
    Current(Credentials),
    Expired,
    Never,
}

impl KeyRing {
    pub(crate) fn new(given: Credentials) -> KeyRing {
        KeyRing { given, sessions: Mutex::default() }
    }

    /// The keys that the endpoint was given.
    pub(crate) fn given(&self) -> &Credentials {
        &self.given
    }

    pub(crate) fn find(&self, access_key_id: &str, now: OffsetDateTime) -> Known {
        if self.given.access_key_id() == access_key_id {
            return Known::Current(self.given.clone());
        }
        let sessions = self.sessions();
        match sessions.iter().find(|session| session.credentials.access_key_id() == access_key_id) {
            Some(session) if now < session.expires => Known::Current(session.credentials.clone()),
            Some(_) => Known::Expired,
            None => Known::Never,
        }
    }

    /// Makes up the credentials of a session.
    pub(crate) fn issue(&self, life: Duration, now: OffsetDateTime) -> Result<Session, Error> {
        let session = Session { credentials: Credentials::made_up_session()?, expires: now + life };
        let mut sessions = self.sessions();
        sessions.retain(|session| now < session.expires + REMEMBERED);
        if sessions.len() == ROOM {
            sessions.pop_front();
        }
        sessions.push_back(session.clone());
        Ok(session)
    }

    fn sessions(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn sessions_end_and_are_not_confused_with_each_other() {
        let ring = KeyRing::new(Credentials::new("id", "key", None));
        let now = datetime!(2026-01-01 00:00 UTC);
        let first = ring.issue(Duration::minutes(15), now).unwrap();
        let second = ring.issue(Duration::minutes(30), now).unwrap();
        assert_ne!(first.credentials, second.credentials);
        let id = first.credentials.access_key_id();
        assert!(matches!(ring.find(id, now), Known::Current(found) if found == first.credentials));
        assert!(matches!(ring.find(id, now + Duration::minutes(15)), Known::Expired));
        assert!(matches!(ring.find("id", now), Known::Current(_)));
        assert!(matches!(ring.find("other", now), Known::Never));
        for _ in 0..ROOM {
            ring.issue(Duration::minutes(15), now).unwrap();
        }
        assert_eq!(ring.sessions().len(), ROOM);
        assert!(matches!(ring.find(id, now), Known::Never));
    }
}
