//! The commands of the guide in `docs/`, run chapter by chapter in a folder of `dsql-edge new`, and the guide's links.
//!
//! The crate `docs` compiles and runs the Rust code of the guide. `templates.rs` runs the commands that build a Worker.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Stdio};

use dsql_edge_tests::binary::{dsql_edge, dsql_local};
use dsql_edge_tests::console::{Block, Shell, blocks};
use xtask::{project, setup};

fn chapters() -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = fs::read_dir(project::root().join("docs/src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    out.sort();
    out
}

#[test]
fn commands_of_each_chapter_print_what_the_guide_shows() {
    let mut counts: Vec<(&str, usize)> =
        ["", "local", "help", "install", "full", "account"].map(|kind| (kind, 0)).to_vec();
    let mut problems = Vec::new();
    for (name, text) in chapters() {
        let blocks = blocks(&text);
        let mut chapter = None;
        for block in &blocks {
            let (_, count) = counts.iter_mut().find(|(kind, _)| *kind == block.kind).unwrap_or_else(|| {
                panic!("{name}:{}: console,{} is not a kind of block", block.line, block.kind)
            });
            *count += block.commands.len();
            let failed = match block.kind.as_str() {
                "full" => Ok(()),
                "install" => installs(block),
                "account" => names_known_commands(block),
                _ => chapter.get_or_insert_with(|| Chapter::open(&name)).run(block),
            };
            if let Err(problem) = failed {
                problems.push(format!("docs/src/{name}:{}: {problem}", block.line));
            }
        }
    }
    println!("commands of the guide, by kind: {counts:?}");
    assert!(problems.is_empty(), "\n{}", problems.join("\n\n"));
}

/// A chapter whose commands run.
struct Chapter {
    shell: Shell,
    _home: tempfile::TempDir,
    local: Option<Running>,
}

impl Chapter {
    fn open(name: &str) -> Chapter {
        let home = tempfile::tempdir().unwrap();
        let programs = home.path().join("programs");
        fs::create_dir(&programs).unwrap();
        symlink(dsql_edge(), programs.join("dsql-edge")).unwrap();
        symlink(dsql_local(), programs.join("dsql-local")).unwrap();
        let mut shell = Shell { folder: home.path().to_owned(), home: home.path().to_owned(), programs };
        // The first chapter creates the Worker that the others use.
        if name != "first-query.md" {
            shell.run("dsql-edge new tasks > new.txt && cd tasks", &[]).unwrap();
        }
        Chapter { shell, _home: home, local: None }
    }

    fn run(&mut self, block: &Block) -> Result<(), String> {
        if block.kind == "local" && self.local.is_none() {
            self.local = Some(Running::start(&self.shell));
        }
        for (command, expected) in &block.commands {
            match block.kind.as_str() {
                // The command's options are tried, with `true` in place of the command that starts the Worker.
                "help" => {
                    let (options, _) = command.split_once(" -- ").expect("a command of dsql-local run");
                    let bin = setup::postgres().unwrap();
                    // In a separate folder, because only one dsql-local can run in a folder.
                    let own = format!("run --folder help --no-dev-vars --postgres {}", bin.display());
                    let options = options.replacen("run", &own, 1);
                    self.shell.run(&format!("{options} -- true > help.txt 2>&1 || cat help.txt"), &[])?;
                }
                _ => self.shell.run(command, expected)?,
            }
        }
        Ok(())
    }
}

/// A running dsql-local in the folder of a chapter.
struct Running(Child);

impl Running {
    fn start(shell: &Shell) -> Running {
        let mut serve = shell.command("dsql-local");
        serve.args(["serve", "--stop-on-eof", "--postgres"]).arg(setup::postgres().unwrap());
        let mut child = serve.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let started = lines.any(|line| line.contains("in front of PostgreSQL"));
        assert!(started, "dsql-local does not start");
        std::thread::spawn(move || lines.for_each(drop));
        Running(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Whether the workspace's manifest contains this address of the repository.
fn manifest_contains(repository: &str) -> bool {
    let manifest = fs::read_to_string(project::root().join("Cargo.toml")).unwrap();
    manifest.contains(&format!("repository = \"{repository}\""))
}

/// Whether each installed package is a package of this workspace with a binary.
fn installs(block: &Block) -> Result<(), String> {
    for (command, _) in &block.commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "install", packages @ ..] => {
                for package in packages.iter().filter(|word| **word != "--path") {
                    let package = package.strip_prefix("dsql-edge/").unwrap_or(package);
                    let manifest = project::root().join(package).join("Cargo.toml");
                    let text = fs::read_to_string(manifest).map_err(|error| format!("{package}: {error}"))?;
                    if !text.contains("[[bin]]") || text.contains("publish = false") {
                        return Err(format!("{package} installs no command"));
                    }
                }
            }
            ["git", "clone", url] if manifest_contains(url) => {}
            ["rustup", "target", "add", target] if *target == setup::WASM_TARGET => {}
            _ => return Err(format!("{command} is not a known installation")),
        }
    }
    Ok(())
}

/// The commands that need an account are not run: this function only checks that such commands exist.
fn names_known_commands(block: &Block) -> Result<(), String> {
    for (command, _) in &block.commands {
        let words: Vec<&str> = command.split_whitespace().collect();
        let known = match words.as_slice() {
            ["dsql-edge", subcommand, ..] => ["doctor", "migrate", "pull", "check"].contains(subcommand),
            ["aws", "dsql", action, ..] => {
                ["create-cluster", "list-clusters", "get-cluster"].contains(action)
            }
            ["aws", "iam", action, ..] => {
                ["create-user", "put-user-policy", "create-access-key"].contains(action)
            }
            ["npx", "wrangler", action, ..] => ["secret", "deploy", "tail"].contains(action),
            _ => false,
        };
        if !known {
            return Err(format!("{command} is not a known command"));
        }
    }
    Ok(())
}

#[test]
fn summary_lists_each_chapter_and_links_have_a_target() {
    let chapters = chapters();
    let summary = &chapters.iter().find(|(name, _)| name == "SUMMARY.md").unwrap().1;
    let manifest = fs::read_to_string(project::root().join("Cargo.toml")).unwrap();
    let repository = manifest.lines().find_map(|line| line.strip_prefix("repository = ")).unwrap();
    let repository = repository.trim_matches('"');
    let mut problems = Vec::new();
    for (name, text) in &chapters {
        if name != "SUMMARY.md" && !summary.contains(&format!("]({name})")) {
            problems.push(format!("{name} is not in SUMMARY.md"));
        }
        for link in links(text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let of_repository = [format!("{repository}/blob/main/"), format!("{repository}/tree/main/")];
            let in_repository = of_repository.iter().find_map(|url| path.strip_prefix(url.as_str()));
            if in_repository.is_none() && path.contains("://") {
                continue;
            }
            if path.split('/').any(|part| part == "..") || path.starts_with('/') {
                problems.push(format!("{name}: {link} leads out of the book: write {}…", of_repository[0]));
                continue;
            }
            let in_book = project::root().join("docs/src").join(if path.is_empty() { name } else { path });
            let target = in_repository.map_or(in_book, |path| project::root().join(path));
            if !target.exists() {
                problems.push(format!("{name}: {link} does not exist"));
            } else if !anchor.is_empty() && !anchors(&target).iter().any(|known| known == anchor) {
                problems.push(format!("{name}: {link} is not a heading"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The links of a chapter, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    prose.flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next()).collect()
}

/// The anchors of the headings of a file, as mdBook and GitHub make them.
fn anchors(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let headings = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings
        .map(|heading| {
            let kept =
                heading.chars().filter(|it| it.is_alphanumeric() || *it == ' ' || *it == '-' || *it == '_');
            kept.collect::<String>().to_lowercase().replace(' ', "-")
        })
        .collect()
}
