//! Parses the reviewed file `never_null.txt`.
//!
//! Input: the text of the file. Output: the class of each signature. A signature that is not in the file has no class.
//!
//! A section begins with `[class] reason` and lists signatures, one per line: `lower(text)`, or
//! `jsonb_each_text(jsonb).key` for a column of a result. Empty lines and lines that begin with `#` are skipped.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// The class of a function's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// `[yes]`: not NULL when all arguments are non-NULL.
    Yes,
    /// `[always]`: not NULL for any arguments.
    Always,
    /// `[rows]`: an aggregate, not NULL over at least one row of non-NULL arguments.
    Rows,
    /// `[any rows]`: an aggregate, not NULL over at least one row.
    AnyRows,
}

impl Class {
    /// The letter in `functions.txt` and `operators.txt`.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Yes => 'y',
            Self::Always => 'a',
            Self::Rows => 'n',
            Self::AnyRows => 'r',
        }
    }
}

/// The parsed file.
pub(crate) struct NeverNull {
    classes: BTreeMap<String, Class>,
}

impl NeverNull {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut classes = BTreeMap::new();
        let mut section = None;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(header) = line.strip_prefix('[') {
                section = Some(class_of(header).with_context(|| format!("line {number}"))?);
                continue;
            }
            let Some(class) = section else { bail!("line {number}: a signature before the first section") };
            if classes.insert(line.to_owned(), class).is_some() {
                bail!("line {number}: {line} is listed twice: remove one");
            }
        }
        Ok(Self { classes })
    }

    pub(crate) fn class(&self, signature: &str) -> Option<Class> {
        self.classes.get(signature).copied()
    }

    pub(crate) fn signatures(&self) -> impl Iterator<Item = (&str, Class)> {
        self.classes.iter().map(|(signature, class)| (signature.as_str(), *class))
    }
}

fn class_of(header: &str) -> Result<Class> {
    let (class, reason) = header.split_once(']').context("a section opens with `[class] reason`")?;
    if reason.trim().is_empty() {
        bail!("a section needs its reason");
    }
    Ok(match class {
        "yes" => Class::Yes,
        "always" => Class::Always,
        "rows" => Class::Rows,
        "any rows" => Class::AnyRows,
        other => bail!("no such class: [{other}]"),
    })
}
