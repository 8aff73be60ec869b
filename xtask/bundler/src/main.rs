//! Turns a Worker's wasm into a bundle that workerd runs.
//!
//! Input: `dsql-edge-bundler WASM FOLDER`. Output, in the folder: `index.js`, the entry; `worker.js` and
//! `worker_bg.wasm`, wasm-bindgen's output; `snippets/`, the JavaScript of crates. The bundler does the part of
//! worker-build between cargo and wrangler, without the tools that worker-build downloads. The bundler does not minify,
//! and does not run wasm-opt: wasm-opt saves a tenth of the size before compression, and nothing after compression.

mod entry;

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

/// The name of the subfolder in which a new bundle is made.
const NEW: &str = ".new";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [wasm, folder] = arguments.as_slice() else {
        eprintln!("usage: dsql-edge-bundler WASM FOLDER");
        return ExitCode::from(2);
    };
    match bundle(Path::new(wasm), Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dsql-edge-bundler: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bundle(wasm: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    // wrangler starts a build for each change, also while another one runs. The lock ends with the process.
    let lock = File::open(folder)?;
    lock.lock()?;
    let new = folder.join(NEW);
    if new.exists() {
        fs::remove_dir_all(&new)?;
    }
    generate(wasm, &new)?;
    replace(folder, &new)?;
    fs::remove_dir_all(new)?;
    Ok(())
}

/// Replaces the files of a folder by those of the folder `new`. Each file is replaced in one step, because wrangler may
/// read the bundle at the same time.
fn replace(folder: &Path, new: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == NEW || new.join(entry.file_name()).exists() {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    for entry in fs::read_dir(new)? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&path)?;
            replace(&path, &entry.path())?;
        } else {
            fs::rename(entry.path(), path)?;
        }
    }
    Ok(())
}

fn generate(wasm: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(wasm)
        .out_name("worker")
        .module(true)?
        .typescript(false)
        .remove_producers_section(true)
        .remove_name_section(true)
        // worker-build sets these options too. With these options, a Worker can be reset after a panic.
        .reset_state_function(true)
        .force_enable_abort_handler(true);
    bindgen.generate(folder).map_err(|error| format!("{error:#}"))?;

    let path = folder.join("worker.js");
    // wasm-bindgen imports the wasm in the syntax of the "source phase" proposal; Workers import it as a module.
    let bindings = fs::read_to_string(&path)?.replace("import source ", "import ");
    fs::write(&path, &bindings)?;
    fs::write(folder.join("index.js"), entry::of(&bindings))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn file_that_is_replaced_can_be_read_at_any_time() {
        let folder = std::env::temp_dir().join(format!("dsql-edge-bundler-{}", std::process::id()));
        let new = folder.join(NEW);
        let file = folder.join("snippets/one.js");
        fs::create_dir_all(folder.join("snippets")).unwrap();
        fs::write(&file, "whole").unwrap();
        let replace_often = || {
            for _ in 0..300 {
                fs::create_dir_all(folder.join("old")).unwrap();
                fs::write(folder.join("snippets/old.js"), "").unwrap();
                fs::create_dir_all(new.join("snippets")).unwrap();
                fs::write(new.join("snippets/one.js"), "whole").unwrap();
                replace(&folder, &new).unwrap();
                fs::remove_dir_all(&new).unwrap();
            }
        };
        std::thread::scope(|scope| {
            let writer = scope.spawn(replace_often);
            while !writer.is_finished() {
                assert_eq!(fs::read_to_string(&file).unwrap(), "whole");
            }
        });
        let names = |folder: &Path| -> Vec<OsString> {
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        };
        assert_eq!(
            (names(&folder), names(&folder.join("snippets"))),
            (vec!["snippets".into()], vec!["one.js".into()])
        );
        fs::remove_dir_all(folder).unwrap();
    }
}
