//! Builds each package from its `.crate` file, and runs a new Worker with all of them, outside of the workspace.
//!
//! `cargo package` builds a package against the `.crate` files of the others, so a file that a package leaves out is
//! found. Then this part does what a user does, with the unpacked files in place of crates.io: `cargo install` of the
//! two commands, `dsql-edge new`, `npm run dev`, requests, and `cargo test`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, ensure};
use xtask::step::{run, step};
use xtask::{project, setup};

use super::members::{Package, published};

/// The most bytes of a `.crate` file. crates.io accepts 10 MB.
const MOST_BYTES: u64 = 2_000_000;

/// Words in the path of a file that only tests need.
const TEST_DATA: [&str; 4] = ["transcripts/", "proptest-regressions", "/corpus", "golden"];

/// The packages that users install, for their commands.
const COMMANDS: [&str; 2] = ["dsql-edge-codegen", "dsql-edge-local"];

pub(super) fn check() -> Result<String> {
    let packages = published()?;
    forget_unpacked(&packages)?;
    let mut clean = project::cargo();
    clean.args(["clean", "--locked"]);
    for member in &packages {
        clean.args(["-p", &member.name]);
    }
    run(&mut clean)?;
    let mut package = project::cargo();
    package.args(["package", "--locked"]);
    for member in &packages {
        package.args(["-p", &member.name]);
    }
    run(&mut package)?;
    let unpacked = tempfile::tempdir()?;
    let mut sizes = Vec::new();
    for member in &packages {
        let name = format!("{}-{}", member.name, member.version);
        let file = project::target().join(format!("package/{name}.crate"));
        let size = fs::metadata(&file).with_context(|| file.display().to_string())?.len();
        ensure!(size <= MOST_BYTES, "{} has {size} bytes, more than {MOST_BYTES}", file.display());
        sizes.push(format!("{} {} kB", member.name, size / 1000));
        run(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(unpacked.path()))?;
        let folder = unpacked.path().join(&member.name);
        fs::rename(unpacked.path().join(name), &folder)?;
        complete(member, &folder)?;
    }
    install(&packages, unpacked.path())?;
    new_worker(unpacked.path())?;
    Ok(format!("{}; a new Worker runs and passes its tests with them", sizes.join(", ")))
}

/// Removes the code of an earlier run. cargo unpacks the `.crate` files into its home, in a folder for the name and the
/// version, and does not check whether a file has changed. So cargo would build the other packages against old code.
/// `check` also removes what cargo has built from the old code.
fn forget_unpacked(packages: &[Package]) -> Result<()> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).context("no home folder")?;
    let Ok(registries) = fs::read_dir(home.join("registry/src")) else { return Ok(()) };
    for registry in registries {
        let registry = registry?;
        // The name of a folder consists of the registry's host and a hash. For the packages of a workspace, the host is
        // missing.
        if !registry.file_name().to_string_lossy().starts_with('-') {
            continue;
        }
        for package in packages {
            let folder = registry.path().join(format!("{}-{}", package.name, package.version));
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
            }
        }
    }
    Ok(())
}

/// Checks that a package has a README, its licences, the fields for crates.io, and no data of tests.
fn complete(member: &Package, folder: &Path) -> Result<()> {
    for name in ["README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        ensure!(folder.join(name).is_file(), "the package {} has no {name}", member.name);
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    for field in ["description", "documentation", "keywords", "categories", "repository", "rust-version"] {
        ensure!(
            manifest.lines().any(|line| line.starts_with(&format!("{field} ="))),
            "the package {} has no {field}",
            member.name
        );
    }
    for file in xtask::workerd::files(folder)? {
        let path = file.strip_prefix(folder)?.to_string_lossy().into_owned();
        ensure!(
            TEST_DATA.iter().all(|word| !path.contains(word)),
            "the package {} has data of tests: {path}",
            member.name
        );
    }
    Ok(())
}

/// Installs the commands into the folder `installed`, each from its package alone.
fn install(packages: &[Package], unpacked: &Path) -> Result<()> {
    let patch =
        |package: &Package| format!("{} = {{ path = {:?} }}\n", package.name, unpacked.join(&package.name));
    let patches: String = packages.iter().map(patch).collect();
    let config = unpacked.join(".cargo");
    fs::create_dir(&config)?;
    fs::write(config.join("config.toml"), format!("[patch.crates-io]\n{patches}"))?;
    for name in COMMANDS {
        let mut install = project::cargo();
        // In release mode, as users do, cargo would build for minutes longer.
        install.args(["install", "--debug", "--path", ".", "--root"]).arg(unpacked.join("installed"));
        // `project::cargo` sets the target folder, in which `cargo package` has built the dependencies already.
        install.current_dir(unpacked.join(name)).env_remove("RUSTFLAGS");
        step(&format!("installing {name} from its package"), || run(&mut install))?;
    }
    Ok(())
}

/// Creates, runs and tests a Worker: the test of the template, with the packages in place of the crates of this clone.
fn new_worker(unpacked: &Path) -> Result<()> {
    setup::runtime()?;
    let mut test = project::cargo_test("templates");
    test.arg("template_api").env("DSQL_EDGE_PACKAGES", unpacked);
    step("a new Worker", || run(&mut test))
}
