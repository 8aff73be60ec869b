//! What the tests beside this file share.

pub mod case_file;
pub mod golden;
pub mod oracle;
