//! Case files: Markdown in, cases out, and the file with new answers written back. It compiles nothing.
//!
//! A file holds blocks fenced by three backticks, and prose, which is for people. `sql schema` sets the schema of the
//! cases that follow, `sql rows` statements that fill its tables beside what the oracle makes up; `sql` is a query, the next block `answer` is what is expected of it:
//!
//! ````text
//! ```sql schema
//! CREATE TABLE t (id int PRIMARY KEY);
//! ```
//! ```sql
//! SELECT id FROM t
//! ```
//! ```answer
//! id int4 NOT NULL
//! rows: many
//! ```
//! ````
//!
//! If PostgreSQL's verdict differs, the block names it and the reason: `sql oracle=accepts: only DSQL rejects it`.
//! A block `sql wrong schema` is a schema that cannot be understood or followed, `sql wrong migration` a migration that
//! `migrate` rejects; the answer is the errors.

use anyhow::{Result, bail};

/// A query and what is expected of it.
pub struct Case {
    /// The heading above it.
    pub heading: String,
    /// The line of the query, from 1.
    pub line: usize,
    /// The DDL that holds here.
    pub schema: String,
    /// Rows that are there beside those that the oracle makes up.
    pub rows: String,
    /// The query.
    pub query: String,
    /// If the query is itself a file of DDL with errors: its reader.
    pub ddl: Option<Ddl>,
    /// PostgreSQL's answer to it.
    pub oracle: Expectation,
    /// The expected answer; "" if the file does not have it yet.
    pub answer: String,
}

/// The reader of a file of DDL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ddl {
    /// `sql!`, as its schema.
    Schema,
    /// `migrate`.
    Migration,
}

/// The answer that is expected of PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// The same.
    Agrees,
    /// It accepts what we refuse: DSQL's rules, or ours.
    Accepts,
    /// It refuses too, at another place or for another reason.
    Refuses,
}

/// A parsed file.
pub struct CaseFile {
    parts: Vec<Part>,
}

enum Part {
    /// Text as it is, schema blocks included.
    Text(String),
    Case {
        opening: String,
        case: Case,
    },
}

impl CaseFile {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// A block that does not end, or that nobody reads.
    pub fn parse(text: &str) -> Result<CaseFile> {
        let mut parts = Vec::new();
        let mut schema = String::new();
        let mut rows = String::new();
        let mut heading = String::new();
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            let Some(info) = line.strip_prefix("```") else {
                if let Some(text) = line.strip_prefix("## ") {
                    text.clone_into(&mut heading);
                }
                parts.push(Part::Text(format!("{line}\n")));
                continue;
            };
            let mut body = String::new();
            loop {
                match lines.next() {
                    Some((_, "```")) => break,
                    Some((_, line)) => body += &format!("{line}\n"),
                    None => bail!("line {number}: this block has no end"),
                }
            }
            match info {
                "sql schema" => {
                    parts.push(Part::Text(format!("{line}\n{body}```\n")));
                    schema = body;
                    rows.clear();
                }
                "sql rows" => {
                    parts.push(Part::Text(format!("{line}\n{body}```\n")));
                    rows = body;
                }
                "answer" => match parts.iter_mut().rev().find_map(as_case) {
                    Some(case) if case.answer.is_empty() => case.answer = body,
                    _ => bail!("line {number}: an answer to no question"),
                },
                "sql wrong schema" | "sql wrong migration" => {
                    let ddl = if info.ends_with("schema") { Ddl::Schema } else { Ddl::Migration };
                    let case = Case {
                        heading: heading.clone(),
                        line: number,
                        schema: String::new(),
                        rows: String::new(),
                        query: body.trim_end().to_owned(),
                        ddl: Some(ddl),
                        oracle: Expectation::Agrees,
                        answer: String::new(),
                    };
                    parts.push(Part::Case { opening: line.to_owned(), case });
                }
                _ if info == "sql" || info.starts_with("sql oracle=") => {
                    let oracle = expectation(info).ok_or_else(|| {
                        anyhow::anyhow!("line {number}: oracle=accepts or oracle=refuses, and why")
                    })?;
                    let query = body.trim_end().to_owned();
                    let case = Case {
                        heading: heading.clone(),
                        line: number,
                        schema: schema.clone(),
                        rows: rows.clone(),
                        query,
                        ddl: None,
                        oracle,
                        answer: String::new(),
                    };
                    parts.push(Part::Case { opening: line.to_owned(), case });
                }
                _ => parts.push(Part::Text(format!("{line}\n{body}```\n"))),
            }
        }
        Ok(CaseFile { parts })
    }

    /// Its cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.parts.iter().filter_map(|part| match part {
            Part::Case { case, .. } => Some(case),
            Part::Text(_) => None,
        })
    }

    /// The text of the file with these answers, one a case.
    pub fn with_answers(&self, answers: &[String]) -> String {
        let mut answers = answers.iter();
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out += text,
                Part::Case { opening, case } => {
                    let answer = answers.next().map_or("", String::as_str);
                    out += &format!("{opening}\n{}\n```\n```answer\n{answer}```\n", case.query);
                }
            }
        }
        out
    }
}

fn as_case(part: &mut Part) -> Option<&mut Case> {
    match part {
        Part::Case { case, .. } => Some(case),
        Part::Text(_) => None,
    }
}

/// `sql`, or `sql oracle=WHAT: WHY`.
fn expectation(info: &str) -> Option<Expectation> {
    let Some(rest) = info.strip_prefix("sql oracle=") else { return Some(Expectation::Agrees) };
    let (what, why) = rest.split_once(':')?;
    if why.trim().is_empty() {
        return None;
    }
    match what {
        "accepts" => Some(Expectation::Accepts),
        "refuses" => Some(Expectation::Refuses),
        _ => None,
    }
}
