//! `FOLDER/bindings`: the bindings of the last start. dsql-local compares `.dev.vars` with these bindings, and the
//! command line `dsql-edge` finds a running dsql-local by these bindings.

use std::fs;
use std::path::Path;

use super::CommandResult;
use super::dev_vars::{Bindings, bindings_of};
use super::replace_file::replace_file;

const FILE: &str = "bindings";

/// Reads the bindings of the last start; before the first start, returns no bindings.
pub(crate) fn read(folder: &Path) -> Bindings {
    bindings_of(&fs::read_to_string(folder.join(FILE)).unwrap_or_default())
}

/// Writes the bindings of this start, and the name for clients that require the host name of a cluster.
pub(crate) fn write(folder: &Path, bindings: &Bindings, cluster_host: &str) -> CommandResult<()> {
    let text: String = bindings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let path = folder.join(FILE);
    let text = format!(
        "# The bindings of dsql-local's last start. For clients that require the host name of a cluster: {cluster_host}\n{text}"
    );
    replace_file(&path, &text, 0o600).map_err(|error| format!("{}: {error}", path.display()).into())
}
