//! The reviewed column: text of `never_null.txt` in, what is known of each signature out. It never decides
//! anything itself; what the file does not name is unknown.
//!
//! A section opens with `[class] reason` and lists signatures, one a line: `lower(text)`, or
//! `jsonb_each_text(jsonb).key` for a column of a result. Empty lines and lines from `#` are passed over.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

/// What is known of a function's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// `[yes]`: not NULL when all arguments are non-NULL.
    Yes,
    /// `[always]`: not NULL whatever the arguments are.
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

/// The file.
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
                bail!("line {number}: {line} is there twice");
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
