//! Reads variables from the configuration of cargo: `[env]` of `.cargo/config.toml`.
//!
//! Input: a folder and a name. Output: the value, as cargo sets it for the compiler and so for the macros. Cargo reads
//! the files of the folder and of the folders above it, the nearest first, and then the file in cargo's home folder
//! (`CARGO_HOME`, or `.cargo` in the user's home folder).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use toml_edit::DocumentMut;

/// A variable of a configuration.
pub(crate) struct Variable {
    pub(crate) value: OsString,
    /// Whether this value has priority over a variable in the environment.
    pub(crate) force: bool,
    /// The file that sets the variable.
    pub(crate) file: PathBuf,
}

/// Returns the variable from the nearest file that sets it.
pub(crate) fn variable(package: &Path, name: &str) -> Option<Variable> {
    let package = std::fs::canonicalize(package).or_else(|_| std::path::absolute(package)).ok()?;
    let folders = package.ancestors().map(|folder| folder.join(".cargo"));
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = cargo_home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    folders.chain(home).find_map(|folder| in_folder(&folder, name))
}

fn in_folder(folder: &Path, name: &str) -> Option<Variable> {
    // If both files exist, cargo reads the file whose name has no ending.
    let files = ["config", "config.toml"].map(|file| folder.join(file));
    let file = files.into_iter().find(|file| file.is_file())?;
    let config: DocumentMut = std::fs::read_to_string(&file).ok()?.parse().ok()?;
    let entry = config.get("env")?.get(name)?;
    if let Some(value) = entry.as_str() {
        return Some(Variable { value: value.into(), force: false, file });
    }
    let is = |option: &str| entry.get(option).and_then(|it| it.as_bool()).unwrap_or(false);
    let written = entry.get("value")?.as_str()?;
    let above = folder.parent().unwrap_or(folder);
    let value = if is("relative") { above.join(written).into_os_string() } else { written.into() };
    Some(Variable { value, force: is("force"), file })
}
