//! What the tests beside this file share.

pub mod case_file;
pub mod check;
pub mod golden;
pub mod oracle;
