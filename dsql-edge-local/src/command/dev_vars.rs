//! `.dev.vars`, from which wrangler takes a Worker's bindings in local development.
//!
//! In: the bindings. Out: the file, with its other lines as they were. A file that names a real cluster or
//! holds keys we did not make is never written to: what it says may stand nowhere else.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use dsql_edge_local::Credentials;

use super::Outcome;

/// Whether the file may be written to.
pub(crate) fn check(path: &Path) -> Outcome<()> {
    let text = read(path)?;
    let endpoint = value(&text, "DSQL_ENDPOINT").unwrap_or_default();
    let local = endpoint.is_empty() || endpoint == "localhost" || endpoint.starts_with("localhost:");
    let key = value(&text, "AWS_ACCESS_KEY_ID").unwrap_or_default();
    if local && (key.is_empty() || Credentials::is_made_up(key)) {
        return Ok(());
    }
    let what = if local {
        "AWS_ACCESS_KEY_ID is not one that dsql-local made"
    } else {
        "DSQL_ENDPOINT is not localhost"
    };
    Err(format!(
        "{}: {what}, so the file is left alone; move it away, or use --no-dev-vars or --dev-vars FILE",
        path.display()
    )
    .into())
}

/// Writes the bindings into the file, each in the line it had.
pub(crate) fn write(path: &Path, bindings: &[(&str, String)]) -> Outcome<()> {
    let text = merge(&read(path)?, bindings);
    let draft = path.with_extension(format!("vars.{}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&draft, path)
    };
    write().map_err(|error| format!("{}: {error}", path.display()).into())
}

fn read(path: &Path) -> Outcome<String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

fn merge(text: &str, bindings: &[(&str, String)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // A session token of an earlier run would sign tokens that no longer verify.
    lines.retain(|line| assigned(line).is_none_or(|(name, _)| name != "AWS_SESSION_TOKEN"));
    for (name, value) in bindings {
        let line = format!("{name}={value}");
        match lines.iter_mut().find(|line| assigned(line).is_some_and(|(known, _)| known == *name)) {
            Some(old) => *old = line,
            None => lines.push(line),
        }
    }
    lines.join("\n") + "\n"
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().filter_map(assigned).filter(|(known, _)| *known == name).map(|(_, value)| value).next_back()
}

/// Name and value of a line, in the form that dotenv files have.
fn assigned(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    Some((name.trim(), value.trim().trim_matches(['"', '\''])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_stay_and_ours_are_replaced_in_place() {
        let before = "# mine\nOTHER=1\nDSQL_ENDPOINT = \"localhost:1\"\nAWS_SESSION_TOKEN=old\nLAST=2";
        let bindings = [("DSQL_ENDPOINT", "localhost:2".to_owned()), ("DSQL_REGION", "r".to_owned())];
        let after = "# mine\nOTHER=1\nDSQL_ENDPOINT=localhost:2\nLAST=2\nDSQL_REGION=r\n";
        assert_eq!(merge(before, &bindings), after);
        assert_eq!(merge(after, &bindings), after);
    }

    #[test]
    fn a_file_with_a_real_cluster_or_real_keys_is_left_alone() {
        let path = std::env::temp_dir().join(format!("dsql-local-dev-vars-{}", std::process::id()));
        assert!(check(&path).is_ok(), "there is none yet");
        for (text, fine) in [
            ("OTHER=1", true),
            ("DSQL_ENDPOINT=localhost:5\nAWS_ACCESS_KEY_ID=DSQLLOCALABC", true),
            ("DSQL_ENDPOINT=localhost.example.com", false),
            ("DSQL_ENDPOINT=abc.dsql.us-east-1.on.aws", false),
            ("AWS_ACCESS_KEY_ID='AKIAEXAMPLE'", false),
        ] {
            fs::write(&path, text).unwrap();
            assert_eq!(check(&path).is_ok(), fine, "{text}");
        }
        fs::remove_file(path).unwrap();
    }
}
