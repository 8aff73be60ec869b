//! Plans a run. This module does no I/O.
//!
//! Input: a folder and the ledger. Output: the steps that are not applied, or the differences between the folder and
//! the ledger.

use std::collections::BTreeMap;
use std::fmt;

use crate::folder::{File, Folder};
use crate::ledger::{Entry, State};
use crate::order;
use crate::steps::Step;

/// A file that the ledger does not record as applied.
pub struct Pending<'f> {
    /// The file.
    pub file: &'f File,
    /// The steps of the file that are not applied, and their entries in the ledger.
    pub steps: Vec<(&'f Step, Option<Entry>)>,
    /// Whether later files are applied already.
    pub out_of_order: bool,
}

/// The reason why the files of a folder cannot be applied as they are. Nothing was sent.
#[derive(Debug)]
pub enum PlanError {
    /// The folder differs from the files that were applied: a line for each difference.
    Differs(Vec<String>),
    /// Some files that are not applied yet do not pass the rules.
    Rejected(String),
    /// Some files that are not applied come before applied files, and in the order of the file names, the folder has
    /// errors.
    Misplaced(String),
}

impl fmt::Display for PlanError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Differs(lines) => write!(
                out,
                "nothing was sent: the folder differs from the files that were applied\n{}",
                lines.join("\n")
            ),
            PlanError::Rejected(rejection) | PlanError::Misplaced(rejection) => out.write_str(rejection),
        }
    }
}

impl std::error::Error for PlanError {}

/// Returns the steps that are not applied yet.
///
/// # Errors
/// Returns an error that lists every applied file whose text has changed or that is not in the folder. If there are no
/// such files, returns an error if files that are not applied do not pass the rules or are misplaced.
pub fn plan<'f>(folder: &'f Folder, entries: &[Entry]) -> Result<Vec<Pending<'f>>, PlanError> {
    let of_files = by_file(entries);
    let gone = gone(folder, entries).into_iter();
    let mut problems: Vec<String> =
        gone.map(|it| format!("{} was applied and is not in the folder: {}", it.name, it.advice)).collect();
    let (mut pending, mut rejected) = (Vec::new(), Vec::new());
    let last_applied =
        of_files.iter().filter(|(_, of_file)| of_file.contains_key(&0)).map(|(name, _)| *name).max();
    for file in &folder.files {
        let nothing = BTreeMap::new();
        let known = of_files.get(file.name.as_str()).unwrap_or(&nothing);
        problems.extend(changed(file, known));
        if known.contains_key(&0) || file.has_nothing_to_apply() {
            continue;
        }
        if !file.problems.is_empty() {
            rejected.push(file);
        }
        let steps = file.steps.iter().filter_map(|step| match known.get(&step.number) {
            Some(entry) if entry.state == State::Applied => None,
            entry => Some((step, entry.map(|entry| (*entry).clone()))),
        });
        let out_of_order = last_applied.is_some_and(|last| file.name.as_str() < last);
        pending.push(Pending { file, steps: steps.collect(), out_of_order });
    }
    if problems.is_empty() {
        let applied = |name: &str| of_files.get(name).is_some_and(|of_file| of_file.contains_key(&0));
        return match folder.rejection(&rejected) {
            Some(rejection) => Err(PlanError::Rejected(rejection)),
            None => match order::fault(folder, &|file| applied(&file.name)) {
                Some(fault) => Err(PlanError::Misplaced(fault)),
                None => Ok(pending),
            },
        };
    }
    Err(PlanError::Differs(problems))
}

fn by_file(entries: &[Entry]) -> BTreeMap<&str, BTreeMap<i32, &Entry>> {
    let mut of_files: BTreeMap<&str, BTreeMap<i32, &Entry>> = BTreeMap::new();
    for entry in entries {
        of_files.entry(&entry.file).or_default().insert(entry.step, entry);
    }
    of_files
}

/// A file that was applied, at least in part, and is not in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The file's name in the ledger.
    pub name: String,
    /// A file of the folder that has the same text and is not in the ledger: the file was probably renamed to this
    /// name.
    pub renamed_to: Option<String>,
    /// What to do.
    pub advice: String,
}

/// Returns the files that were applied and are not in the folder.
pub fn gone(folder: &Folder, entries: &[Entry]) -> Vec<Gone> {
    let of_files = by_file(entries);
    let is_gone = |name: &&str| !folder.files.iter().any(|file| file.name == **name);
    let one = |name: &str| {
        let known = of_files.get(name)?;
        let is_new = |file: &&File| !of_files.contains_key(file.name.as_str());
        let renamed = folder.files.iter().filter(is_new).find(|file| has_same_text(file, known));
        let renamed_to = renamed.map(|file| file.name.clone());
        let advice = match &renamed_to {
            Some(new) if known.contains_key(&0) => format!(
                "{new} has the same text, so it was probably renamed. Rename it back to {name}; or, if the new name is right, run \
                 `dsql-edge migrate resolve {new} --applied` and then `dsql-edge migrate resolve {name} --forget`"
            ),
            Some(new) => format!(
                "{new} has the same text, so it was probably renamed. Rename it back to {name}, at least until all of it is \
                 applied"
            ),
            None => format!(
                "put the file back into the folder, or run `dsql-edge migrate resolve {name} --forget`"
            ),
        };
        Some(Gone { name: name.to_owned(), renamed_to, advice })
    };
    of_files.keys().copied().filter(is_gone).filter_map(one).collect()
}

/// Whether the checksums of a file match these rows of the ledger.
fn has_same_text(file: &File, known: &BTreeMap<i32, &Entry>) -> bool {
    if let Some(whole) = known.get(&0) {
        return file.checksum.matches(&whole.checksum);
    }
    let is_same = |(number, entry): (&i32, &&Entry)| {
        file.steps.iter().any(|step| step.number == *number && step.checksum.matches(&entry.checksum))
    };
    known.iter().all(is_same)
}

/// Describes the first difference between a file and its steps that were applied or begun.
pub fn changed(file: &File, known: &BTreeMap<i32, &Entry>) -> Option<String> {
    let (name, unit) = (&file.name, file.unit);
    // If a file does not pass the rules, its steps are not known, so only the checksum of the whole file can be
    // compared.
    let known: &BTreeMap<i32, &Entry> = match (file.problems.is_empty(), known.get(&0)) {
        (false, Some(whole)) => &BTreeMap::from([(0, *whole)]),
        (false, None) => return None,
        (true, _) => known,
    };
    let undo = format!(
        "undo the change and write another migration; or, if the database already matches the file as it is now, run `dsql-edge migrate resolve {name} --changed`"
    );
    for (number, entry) in known.range(1..) {
        if entry.state == State::Failed {
            continue;
        }
        let Some(step) = file.steps.iter().find(|step| step.number == *number) else {
            return Some(format!(
                "{}: {unit} {number} was applied, but the file no longer contains it: {undo}",
                file.path
            ));
        };
        if !step.checksum.matches(&entry.checksum) {
            let place = file.place(step);
            return Some(if entry.state == State::Applied {
                let more = match unit {
                    "part" if !known.contains_key(&0) => {
                        ". A statement that comes after an applied part goes between BEGIN and COMMIT, so that the part stays \
                         as it was"
                    }
                    _ => "",
                };
                format!("{place}: {unit} {number} was changed after it was applied: {undo}{more}")
            } else {
                format!(
                    "{place}: {unit} {number} was changed after it was begun: undo the change; or run `dsql-edge migrate \
                     resolve {name}:{number} --not-applied`, so that the next run sends it as it is now, or --applied if \
                     the database has its effect"
                )
            });
        }
    }
    match known.get(&0) {
        Some(entry) if !file.checksum.matches(&entry.checksum) => {
            let more = file.steps.iter().find(|step| !known.contains_key(&step.number));
            Some(match more {
                Some(step) => {
                    format!(
                        "{}: {unit} {} was added after the file was applied: move it to another migration; or, if the database \
                         has its effect, run `dsql-edge migrate resolve {name} --changed`",
                        file.place(step),
                        step.number
                    )
                }
                None if !file.problems.is_empty() => {
                    format!("{}: it was changed after it was applied: {undo}", file.path)
                }
                None => {
                    format!(
                        "{}: its comments or blanks, or a text that is not a statement, were changed after it was applied: {undo}",
                        file.path
                    )
                }
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsql_edge_compiler::schema::Dialect;

    fn folder(files: &[(&str, &str)]) -> Folder {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Folder::of(files, Dialect::Dsql, &|_| BTreeMap::new()).unwrap()
    }

    /// Returns a ledger in which, for each file `i`, the first `steps[i]` steps are applied. After all steps of a file,
    /// the ledger also has the file's row.
    fn applied(folder: &Folder, steps: &[usize]) -> Vec<Entry> {
        let mut out = Vec::new();
        for (file, count) in folder.files.iter().zip(steps) {
            let entry = |step: i32, checksum: &str| Entry {
                file: file.name.clone(),
                step,
                checksum: checksum.to_owned(),
                state: State::Applied,
                ..Entry::default()
            };
            out.extend(file.steps.iter().take(*count).map(|step| entry(step.number, &step.checksum.text)));
            if *count == file.steps.len() {
                out.push(entry(0, &file.checksum.text));
            }
        }
        out
    }

    const ONE: (&str, &str) = ("1.sql", "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1);");
    const TWO: (&str, &str) = ("2.sql", "CREATE TABLE b (id int PRIMARY KEY);");

    #[test]
    fn steps_that_are_not_applied_are_planned() {
        let folder = folder(&[ONE, TWO]);
        let left = |entries: &[Entry]| -> Vec<(String, usize)> {
            let plan = plan(&folder, entries).unwrap();
            plan.iter().map(|it| (it.file.name.clone(), it.steps.len())).collect()
        };
        let of = |name: &str, steps| (name.to_owned(), steps);
        assert_eq!(left(&[]), [of("1.sql", 2), of("2.sql", 1)]);
        assert_eq!(left(&applied(&folder, &[1])), [of("1.sql", 1), of("2.sql", 1)]);
        assert_eq!(left(&applied(&folder, &[2, 1])), []);
        let second_first: Vec<Entry> =
            applied(&folder, &[2, 1]).into_iter().filter(|entry| entry.file == "2.sql").collect();
        assert!(plan(&folder, &second_first).unwrap()[0].out_of_order);
    }

    /// An empty file is not recorded as applied: otherwise the statements that a user writes into it later would never
    /// be sent.
    #[test]
    fn file_without_a_statement_is_not_planned() {
        let folder = folder(&[("1.sql", ""), ("2.sql", "-- CREATE TABLE b\n;")]);
        assert_eq!(plan(&folder, &[]).unwrap().len(), 0);
    }

    #[test]
    fn renamed_file_is_recognized_by_its_text() {
        let before = folder(&[ONE, TWO]);
        let other = ("2.sql", "CREATE TABLE other (id int PRIMARY KEY);");
        let gone_after = |steps: &[usize], now: &[(&str, &str)]| gone(&folder(now), &applied(&before, steps));
        let renamed = gone_after(&[2, 1], &[ONE, ("0002.sql", TWO.1)]);
        assert_eq!(renamed.len(), 1);
        assert_eq!(renamed[0].renamed_to.as_deref(), Some("0002.sql"));
        for expected in ["Rename it back to 2.sql", "resolve 0002.sql --applied", "resolve 2.sql --forget"] {
            assert!(renamed[0].advice.contains(expected), "{}", renamed[0].advice);
        }
        // Only one step of the file is applied, so the advice must not be to record the whole file as applied.
        let begun = gone_after(&[1], &[("0001.sql", ONE.1), TWO]);
        assert_eq!(begun[0].renamed_to.as_deref(), Some("0001.sql"));
        assert!(!begun[0].advice.contains("--applied"), "{}", begun[0].advice);
        assert_eq!(gone_after(&[2, 1], &[ONE, other]), []);
        let lost = gone_after(&[2, 1], &[ONE, ("0002.sql", other.1)]);
        assert_eq!(
            (lost[0].renamed_to.as_deref(), lost[0].advice.contains("put the file back")),
            (None, true)
        );
        // `3.sql` has the same text as the missing file, but the ledger already contains `3.sql`, so the missing file
        // was not renamed to `3.sql`.
        let twice = folder(&[ONE, TWO, ("3.sql", TWO.1)]);
        let without = folder(&[ONE, ("3.sql", TWO.1)]);
        assert_eq!(gone(&without, &applied(&twice, &[2, 1, 1]))[0].renamed_to, None);
    }

    #[test]
    fn folder_that_differs_from_the_applied_files_is_rejected() {
        let before = folder(&[ONE, TWO]);
        let refused = |steps: &[usize], now: &[(&str, &str)]| -> String {
            let now = folder(now);
            plan(&now, &applied(&before, steps)).err().map(|error| error.to_string()).unwrap_or_default()
        };
        let changed = ("1.sql", "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (2);");
        // After a failure, the user may fix the statements of the file that were not applied.
        assert_eq!(refused(&[1], &[changed, TWO]), "");
        // It is not known whether a statement that was begun is applied. So the advice must not be `--changed`, which
        // would record the statement as applied.
        let mut begun = applied(&before, &[1]);
        begun[0].state = State::Started;
        let other = folder(&[("1.sql", "CREATE TABLE a (id bigint PRIMARY KEY);")]);
        let error = plan(&other, &begun).err().unwrap().to_string();
        assert!(error.contains("resolve 1.sql:1 --not-applied") && !error.contains("--changed"), "{error}");
        assert!(
            refused(&[2], &[changed, TWO])
                .contains("1.sql:1:38: statement 2 was changed after it was applied")
        );
        let comment = ("1.sql", "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); -- new");
        assert!(refused(&[2], &[comment, TWO]).contains("comments or blanks"));
        // If a file does not pass the rules, its statements are not known, so the message must not claim that these
        // statements are unchanged.
        let rejected = vec![("1.sql".to_owned(), "CREATE TABLE b (id int); SET a = 1;".to_owned())];
        let rejected = Folder::divided(rejected, Dialect::Dsql, &|_| BTreeMap::new()).unwrap();
        let error = plan(&rejected, &applied(&before, &[2])).err().unwrap().to_string();
        assert!(error.contains("1.sql: it was changed after it was applied: undo"), "{error}");
        let shorter = ("1.sql", "CREATE TABLE a (id int PRIMARY KEY);");
        assert!(
            refused(&[2], &[shorter, TWO])
                .contains("statement 2 was applied, but the file no longer contains it")
        );
        let longer = ("2.sql", "CREATE TABLE b (id int PRIMARY KEY); DROP TABLE b;");
        let added = refused(&[2, 1], &[ONE, longer]);
        assert!(
            added.contains("statement 2 was added") && added.contains("if the database has its effect"),
            "{added}"
        );
        assert!(refused(&[2, 1], &[ONE]).contains("2.sql was applied and is not in the folder"));
    }
}
