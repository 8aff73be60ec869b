//! The endpoints of a multi-Region cluster, in the order in which a [`Config`] tries them.
//!
//! Input: host names, and optionally the coordinates of a location. Output: the endpoint that is tried first, and the
//! other endpoints in order. Each endpoint has its own Region, which tokens are signed for.

use super::Config;
use crate::error::Error;
use crate::settings::Endpoint;

impl Config {
    /// Adds the endpoint of the same multi-Region cluster in another Region. New connections go to the first endpoint
    /// that can be reached. The endpoints have the order of the calls of this method, unless
    /// [`nearest_to`](Config::nearest_to) sorts them. Feature `multi-region`.
    ///
    /// An endpoint counts as unreachable if no connection with TLS can be opened within 3 seconds (or within its share
    /// of [`connect_timeout`](Config::connect_timeout), if that is shorter), or if the connection breaks before its
    /// first query is answered. The attempt is then repeated at the next endpoint by the rules for lost connections,
    /// which [`Dsql`](crate::Dsql) documents: a write that may have been sent is never sent again. An error of the
    /// server, such as a rejected login, does not change the endpoint. After 30 seconds, the next connection tries the
    /// first endpoint again, for at most one second; all requests of the isolate share the record of unreachable
    /// endpoints. Connections that are already open are not moved.
    ///
    /// The client cannot check that the endpoints belong to one cluster: with the endpoints of two clusters, queries
    /// would read and write two different databases.
    ///
    /// ```
    /// # use dsql_edge::{Config, Credentials};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    /// let config = Config::new("foo0bar1baz2quux3quuux4abc.dsql.us-east-1.on.aws", credentials)?
    ///     .fallback("qux5bar1baz2quux3quuux4abc.dsql.us-east-2.on.aws")?;
    /// # drop(config);
    /// # Ok::<(), dsql_edge::Error>(())
    /// ```
    ///
    /// `DSQL_ENDPOINT` can also list the endpoints, as host names with commas between them.
    ///
    /// # Errors
    /// Returns an error if the text is not the host name of a cluster, or if another endpoint has the same Region: a
    /// multi-Region cluster has one endpoint in each of its Regions. (A local database, `localhost:<port>`, has the
    /// Region of the first endpoint.)
    pub fn fallback(mut self, endpoint: &str) -> Result<Self, Error> {
        let first = &self.settings.endpoint;
        let is_local = endpoint.split([':']).next() == Some("localhost");
        let added = Endpoint::parse(endpoint, is_local.then_some(&*first.region))?;
        for known in core::iter::once(first).chain(&self.settings.fallbacks) {
            if (&known.host, known.port) == (&added.host, added.port) {
                return Err(Error::config("the same endpoint is listed twice"));
            }
            if is_local != (known.host == "localhost") || known.dangerous.is_some() {
                return Err(Error::config(
                    "a list of endpoints must consist of host names of DSQL clusters, or of localhost:<port>",
                ));
            }
            if !is_local && known.region == added.region {
                return Err(Error::config(
                    [
                        "two endpoints are in the Region ",
                        &added.region,
                        ", so they belong to two clusters: a multi-Region cluster has one endpoint in each Region",
                    ]
                    .concat(),
                ));
            }
        }
        self.settings.fallbacks.push(added);
        Ok(self)
    }

    /// Orders the endpoints by the distance between their Regions and this location: the nearest endpoint first.
    /// Latitude and longitude are in degrees. Endpoints in Regions that are not in this crate's list come after the
    /// others, and keep their order. Feature `multi-region`.
    ///
    /// A Worker runs near its visitor, so the visitor's coordinates can be used:
    ///
    /// ```no_run
    /// # use dsql_edge::{Config, Dsql};
    /// # fn near(request: worker::Request, env: worker::Env) -> Result<Dsql, dsql_edge::Error> {
    /// let mut config = Config::from_env(&env)?;
    /// if let Some((latitude, longitude)) = request.cf().and_then(worker::Cf::coordinates) {
    ///     config = config.nearest_to(latitude, longitude);
    /// }
    /// Ok(Dsql::new(config))
    /// # }
    /// ```
    pub fn nearest_to(mut self, latitude: f32, longitude: f32) -> Self {
        let settings = &mut self.settings;
        let place = direction(latitude, longitude);
        let mut all = vec![settings.endpoint.clone()];
        all.append(&mut settings.fallbacks);
        // The sort is stable. An unknown Region (-2) comes last, because a cosine is at least -1.
        all.sort_by(|one, other| {
            let [one, other] = [one, other].map(|endpoint| nearness(place, &endpoint.region));
            other.total_cmp(&one)
        });
        settings.endpoint = all.remove(0);
        settings.fallbacks = all;
        self
    }
}

/// Latitude and longitude of the Regions in which AWS offers DSQL. Each position is that of a place in the Region,
/// which is precise enough to compare distances.
const REGIONS: [(&str, f32, f32); 15] = [
    ("us-east-1", 38.9, -77.4),
    ("us-east-2", 40.0, -83.0),
    ("us-west-2", 45.8, -119.7),
    ("ca-central-1", 45.5, -73.6),
    ("ca-west-1", 51.0, -114.1),
    ("sa-east-1", -23.5, -46.6),
    ("eu-west-1", 53.3, -6.3),
    ("eu-west-2", 51.5, -0.1),
    ("eu-west-3", 48.9, 2.4),
    ("eu-central-1", 50.1, 8.7),
    ("eu-north-1", 59.3, 18.1),
    ("ap-northeast-1", 35.7, 139.7),
    ("ap-northeast-2", 37.6, 127.0),
    ("ap-northeast-3", 34.7, 135.5),
    ("ap-southeast-2", -33.9, 151.2),
];

/// The cosine of the angle between a location and a Region, seen from the centre of the Earth; -2 for an unknown
/// Region.
fn nearness(place: [f32; 3], region: &str) -> f32 {
    let Some((_, latitude, longitude)) = REGIONS.iter().find(|(name, ..)| *name == region) else {
        return -2.0;
    };
    place.iter().zip(direction(*latitude, *longitude)).map(|(one, other)| one * other).sum()
}

/// The unit vector from the centre of the Earth to a location.
fn direction(latitude: f32, longitude: f32) -> [f32; 3] {
    let [latitude, longitude] =
        [latitude.clamp(-90.0, 90.0), longitude.clamp(-180.0, 180.0)].map(f32::to_radians);
    [cosine(latitude) * cosine(longitude), cosine(latitude) * sine(longitude), sine(latitude)]
}

/// The sine of an angle from -π to π, by its Taylor polynomial, with an error below 0.001. On Workers, `f32::sin` would
/// link more code than this module has.
fn sine(angle: f32) -> f32 {
    let square = angle * angle;
    let mut term = angle;
    let mut sum = angle;
    for pair in [6.0, 20.0, 42.0, 72.0, 110.0, 156.0] {
        term *= -square / pair;
        sum += term;
    }
    sum
}

fn cosine(angle: f32) -> f32 {
    use core::f32::consts::{FRAC_PI_2, PI, TAU};
    let shifted = angle + FRAC_PI_2;
    sine(if shifted > PI { shifted - TAU } else { shifted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;

    const CLUSTER: &str = "foo0bar1baz2quux3quuux4abc.dsql.";

    fn config(regions: &[&str]) -> Result<Config, Error> {
        let mut hosts = regions.iter().map(|region| format!("{CLUSTER}{region}.on.aws"));
        let first = Config::new(&hosts.next().unwrap(), Credentials::new("id", "key"))?;
        hosts.try_fold(first, |config, host| config.fallback(&host))
    }

    fn order(config: &Config) -> Vec<&str> {
        let settings = &config.settings;
        core::iter::once(&settings.endpoint).chain(&settings.fallbacks).map(|it| &*it.region).collect()
    }

    #[test]
    fn polynomials_are_close_to_sine_and_cosine() {
        for degrees in -180..=180_i16 {
            let angle = f32::from(degrees).to_radians();
            assert!((sine(angle) - angle.sin()).abs() < 0.001 && (cosine(angle) - angle.cos()).abs() < 0.001);
        }
    }

    #[test]
    fn nearest_region_is_first() {
        let cluster = config(&["us-east-1", "us-west-2", "us-east-2"]).unwrap();
        assert_eq!(order(&cluster), ["us-east-1", "us-west-2", "us-east-2"]);
        for (latitude, longitude, expected) in [
            (47.6, -122.3, ["us-west-2", "us-east-2", "us-east-1"]), // Seattle
            (35.7, 139.7, ["us-west-2", "us-east-2", "us-east-1"]),  // Tokyo, across the date line
            (51.5, -0.1, ["us-east-1", "us-east-2", "us-west-2"]),   // London
            (41.9, -87.6, ["us-east-2", "us-east-1", "us-west-2"]),  // Chicago
        ] {
            assert_eq!(order(&cluster.clone().nearest_to(latitude, longitude)), expected);
        }
        let unknown = config(&["xx-new-1", "us-east-1", "xx-new-2"]).unwrap().nearest_to(f32::NAN, 400.0);
        assert_eq!(order(&unknown).len(), 3);
        let unknown = config(&["xx-new-1", "us-east-1", "xx-new-2"]).unwrap().nearest_to(0.0, 0.0);
        assert_eq!(order(&unknown), ["us-east-1", "xx-new-1", "xx-new-2"]);
    }

    #[cfg(feature = "websocket")]
    #[test]
    fn websocket_is_that_of_the_endpoint() {
        let config = config(&["us-east-1", "us-west-2"]).unwrap().websocket(true).nearest_to(47.6, -122.3);
        let settings = &config.settings;
        assert_eq!(settings.endpoint.region, "us-west-2");
        assert_eq!(settings.websocket_request().unwrap().host, settings.endpoint.host);
        assert!(config.location().contains("us-west-2"));
    }

    #[test]
    fn endpoints_that_belong_to_two_clusters_are_rejected() {
        let first = config(&["us-east-1"]).unwrap();
        for (endpoint, reason) in [
            (format!("{CLUSTER}us-east-1.on.aws"), "twice"),
            (format!("bar{}us-east-1.on.aws", &CLUSTER[3..]), "two clusters"),
            ("localhost:5432".to_owned(), "must consist of"),
            ("canary".to_owned(), "DSQL_ENDPOINT"),
            (String::new(), "DSQL_ENDPOINT"),
        ] {
            let error = first.clone().fallback(&endpoint).unwrap_err();
            assert!(error.is_config() && error.to_string().contains(reason), "{error}");
        }
        let local = Config::local("localhost:1", "us-east-1", Credentials::new("id", "key")).unwrap();
        assert_eq!(order(&local.fallback("localhost:2").unwrap()), ["us-east-1", "us-east-1"]);
    }

    #[test]
    fn binding_is_a_list() {
        let from = |list: &str| {
            Config::from_bindings("", |name| match name {
                "DSQL_ENDPOINT" => Some(list.to_owned()),
                "DSQL_REGION" if list.contains("localhost") => Some("us-east-1".to_owned()),
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("canary".to_owned()),
                _ => None,
            })
        };
        let two = format!("{CLUSTER}us-east-1.on.aws, {CLUSTER}us-east-2.on.aws");
        assert_eq!(order(&from(&two).unwrap()), ["us-east-1", "us-east-2"]);
        assert_eq!(order(&from("localhost:1,localhost:2").unwrap()).len(), 2);
        for wrong in [format!("{two},"), format!(",{two}"), "localhost:1,,localhost:2".to_owned()] {
            assert!(from(&wrong).unwrap_err().is_config(), "{wrong}");
        }
    }
}
