//! Reads and writes case files. This module compiles nothing.
//!
//! Input: Markdown. Output: cases, and the Markdown with new answers.
//!
//! A file contains blocks fenced by three backticks, and prose, which is for people. `sql schema` sets the schema of
//! the cases that follow. `sql rows` contains statements that add rows to the rows that the oracle generates. `sql` is
//! a query, and the next block `answer` is its expected answer:
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
//! A block `sql in batches of 3` is an UPDATE or DELETE that runs in batches of three rows.
//!
//! If PostgreSQL's verdict differs from ours, the first line of the block has this verdict and the reason, as in
//! `sql oracle=accepts: only DSQL rejects this`. A block `sql wrong schema` is a schema with errors or with a statement
//! that cannot be followed, and a block `sql wrong migration` is a migration that `migrate` rejects; the answer to
//! either block is the list of errors.

use anyhow::{Context as _, Result, bail};
use dsql_edge_compiler::diagnostic::Code;

/// The beginning of the first line of a block with an UPDATE or DELETE that runs in batches. The number of rows of a
/// batch follows.
const BATCHES: &str = "sql in batches of ";

/// A query and its expected answer.
pub struct Case {
    /// The heading above the query.
    pub heading: String,
    /// The line of the query, from 1.
    pub line: usize,
    /// The DDL of the schema.
    pub schema: String,
    /// SQL that inserts rows, in addition to the rows that the oracle generates.
    pub rows: String,
    /// The query.
    pub query: String,
    /// If the query is a file of DDL with errors, the part of the project that reads this file.
    pub ddl: Option<Ddl>,
    /// If the query runs in batches, the number of rows of a batch.
    pub batches: Option<u32>,
    /// The expected verdict of PostgreSQL.
    pub oracle: Expectation,
    /// The expected answer; "" if the file does not have it yet.
    pub answer: String,
}

/// The part of the project that reads a file of DDL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ddl {
    /// `sql!` reads the file as its schema.
    Schema,
    /// `migrate` reads the file as a migration.
    Migration,
}

/// The expected verdict of PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expectation {
    /// PostgreSQL answers the query in the same way as the compiler.
    Agrees,
    /// PostgreSQL accepts a query that a rule of DSQL or of `sql!` rejects.
    Accepts,
    /// PostgreSQL rejects the query too, but at a different position or for a different reason.
    Refuses,
}

/// A parsed file.
pub struct CaseFile {
    parts: Vec<Part>,
}

enum Part {
    /// Text that is copied unchanged, including schema blocks.
    Text(String),
    Case {
        opening: String,
        case: Case,
    },
}

impl Case {
    /// Whether the answer has advice: below the SQL, or in the first line, after the code.
    pub fn has_advice(&self) -> bool {
        let in_headline = |line: &str| {
            let before = line.split_once("]: ").map(|(before, _)| before);
            let code = before.and_then(|before| before.rsplit(['[', ' ']).next());
            code.is_some_and(|code| Code::named(code).is_some())
        };
        self.answer.lines().any(|line| line.contains(" = help: ") || in_headline(line))
    }
}

impl CaseFile {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// Returns an error if a block has no end or an unknown name.
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
                    None => bail!("line {number}: this block has no end: add ``` after it"),
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
                    _ => bail!("line {number}: an answer without a query before it: remove it"),
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
                        batches: None,
                        oracle: Expectation::Agrees,
                        answer: String::new(),
                    };
                    parts.push(Part::Case { opening: line.to_owned(), case });
                }
                _ if info == "sql" || info.starts_with("sql oracle=") || info.starts_with(BATCHES) => {
                    let batches = info.strip_prefix(BATCHES).map(str::parse).transpose();
                    let batches = batches.with_context(|| format!("line {number}: the number of rows"))?;
                    let info = if batches.is_some() { "sql" } else { info };
                    let oracle = expectation(info).ok_or_else(|| {
                        anyhow::anyhow!(
                            "line {number}: write oracle=accepts or oracle=refuses, a colon and the reason"
                        )
                    })?;
                    let query = body.trim_end().to_owned();
                    let case = Case {
                        heading: heading.clone(),
                        line: number,
                        schema: schema.clone(),
                        rows: rows.clone(),
                        query,
                        ddl: None,
                        batches,
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

    /// The cases of the file, in order.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.parts.iter().filter_map(|part| match part {
            Part::Case { case, .. } => Some(case),
            Part::Text(_) => None,
        })
    }

    /// Returns the text of the file, in which `answers` replace the old answers; there is one answer per case.
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
