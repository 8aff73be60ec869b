//! `FOLDER/bindings`: what the last start handed out. `.dev.vars` is compared with it, and the command line `dsql-edge` finds
//! a running dsql-local by it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Outcome;
use super::dev_vars::{Bindings, bindings_of};

const FILE: &str = "bindings";

/// What the last start handed out; nothing before the first.
pub(crate) fn read(folder: &Path) -> Bindings {
    bindings_of(&fs::read_to_string(folder.join(FILE)).unwrap_or_default())
}

/// Keeps the bindings of this start.
pub(crate) fn write(folder: &Path, bindings: &Bindings) -> Outcome<()> {
    let text: String = bindings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let path = folder.join(FILE);
    let draft = folder.join(format!("{FILE}.{}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(b"# What dsql-local handed out at its last start.\n")?;
        file.write_all(text.as_bytes())?;
        drop(file);
        fs::rename(&draft, &path)
    };
    write().map_err(|error| format!("{}: {error}", path.display()).into())
}
