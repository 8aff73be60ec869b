//! Tests that a warm-up completes the login of a PostgreSQL and does not send a query.

use super::*;
use crate::transport::BoxFuture;

/// A client whose warm-up has progressed as far as possible without a query, the record of the server, and the round
/// trips of the queries.
struct Warmed {
    dsql: Dsql,
    network: Network,
    tasks: Vec<BoxFuture<()>>,
    seen: Arc<Mutex<Seen>>,
    trips: Arc<Mutex<Vec<u32>>>,
}

impl Warmed {
    fn connections(&self) -> (usize, usize) {
        self.seen.lock().unwrap().connections
    }
}

fn warmed(model: Model, config: Config) -> Warmed {
    let Client { dsql, network, seen, trips } = client(model, config);
    dsql.warm_up();
    let mut tasks = network.spawned();
    for _ in 0..8 {
        tasks.retain_mut(|task| settle(task).is_pending());
    }
    Warmed { dsql, network, tasks, seen, trips }
}

static IN_APP: Statement =
    Statement { search_path: "app", ..statement("INSERT INTO t VALUES (2) RETURNING n", Effect::Write) };

#[test]
fn query_after_the_login_takes_one_round_trip() {
    for (login, protection, parameters) in [
        (Login::Scram, tls(), ""),
        (Login::ScramPlus, bound_tls(), "channel_binding=require"),
        (Login::Scram, Protection::PlainText, "sslmode=disable"),
        (Login::Cleartext, tls(), ""),
        (Login::Md5, tls(), "require_auth=md5"),
        (Login::Trust, tls(), ""),
    ] {
        let warmed = warmed(model(login, protection), postgres(parameters));
        assert!(warmed.seen.lock().unwrap().statements.is_empty(), "nothing of a query is sent");
        let result = eventually(&warmed.network, query(&WRITE).fetch_one(&warmed.dsql));
        assert_eq!((result.unwrap(), &warmed.trips.lock().unwrap()[..]), (7, &[1][..]), "{login:?}");
        assert_eq!(warmed.connections().0, 1, "{login:?}");
    }
}

#[test]
fn configured_search_path_is_checked_ahead() {
    let path = |search_path| Model { search_path, ..model(Login::Scram, tls()) };
    let warm = warmed(path("app"), postgres("search_path=app"));
    assert_eq!(warm.seen.lock().unwrap().statements, ["SHOW search_path"]);
    assert_eq!(eventually(&warm.network, query(&IN_APP).fetch_one(&warm.dsql)).unwrap(), 7);
    assert_eq!((warm.connections().0, &warm.trips.lock().unwrap()[..]), (1, &[1][..]));
    let wrong = warmed(path("public"), postgres("search_path=app"));
    let error = eventually(&wrong.network, query(&IN_APP).fetch_one(&wrong.dsql)).unwrap_err();
    assert!(error.is_config() && error.to_string().contains("ALTER ROLE app"), "{error}");
}

#[test]
fn query_with_another_search_path_opens_its_own_connection() {
    let path = |search_path| Model { search_path, ..model(Login::Scram, tls()) };
    let warm = warmed(path("app"), postgres(""));
    assert_eq!(eventually(&warm.network, query(&IN_APP).fetch_one(&warm.dsql)).unwrap(), 7);
    assert_eq!((warm.connections(), &warm.trips.lock().unwrap()[..]), ((2, 1), &[8][..]));
    assert!(warm.seen.lock().unwrap().startup.contains("search_path\0app\0"));
    // A pooler gets no search_path with the login, so the query uses the same connection after a check of the
    // search_path.
    let warm = warmed(path("app"), postgres("").transaction_pooler(true));
    assert_eq!(eventually(&warm.network, query(&IN_APP).fetch_one(&warm.dsql)).unwrap(), 7);
    assert_eq!((warm.connections().0, &warm.trips.lock().unwrap()[..]), (1, &[2][..]));
    let wrong = warmed(path("public"), postgres("").transaction_pooler(true));
    let error = eventually(&wrong.network, query(&IN_APP).fetch_one(&wrong.dsql)).unwrap_err();
    assert!(error.is_config() && !error.is_outcome_unknown(), "{error}");
}

#[test]
fn rejected_password_is_reported_and_not_sent_again() {
    let config = Config::from_postgres("postgres://app:other@db.example.com/shop").unwrap();
    let warm = warmed(model(Login::Scram, tls()), config);
    assert!(warm.tasks.is_empty());
    let error = eventually(&warm.network, query(&WRITE).fetch_one(&warm.dsql)).unwrap_err();
    assert!(error.is_access_denied() && !error.is_outcome_unknown(), "{error}");
    assert_eq!(warm.connections().0, 1, "{error}");
}

#[test]
fn login_cut_at_each_byte_is_replaced_and_is_not_an_attempt() {
    let mut replaced = 0;
    for cut in 0..2000 {
        let network = Network::default();
        let seen = Arc::<Mutex<Seen>>::default();
        let noted = seen.clone();
        network.serve(move |_| {
            let cut = if noted.lock().unwrap().connections.0 == 0 { cut } else { usize::MAX };
            let model = Model { cut, ..model(Login::Scram, tls()) };
            Ok(Box::new(Connection::new(model, noted.clone())))
        });
        let dsql = Dsql::within(postgres(""), network.clone());
        dsql.warm_up();
        let mut tasks = network.spawned();
        for _ in 0..8 {
            tasks.retain_mut(|task| settle(task).is_pending());
        }
        assert!(seen.lock().unwrap().statements.is_empty());
        let result = eventually(&network, query(&WRITE).fetch_one(&dsql));
        if seen.lock().unwrap().connections.0 == 1 && result.is_ok() {
            break;
        }
        match result {
            Ok(_) => replaced += 1,
            // The login had ended, and the connection broke after the query was sent.
            Err(error) => assert!(error.is_outcome_unknown(), "{cut}: {error}"),
        }
    }
    assert!(replaced > 150, "{replaced}");
}

#[test]
fn unused_session_is_closed_after_half_a_minute() {
    let mut warm = warmed(model(Login::Scram, tls()), postgres(""));
    assert_eq!((warm.tasks.len(), warm.connections()), (1, (1, 1)));
    warm.network.elapse(Duration::from_secs(31));
    warm.tasks.retain_mut(|task| settle(task).is_pending());
    assert_eq!((warm.tasks.len(), warm.connections()), (0, (1, 0)));
    assert_eq!(eventually(&warm.network, query(&WRITE).fetch_one(&warm.dsql)).unwrap(), 7);
    assert_eq!(warm.connections().0, 2);
}
