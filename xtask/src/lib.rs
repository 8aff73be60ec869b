//! What `cargo xtask` and the end-to-end tests both need: the tools installed, Workers built and bundled, and
//! the configuration that workerd runs them by.

pub mod project;
pub mod setup;
pub mod step;
pub mod worker;
pub mod workerd;
