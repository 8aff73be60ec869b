//! Requests a lease from a pool.
//!
//! Input: a [`Connector`] and the first flight. Output: a session whose first message is the request. The caller writes
//! the flight after the request.

use crate::client::flight::Flight;
use crate::connector::Connector;
use crate::error::Error;
use crate::lease::Lessor;
use crate::retry::Signal;
use crate::session::Connection;
use crate::wire::Malformed;
use crate::wire::lease::Ask;

pub(super) fn ask(
    connector: &Connector,
    lessor: &dyn Lessor,
    flight: &Flight<'_>,
    search_path: &str,
    serially: bool,
) -> Result<Connection, (Error, Signal)> {
    if flight.is_for_session() {
        return Err((Error::config(OWN_CONNECTION).of(flight.first()), Signal::Local));
    }
    let mut connection = Connection::new(connector.limits());
    let ask = Ask {
        open: flight.in_transaction,
        serially,
        spent: flight.changes_session(),
        wait: connector.settings().connect_timeout,
        limit: connector.settings().query_timeout,
        prefix: lessor.prefix().to_owned(),
        search_path: search_path.to_owned(),
    };
    connection.ask(&ask).map_err(|Malformed(reason)| (Error::config(reason), Signal::Local))?;
    Ok(connection)
}

const OWN_CONNECTION: &str = "the statement changes its session, and with a pool a session ends with each flight: \
                              run the statement on a session of `Dsql::from_env`, which has its own connection";
