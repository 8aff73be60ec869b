//! The log of a running dsql-local: a function that takes one line.

use std::sync::Arc;

pub(crate) type Log = Arc<dyn Fn(&str) + Send + Sync>;
