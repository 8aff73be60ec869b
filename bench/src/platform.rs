//! The workerd and the network of the tests: this crate measures with the same code.

#[allow(unreachable_pub, dead_code, reason = "the tests use more of this module")]
#[path = "../../tests/network.rs"]
pub(crate) mod network;
#[allow(unreachable_pub, dead_code, reason = "the tests use more of this module")]
#[path = "../../tests/workerd.rs"]
pub(crate) mod workerd;
