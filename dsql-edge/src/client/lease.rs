//! What a client asks of a pool.
//!
//! Goes in: a [`Config`] and the first flight. Comes out: a session that begins by asking for a lease, with that flight
//! behind it.

use crate::client::flight::Flight;
use crate::client::login;
use crate::config::Config;
use crate::error::Error;
use crate::pool::Lessor;
use crate::retry::Signal;
use crate::session::Connection;
use crate::wire::Malformed;
use crate::wire::lease::Ask;

pub(super) fn ask(
    config: &Config,
    lessor: &dyn Lessor,
    flight: &Flight<'_>,
    search_path: &str,
    serially: bool,
) -> Result<Connection, (Error, Signal)> {
    if flight.is_for_session() {
        return Err((Error::config(OWN_CONNECTION).of(flight.first()), Signal::Local));
    }
    let mut connection = Connection::new(login::limits(config));
    let ask = Ask {
        open: flight.in_transaction,
        serially,
        spent: flight.changes_session(),
        wait: config.connect_limit(),
        limit: config.query_limit(),
        prefix: lessor.prefix().to_owned(),
        search_path: search_path.to_owned(),
    };
    connection.ask(&ask).map_err(|Malformed(reason)| (Error::config(reason), Signal::Local))?;
    Ok(connection)
}

const OWN_CONNECTION: &str = "the statement changes its session, and behind a pool a session ends with each flight: run it \
                              on a session of `Dsql::from_env`, which has a connection of its own";
