//! Measures clients of DSQL side by side, each in a Worker in the real workerd: `cargo xtask bench peers`.
//!
//! Input: the packed Workers of the clients (`xtask::peers`). Output: measurements as they were taken, for
//! `cargo xtask` to compute the figures from. The clients take turns, so that a change of the machine's speed affects
//! all of them alike; every answer is verified.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a wrong answer ends a measurement"
)]

pub mod cases;
pub mod conflicts;
pub mod cost;
pub mod database;
pub mod expected;
pub mod http;
pub mod isolate;
pub mod load;
pub mod machine;
mod platform;
pub mod processes;
pub mod record;
pub mod site;
pub mod turns;
