//! A file of SQL as a session runs it: which statements share a transaction, and which statements have an unknown
//! effect.
//!
//! Input: the statements of a file, and the spans of the text that could not be read. Output: facts about a
//! statement and about the statements before and after it. Names are compared without their schemas, so a statement
//! with `b.t` also counts as a statement with `a.t`.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::ops::Range;

use dsql_edge_compiler::dsql::transaction::{Part, chains, is_last_commit, part};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::Parsed;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};

use super::answers::{ScriptChanges, StatementAnswers};
use super::effects::Effects;
use super::psql::is_harmless;
use super::run::Run;
use super::sent::Sent;
use super::words::{Names, last_name};

/// A file of a run.
pub(super) struct Script<'s> {
    pub(super) parsed: &'s Parsed<'s>,
    pub(super) sent: Sent,
    /// All files of the run, and the index of this file.
    run: (&'s Run<'s>, usize),
    /// The effects of all files.
    effects: OnceCell<Effects>,
    /// Whether every statement of the file can be read.
    is_read: bool,
    names: Names,
    /// The transaction block of each statement, including the block's BEGIN and its end.
    blocks_of: Vec<Option<usize>>,
    blocks: Vec<Block>,
    /// The offsets, in order, at which a statement or a command has an unknown effect.
    unknown: Vec<u32>,
    /// The statements that may contain or run another statement: functions, triggers, rules, DO, EXECUTE and others.
    others_with_text: Vec<usize>,
    /// The statements with a body: functions and DO.
    bodies: Vec<usize>,
    /// The names of the functions that the file defines.
    functions: HashSet<String>,
    /// The facts that `rows` computes for each statement, and that several findings need.
    pub(super) found: Vec<StatementAnswers>,
    /// The indexes of the statements that may change names, code or rows for the statements after them.
    pub(super) changes: OnceCell<ScriptChanges>,
}

/// `BEGIN … COMMIT`, or the statements that `\;` joins to one message.
pub(super) struct Block {
    /// The statement that begins the block; `None` if the `COMMIT AND CHAIN` of the previous block begins this block,
    /// or if the block is a message.
    pub(super) begin: Option<Span>,
    /// The indexes of the statements between the BEGIN and the end of the block; of all statements of a message.
    pub(super) inside: Range<usize>,
    /// Whether the block ends with a COMMIT that does not begin another block.
    pub(super) commits: bool,
}

impl<'s> Script<'s> {
    /// Creates a script. `unread` contains the spans of statements that could not be read.
    pub(super) fn new(
        parsed: &'s Parsed<'s>,
        unread: Vec<Span>,
        sent: Sent,
        run: (&'s Run<'s>, usize),
    ) -> Script<'s> {
        let statements = parsed.statements.as_slice();
        let mut script = Script {
            parsed,
            sent,
            run,
            effects: OnceCell::new(),
            is_read: unread.is_empty(),
            names: Names::of(parsed),
            blocks_of: vec![None; statements.len()],
            blocks: Vec::new(),
            unknown: unread.iter().map(|span| span.start).collect(),
            others_with_text: statements.iter().enumerate().filter(has_text).map(|(at, _)| at).collect(),
            bodies: statements.iter().enumerate().filter(has_body).map(|(at, _)| at).collect(),
            functions: statements.iter().filter_map(defined_function).collect(),
            found: statements.iter().map(|_| StatementAnswers::default()).collect(),
            changes: OnceCell::new(),
        };
        let commands = parsed.tokens.commands.iter().filter(|it| !is_harmless(it, &parsed.text));
        script.unknown.extend(commands.map(|command| command.span.start));
        let statements = statements.iter().filter(|it| script.is_unknown(it));
        script.unknown.extend(statements.map(|statement| statement.span.start).collect::<Vec<_>>());
        script.unknown.sort_unstable();
        script.find_blocks();
        script.find_messages();
        script
    }

    /// Returns the statements that can be read.
    pub(super) fn statements(&self) -> &'s [Statement] {
        &self.parsed.statements
    }

    fn find_blocks(&mut self) {
        let mut open = None;
        for (at, statement) in self.parsed.iter().enumerate() {
            match (part(statement), open) {
                (Part::Begin, None) => {
                    open = Some(self.blocks.len());
                    let inside = at + 1..self.statements().len();
                    self.blocks.push(Block { begin: Some(statement.span), inside, commits: false });
                }
                (Part::End, Some(block)) => {
                    let chains = chains(&statement);
                    self.blocks_of[at] = open;
                    self.blocks[block].inside.end = at;
                    self.blocks[block].commits = is_last_commit(&statement);
                    open = chains.then_some(self.blocks.len());
                    if chains {
                        let inside = at + 1..self.statements().len();
                        self.blocks.push(Block { begin: None, inside, commits: false });
                    }
                    continue;
                }
                _ => {}
            }
            self.blocks_of[at] = open;
        }
    }

    /// If `\;` joins several statements to one message, this message counts as one transaction, unless it is inside a
    /// block.
    fn find_messages(&mut self) {
        let mut rest = 0;
        for message in messages(self.parsed) {
            let inside = rest..rest + message;
            rest = inside.end;
            if message > 1 && self.blocks_of.get(inside.clone()).is_some_and(|of| of.contains(&None)) {
                let block = self.blocks.len();
                self.blocks.push(Block { begin: None, inside: inside.clone(), commits: false });
                for of in self.blocks_of.iter_mut().take(inside.end).skip(inside.start) {
                    of.get_or_insert(block);
                }
            }
        }
    }

    /// Returns the index of the statement with this span.
    pub(super) fn at(&self, span: Span) -> Option<usize> {
        let statements = self.statements();
        let at = statements.partition_point(|statement| statement.span.start < span.start);
        statements.get(at).is_some_and(|statement| statement.span == span).then_some(at)
    }

    /// Whether `\;` directly precedes or follows a statement, so that psql sends it together with another statement.
    pub(super) fn is_joined(&self, at: usize) -> bool {
        let Some(statement) = self.statements().get(at) else { return true };
        let before = at.checked_sub(1).and_then(|at| self.statements().get(at));
        let after = self.statements().get(at + 1);
        let from = before.map_or(0, |before| before.span.end);
        let to = after.map_or(u32::MAX, |after| after.span.start);
        let joins = &self.parsed.tokens.joins;
        let is_between = |from, to| {
            let first = joins.partition_point(|place| *place < from);
            joins.get(first).is_some_and(|place| *place < to)
        };
        is_between(from, statement.span.start) || is_between(statement.span.end, to)
    }

    /// Returns the block that a statement is in.
    pub(super) fn block(&self, at: usize) -> Option<&Block> {
        self.blocks_of.get(at).copied().flatten().and_then(|block| self.blocks.get(block))
    }

    /// Whether a statement by itself is a transaction.
    pub(super) fn is_alone(&self, at: usize) -> bool {
        self.sent != Sent::Whole && self.block(at).is_none()
    }

    /// Whether a byte offset is between the BEGIN and the end of a block.
    pub(super) fn is_in_block(&self, place: u32) -> bool {
        self.blocks.iter().any(|block| {
            // A block that `COMMIT AND CHAIN` begins has no BEGIN: its first statement is the start.
            let first = || self.statements().get(block.inside.start).map_or(u32::MAX, |it| it.span.start);
            let begin = block.begin.map_or_else(first, |begin| begin.start);
            let end = self.statements().get(block.inside.end).map_or(u32::MAX, |end| end.span.start);
            (begin..end).contains(&place)
        })
    }

    /// Whether two statements are in the same block, or both outside any block.
    pub(super) fn are_together(&self, one: usize, other: usize) -> bool {
        self.blocks_of.get(one) == self.blocks_of.get(other)
    }

    /// Whether the effects of all statements and commands between two byte offsets are known.
    pub(super) fn is_known(&self, from: u32, to: u32) -> bool {
        let first = self.unknown.partition_point(|place| *place < from);
        self.unknown.get(first).is_none_or(|place| *place >= to)
    }

    /// Returns those statements of a range that contain a name.
    pub(super) fn naming<'a>(
        &'a self,
        range: Range<usize>,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Statement> {
        self.naming_at(range, name).filter_map(|at| self.statements().get(at))
    }

    /// Returns the indexes of those statements of a range that contain a name.
    pub(super) fn naming_at(&self, range: Range<usize>, name: &str) -> impl Iterator<Item = usize> {
        self.names.within(range, name)
    }

    /// Whether a statement contains `name`, for an object of any kind.
    pub(super) fn names(&self, statement: &Statement, name: &str) -> bool {
        self.at(statement.span).is_some_and(|at| self.names.is_in(at, name))
    }

    /// Whether the SQL in a span contains `name`, for an object of any kind.
    pub(super) fn names_within(&self, span: Span, name: &str) -> bool {
        self.tokens_within(span).iter().any(|token| match &token.kind {
            TokenKind::Identifier(text) => text == name,
            TokenKind::Keyword(keyword) => keyword.text() == name,
            TokenKind::String(text) => last_name(text).eq_ignore_ascii_case(name),
            _ => false,
        })
    }

    /// Whether the text of a statement contains a name, in upper or lower case. Case is ignored because the body of a
    /// function is a literal, whose names the lexer does not fold to lower case.
    pub(super) fn mentions(&self, statement: &Statement, name: &str) -> bool {
        let text = statement.span.text(&self.parsed.text).to_ascii_lowercase();
        text.contains(&name.to_ascii_lowercase())
    }

    /// Returns the effects of all files of the run.
    pub(super) fn effects(&self) -> &Effects {
        self.effects.get_or_init(|| {
            let (run, place) = self.run;
            run.effects_with(place, &Effects::of(self.parsed, self.is_read))
        })
    }

    /// Whether the run contains another file, before or after the current file.
    pub(super) fn has_other_files(&self) -> bool {
        self.run.0.has_others()
    }

    /// Whether the run contains a file after the current file.
    pub(super) fn has_later_files(&self) -> bool {
        self.run.0.has_any_after(self.run.1)
    }

    /// Whether an earlier file contains these words.
    pub(super) fn is_in_earlier_files(&self, words: &str) -> bool {
        let (run, own) = self.run;
        run.has_before(own, words)
    }

    /// Returns those statements in `range` that may need a unique index although they do not contain the table's name:
    /// statements with ON CONFLICT, and statements that may contain or run another statement.
    pub(super) fn upserts_and_bodies(&self, range: Range<usize>) -> impl Iterator<Item = usize> {
        let with_conflict = self.names.within(range.clone(), Keyword::Conflict.text());
        with_conflict.chain(self.others_with_text.iter().copied().filter(move |at| range.contains(at)))
    }

    /// Returns those statements in `range` that have a body. A body is a string, so the names in the body are not
    /// tokens of the statement.
    pub(super) fn bodies(&self, range: Range<usize>) -> impl Iterator<Item = usize> {
        self.bodies.iter().copied().filter(move |at| range.contains(at))
    }

    /// Whether the script defines a function of this name.
    pub(super) fn defines_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    /// Whether a later file contains these words.
    pub(super) fn is_in_later_files(&self, words: &str) -> bool {
        let (run, own) = self.run;
        run.has_after(own, words)
    }

    /// Whether a statement contains this keyword.
    pub(super) fn has(&self, statement: &Statement, keyword: Keyword) -> bool {
        self.tokens(statement).iter().any(|token| token.kind == TokenKind::Keyword(keyword))
    }

    /// Returns the tokens of a statement.
    pub(super) fn tokens(&self, statement: &Statement) -> &'s [Token] {
        self.tokens_within(statement.span)
    }

    /// Returns the tokens in a span.
    pub(super) fn tokens_within(&self, span: Span) -> &'s [Token] {
        self.parsed.tokens.within(span)
    }

    /// Whether a statement may have effects that cannot be derived from its text.
    fn is_unknown(&self, statement: &Statement) -> bool {
        match &statement.kind {
            StatementKind::CreateTrigger(_) | StatementKind::CreateRule(_) => true,
            StatementKind::Transaction(_) => {
                !matches!(part(self.parsed.statement(statement)), Part::Begin | Part::End)
            }
            StatementKind::Utility(words) => matches!(
                *words,
                "DO" | "CALL"
                    | "EXECUTE"
                    | "PREPARE"
                    | "DISCARD"
                    | "IMPORT FOREIGN SCHEMA"
                    | "REASSIGN OWNED"
                    | "EXPLAIN"
            ),
            StatementKind::Query(_) => self.tokens(statement).windows(2).any(|pair| {
                let [name, open] = pair else { return false };
                matches!(name.kind, TokenKind::Identifier(_)) && open.kind == TokenKind::Symbol(b'(')
            }),
            _ => false,
        }
    }
}

/// Returns the number of statements in each message that psql sends: `\;` joins two statements.
pub(super) fn messages(parsed: &Parsed<'_>) -> Vec<usize> {
    let joins = &parsed.tokens.joins;
    let mut out: Vec<usize> = Vec::new();
    let mut before: Option<Span> = None;
    for statement in &parsed.statements {
        let is_joined = before.is_some_and(|before| {
            let first = joins.partition_point(|place| *place < before.end);
            joins.get(first).is_some_and(|place| *place < statement.span.start)
        });
        match out.last_mut() {
            Some(count) if is_joined => *count += 1,
            _ => out.push(1),
        }
        before = Some(statement.span);
    }
    out
}

fn has_text((_, statement): &(usize, &Statement)) -> bool {
    matches!(
        statement.kind,
        StatementKind::CreateFunction(_)
            | StatementKind::AlterFunction(_)
            | StatementKind::RenameSchema { .. }
            | StatementKind::CreateTrigger(_)
            | StatementKind::CreateRule(_)
            | StatementKind::Utility("DO" | "CALL" | "EXECUTE" | "PREPARE" | "COPY" | "EXPLAIN")
    )
}

fn has_body((_, statement): &(usize, &Statement)) -> bool {
    matches!(statement.kind, StatementKind::CreateFunction(_) | StatementKind::Utility("DO"))
}

fn defined_function(statement: &Statement) -> Option<String> {
    match &statement.kind {
        StatementKind::CreateFunction(function) => Some(function.name.name().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsql_edge_compiler::Source;

    fn with<T>(text: &str, look: impl FnOnce(&Script<'_>) -> T) -> T {
        let source = Source::script(text);
        let parsed = Parsed::script(&source).unwrap();
        let run = Run::of([""]);
        look(&Script::new(&parsed, Vec::new(), Sent::OneByOne, (&run, 0)))
    }

    #[test]
    fn command_of_psql_is_in_the_block_around_it() {
        for (text, expected) in [
            ("BEGIN; SELECT 1; HERE COMMIT;", true),
            ("BEGIN; COMMIT AND CHAIN; SELECT 1; HERE COMMIT;", true),
            ("BEGIN; SELECT 1; COMMIT; HERE SELECT 1;", false),
        ] {
            let at = u32::try_from(text.find("HERE").unwrap()).unwrap();
            let text = text.replace("HERE", "    ");
            assert_eq!(with(&text, |script| script.is_in_block(at)), expected, "{text}");
        }
    }

    #[test]
    fn blocks_are_found_with_their_ends() {
        for (text, expected) in [
            ("SELECT 1; BEGIN; SELECT 2; COMMIT; SELECT 3;", "1:committed"),
            ("BEGIN; SELECT 2; SELECT 2; ROLLBACK;", "2:not"),
            ("START TRANSACTION; END; BEGIN; SELECT 1;", "0:committed 1:not"),
            ("BEGIN; SELECT 1; COMMIT AND CHAIN; SELECT 1; COMMIT;", "1:not 1:committed"),
            ("BEGIN; SELECT 1; COMMIT AND NO CHAIN;", "1:committed"),
            ("BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT;", "2:committed"),
            ("BEGIN; SELECT 1; COMMIT PREPARED 'a'; ROLLBACK;", "2:not"),
        ] {
            let found = with(text, |script| {
                let end = |commits| if commits { "committed" } else { "not" };
                let blocks =
                    script.blocks.iter().map(|it| format!("{}:{}", it.inside.len(), end(it.commits)));
                blocks.collect::<Vec<_>>().join(" ")
            });
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn code_settings_and_savepoints_are_unknown() {
        for (text, known) in [
            ("SELECT 1; \\echo x\n\\set a b\n\\d t\nSELECT 2 \\gset\n", true),
            ("DO $$ BEGIN END $$;", false),
            ("SELECT pg_catalog.set_config('search_path', '', false);", false),
            ("\\i other.sql\n", false),
            ("SELECT 'CREATE TABLE t ()' \\gexec\n", false),
            ("\\set AUTOCOMMIT off\n", false),
            ("BEGIN; SAVEPOINT a; COMMIT;", false),
        ] {
            assert_eq!(with(text, |script| script.is_known(0, u32::MAX)), known, "{text}");
        }
    }
}
