//! Includes the modules `network` and `workerd` of the tests, so that tests and measurements use the same code.

#[allow(unreachable_pub, dead_code, reason = "the tests use more of this module")]
#[path = "../../tests/network.rs"]
pub(crate) mod network;
#[allow(unreachable_pub, dead_code, reason = "the tests use more of this module")]
#[path = "../../tests/workerd.rs"]
pub(crate) mod workerd;
