//! The access keys that an endpoint accepts, and the owners of these keys. The endpoint accepts its own keys, the keys
//! of its users, and the keys of the sessions that its STS has issued.
//!
//! Input: an access key and the time. Output: the owner of the key, or the fact that the key has expired. A key ring
//! exists as long as its endpoint. A session is removed some time after its end. If there are too many sessions, the
//! oldest is removed earlier.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::Error;
use crate::keys::Credentials;

/// The maximum number of sessions that are kept.
const ROOM: usize = 1000;

/// How long a session is kept after its end, so that its keys are reported as expired and not as unknown.
const REMEMBERED: Duration = Duration::hours(12);

/// The ARN of the user that owns the keys of an endpoint.
pub(crate) const OWNER: &str = "arn:aws:iam::000000000000:user/dsql-local";

/// An identity that signs tokens: its keys, its ARN, and its permissions.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) credentials: Credentials,
    pub(crate) arn: String,
    /// Whether the identity has `dsql:DbConnectAdmin`, in addition to `dsql:DbConnect`.
    pub(crate) admin: bool,
}

impl Identity {
    /// The AWS role of a database user. This identity may connect, but not as `admin`.
    pub(crate) fn of_user(name: &str, credentials: Credentials) -> Identity {
        Identity { credentials, arn: format!("arn:aws:iam::000000000000:role/{name}"), admin: false }
    }
}

pub(crate) struct KeyRing {
    given: Identity,
    users: Vec<Identity>,
    sessions: Mutex<VecDeque<StsSession>>,
    issued: AtomicUsize,
}

/// The credentials of a session, until they expire.
#[derive(Clone)]
pub(crate) struct StsSession {
    pub(crate) credentials: Credentials,
    pub(crate) role_arn: String,
    pub(crate) expires: OffsetDateTime,
}

/// The result of looking up an access key.
pub(crate) enum KeyLookup {
    Current(Identity),
    Expired,
    Never,
}

impl KeyRing {
    pub(crate) fn new(given: Credentials, users: Vec<Identity>) -> KeyRing {
        let given = Identity { credentials: given, arn: OWNER.to_owned(), admin: true };
        KeyRing { given, users, sessions: Mutex::default(), issued: AtomicUsize::new(0) }
    }

    /// The identity that owns the endpoint's own keys.
    pub(crate) fn given(&self) -> &Identity {
        &self.given
    }

    pub(crate) fn find(&self, access_key_id: &str, now: OffsetDateTime) -> KeyLookup {
        let mut lasting = std::iter::once(&self.given).chain(&self.users);
        if let Some(known) = lasting.find(|it| it.credentials.access_key_id() == access_key_id) {
            return KeyLookup::Current(known.clone());
        }
        let sessions = self.sessions();
        match sessions.iter().find(|session| session.credentials.access_key_id() == access_key_id) {
            Some(session) if now < session.expires => KeyLookup::Current(Identity {
                credentials: session.credentials.clone(),
                arn: session.role_arn.clone(),
                // The policies of the role are not checked, so its session may connect as admin.
                admin: true,
            }),
            Some(_) => KeyLookup::Expired,
            None => KeyLookup::Never,
        }
    }

    /// Generates the credentials of a session of a role.
    pub(crate) fn issue(
        &self,
        role_arn: &str,
        life: Duration,
        now: OffsetDateTime,
    ) -> Result<StsSession, Error> {
        let (credentials, role_arn) = (Credentials::made_up_session()?, role_arn.to_owned());
        let session = StsSession { credentials, role_arn, expires: now.saturating_add(life) };
        let mut sessions = self.sessions();
        sessions.retain(|session| now < session.expires.saturating_add(REMEMBERED));
        if sessions.len() == ROOM {
            sessions.pop_front();
        }
        sessions.push_back(session.clone());
        self.issued.fetch_add(1, Ordering::Relaxed);
        Ok(session)
    }

    /// The number of sessions that were issued.
    pub(crate) fn sessions_issued(&self) -> usize {
        self.issued.load(Ordering::Relaxed)
    }

    fn sessions(&self) -> MutexGuard<'_, VecDeque<StsSession>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn sessions_end_and_are_not_confused_with_each_other() {
        let ring = KeyRing::new(Credentials::new("id", "key", None), Vec::new());
        let now = datetime!(2026-01-01 00:00 UTC);
        let first = ring.issue("role", Duration::minutes(15), now).unwrap();
        let second = ring.issue("role", Duration::minutes(30), now).unwrap();
        assert_ne!(first.credentials, second.credentials);
        let id = first.credentials.access_key_id();
        assert!(
            matches!(ring.find(id, now), KeyLookup::Current(found) if found.credentials == first.credentials)
        );
        assert!(matches!(ring.find(id, now + Duration::minutes(15)), KeyLookup::Expired));
        assert!(matches!(ring.find("id", now), KeyLookup::Current(_)));
        assert!(matches!(ring.find("other", now), KeyLookup::Never));
        for _ in 0..ROOM {
            ring.issue("role", Duration::minutes(15), now).unwrap();
        }
        assert_eq!(ring.sessions().len(), ROOM);
        assert!(matches!(ring.find(id, now), KeyLookup::Never));
    }
}
