//! Splits a PostgreSQL connection string into parameters.
//!
//! Input: `postgres://user:password@host:5432/database?sslmode=require`. Output: [`Parameters`], or an error that names
//! the part that is not accepted. The error never repeats the text, which contains a password.

use super::parameters::Parameters;
use crate::config::percent::decoded;
use crate::error::Error;

/// Reads the parts of a connection string.
pub(super) fn parse(text: &str) -> Result<Parameters, Error> {
    let rest = text
        .strip_prefix("postgres://")
        .or_else(|| text.strip_prefix("postgresql://"))
        .ok_or_else(|| wrong("does not begin with postgres://"))?;
    if rest.contains(['#']) {
        return Err(wrong("contains #: write %23"));
    }
    let (rest, query) = rest.split_once(['?']).unwrap_or((rest, ""));
    let (authority, database) = rest.split_once(['/']).unwrap_or((rest, ""));
    // If a @ follows a / or a ?, a part of a password could be taken for a host or a parameter.
    if database.contains(['@']) || query.contains(['@']) {
        return Err(wrong(
            "has an @ after a / or ?: in a user or password, write %2F for /, %3F for ?, %40 for @ and %23 for #",
        ));
    }
    let (user, place) = authority.rsplit_once(['@']).unwrap_or(("", authority));
    if place.contains([',']) {
        return Err(wrong("names several hosts: a Config has one"));
    }
    let (user, password) = user.split_once([':']).unwrap_or((user, ""));
    let (host, port) = host_and_port(place)?;

    let mut parameters = Parameters::default();
    let parts =
        [("user", user), ("password", password), ("host", host), ("port", port), ("dbname", database)];
    for (name, part) in parts {
        if !part.is_empty() {
            let value = decoded(part)
                .ok_or_else(|| wrong("has a user, password, host or database that is not percent-encoded"))?;
            parameters.set(name, value)?;
        }
    }
    for parameter in query.split(['&']).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once(['=']).ok_or_else(|| wrong("has a parameter without ="))?;
        let value = decoded(value).ok_or_else(|| wrong("has a parameter that is not percent-encoded"))?;
        parameters.set(name, value)?;
    }
    Ok(parameters)
}

/// Splits the host from the port. An address of IPv6 is in brackets.
fn host_and_port(place: &str) -> Result<(&str, &str), Error> {
    let Some(rest) = place.strip_prefix(['[']) else {
        return Ok(place.split_once([':']).unwrap_or((place, "")));
    };
    match rest.split_once([']']) {
        Some((host, "")) => Ok((host, "")),
        Some((host, port)) => match port.strip_prefix([':']) {
            Some(port) => Ok((host, port)),
            None => Err(wrong("has characters between the address and the port")),
        },
        None => Err(wrong("has an address without the closing bracket")),
    }
}

fn wrong(what: &str) -> Error {
    Error::config(["the connection string ", what].concat())
}
