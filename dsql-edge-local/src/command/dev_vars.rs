//! `.dev.vars`, from which wrangler takes a Worker's bindings in local development.
//!
//! Input: the bindings. Output: the file, with all other content unchanged. A value that dsql-local did not write is
//! never changed or removed, because it may be a secret that has no other copy.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dsql_edge_local::Credentials;

use super::CommandResult;
use super::dotenv::{Assignment, assignments};
use super::replace_file::replace_file;

/// The names of all bindings that dsql-local writes.
pub(super) const NAMES: [&str; 7] = [
    "DSQL_ENDPOINT",
    "DSQL_REGION",
    "DSQL_USER",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// Bindings by name.
pub(crate) type Bindings = Vec<(&'static str, String)>;

/// Checks that the file may be written. `expected` contains the bindings that are known before the start; `written`
/// contains the bindings of the last start.
pub(crate) fn check(path: &Path, expected: &Bindings, written: &Bindings) -> CommandResult<()> {
    prepare(path, expected, written).map(drop)
}

/// Writes the bindings into the file; a binding that is already in the file keeps its position.
pub(crate) fn write(path: &Path, bindings: &Bindings, written: &Bindings) -> CommandResult<()> {
    let FileChange { target, before, after } = prepare(path, bindings, written)?;
    if before.as_ref() == Some(&after) {
        return Ok(());
    }
    let mode = fs::metadata(&target).map_or(0o600, |metadata| metadata.permissions().mode() & 0o777);
    replace_file(&target, &after, mode).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// A file, with its contents before and after the change.
struct FileChange {
    /// The path of the file; if the given path is a symbolic link, the path of the link's target.
    target: PathBuf,
    before: Option<String>,
    after: String,
}

fn prepare(path: &Path, bindings: &Bindings, written: &Bindings) -> CommandResult<FileChange> {
    let stop = |why: String| {
        format!(
            "{}: {why}, so the file is not changed. dsql-local does not change a value that it did not write: remove \
             the line, move the file away, or use --no-dev-vars or --dev-vars FILE",
            path.display()
        )
    };
    let (target, before) = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => (path.to_owned(), None),
        Err(error) => return Err(format!("{}: {error}", path.display()).into()),
        Ok(_) => {
            let target = fs::canonicalize(path)
                .map_err(|error| stop(format!("it is a symbolic link to a missing file ({error})")))?;
            check_file(path, &target)?;
            let bytes = fs::read(&target).map_err(|error| format!("{}: {error}", path.display()))?;
            let text = String::from_utf8(bytes).map_err(|_| stop("it is not UTF-8".to_owned()))?;
            (target, Some(text))
        }
    };
    let after = merged(before.as_deref().unwrap_or_default(), bindings, written).map_err(stop)?;
    Ok(FileChange { target, before, after })
}

/// Checks that the target of a path may be replaced. A read-only file must be found here: replacing a file does not
/// need the permission to write to the file itself.
fn check_file(path: &Path, target: &Path) -> CommandResult<()> {
    let metadata = fs::metadata(target).map_err(|error| format!("{}: {error}", path.display()))?;
    let why = match () {
        () if metadata.is_dir() => "is a folder: name another with --dev-vars FILE",
        () if !metadata.is_file() => "is not a file: name another with --dev-vars FILE",
        () if metadata.permissions().mode() & 0o222 == 0 => {
            "is read-only: make it writable, name another file with --dev-vars FILE, or use --no-dev-vars"
        }
        () => return Ok(()),
    };
    Err(format!("{} {why}", path.display()).into())
}

/// Returns the contents of the file with these bindings.
///
/// # Errors
///
/// Returns the name and the line of a value that dsql-local did not write; never returns the value itself.
fn merged(text: &str, bindings: &Bindings, written: &Bindings) -> Result<String, String> {
    let found = assignments(text).map_err(|(line, why)| format!("line {line} is ambiguous: {why}"))?;
    let mut changes: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut missing: Vec<&(&str, String)> = Vec::new();
    for name in NAMES {
        let binding = bindings.iter().find(|(known, _)| *known == name);
        let mut assigned = found.iter().filter(|it| it.name == name).peekable();
        if let Some(foreign) = assigned.clone().find(|it| !is_ours(it, binding, written)) {
            let keep = to_keep(foreign)
                .map_or(String::new(), |option| format!(" (to keep it, start with {option})"));
            let why = match is_of_missing_start(foreign, &found) {
                true => "belongs to an earlier dsql-local whose folder was removed",
                false => "is not a value that dsql-local wrote",
            };
            return Err(format!("{name} (line {}) {why}{keep}", foreign.number));
        }
        match (binding, assigned.peek().is_some()) {
            (Some(binding), false) => missing.push(binding),
            (Some((_, value)), true) => {
                // If a name has several assignments, the last one takes effect; the others are removed.
                let last = assigned.clone().count() - 1;
                for (at, assignment) in assigned.enumerate() {
                    if at == last && assignment.value != value {
                        let space =
                            if text.get(..assignment.written.start).is_some_and(|it| it.ends_with(':')) {
                                " "
                            } else {
                                ""
                            };
                        changes.push((assignment.written.clone(), format!("{space}{value}")));
                    } else if at != last {
                        changes.push((assignment.lines.clone(), String::new()));
                    }
                }
            }
            // If no binding has this name, each line that assigns the name is removed, unless the assigned value is
            // empty or the default.
            (None, _) => changes.extend(
                assigned
                    .filter(|it| !it.value.is_empty() && !is_default(it))
                    .map(|it| (it.lines.clone(), String::new())),
            ),
        }
    }
    changes.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.to_owned();
    changes.into_iter().for_each(|(range, value)| out.replace_range(range, &value));
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if !missing.is_empty() && !out.is_empty() && !out.ends_with(['\n', '\r']) {
        out += line_break;
    }
    missing.into_iter().for_each(|(name, value)| out += &format!("{name}={value}{line_break}"));
    Ok(out)
}

/// Returns the option that makes the next start keep a value; `None` if such an option does not exist. The option
/// contains the value itself only if the value is a region, which is certainly not a secret.
fn to_keep(assignment: &Assignment<'_>) -> Option<String> {
    if assignment.name == "DSQL_USER" {
        return Some("--user ROLE --as ROLE".to_owned());
    }
    let parts: Vec<&str> = assignment.value.split('-').collect();
    let letters =
        |part: &&str| !part.is_empty() && part.len() < 10 && part.bytes().all(|it| it.is_ascii_lowercase());
    let [names @ .., number] = parts.as_slice() else { return None };
    let is_region = names.len() >= 2 && names.iter().all(letters) && number.len() == 1;
    (assignment.name == "DSQL_REGION" && is_region).then(|| format!("--region {}", assignment.value))
}

/// Whether a region or a role was written by an earlier start whose folder was removed. If the file also contains keys
/// that dsql-local generated, an earlier start has written the region or the role.
fn is_of_missing_start(assignment: &Assignment<'_>, found: &[Assignment<'_>]) -> bool {
    let is_key = |it: &Assignment<'_>| it.name == "AWS_ACCESS_KEY_ID" && Credentials::is_made_up(it.value);
    matches!(assignment.name, "DSQL_REGION" | "DSQL_USER") && found.iter().any(is_key)
}

/// Whether a value can be replaced: the value is empty, is the new value, was written by dsql-local at the last start,
/// or has the form of dsql-local's values.
fn is_ours(assignment: &Assignment<'_>, binding: Option<&(&str, String)>, written: &Bindings) -> bool {
    let Assignment { name, value, .. } = assignment;
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit());
    let made_up = match *name {
        "DSQL_ENDPOINT" => *value == "localhost" || value.strip_prefix("localhost:").is_some_and(is_port),
        "AWS_ENDPOINT_URL_STS" => value.strip_prefix("https://localhost:").is_some_and(is_port),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_SESSION_TOKEN" => Credentials::is_made_up(value),
        _ => false,
    };
    value.is_empty()
        || made_up
        || (binding.is_none() && is_default(assignment))
        || binding.is_some_and(|(_, new)| new == value)
        || written.iter().any(|(known, old)| known == name && old == value)
}

/// Whether an assignment is `DSQL_USER=admin`, the default.
fn is_default(assignment: &Assignment<'_>) -> bool {
    assignment.name == "DSQL_USER" && assignment.value == "admin"
}

/// Reads the bindings in [`NAMES`] from `text`, the contents of the file that the last start wrote into its folder.
pub(crate) fn bindings_of(text: &str) -> Bindings {
    let found = assignments(text).unwrap_or_default();
    let each = found.iter().filter_map(|it| {
        let name = NAMES.into_iter().find(|name| *name == it.name)?;
        Some((name, it.value.to_owned()))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bindings() -> Bindings {
        vec![
            ("DSQL_ENDPOINT", "localhost:2".to_owned()),
            ("DSQL_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "DSQLLOCALID".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "old/form+of=secret".to_owned()),
        ]
    }

    const ALL: &str = "DSQL_ENDPOINT=localhost:2\nDSQL_REGION=us-east-1\nAWS_ACCESS_KEY_ID=DSQLLOCALID\n\
                       AWS_SECRET_ACCESS_KEY=old/form+of=secret\n";

    #[test]
    fn own_values_are_replaced_in_place() {
        let rest = &ALL["DSQL_ENDPOINT=localhost:2\n".len()..];
        for (before, after) in [
            (String::new(), ALL.to_owned()),
            (ALL.to_owned(), ALL.to_owned()),
            (ALL.replace(":2", ":1"), ALL.to_owned()),
            ("# mine\nOTHER=1".to_owned(), format!("# mine\nOTHER=1\n{ALL}")),
            (
                format!("DSQL_ENDPOINT = \"localhost:1\" # local\n{rest}"),
                format!("DSQL_ENDPOINT = localhost:2 # local\n{rest}"),
            ),
            (
                format!("  export DSQL_ENDPOINT='localhost'\n{rest}"),
                format!("  export DSQL_ENDPOINT=localhost:2\n{rest}"),
            ),
            (format!("DSQL_ENDPOINT: localhost:1\n{rest}"), format!("DSQL_ENDPOINT: localhost:2\n{rest}")),
            (format!("DSQL_ENDPOINT=\n{rest}LAST=1"), format!("DSQL_ENDPOINT=localhost:2\n{rest}LAST=1")),
            (format!("DSQL_ENDPOINT=localhost:1\nA=1\n{ALL}"), format!("A=1\n{ALL}")),
            (
                ALL.replace('\n', "\r\n").replace(":2", ":1") + "A=1\r\n",
                ALL.replace('\n', "\r\n") + "A=1\r\n",
            ),
            ("A=1\r\n".to_owned(), format!("A=1\n{ALL}").replace('\n', "\r\n")),
            (format!("AWS_SESSION_TOKEN=DSQLLOCALtoken\n{ALL}"), ALL.to_owned()),
            (
                format!("AWS_SESSION_TOKEN=\nDSQL_USER=admin\n{ALL}"),
                format!("AWS_SESSION_TOKEN=\nDSQL_USER=admin\n{ALL}"),
            ),
            (format!("DSQL_USER=blog\n{}", ALL.replace("us-east-1", "eu-west-1")), ALL.to_owned()),
            (
                format!("NOTE=\"a\nDSQL_ENDPOINT=x.on.aws\n\"\n{ALL}"),
                format!("NOTE=\"a\nDSQL_ENDPOINT=x.on.aws\n\"\n{ALL}"),
            ),
            (format!("# AWS_SECRET_ACCESS_KEY=real\n{ALL}"), format!("# AWS_SECRET_ACCESS_KEY=real\n{ALL}")),
            (
                format!("REPORTS_DSQL_ENDPOINT=x.on.aws\n{ALL}"),
                format!("REPORTS_DSQL_ENDPOINT=x.on.aws\n{ALL}"),
            ),
        ] {
            let written = vec![("DSQL_USER", "blog".to_owned()), ("DSQL_REGION", "eu-west-1".to_owned())];
            assert_eq!(merged(&before, &bindings(), &written), Ok(after), "{before:?}");
        }
    }

    #[test]
    fn foreign_value_stops_the_start_and_is_not_shown() {
        for (text, name) in [
            ("AWS_SECRET_ACCESS_KEY=wJalrSECRET", "AWS_SECRET_ACCESS_KEY (line 1)"),
            ("A=1\nAWS_ACCESS_KEY_ID=\nAWS_SECRET_ACCESS_KEY=wJalrSECRET", "AWS_SECRET_ACCESS_KEY (line 3)"),
            (
                "AWS_ACCESS_KEY_ID=DSQLLOCALX\nAWS_SECRET_ACCESS_KEY=wJalrSECRET",
                "AWS_SECRET_ACCESS_KEY (line 2)",
            ),
            ("AWS_SESSION_TOKEN=SECRET", "AWS_SESSION_TOKEN (line 1)"),
            ("AWS_ACCESS_KEY_ID='AKIASECRET'", "AWS_ACCESS_KEY_ID (line 1)"),
            ("export AWS_ACCESS_KEY_ID=ASIASECRET", "AWS_ACCESS_KEY_ID (line 1)"),
            ("AWS_ACCESS_KEY_ID: ASIASECRET", "AWS_ACCESS_KEY_ID (line 1)"),
            ("AWS_SECRET_ACCESS_KEY=\"SECRET\nMORE\"\r\n", "AWS_SECRET_ACCESS_KEY (line 1)"),
            (
                "AWS_SECRET_ACCESS_KEY=SECRET\nAWS_SECRET_ACCESS_KEY=DSQLLOCALX",
                "AWS_SECRET_ACCESS_KEY (line 1)",
            ),
            (
                "AWS_SECRET_ACCESS_KEY=DSQLLOCALX\nAWS_SECRET_ACCESS_KEY=SECRET",
                "AWS_SECRET_ACCESS_KEY (line 2)",
            ),
            ("DSQL_ENDPOINT=abc.dsql.us-east-1.on.aws", "DSQL_ENDPOINT (line 1)"),
            ("DSQL_ENDPOINT=localhost.example.com", "DSQL_ENDPOINT (line 1)"),
            ("DSQL_ENDPOINT=localhost:5.example.com", "DSQL_ENDPOINT (line 1)"),
            ("AWS_ENDPOINT_URL_STS=https://sts.us-east-1.amazonaws.com", "AWS_ENDPOINT_URL_STS (line 1)"),
            ("DSQL_REGION=ap-south-1", "DSQL_REGION (line 1)"),
            ("DSQL_USER=SECRET", "DSQL_USER (line 1) is not a value that dsql-local wrote"),
            (
                "AWS_ACCESS_KEY_ID=DSQLLOCALX\nDSQL_USER=SECRET",
                "DSQL_USER (line 2) belongs to an earlier dsql-local whose folder was removed \
                 (to keep it, start with --user ROLE --as ROLE)",
            ),
            (
                "DSQL_REGION=eu-west-1\nAWS_ACCESS_KEY_ID=DSQLLOCALX",
                "DSQL_REGION (line 1) belongs to an earlier dsql-local whose folder was removed \
                 (to keep it, start with --region eu-west-1)",
            ),
            ("NOTE=\"SECRET\nAWS_SECRET_ACCESS_KEY=SECRET", "line 1 is ambiguous"),
            ("AWS_SECRET_ACCESS_KEY=\n\"SECRET\"", "line 1 is ambiguous"),
        ] {
            let stopped = merged(text, &bindings(), &Bindings::new()).unwrap_err();
            assert!(stopped.contains(name) && !stopped.contains("SECRET "), "{text:?}: {stopped}");
            assert!(!stopped.replace("AWS_SECRET_ACCESS_KEY", "").contains("SECRET"), "{stopped}");
        }
    }

    #[test]
    fn link_is_followed_and_mode_is_kept() {
        let folder = std::env::temp_dir().join(format!("dsql-local-dev-vars-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (file, link, nothing) = (folder.join("shared"), folder.join(".dev.vars"), Bindings::new());
        fs::write(&file, "MINE=1\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("shared", &link).unwrap();
        write(&link, &bindings(), &nothing).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("MINE=1\n{ALL}"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        fs::remove_file(&file).unwrap();
        let stopped = write(&link, &bindings(), &nothing).unwrap_err().to_string();
        assert!(stopped.contains("a symbolic link to a missing file"), "{stopped}");
        fs::remove_file(&link).unwrap();
        write(&link, &bindings(), &nothing).unwrap();
        assert_eq!(fs::metadata(&link).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&link, b"AWS_SECRET_ACCESS_KEY=\xff\n").unwrap();
        assert!(check(&link, &bindings(), &nothing).unwrap_err().to_string().contains("not UTF-8"));
        assert!(check(&folder, &bindings(), &nothing).unwrap_err().to_string().contains("is a folder: name"));
        fs::write(&link, "").unwrap();
        fs::set_permissions(&link, fs::Permissions::from_mode(0o444)).unwrap();
        for attempt in [check, write] {
            let stopped = attempt(&link, &bindings(), &nothing).unwrap_err().to_string();
            assert!(
                stopped.ends_with("or use --no-dev-vars") && stopped.contains("is read-only"),
                "{stopped}"
            );
        }
        assert_eq!(fs::read_to_string(&link).unwrap(), "");
        fs::remove_dir_all(folder).unwrap();
    }
}
