//! Installs the packages of the suites, from `xtask/suites/requirements.txt` and `xtask/npm-suites/package-lock.json`.
//!
//! Input: the lock files, a folder. Output: a Python with the packages, the unpacked sdists of AWS's packages, and the
//! folder of the npm packages. Installed packages are kept until a lock file changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use xtask::step::{run, step};
use xtask::{project, setup};

/// The names of the packages whose sdists have test suites begin with this string.
const WITH_SUITES: &str = "aurora-dsql-";

pub(super) struct Installed {
    pub(super) python: PathBuf,
    /// The folder with `node_modules`.
    pub(super) node: PathBuf,
}

impl Installed {
    /// The folder of an unpacked sdist, by its name without the version.
    pub(super) fn sdist(&self, folder: &Path, name: &str) -> PathBuf {
        let unpacked = fs::read_dir(folder.join("sdists")).into_iter().flatten().flatten();
        let mut unpacked = unpacked.map(|entry| entry.path()).filter(|path| path.is_dir());
        let of_name = |path: &PathBuf| {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
        };
        unpacked.find(of_name).unwrap_or_else(|| folder.join("sdists").join(name))
    }
}

pub(super) fn install(folder: &Path) -> Result<Installed> {
    setup::runtime()?;
    let installed =
        Installed { python: folder.join("venv/bin/python"), node: project::root().join("xtask/npm-suites") };
    setup::npm(&installed.node)?;
    let locked = fs::read_to_string(project::root().join("xtask/suites/requirements.txt"))?;
    let done = folder.join("installed.txt");
    if fs::read_to_string(&done).is_ok_and(|before| before == locked) {
        return Ok(installed);
    }
    let sdists = sdist_requirements(&locked);
    if sdists.is_empty() {
        bail!("requirements.txt names no package that begins with {WITH_SUITES}");
    }
    step("installing Python packages", || {
        let venv = folder.join("venv");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, &locked)?;
        let mut pip = pip(&installed.python, "install");
        run(pip.args(["--only-binary", ":all:", "-r"]).arg(&requirements))
    })?;
    step("downloading the suites", || {
        let target = folder.join("sdists");
        let _ = fs::remove_dir_all(&target);
        fs::create_dir_all(&target)?;
        let requirements = folder.join("sdists.txt");
        fs::write(&requirements, &sdists)?;
        // To read the metadata of an sdist, pip builds the sdist, here with the build backends that are already
        // installed.
        let mut pip = pip(&installed.python, "download");
        pip.args(["--no-deps", "--no-build-isolation", "--no-binary", ":all:", "-d"]).arg(&target);
        run(pip.arg("-r").arg(&requirements))?;
        for entry in fs::read_dir(&target)? {
            run(Command::new("tar").arg("xzf").arg(entry?.path()).current_dir(&target))?;
        }
        Ok(())
    })?;
    fs::write(&done, locked)?;
    Ok(installed)
}

fn pip(python: &Path, command: &str) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", command, "--quiet", "--disable-pip-version-check", "--require-hashes"]);
    pip
}

/// Returns the lines of the lock file for the packages that have test suites: each requirement with its hashes.
fn sdist_requirements(locked: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in locked.lines().filter(|line| !line.trim_start().starts_with('#')) {
        if !line.starts_with(' ') {
            inside = line.starts_with(WITH_SUITES);
        }
        if inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
