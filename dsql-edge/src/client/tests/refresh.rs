//! Credentials that many requests fetch at once, or that come from a slow source while old ones are still valid.
//!
//! All times are measured with the simulated network's own clock, not with the clock of the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::credentials::{session, tokens};
use super::*;
use crate::auth::{CredentialsProvider, ProvidedCredentials};
use crate::login::TOKEN_MAY_BE_LATE;

/// Runs several requests concurrently until all have ended; each has its own `Dsql`.
fn all_at_once(network: &Network, config: &Config, requests: usize) -> Vec<Result<i32, Error>> {
    let one =
        |config: Config| async move { query(&READ).fetch_one(&Dsql::within(config, network.clone())).await };
    let mut running: Vec<_> = (0..requests)
        .map(|_| {
            network.accept(answers([rows("n", 23, &[1])]));
            Box::pin(one(config.clone()))
        })
        .collect();
    let mut ended = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1000 {
        running.retain_mut(|running| match running.as_mut().poll(&mut context) {
            Poll::Ready(result) => {
                ended.push(result);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() {
            return ended;
        }
        assert!(network.advance(), "{} of {requests} wait without a timer", running.len());
    }
    panic!("{} of {requests} wait", running.len());
}

/// Runs one request; returns the time that the request took, and the last token that was sent.
fn one_more(network: &Network, config: &Config) -> (Millis, String) {
    let began = network.now();
    all_at_once(network, config, 1).remove(0).unwrap();
    (network.now() - began, tokens(network).pop().unwrap())
}

/// A provider. Each entry is the lifetime of the returned credentials, in seconds, and the delay before they are
/// returned. The last entry repeats.
struct Slow {
    network: Network,
    gives: Vec<(Option<u64>, Duration)>,
    asked: Arc<AtomicUsize>,
}

impl CredentialsProvider for Slow {
    fn credentials(&self) -> ProvidedCredentials<'_> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let (life, delay) = self.gives[asked.min(self.gives.len() - 1)];
        Box::pin(async move {
            self.network.sleep(crate::millis::millis(delay)).await;
            let credentials = session(&format!("ID{asked}"));
            Ok(match life {
                Some(life) => credentials.with_expiry(self.network.unix_time() + life),
                None => credentials,
            })
        })
    }

    fn cache_key(&self) -> Option<String> {
        Some("slow".to_owned())
    }
}

fn providing(network: &Network, gives: &[(Option<u64>, Duration)]) -> (Config, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let provider = Slow { network: network.clone(), gives: gives.to_vec(), asked: asked.clone() };
    (config().credentials_provider(provider), asked)
}

const HOUR: Option<u64> = Some(3600);

#[test]
fn hanging_provider_delays_one_request_with_old_credentials() {
    let network = Network::default();
    let (config, asked) = providing(&network, &[(HOUR, Duration::ZERO), (HOUR, Duration::MAX)]);
    one_more(&network, &config);
    network.elapse(Duration::from_secs(3100));
    let (took, token) = one_more(&network, &config);
    assert!((1..=500).contains(&took) && token.contains("ID0"), "{took} ms: {token}");
    // Until the provider is called again, later requests do not wait.
    for _ in 0..3 {
        network.elapse(Duration::from_secs(9));
        assert_eq!(one_more(&network, &config).0, 0);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    network.elapse(Duration::from_secs(9));
    let (took, token) = one_more(&network, &config);
    assert!((1..=500).contains(&took) && token.contains("ID0"), "{took} ms: {token}");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[test]
fn one_request_refreshes_and_the_others_use_old_credentials() {
    let network = Network::default();
    let (config, asked) = providing(&network, &[(HOUR, Duration::ZERO), (HOUR, Duration::from_millis(100))]);
    one_more(&network, &config);
    network.elapse(Duration::from_secs(3100));
    all_at_once(&network, &config, 50).into_iter().for_each(|result| assert_eq!(result.unwrap(), 1));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(tokens(&network).iter().filter(|token| token.contains("ID1")).count(), 1);
    let (took, token) = one_more(&network, &config);
    assert!(took == 0 && token.contains("ID1"), "{took} ms: {token}");
}

#[test]
fn request_dropped_during_refresh_leaves_old_credentials() {
    let network = Network::default();
    let (config, asked) = providing(&network, &[(HOUR, Duration::ZERO), (HOUR, Duration::MAX)]);
    one_more(&network, &config);
    network.elapse(Duration::from_secs(3100));
    let dsql = Dsql::within(config.clone(), network.clone());
    let opened = network.connections().0;
    if TOKEN_MAY_BE_LATE {
        network.accept([Step::Stall]);
    }
    assert!(settle(query(&READ).fetch_one(&dsql)).is_pending());
    // If a token may be late, the socket is opened before the credentials are available, and watched. If a token is
    // never late, the socket is opened only after the credentials are available.
    assert_eq!(network.connections().0 - opened, usize::from(TOKEN_MAY_BE_LATE));
    assert_eq!(one_more(&network, &config).0, 0);
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn short_sessions_are_refreshed_before_they_are_too_old() {
    let network = Network::default();
    let (config, asked) = providing(&network, &[(Some(200), Duration::ZERO), (Some(200), Duration::MAX)]);
    one_more(&network, &config);
    // 140 seconds of the lifetime can be used, and the refresh is due after 105 to 119 seconds.
    network.elapse(Duration::from_secs(130));
    let (took, token) = one_more(&network, &config);
    assert!((1..=500).contains(&took) && token.contains("ID0"), "{took} ms: {token}");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[test]
fn credentials_that_are_not_kept_are_not_waited_for() {
    for life in [None, Some(30)] {
        let network = Network::default();
        let (config, asked) = providing(&network, &[(life, Duration::from_millis(200))]);
        for _ in 0..2 {
            let began = network.now();
            all_at_once(&network, &config, 50).into_iter().for_each(|result| assert_eq!(result.unwrap(), 1));
            assert!(network.now() - began <= 500, "{life:?}: {} ms", network.now() - began);
        }
        assert_eq!(asked.load(Ordering::Relaxed), 100);
    }
}

#[cfg(feature = "assume-role")]
mod roles {
    use super::*;
    use crate::client::tests::credentials::roles::{answer, assuming, rejection};

    const ONE: &str = "2030-01-01T01:00:00Z";
    const TWO: &str = "2030-01-01T02:00:00Z";

    #[test]
    fn hanging_sts_delays_one_request_while_old_credentials_serve() {
        let network = Network::default();
        let config = assuming(config(), "hanging");
        network.answer(200, answer("ASIAOLD", ONE));
        one_more(&network, &config);
        network.elapse(Duration::from_secs(3100));
        network.leave_hanging();
        let (took, token) = one_more(&network, &config);
        assert!((1..=500).contains(&took) && token.contains("ASIAOLD"), "{took} ms: {token}");
        assert_eq!(one_more(&network, &config).0, 0);
        network.elapse(Duration::from_secs(31));
        network.answer_after(Duration::from_millis(400), 200, answer("ASIANEW", TWO));
        let (took, token) = one_more(&network, &config);
        assert!(took == 400 && token.contains("ASIANEW"), "{took} ms: {token}");
        assert_eq!(network.posted().len(), 3);
    }

    #[test]
    fn many_cold_requests_assume_a_role_once() {
        for (delay, most) in [(0, 1), (50, 1), (290, 1), (450, 2), (850, 3), (3000, 10)] {
            let network = Network::default();
            let config = assuming(config(), "many");
            for _ in 0..50 {
                network.answer_after(Duration::from_millis(delay), 200, answer("ASIAONE", ONE));
            }
            all_at_once(&network, &config, 50).into_iter().for_each(|result| assert_eq!(result.unwrap(), 1));
            assert!(network.posted().len() <= most, "{delay} ms: {} of {most}", network.posted().len());
        }
    }

    #[test]
    fn hanging_or_dropped_request_does_not_block_a_role() {
        let network = Network::default();
        let config = assuming(config(), "others");
        network.leave_hanging();
        (0..2).for_each(|_| network.accept([Step::Stall]));
        let dsql = Dsql::within(config.clone(), network.clone());
        let mut first = Box::pin(query(&READ).fetch_one(&dsql));
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        network.leave_hanging();
        let second_dsql = Dsql::within(config.clone(), network.clone());
        let mut second = Box::pin(query(&READ).fetch_one(&second_dsql));
        assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(network.posted().len(), 1);

        // The first request is still running; the second request waits for it only briefly.
        while network.posted().len() < 2 {
            assert!(network.advance(), "no timer is running");
            assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert!(network.now() <= 400, "{}", network.now());
        // STS has not answered the second query, which is dropped: its turn to fetch the credentials ends. So the next
        // query does not wait for its own timer, but sends its request to STS at once.
        drop(second);
        network.answer(200, answer("ASIAONE", ONE));
        assert_eq!(one_more(&network, &config).0, 0);
        assert_eq!(network.posted().len(), 3);
    }

    #[test]
    fn rejected_role_is_an_error_for_each_request() {
        let network = Network::default();
        let config = assuming(config(), "refused");
        for _ in 0..50 {
            network.answer_after(Duration::from_millis(90), 403, rejection("AccessDenied", "no"));
        }
        for result in all_at_once(&network, &config, 50) {
            assert!(result.unwrap_err().is_credentials());
        }
        // All requests wait for the error of the first request. After the error, all requests call STS at the same
        // time, not one after the other.
        assert!(network.now() <= 300, "{} ms", network.now());
    }
}
