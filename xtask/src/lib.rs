//! The functions that `cargo xtask` and the end-to-end tests share: these functions install the tools, build and bundle
//! Workers, and write workerd's configuration.

mod capnp;
pub mod d1;
pub mod pack;
pub mod peers;
pub mod project;
pub mod setup;
pub mod step;
pub mod worker;
pub mod workerd;
