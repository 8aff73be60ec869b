//! What the tests beside this file share.

pub mod golden;
pub mod oracle;
