//! The cluster of one test, from its start to its end.
//!
//! Input: a [`Test`](super::Test). Output: an endpoint with DSQL's rules, or the connection string of a PostgreSQL. The
//! cluster consists of a database, on the server that tests share or on the test's own server, and of a proxy in this
//! process. The proxy has the faults, the limits and the log of this test only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::by_rules::{self, REGION};
use super::control::{Control, failed};
use super::folder::ServerFolder;
use super::server::Server;
use super::{Test, certificate, databases, forwarder, process, roles, templates};
use crate::Error;
use crate::cluster::Cluster;
use crate::iam::key_ring::{Identity, KeyRing};
use crate::keys::Credentials;
use crate::postgres::{ADMIN, Database};
use crate::proxy::{self, Listening};
use crate::role_statements::script_changes_roles;
use crate::sql_script;

/// The number of lines of the log that are kept, for the report of a failed test.
const LOG_LINES: usize = 30;

/// The running cluster of a test.
pub struct TestCluster {
    listening: Listening,
    control: Control,
    server: ServerOfTest,
    database: Database,
    /// `None` if the dialect of the schema is PostgreSQL.
    cluster: Option<Arc<Cluster>>,
    credentials: Credentials,
    roles: Vec<Role>,
    log: Arc<Mutex<VecDeque<String>>>,
}

/// A role of a test: its name and its keys.
#[derive(Debug, Clone)]
pub struct Role {
    /// The name of the role.
    pub name: String,
    /// The keys that sign for `dsql:DbConnect`.
    pub credentials: Credentials,
}

enum ServerOfTest {
    Shared(&'static Server),
    Own(Box<Server>),
}

impl ServerOfTest {
    fn get(&self) -> &Server {
        match self {
            ServerOfTest::Shared(server) => server,
            ServerOfTest::Own(server) => server,
        }
    }
}

impl TestCluster {
    /// Starts a cluster with the schema and the fixtures of a test.
    ///
    /// # Errors
    /// Returns an error if no PostgreSQL 16 is found, if PostgreSQL does not start, if the name of a role is not valid,
    /// or if the schema or a fixture is rejected. After an error, no database is left.
    pub fn start(test: &Test<'_>) -> Result<TestCluster, Error> {
        let texts = test.schema.files.iter().chain(test.fixtures);
        let own = test.own_server
            || !test.roles.is_empty()
            || texts.into_iter().any(|(_, text)| script_changes_roles(text));
        let identities = roles::identities(test.roles)?;
        let runtime = process::runtime()?;
        let server = if own {
            let folder = own_folder(test)?;
            let server = runtime.block_on(Server::own(folder, process::installation()?))?;
            ServerOfTest::Own(Box::new(server))
        } else {
            ServerOfTest::Shared(process::shared_server(test.target)?)
        };
        runtime.block_on(async {
            let started = TestCluster::start_on(&server, test, identities, own).await;
            match started {
                Ok(parts) => Ok(parts.on(server)),
                Err(error) => {
                    if let ServerOfTest::Own(server) = server {
                        server.end().await.remove_if_unused();
                    }
                    Err(error)
                }
            }
        })
    }

    async fn start_on(
        server: &ServerOfTest,
        test: &Test<'_>,
        identities: Vec<Identity>,
        own: bool,
    ) -> Result<Parts, Error> {
        let control = server.get().control().await?;
        let template = templates::template(&control, &test.schema, own).await?;
        let name = databases::create(&control, &template, &test_id(test)).await?;
        let database = control.database(&name);
        match TestCluster::serve(&control, &database, test, identities, own).await {
            Ok(served) => Ok(Parts { served, control, database }),
            Err(error) => {
                databases::drop_database(&control, &name).await?;
                Err(error)
            }
        }
    }

    async fn serve(
        control: &Control,
        database: &Database,
        test: &Test<'_>,
        identities: Vec<Identity>,
        own: bool,
    ) -> Result<Served, Error> {
        let bound = proxy::listen(0).await?;
        let log = Arc::new(Mutex::new(VecDeque::new()));
        if templates::is_postgres(&test.schema) {
            let only_dsql = [("roles", test.roles.is_empty()), ("faults", test.faults.is_empty())];
            if let Some((name, _)) = only_dsql.iter().find(|(_, is_empty)| !is_empty) {
                let why = format!(
                    "{name}(…) needs DSQL, but the schema has the dialect postgres: leave {name}(…) out"
                );
                return Err(Error::Test(why));
            }
            let client = database.session(ADMIN).await.map_err(failed)?;
            for (name, text) in test.fixtures {
                sql_script::run_statements(&client, None, name, text).await?;
            }
            let listening = bound.serve(forwarder::Forwarder(database.socket.clone()));
            let credentials = Credentials::made_up()?;
            return Ok(Served { listening, credentials, roles: Vec::new(), log, cluster: None });
        }
        let seal_key = by_rules::seal(database).await?;
        roles::admit(control, database, test.roles, &identities).await?;
        let lines = log.clone();
        let credentials = Credentials::made_up()?;
        let roles = test.roles.iter().zip(&identities);
        let roles = roles
            .map(|(name, identity)| Role {
                name: (*name).to_owned(),
                credentials: identity.credentials.clone(),
            })
            .collect();
        let keys = KeyRing::new(credentials.clone(), identities);
        let log_line = Arc::new(move |line: &str| remember(&lines, line));
        let endpoint = by_rules::endpoint(database, seal_key, own, keys, log_line)?;
        for (name, text) in test.fixtures {
            let run = async |client| sql_script::run_statements(&client, None, name, text).await;
            by_rules::in_session(&endpoint, run).await?;
        }
        endpoint.cluster.faults.set(test.faults);
        let cluster = Some(endpoint.cluster.clone());
        Ok(Served { listening: bound.serve(endpoint), credentials, roles, log, cluster })
    }

    /// The value of `DSQL_ENDPOINT`, `localhost:PORT`.
    pub fn endpoint(&self) -> String {
        format!("localhost:{}", self.listening.port())
    }

    /// The region that tokens are signed for.
    pub fn region(&self) -> &'static str {
        REGION
    }

    /// The keys of `admin`.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the roles of the test, in the order of the attribute's list.
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The certificate to trust, PEM.
    ///
    /// # Errors
    /// Returns an error if no certificate could be made.
    pub fn ca_pem(&self) -> Result<&'static str, Error> {
        Ok(&certificate::tls()?.ca_pem)
    }

    /// The connection string of the database, if the dialect of its schema is PostgreSQL.
    pub fn postgres_url(&self) -> Option<String> {
        let (port, name) = (self.listening.port(), &self.database.name);
        self.cluster.is_none().then(|| format!("postgres://{ADMIN}@localhost:{port}/{name}?sslmode=disable"))
    }

    /// The faults that were requested and have never taken effect, each with the reason.
    pub fn unused_faults(&self) -> Vec<String> {
        self.cluster.as_ref().map_or(Vec::new(), |cluster| cluster.faults.unused())
    }

    /// The last lines of the log: rejected statements with the alternatives to them, and rejected connections.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Ends the cluster. `keeps`: whether its database is kept, because the test has failed.
    ///
    /// # Errors
    /// Returns an error if PostgreSQL does not answer. If the database is not kept, the next process drops it.
    pub fn finish(self, keeps: bool) -> Result<(), Error> {
        let TestCluster { listening, control, server, database, .. } = self;
        process::runtime()?.block_on(async {
            drop(listening);
            match server {
                ServerOfTest::Shared(_) if keeps => databases::keep(&control, &database.name).await,
                ServerOfTest::Shared(_) => databases::drop_database(&control, &database.name).await,
                ServerOfTest::Own(server) if keeps => {
                    databases::keep(&control, &database.name).await?;
                    drop(control);
                    server.folder().set_failed(true);
                    server.end().await;
                    Ok(())
                }
                ServerOfTest::Own(server) => {
                    drop(control);
                    server.end().await.remove_if_unused();
                    Ok(())
                }
            }
        })
    }
}

/// A served database.
struct Served {
    listening: Listening,
    credentials: Credentials,
    roles: Vec<Role>,
    log: Arc<Mutex<VecDeque<String>>>,
    cluster: Option<Arc<Cluster>>,
}

struct Parts {
    served: Served,
    control: Control,
    database: Database,
}

impl Parts {
    fn on(self, server: ServerOfTest) -> TestCluster {
        let Parts { served: Served { listening, credentials, roles, log, cluster }, control, database } =
            self;
        TestCluster { listening, control, server, database, cluster, credentials, roles, log }
    }
}

/// Returns a name that identifies a test among all tests of all packages.
pub(super) fn test_id(test: &Test<'_>) -> String {
    format!("{}#{}", test.package.display(), test.name)
}

/// The folder of the server that belongs to one test.
pub(super) fn own_folder(test: &Test<'_>) -> Result<ServerFolder, Error> {
    Ok(ServerFolder::own(test.target, process::installation()?, &test_id(test)))
}

fn remember(lines: &Mutex<VecDeque<String>>, line: &str) {
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    if lines.len() == LOG_LINES {
        lines.pop_front();
    }
    lines.push_back(line.to_owned());
}
