//! The errors of DSQL's rules in the files of a folder of migrations.
//!
//! Input: the texts of the files, in the order in which they run. Output: the errors of `dsql-edge lint --for-migrate`,
//! as they are shown to people.

use std::collections::BTreeMap;

use super::file::lint;
use super::sent::Sent;
use crate::folder::shown;

/// Returns the errors of each file that has errors. Callers pass this function to [`Folder::open`](crate::Folder::open)
/// for a folder of DSQL.
pub fn errors_of_migrations(texts: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in lint(texts, None, Sent::Migrate) {
        for finding in file.findings.iter().filter(|finding| finding.diagnostic.is_error()) {
            let problem = shown(&finding.diagnostic, &file.name, &file.text);
            all.entry(file.name.clone()).or_default().push(problem);
        }
    }
    all
}
