//! Builds each package from its `.crate` file, and a new Worker from all of them, outside of the workspace.
//!
//! `cargo package` builds a package against the `.crate` files of the others, so a file that a package leaves out is found.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask::step::run;
use xtask::{project, setup};

use super::members::{Member, published};

/// The most bytes of a `.crate` file. crates.io accepts 10 MB.
const MOST_BYTES: u64 = 2_000_000;

/// Words in the path of a file that only tests need.
const TEST_DATA: [&str; 4] = ["transcripts/", "proptest-regressions", "/corpus", "golden"];

pub(super) fn check() -> Result<String> {
    let members = published()?;
    let mut package = project::cargo();
    package.args(["package", "--locked"]);
    for member in &members {
        package.args(["-p", &member.name]);
    }
    run(&mut package)?;
    let unpacked = tempfile::tempdir()?;
    let mut sizes = Vec::new();
    for member in &members {
        let file = project::target().join(format!("package/{}-{}.crate", member.name, member.version));
        let size = fs::metadata(&file).with_context(|| file.display().to_string())?.len();
        ensure!(size <= MOST_BYTES, "{} has {size} bytes, more than {MOST_BYTES}", file.display());
        sizes.push(format!("{} {} kB", member.name, size / 1000));
        run(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(unpacked.path()))?;
        complete(member, &unpacked.path().join(format!("{}-{}", member.name, member.version)))?;
    }
    new_worker(&members, unpacked.path())?;
    Ok(format!("{}; a new Worker builds from them", sizes.join(", ")))
}

/// A package has a README, its licences, and no data of tests.
fn complete(member: &Member, folder: &Path) -> Result<()> {
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

/// Creates a Worker with the `dsql-edge` of the package, and builds it with the unpacked packages.
fn new_worker(members: &[Member], unpacked: &Path) -> Result<()> {
    setup::wasm_target()?;
    let patches = members.iter().map(|member| {
        let folder = unpacked.join(format!("{}-{}", member.name, member.version));
        format!("{} = {{ path = {folder:?} }}\n", member.name)
    });
    let patches: String = patches.collect();
    let folder = unpacked.join("new-worker");
    let target = project::target().join("release-check");
    let in_target =
        |command: &mut Command| run(command.env("CARGO_TARGET_DIR", &target).env_remove("RUSTFLAGS"));
    let config = unpacked.join(".cargo");
    fs::create_dir(&config)?;
    fs::write(config.join("config.toml"), format!("[patch.crates-io]\n{patches}"))?;
    let command =
        members.iter().find(|member| member.name == "dsql-edge-codegen").context("dsql-edge-codegen")?;
    let command = unpacked.join(format!("{}-{}", command.name, command.version));
    let cargo = |folder: &Path| {
        let mut cargo = project::cargo();
        cargo.current_dir(folder);
        cargo
    };
    in_target(cargo(&command).args(["run", "--", "new"]).arg(&folder))?;
    in_target(cargo(&folder).args(["build", "--release", "--target", setup::WASM_TARGET]))
}
