//! The roles of a test, each of which logs in with its own keys.
//!
//! Input: names of roles. Output: keys, and the mapping of each role to the identity of its keys.

use dsql_edge_macro_input::role_name;

use super::control::{Control, failed};
use crate::Error;
use crate::iam::key_ring::Identity;
use crate::keys::Credentials;
use crate::postgres::{Database, SUPERUSER};

/// Makes the keys of each role.
pub(super) fn identities(roles: &[&str]) -> Result<Vec<Identity>, Error> {
    roles
        .iter()
        .map(|name| {
            if role_name::advice(name).is_some() {
                return Err(Error::User((*name).to_owned()));
            }
            Ok(Identity::of_user(name, Credentials::made_up()?))
        })
        .collect()
}

/// Creates the roles that the schema does not create, and maps each role to its identity.
pub(super) async fn admit(
    control: &Control,
    database: &Database,
    roles: &[&str],
    identities: &[Identity],
) -> Result<(), Error> {
    if roles.is_empty() {
        return Ok(());
    }
    let client = control.database(&database.name).session(SUPERUSER).await.map_err(failed)?;
    for (name, identity) in roles.iter().zip(identities) {
        let admit = "SELECT pg_catalog.dsql_local_user($1, $2)";
        client.execute(admit, &[name, &identity.arn]).await.map_err(failed)?;
    }
    Ok(())
}
