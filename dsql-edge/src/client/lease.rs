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
