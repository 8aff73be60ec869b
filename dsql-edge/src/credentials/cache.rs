//! Keeps expiring credentials for later requests, and marks that a request is fetching new ones.
//!
//! Input: credentials and their name. Output: valid credentials, or the turn of this request to fetch new credentials.
//!
//! On Workers, a request cannot wait for the I/O of another request, so the cache holds plain data and never a future.
//! A request that fetches credentials stores a mark, which contains the time at which its turn ends. Other requests
//! check the cache again when their own timers end. A mark is only a hint. Even if the fetching request hangs, or the
//! platform ends this request without running destructors, the other requests wait only until the time in the mark.
//!
//! Invariants: no more than [`ROOM`] entries; the time is an argument, and no clock is read.

use super::Credentials;
use crate::millis::Millis;

/// The maximum number of entries; a Worker uses fewer roles.
const ROOM: usize = 16;

/// Credentials are not used in the last seconds before they expire, so that the token arrives in time.
const LAST: u64 = 60;

/// The minimum number of seconds between two attempts to refresh valid credentials. Two calls of
/// [`Cache::forget_rejected`] that have an effect are also at least this number of seconds apart.
const LATER: u64 = 30;

/// The time, in milliseconds, that other requests wait for the request that fetches the credentials. After that time,
/// one of the waiting requests also fetches the credentials, in case the first request hangs. So at a cold start with
/// any number of requests, STS receives one request, and another one whenever this time passes without an answer.
const TURN: Millis = 300;

/// The state of the credentials under a name, for one request.
pub(crate) enum Found {
    Fresh(Credentials),
    /// It is this request's turn to fetch new credentials. While this request fetches, all other requests use these old
    /// credentials. If the fetch fails or takes long, this request uses the old credentials, too.
    Aging(Credentials),
    /// No credentials. It is this request's turn to fetch credentials; the turn ends at this time.
    Nothing(Millis),
    /// No credentials. Another request is fetching credentials.
    Awaited,
    /// There are no credentials, and no fetch that requests can share: each request fetches its own credentials.
    Unshared,
}

pub(crate) struct Cache {
    entries: Vec<Entry>,
    /// The time, in seconds, at which the credentials were last forgotten because a server had rejected some of them.
    forgotten_at: Option<u64>,
}

struct Entry {
    key: String,
    state: State,
}

enum State {
    Kept {
        credentials: Credentials,
        expires_at: u64,
        refresh_at: u64,
    },
    Fetching {
        until: Millis,
    },
    /// The fetched credentials are not kept, or the last fetch has just failed.
    Unshared {
        until: Millis,
    },
}

impl Cache {
    /// An empty cache.
    pub(crate) const fn new() -> Self {
        Cache { entries: Vec::new(), forgotten_at: None }
    }

    /// Looks up this name. `seconds` is the time since 1970, `now` the time of `Environment::now`.
    pub(crate) fn find(&mut self, key: &str, seconds: u64, now: Millis) -> Found {
        self.entries.retain(|entry| match entry.state {
            State::Kept { expires_at, .. } => seconds.saturating_add(LAST) < expires_at,
            State::Fetching { .. } | State::Unshared { .. } => true,
        });
        let turn = now.saturating_add(TURN);
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) else {
            self.insert(key, State::Fetching { until: turn });
            return Found::Nothing(turn);
        };
        match &mut entry.state {
            State::Kept { credentials, refresh_at, .. } if seconds < *refresh_at => {
                Found::Fresh(credentials.clone())
            }
            State::Kept { credentials, refresh_at, .. } => {
                // The time is set before the attempt, so that during the attempt the other requests use the old
                // credentials.
                *refresh_at = seconds.saturating_add(LATER);
                Found::Aging(credentials.clone())
            }
            State::Fetching { until } if now < *until => Found::Awaited,
            State::Unshared { until } if now < *until => Found::Unshared,
            state => {
                *state = State::Fetching { until: turn };
                Found::Nothing(turn)
            }
        }
    }

    /// Keeps credentials that expire. The credentials are refreshed when about 80 % of their lifetime has passed:
    /// `random` chooses the time, so that not all instances refresh at once.
    pub(crate) fn keep(&mut self, key: &str, credentials: &Credentials, seconds: u64, random: u64) {
        self.entries.retain(|entry| entry.key != key);
        let last = seconds.saturating_add(LAST);
        self.insert(
            key,
            match credentials.expires_at().filter(|expires_at| *expires_at > last) {
                None => State::Unshared { until: Millis::MAX },
                Some(expires_at) => {
                    // 75 to 85 % of the lifetime, in thousandths. Credentials that are valid for more than a week are
                    // refreshed once a week.
                    let life = (expires_at - last).min(604_800);
                    let refresh_at = seconds.saturating_add(life * (750 + random % 101) / 1000);
                    State::Kept { credentials: credentials.clone(), expires_at, refresh_at }
                }
            },
        );
    }

    /// Records that the fetch failed. After the failure, all waiting requests fetch their own credentials at the same
    /// time. If the requests fetched the credentials one after the other, the last requests would wait long for their
    /// errors.
    pub(crate) fn fail(&mut self, key: &str, now: Millis) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key)
            && let State::Fetching { .. } = entry.state
        {
            entry.state = State::Unshared { until: now.saturating_add(TURN) };
        }
    }

    /// Ends a request's turn to fetch the credentials, because that request has ended. `turn` is the time at which the
    /// turn would have ended. Another request gets a turn.
    pub(crate) fn end_turn(&mut self, key: &str, turn: Millis) {
        self.entries.retain(|entry| {
            !(entry.key == key && matches!(entry.state, State::Fetching { until } if until == turn))
        });
    }

    /// Forgets all credentials, because a server rejected some of them. The function does this at most once in 30
    /// seconds, and a request that is fetching credentials keeps its turn. Without the limit of 30 seconds, a role that
    /// is never allowed to connect would clear the cache at each request of the Worker, and each request would call STS
    /// again, even for other roles.
    pub(crate) fn forget_rejected(&mut self, seconds: u64) {
        if self.forgotten_at.is_some_and(|at| seconds < at.saturating_add(LATER)) {
            return;
        }
        self.forgotten_at = Some(seconds);
        self.entries.retain(|entry| !matches!(entry.state, State::Kept { .. }));
    }

    fn insert(&mut self, key: &str, state: State) {
        if self.entries.len() >= ROOM {
            self.entries.remove(0);
        }
        self.entries.push(Entry { key: key.to_owned(), state });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, expires_at: u64) -> Credentials {
        Credentials::new(id, "key").with_session_token("token").with_expiry(expires_at)
    }

    fn found(cache: &mut Cache, seconds: u64) -> &'static str {
        found_at(cache, seconds, 0)
    }

    fn found_at(cache: &mut Cache, seconds: u64, now: Millis) -> &'static str {
        match cache.find("a", seconds, now) {
            Found::Fresh(_) => "fresh",
            Found::Aging(_) => "aging",
            Found::Nothing(_) => "nothing",
            Found::Awaited => "awaited",
            Found::Unshared => "unshared",
        }
    }

    #[test]
    fn refresh_time_is_random_around_80_percent() {
        let mut times = std::collections::BTreeSet::new();
        for random in 0..1000 {
            let mut cache = Cache::new();
            cache.keep("a", &of("id", 4660), 1000, random);
            let until = (1000..4660).find(|now| found(&mut cache, *now) != "fresh").unwrap();
            assert!((1000 + 2700..=1000 + 3060).contains(&until), "{until}");
            times.insert(until);
        }
        assert!(times.len() > 50, "{}", times.len());
    }

    #[test]
    fn old_credentials_are_used_until_they_nearly_expire() {
        let mut cache = Cache::new();
        cache.keep("a", &of("id", 1900), 1000, 0);
        assert_eq!((found(&mut cache, 1629), found(&mut cache, 1630)), ("fresh", "aging"));
        // For 30 seconds after a request has begun to refresh the credentials, no other request refreshes them.
        assert_eq!((found(&mut cache, 1630), found(&mut cache, 1659)), ("fresh", "fresh"));
        assert_eq!((found(&mut cache, 1660), found(&mut cache, 1661)), ("aging", "fresh"));
        assert_eq!((found(&mut cache, 1839), found(&mut cache, 1840)), ("aging", "nothing"));
    }

    #[test]
    fn one_request_at_a_time_fetches_what_is_not_there() {
        let mut cache = Cache::new();
        assert_eq!((found_at(&mut cache, 0, 0), found_at(&mut cache, 0, 299)), ("nothing", "awaited"));
        // The first request hangs, so another request gets a turn. The first request can no longer end that turn.
        assert_eq!((found_at(&mut cache, 0, 300), found_at(&mut cache, 0, 301)), ("nothing", "awaited"));
        cache.end_turn("a", 300);
        assert_eq!(found_at(&mut cache, 0, 302), "awaited");
        cache.end_turn("a", 600);
        assert_eq!(found_at(&mut cache, 0, 303), "nothing");
        // The fetch fails, so each waiting request fetches its own credentials; later requests take turns again.
        cache.fail("a", 303);
        assert_eq!((found_at(&mut cache, 0, 602), found_at(&mut cache, 0, 603)), ("unshared", "nothing"));
        cache.keep("a", &of("id", 4000), 0, 0);
        cache.fail("a", 604);
        assert_eq!(found_at(&mut cache, 0, 604), "fresh");
        cache.end_turn("a", 903);
        assert_eq!(found_at(&mut cache, 0, 605), "fresh");
    }

    #[test]
    fn rejected_credentials_are_forgotten_once_in_a_while() {
        let mut cache = Cache::new();
        cache.keep("a", &of("id", 4000), 1000, 0);
        assert!(matches!(cache.find("b", 1000, 0), Found::Nothing(_)));
        // The first call forgets the credentials at once, even if they are new.
        cache.forget_rejected(1001);
        assert_eq!(found(&mut cache, 1001), "nothing");
        cache.keep("a", &of("id", 4000), 1002, 0);
        cache.forget_rejected(1030);
        assert_eq!(found(&mut cache, 1030), "fresh");
        cache.forget_rejected(1031);
        assert_eq!(found(&mut cache, 1031), "nothing");
        assert!(matches!(cache.find("b", 1031, 1), Found::Awaited), "another one's turn goes on");
    }

    #[test]
    fn unexpiring_credentials_are_not_kept_and_size_is_limited() {
        let mut cache = Cache::new();
        for credentials in [Credentials::new("id", "key"), of("id", 60), of("id", 0)] {
            cache.keep("a", &credentials, 0, 0);
            assert_eq!(found_at(&mut cache, 0, 1_000_000), "unshared");
        }
        for name in 0..100 {
            cache.keep(&name.to_string(), &of("id", u64::MAX), 0, u64::MAX);
            cache.find(&format!("fetching {name}"), 0, 0);
            cache.keep("a", &of(&name.to_string(), u64::MAX), 0, 0);
        }
        assert_eq!(cache.entries.len(), ROOM);
        let Found::Fresh(last) = cache.find("a", 0, 0) else { panic!("the last one is kept") };
        assert_eq!(last.access_key_id(), "99");
    }
}
