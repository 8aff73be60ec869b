//! A file of SQL as a session runs it: which statements share a transaction, and which have an unknown effect.
//!
//! Input: the statements of a file, and the places in it that could not be read. Output: answers about a statement and
//! those around it. Names are compared without their schemas: if in doubt, a statement names a table.

use std::cell::OnceCell;
use std::ops::Range;

use dsql_edge_compiler::dsql::transaction::{Part, chains, is_last_commit, part};
use dsql_edge_compiler::source::Span;
use dsql_edge_compiler::syntax::ast::{Statement, StatementKind};
use dsql_edge_compiler::syntax::keyword::Keyword;
use dsql_edge_compiler::syntax::token::{Token, TokenKind};
use dsql_edge_compiler::syntax::{Parsed, PsqlCommand};

use super::sent::Sent;

/// A file.
pub(super) struct Script<'s> {
    pub(super) parsed: &'s Parsed<'s>,
    pub(super) sent: Sent,
    /// The texts of the files that run after this one, in lower case.
    later: &'s str,
    /// The transaction block of each statement, its BEGIN and its end included.
    blocks_of: Vec<Option<usize>>,
    blocks: Vec<Block>,
    /// The places of statements and commands whose effect is not known, in order.
    unknown: Vec<u32>,
    /// The names of the functions that it defines.
    functions: Vec<String>,
    /// For each statement the answers of `rows`, which each finding needs again.
    pub(super) found: Vec<Found>,
}

/// Answers about a statement; each is computed at its first use.
#[derive(Default)]
pub(super) struct Found {
    /// It writes only to the table that it names.
    pub(super) stays: OnceCell<bool>,
    /// It calls a function that is not PostgreSQL's, itself or through a view.
    pub(super) calls: OnceCell<bool>,
}

/// `BEGIN … COMMIT`.
pub(super) struct Block {
    /// The statement that begins it; `None` if that is `COMMIT AND CHAIN`, which ends another.
    pub(super) begin: Option<Span>,
    /// The statements between its begin and its end.
    pub(super) inside: Range<usize>,
    /// It ends with COMMIT, and that COMMIT does not begin another block.
    pub(super) commits: bool,
}

impl<'s> Script<'s> {
    /// `unread`: the places of statements that could not be read.
    pub(super) fn new(
        parsed: &'s Parsed<'s>,
        unread: impl Iterator<Item = Span>,
        sent: Sent,
        later: &'s str,
    ) -> Script<'s> {
        let statements = parsed.statements.as_slice();
        let mut script = Script {
            parsed,
            sent,
            later,
            blocks_of: vec![None; statements.len()],
            blocks: Vec::new(),
            unknown: unread.map(|span| span.start).collect(),
            functions: statements.iter().filter_map(defined_function).collect(),
            found: statements.iter().map(|_| Found::default()).collect(),
        };
        let commands = parsed.tokens.commands.iter().filter(|it| !is_harmless(it, &parsed.text));
        script.unknown.extend(commands.map(|command| command.span.start));
        let statements = statements.iter().filter(|it| script.is_unknown(it));
        script.unknown.extend(statements.map(|statement| statement.span.start).collect::<Vec<_>>());
        script.unknown.sort_unstable();
        script.find_blocks();
        script
    }

    /// The statements that can be read.
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

    /// The statement at a place.
    pub(super) fn at(&self, span: Span) -> Option<usize> {
        self.statements().iter().position(|statement| statement.span == span)
    }

    /// The block that a statement is in.
    pub(super) fn block(&self, at: usize) -> Option<&Block> {
        self.blocks_of.get(at).copied().flatten().and_then(|block| self.blocks.get(block))
    }

    /// Whether a statement is a transaction of its own.
    pub(super) fn is_alone(&self, at: usize) -> bool {
        self.sent != Sent::Whole && self.block(at).is_none()
    }

    /// Whether two statements are in the same block, or both in none.
    pub(super) fn are_together(&self, one: usize, other: usize) -> bool {
        self.blocks_of.get(one) == self.blocks_of.get(other)
    }

    /// Whether the effect of everything between two places is known.
    pub(super) fn is_known(&self, from: u32, to: u32) -> bool {
        !self.unknown.iter().any(|place| (from..to).contains(place))
    }

    /// The statements of a range that name something.
    pub(super) fn naming<'a>(
        &'a self,
        range: Range<usize>,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Statement> {
        let statements = self.statements().get(range).unwrap_or_default().iter();
        statements.filter(move |statement| self.names(statement, name))
    }

    /// Whether a statement has this name in it, whatever it is the name of.
    pub(super) fn names(&self, statement: &Statement, name: &str) -> bool {
        self.names_within(statement.span, name)
    }

    /// Whether a place has this name in it, whatever it is the name of.
    pub(super) fn names_within(&self, span: Span, name: &str) -> bool {
        self.tokens_within(span).iter().any(|token| match &token.kind {
            TokenKind::Identifier(text) => text == name,
            TokenKind::Keyword(keyword) => keyword.text() == name,
            // `nextval('posts_id_seq')`, `'POSTS'::regclass`
            TokenKind::String(text) => {
                let last = text.rsplit('.').next();
                last.is_some_and(|last| last.trim_matches('"').eq_ignore_ascii_case(name))
            }
            _ => false,
        })
    }

    /// Whether the text of a statement contains a name. The body of a function is a literal, in which PostgreSQL folds
    /// unquoted names to lower case.
    pub(super) fn mentions(&self, statement: &Statement, name: &str) -> bool {
        let text = statement.span.text(&self.parsed.text).to_ascii_lowercase();
        text.contains(&name.to_ascii_lowercase())
    }

    /// Whether the script defines a function of this name.
    pub(super) fn defines_function(&self, name: &str) -> bool {
        self.functions.iter().any(|defined| defined == name)
    }

    /// Whether a file that runs after this one has these words in it.
    pub(super) fn is_in_later_files(&self, words: &str) -> bool {
        let is_part = |it: char| it.is_alphanumeric() || it == '_';
        let words = words.to_ascii_lowercase();
        self.later.match_indices(&words).any(|(at, _)| {
            let (before, after) = (self.later.get(..at), self.later.get(at + words.len()..));
            !before.is_some_and(|it| it.ends_with(is_part))
                && !after.is_some_and(|it| it.starts_with(is_part))
        })
    }

    /// Whether a statement has this keyword in it.
    pub(super) fn has(&self, statement: &Statement, keyword: Keyword) -> bool {
        self.tokens(statement).iter().any(|token| token.kind == TokenKind::Keyword(keyword))
    }

    /// The tokens of a statement.
    pub(super) fn tokens(&self, statement: &Statement) -> &'s [Token] {
        self.tokens_within(statement.span)
    }

    /// The tokens at a place.
    pub(super) fn tokens_within(&self, span: Span) -> &'s [Token] {
        self.parsed.tokens.within(span)
    }

    /// Whether a statement may have effects that its text does not show.
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

fn defined_function(statement: &Statement) -> Option<String> {
    match &statement.kind {
        StatementKind::CreateFunction(function) => Some(function.name.name().to_owned()),
        _ => None,
    }
}

/// Whether a command of psql does not change which statements are sent, nor how.
fn is_harmless(command: &PsqlCommand, text: &str) -> bool {
    match command.name.as_str() {
        "restrict" | "unrestrict" | "echo" | "qecho" | "warn" | "timing" | "pset" | "x" | "unset"
        | "encoding" | "g" | "gx" | "gset" | "gdesc" | "conninfo" | "." => true,
        "set" => {
            let words = command.span.text(text).to_ascii_uppercase();
            !words.contains("AUTOCOMMIT") && !words.contains("ON_ERROR_ROLLBACK")
        }
        name => name.starts_with('d') || name.starts_with('l') && name != "lo_import",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dsql_edge_compiler::Source;

    fn with<T>(text: &str, look: impl FnOnce(&Script<'_>) -> T) -> T {
        let source = Source::script(text);
        let parsed = Parsed::script(&source).unwrap();
        look(&Script::new(&parsed, std::iter::empty(), Sent::OneByOne, ""))
    }

    #[test]
    fn blocks_are_found_with_how_they_end() {
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
