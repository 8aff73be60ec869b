//! Credentials that expire, kept for the requests to come.
//!
//! Goes in: credentials, under a name. Comes out: the same, as long as they serve. Plain bytes and nothing else:
//! whoever finds none asks for some, and the last to have asked is kept. Bounded; time is passed in.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Credentials;

/// More names than a Worker has roles.
const ROOM: usize = 16;

/// Seconds before their end from which credentials are no longer used: a token must still arrive.
const LAST: u64 = 60;

/// Seconds until those are asked again who failed, while the old credentials serve.
const LATER: u64 = 30;

/// What is kept under a name.
pub(super) enum Found {
    Fresh(Credentials),
    /// It is time to ask for new ones; if that fails, these still serve.
    Aging(Credentials),
    Nothing,
}

#[derive(Default)]
struct Cache {
    kept: Vec<Kept>,
}

struct Kept {
    key: String,
    credentials: Credentials,
    expires_at: u64,
    refresh_at: u64,
}

static CACHE: Mutex<Cache> = Mutex::new(Cache { kept: Vec::new() });

pub(super) fn find(key: &str, now: u64) -> Found {
    cache().find(key, now)
}

/// Keeps credentials that expire, until something near 80 % of their life is over: `random` decides, so that not all
/// ask at once.
pub(super) fn keep(key: &str, credentials: &Credentials, now: u64, random: u64) {
    cache().keep(key, credentials, now, random);
}

/// Nobody needs to ask for a while: it failed just now.
pub(super) fn ask_later(key: &str, now: u64) {
    cache().ask_later(key, now);
}

pub(super) fn forget_all() {
    cache().kept.clear();
}

fn cache() -> MutexGuard<'static, Cache> {
    // Nothing panics while it is held; and if it did, the list would still be one.
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    fn find(&mut self, key: &str, now: u64) -> Found {
        self.kept.retain(|kept| now.saturating_add(LAST) < kept.expires_at);
        match self.kept.iter().find(|kept| kept.key == key) {
            Some(kept) if now < kept.refresh_at => Found::Fresh(kept.credentials.clone()),
            Some(kept) => Found::Aging(kept.credentials.clone()),
            None => Found::Nothing,
        }
    }

    fn keep(&mut self, key: &str, credentials: &Credentials, now: u64, random: u64) {
        let Some(expires_at) = credentials.expires_at() else { return };
        self.kept.retain(|kept| kept.key != key);
        if self.kept.len() >= ROOM {
            self.kept.remove(0);
        }
        // 75 to 85 %, in thousandths; what lives for ever is looked at once a week.
        let life = expires_at.saturating_sub(now).min(604_800);
        let refresh_at = now.saturating_add(life * (750 + random % 101) / 1000);
        self.kept.push(Kept {
            key: key.to_owned(),
            credentials: credentials.clone(),
            expires_at,
            refresh_at,
        });
    }

    fn ask_later(&mut self, key: &str, now: u64) {
        if let Some(kept) = self.kept.iter_mut().find(|kept| kept.key == key) {
            kept.refresh_at = now.saturating_add(LATER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, expires_at: u64) -> Credentials {
        Credentials::new(id, "key").with_session_token("token").with_expiry(expires_at)
    }

    fn found(cache: &mut Cache, now: u64) -> &'static str {
        match cache.find("a", now) {
            Found::Fresh(_) => "fresh",
            Found::Aging(_) => "aging",
            Found::Nothing => "nothing",
        }
    }

    #[test]
    fn four_fifths_of_a_life_are_used_and_not_by_all_the_same() {
        let mut times = std::collections::BTreeSet::new();
        for random in 0..1000 {
            let mut cache = Cache::default();
            cache.keep("a", &of("id", 4600), 1000, random);
            let until = (1000..4600).find(|now| found(&mut cache, *now) != "fresh").unwrap();
            assert!((1000 + 2700..=1000 + 3060).contains(&until), "{until}");
            times.insert(until);
        }
        assert!(times.len() > 50, "{}", times.len());
    }

    #[test]
    fn old_ones_serve_until_shortly_before_their_end() {
        let mut cache = Cache::default();
        cache.keep("a", &of("id", 1900), 1000, 0);
        assert_eq!((found(&mut cache, 1674), found(&mut cache, 1675)), ("fresh", "aging"));
        cache.ask_later("a", 1675);
        assert_eq!((found(&mut cache, 1704), found(&mut cache, 1705)), ("fresh", "aging"));
        assert_eq!((found(&mut cache, 1839), found(&mut cache, 1840)), ("aging", "nothing"));
        assert!(cache.kept.is_empty());
    }

    #[test]
    fn what_never_expires_is_not_kept_and_room_is_bounded() {
        let mut cache = Cache::default();
        cache.keep("a", &Credentials::new("id", "key"), 0, 0);
        assert_eq!(found(&mut cache, 0), "nothing");
        for name in 0..100 {
            cache.keep(&name.to_string(), &of("id", u64::MAX), 0, u64::MAX);
            cache.keep("a", &of(&name.to_string(), u64::MAX), 0, 0);
        }
        assert_eq!(cache.kept.len(), ROOM);
        let Found::Fresh(last) = cache.find("a", 0) else { panic!("the last one is kept") };
        assert_eq!(last.access_key_id(), "99");
    }
}
