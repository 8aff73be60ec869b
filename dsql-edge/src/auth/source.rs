//! Decides where credentials come from, and when they are fetched again.
//!
//! Input: the source that a user configured: keys that were given, a [`CredentialsProvider`], a role to assume. Output:
//! the credentials with which a token is signed now. Credentials that expire are kept for other requests as plain data
//! ([`Cache`](crate::credentials::Cache)), never as a future or a connection: on Workers, a request cannot wait for the
//! I/O of another request.
//!
//! Invariants: while the old credentials are valid, no connection fails because a source fails or hangs. A source that
//! fails or hangs only delays one connection briefly, from time to time. If several requests need the same new
//! credentials at the same time, one of the requests fetches the credentials; if the fetch takes long, another request
//! also fetches them, and so on.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use std::sync::Arc;

#[cfg(feature = "assume-role")]
use super::assume_role::AssumeRole;
use super::token::token_for;
use crate::credentials::{AuthFuture, Credentials, Found, Secret, Unavailable};
use crate::error::Error;
use crate::millis::Millis;
use crate::settings::Settings;
use crate::transport::Environment;

/// The future that a [`CredentialsProvider`] returns.
pub type ProvidedCredentials<'a> = Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send + 'a>>;

/// A source of credentials that the user implements.
///
/// The provider is called whenever a connection is opened, within
/// [`Config::connect_timeout`](crate::Config::connect_timeout). If the provider has a
/// [`cache_key`](CredentialsProvider::cache_key) and returns credentials that expire, these credentials are kept, and
/// the next call is made when about 80 % of their lifetime has passed. If that call fails, or takes longer than half a
/// second, its future is dropped and the old credentials are used. As long as they are valid, the next call is made
/// after 30 seconds at the earliest. So the future must be safe to drop at any await.
///
/// On Workers, a future that contains JavaScript values is not `Send`. Wrap such a future in
/// `worker::send::SendFuture`, which is `Send`.
///
/// ```
/// use dsql_edge::auth::{CredentialsProvider, ProvidedCredentials};
/// use dsql_edge::{Config, Credentials, Error};
///
/// struct FromFile(std::path::PathBuf);
///
/// impl CredentialsProvider for FromFile {
///     fn credentials(&self) -> ProvidedCredentials<'_> {
///         Box::pin(async {
///             let text = std::fs::read_to_string(&self.0)
///                 .map_err(|error| Error::credentials(format!("the file with the keys: {error}")))?;
///             let (id, key) = text
///                 .trim()
///                 .split_once(':')
///                 .ok_or_else(|| Error::credentials("the file with the keys has no `id:key`"))?;
///             Ok(Credentials::new(id, key))
///         })
///     }
/// }
///
/// # fn with(config: Config) -> Config {
/// config.credentials_provider(FromFile("/run/secrets/dsql".into()))
/// # }
/// ```
pub trait CredentialsProvider: Send + Sync {
    /// Returns the current credentials, with which a token is then signed.
    ///
    /// The errors of this method are shown to people, so they must not contain a secret ([`Error::credentials`]).
    fn credentials(&self) -> ProvidedCredentials<'_>;

    /// The name under which the provider's credentials may be kept in memory until they expire
    /// ([`Credentials::expires_at`]), for other requests too. Two providers that return different credentials need
    /// different names. Without a name, the provider is called for each connection.
    fn cache_key(&self) -> Option<String> {
        None
    }
}

/// The source of the credentials that tokens are signed with. A Worker that has only keys does not link the code of
/// `Asked`.
#[derive(Clone)]
pub(crate) enum Source {
    Given(Credentials),
    Asked(Arc<dyn Asked>),
    /// The password of a PostgreSQL; nothing is signed.
    #[cfg(feature = "postgres")]
    Password(Secret),
}

/// The cluster that the credentials are for, and the environment in which they are fetched.
#[derive(Clone, Copy)]
pub(crate) struct TokenContext<'a> {
    settings: &'a Settings,
    environment: &'a Environment,
}

/// A source that is called whenever a connection is opened.
pub(crate) trait Asked: Send + Sync {
    /// Returns the current credentials, with which a token is then signed.
    fn ask<'a>(&'a self, context: TokenContext<'a>) -> AuthFuture<'a, Credentials>;

    /// Returns a token that is signed with the current credentials.
    fn token<'a>(&'a self, context: TokenContext<'a>) -> AuthFuture<'a, Secret> {
        Box::pin(async move {
            let credentials = self.ask(context).await?;
            token_for(context.settings, context.environment.unix_time(), &credentials).await
        })
    }

    /// The keys and the role that the source uses.
    #[cfg(all(test, feature = "assume-role"))]
    fn parts(&self) -> Parts {
        Parts::default()
    }

    /// Forgets the credentials, because the server rejected them: the next connection fetches new ones. See
    /// `Cache::forget_rejected`.
    fn forget(&self, environment: &Environment) {
        environment.credentials().forget_rejected(environment.unix_time());
    }
}

/// Id, secret and session token of the keys; ARN, session name and external id of the role.
#[cfg(all(test, feature = "assume-role"))]
pub(crate) type Parts = ([Option<String>; 3], Option<[Option<String>; 3]>);

impl Source {
    pub(crate) fn provider(provider: impl CredentialsProvider + 'static) -> Self {
        Source::Asked(Arc::new(Provided(provider)))
    }

    /// Returns the token with which a connection logs in now.
    pub(crate) fn token<'a>(
        &'a self,
        settings: &'a Settings,
        environment: &'a Environment,
    ) -> AuthFuture<'a, Secret> {
        match self {
            // A PostgreSQL does not accept a token as its password, so keys are an error.
            #[cfg(feature = "postgres")]
            Source::Given(_) | Source::Asked(_) if settings.postgres.is_some() => {
                Box::pin(core::future::ready(Err(Error::config(NO_AWS).into())))
            }
            Source::Given(credentials) => token_for(settings, environment.unix_time(), credentials),
            Source::Asked(source) => source.token(TokenContext { settings, environment }),
            #[cfg(feature = "postgres")]
            Source::Password(password) => Box::pin(core::future::ready(Ok(password.clone()))),
        }
    }

    #[cfg(feature = "assume-role")]
    pub(crate) fn role(role: AssumeRole, base: Source) -> Self {
        Source::Asked(Arc::new(Assumed { role, base }))
    }

    #[cfg(all(test, feature = "assume-role"))]
    pub(crate) fn parts(&self) -> Parts {
        match self {
            Source::Given(keys) => {
                let (id, secret) = (keys.access_key_id().to_owned(), keys.secret_access_key().to_owned());
                ([Some(id), Some(secret), keys.session_token().map(str::to_owned)], None)
            }
            Source::Asked(asked) => asked.parts(),
            #[cfg(feature = "postgres")]
            Source::Password(_) => Parts::default(),
        }
    }
}

#[cfg(feature = "postgres")]
const NO_AWS: &str = "a PostgreSQL takes the password of its connection string: AWS credentials, providers and roles are \
                      for DSQL clusters";

struct Provided<P>(P);

impl<P: CredentialsProvider> Asked for Provided<P> {
    fn ask<'a>(&'a self, context: TokenContext<'a>) -> AuthFuture<'a, Credentials> {
        Box::pin(async move {
            match self.0.cache_key() {
                Some(key) => {
                    let key = ["provider ", &key].concat();
                    kept(context, &key, async { Ok(self.0.credentials().await?) }).await
                }
                None => Ok(self.0.credentials().await?),
            }
        })
    }
}

#[cfg(feature = "assume-role")]
struct Assumed {
    role: AssumeRole,
    base: Source,
}

#[cfg(feature = "assume-role")]
impl Asked for Assumed {
    fn ask<'a>(&'a self, context: TokenContext<'a>) -> AuthFuture<'a, Credentials> {
        Box::pin(async move {
            let base = match &self.base {
                Source::Given(credentials) => credentials.clone(),
                Source::Asked(base) => base.ask(context).await?,
                #[cfg(feature = "postgres")]
                Source::Password(_) => return Err(Error::config(NO_AWS).into()),
            };
            let key = self.role.cache_key(context.settings, &base).await?;
            kept(context, &key, self.role.assume(context.settings, context.environment, &base)).await
        })
    }

    #[cfg(test)]
    fn parts(&self) -> Parts {
        (self.base.parts().0, Some(self.role.parts()))
    }
}

/// The time, in milliseconds, that a connection waits for new credentials while the old ones are valid. A cold request
/// to STS takes three round trips and the time of STS itself: half a second is enough up to about 140 ms per round
/// trip. With slower round trips, the old credentials are used until they expire; after that, a connection waits for
/// new ones as long as its own timeout allows.
const REFRESH: Millis = 500;

/// The interval, in milliseconds, at which a connection checks whether another request has fetched the credentials.
const LOOK: Millis = 25;

/// Returns the credentials that are kept under a name; if there are none, the credentials that `ask` returns.
async fn kept(
    context: TokenContext<'_>,
    key: &str,
    ask: impl Future<Output = Result<Credentials, Unavailable>>,
) -> Result<Credentials, Unavailable> {
    let environment = context.environment;
    let mut turn = FetchTurn { environment, key, until: None };
    loop {
        let found = environment.credentials().find(key, environment.unix_time(), environment.now());
        match found {
            Found::Fresh(credentials) => return Ok(credentials),
            Found::Aging(old) => {
                return match within(environment, REFRESH, ask).await {
                    Some(Ok(new)) => Ok(keep(environment, key, new)),
                    Some(Err(_)) | None => Ok(old),
                };
            }
            Found::Awaited => environment.sleep(LOOK).await,
            Found::Nothing(until) => {
                turn.until = Some(until);
                break;
            }
            Found::Unshared => break,
        }
    }
    match ask.await {
        Ok(new) => Ok(keep(environment, key, new)),
        Err(unavailable) => {
            environment.credentials().fail(key, environment.now());
            Err(unavailable)
        }
    }
}

fn keep(environment: &Environment, key: &str, credentials: Credentials) -> Credentials {
    let (seconds, random) = (environment.unix_time(), environment.random());
    environment.credentials().keep(key, &credentials, seconds, random);
    credentials
}

/// The right of one request to fetch the credentials. If the request's future is dropped, the request loses this right,
/// too.
struct FetchTurn<'c> {
    environment: &'c Environment,
    key: &'c str,
    until: Option<Millis>,
}

impl Drop for FetchTurn<'_> {
    fn drop(&mut self) {
        if let Some(until) = self.until {
            self.environment.credentials().end_turn(self.key, until);
        }
    }
}

/// Returns the output of a future, or `None` if the future is not ready within this time.
async fn within<T>(environment: &Environment, time: Millis, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut over = environment.sleep(time);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => over.as_mut().poll(context).map(|()| None),
    })
    .await
}
