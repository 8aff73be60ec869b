//! Applies `DO` blocks of the forms that migration tools write: "create it if it does not exist".
//!
//! Input: the statement as written. Output: the schema after the block; `false` for a block of any other form, which
//! the caller reports as a statement whose effect is not known. The forms, of which a block may contain several:
//!
//! ```sql
//! BEGIN CREATE TYPE mood AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END
//! BEGIN IF NOT EXISTS (SELECT FROM pg_type WHERE typname = 'mood') THEN CREATE TYPE mood …; END IF; END
//! BEGIN CREATE TABLE t (id int); EXECUTE 'ALTER TABLE t ADD a int'; END
//! ```
//!
//! The condition of `IF NOT EXISTS` is not evaluated. The condition must contain the name of the created object in a
//! string, and counts as true if the schema does not have the object. A block with an EXCEPTION clause is rolled back
//! as a whole if one of its objects exists.

use super::Relation;
use super::fold::Fold;
use crate::source::Source;
use crate::syntax::ast::{AlterAction, AlterTable, QualifiedName, Statement, StatementKind};
use crate::syntax::keyword::Keyword as K;
use crate::syntax::token::{Token, TokenKind};
use crate::syntax::{Parsed, lex};

/// A statement of a block.
enum Step {
    Run(Statement),
    /// Creates an object if the schema does not have an object of this name.
    Create(Statement),
}

impl Step {
    fn statement(&self) -> &StatementKind {
        let (Step::Run(statement) | Step::Create(statement)) = self;
        &statement.kind
    }
}

/// The errors that a block catches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caught {
    Nothing,
    /// `duplicate_object` and similar: the object exists.
    Duplicates,
    /// `others`
    AnyError,
}

impl Fold {
    /// Applies a `DO` block; returns `false` if the block has none of the supported forms.
    pub(super) fn do_block(&mut self, statement: &Statement, text: &str) -> bool {
        let lexed = lex(&Source::script(text));
        let body = lexed.tokens.iter().find_map(|token| match &token.kind {
            TokenKind::String(body) => Some(body),
            _ => None,
        });
        let Some((steps, caught)) = body.and_then(|body| Block::new(body).read(body)) else { return false };
        let catches = caught != Caught::Nothing;
        // WHEN OTHERS also catches errors that depend on rows. If the block contains statements that can fail with such
        // errors, it is not known whether the block has an effect.
        let only_creates = steps.iter().all(|step| fails_only_if_it_exists(step.statement()));
        if caught == Caught::AnyError && !only_creates {
            return false;
        }
        let problems = self.problems.len();
        self.run_steps(steps, catches);
        for problem in self.problems.iter_mut().skip(problems) {
            problem.span = statement.span;
        }
        true
    }

    /// Runs the statements of a block. If the block catches errors (`catches`), and one of its objects exists, the
    /// block has no effect.
    fn run_steps(&mut self, steps: Vec<Step>, catches: bool) {
        let before = catches.then(|| self.schema.clone());
        for step in steps {
            let (step, is_guarded) = match step {
                Step::Run(step) => (step, false),
                Step::Create(step) => (step, true),
            };
            if (is_guarded || catches) && self.has_object_of(&step.kind) {
                if is_guarded {
                    continue;
                }
                self.schema = before.unwrap_or_default();
                return;
            }
            self.statement(step);
        }
    }

    /// Whether the schema already has the object that the statement would create.
    fn has_object_of(&self, statement: &StatementKind) -> bool {
        let has = |name: &QualifiedName| {
            let schema = self.creation_schema(name);
            self.schema.relation(&schema, name.name()).is_some()
                || self.schema.user_type(&schema, name.name()).is_some()
        };
        match statement {
            StatementKind::CreateType(new) => has(&new.name),
            StatementKind::CreateDomain(new) => has(&new.name),
            StatementKind::CreateTable(new) => has(&new.name),
            StatementKind::CreateTableAs(new) => has(&new.name),
            StatementKind::CreateView(new) => !new.or_replace && has(&new.name),
            StatementKind::CreateSequence(new) => has(&new.name),
            StatementKind::CreateSchema(new) => {
                new.name.as_ref().is_some_and(|name| self.schema.has_schema(&name.text))
            }
            StatementKind::CreateIndex(new) => new
                .name
                .as_ref()
                .is_some_and(|name| self.schema.indexes.iter().any(|it| it.name == name.text)),
            StatementKind::AlterTable(alter) => {
                let relation = self.find_relation(&alter.name).and_then(|at| self.schema.relations.get(at));
                relation.is_some_and(|relation| has_addition(relation, alter))
            }
            _ => false,
        }
    }
}

/// Whether the table already has a column or a constraint that `alter` adds.
fn has_addition(relation: &Relation, alter: &AlterTable) -> bool {
    alter.actions.iter().any(|action| match action {
        AlterAction::AddColumn { column, .. } => relation.column(&column.name.text).is_some(),
        AlterAction::AddConstraint(constraint) => {
            constraint.name.as_ref().is_some_and(|name| relation.has_constraint(&name.text))
        }
        _ => false,
    })
}

/// Whether `RAISE` with this level continues with the next statement. Without a level, `RAISE` is an error.
fn is_not_an_error(level: &Token) -> bool {
    let levels = ["notice", "info", "log", "warning", "debug"];
    matches!(&level.kind, TokenKind::Identifier(word) if levels.contains(&word.as_str()))
}

/// Whether the statement can fail only because its object exists already. A statement that can also fail because of
/// rows in a table does not count.
fn fails_only_if_it_exists(statement: &StatementKind) -> bool {
    match statement {
        StatementKind::AlterTable(alter) => alter.actions.iter().all(|action| match action {
            AlterAction::AddColumn { column, .. } => column.constraints.is_empty(),
            _ => false,
        }),
        StatementKind::CreateIndex(index) => !index.unique,
        StatementKind::CreateTableAs(_) => false,
        _ => created_name(statement).is_some(),
    }
}

/// Returns the name of the object that a statement creates.
fn created_name(statement: &StatementKind) -> Option<&str> {
    Some(match statement {
        StatementKind::CreateType(new) => new.name.name(),
        StatementKind::CreateDomain(new) => new.name.name(),
        StatementKind::CreateTable(new) => new.name.name(),
        StatementKind::CreateTableAs(new) => new.name.name(),
        StatementKind::CreateView(new) => new.name.name(),
        StatementKind::CreateSequence(new) => new.name.name(),
        StatementKind::CreateSchema(new) => &new.name.as_ref()?.text,
        StatementKind::CreateIndex(new) => &new.name.as_ref()?.text,
        StatementKind::AlterTable(alter) => match alter.actions.as_slice() {
            [AlterAction::AddColumn { column, .. }] => &column.name.text,
            [AlterAction::AddConstraint(constraint)] => &constraint.name.as_ref()?.text,
            _ => return None,
        },
        _ => return None,
    })
}

/// The tokens of a block's body, and the position of the next token.
struct Block {
    tokens: Vec<Token>,
    at: usize,
}

impl Block {
    fn new(body: &str) -> Block {
        let lexed = lex(&Source::script(body));
        Block { tokens: if lexed.error.is_some() { Vec::new() } else { lexed.tokens }, at: 0 }
    }

    /// Returns the steps of the block and the errors that the block catches; `None` if the form is not supported.
    fn read(mut self, body: &str) -> Option<(Vec<Step>, Caught)> {
        self.eat(K::Begin)?;
        let mut steps = Vec::new();
        loop {
            if self.eat(K::End).is_some() {
                return Some((steps, Caught::Nothing));
            }
            if self.word("exception") {
                return Some((steps, self.caught(body)?));
            }
            if self.eat(K::If).is_some() {
                self.guarded(body, &mut steps)?;
            } else {
                self.step(body, &mut steps)?;
            }
        }
    }

    /// Reads `NOT EXISTS (…) THEN … END IF;`; `None` if the form is not supported.
    fn guarded(&mut self, body: &str, steps: &mut Vec<Step>) -> Option<()> {
        self.eat(K::Not)?;
        self.eat(K::Exists)?;
        let first = self.at;
        let mut depth = 0usize;
        loop {
            match self.next()? {
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        let condition = self.tokens.get(first..self.at)?.to_vec();
        self.eat(K::Then)?;
        let mut inner = Vec::new();
        while self.eat(K::End).is_none() {
            self.step(body, &mut inner)?;
        }
        self.eat(K::If)?;
        self.end_of_step()?;
        let has = |name: &str| {
            condition.iter().any(|it| matches!(&it.kind, TokenKind::String(text) if text == name))
        };
        for step in inner {
            let (Step::Run(statement) | Step::Create(statement)) = step;
            created_name(&statement.kind).filter(|name| has(name))?;
            steps.push(Step::Create(statement));
        }
        Some(())
    }

    /// Reads one statement of the block: SQL, `EXECUTE` of a constant, `RAISE` of a level that is not an error, or
    /// `NULL`; `None` for any other statement.
    fn step(&mut self, body: &str, steps: &mut Vec<Step>) -> Option<()> {
        let first = self.at;
        while !matches!(self.peek()?, TokenKind::Symbol(b';')) {
            self.at += 1;
        }
        let own = self.tokens.get(first..self.at)?;
        self.at += 1;
        let (start, end) = (own.first()?.span, own.last()?.span);
        let parsed = |text: &str| Parsed::script(&Source::script(text)).ok().map(|it| it.statements);
        let statements = match (own, &own.first()?.kind) {
            ([_], TokenKind::Keyword(K::Null)) => Vec::new(),
            ([_, level, ..], TokenKind::Identifier(word)) if word == "raise" && is_not_an_error(level) => {
                Vec::new()
            }
            ([_, only], TokenKind::Keyword(K::Execute)) => match &only.kind {
                TokenKind::String(text) => parsed(text)?,
                _ => return None,
            },
            (_, TokenKind::Keyword(K::Create | K::Alter | K::Drop | K::Comment | K::Grant | K::Revoke)) => {
                parsed(start.to(end).text(body))?
            }
            _ => return None,
        };
        steps.extend(statements.into_iter().map(Step::Run));
        Some(())
    }

    /// Reads `WHEN duplicate_object THEN NULL; END`; `None` if a handler runs a statement, or is for an error other
    /// than `duplicate_…` and `others`.
    fn caught(&mut self, body: &str) -> Option<Caught> {
        let mut caught = Caught::Duplicates;
        while self.eat(K::When).is_some() {
            loop {
                match self.next()? {
                    TokenKind::Keyword(K::Then) => break,
                    TokenKind::Keyword(K::Or) => {}
                    TokenKind::Keyword(K::Others) => caught = Caught::AnyError,
                    TokenKind::Identifier(name) if name.starts_with("duplicate_") => {}
                    _ => return None,
                }
            }
            while !matches!(self.peek()?, TokenKind::Keyword(K::When | K::End)) {
                let mut statements = Vec::new();
                self.step(body, &mut statements)?;
                if !statements.is_empty() {
                    return None;
                }
            }
        }
        self.eat(K::End).map(|()| caught)
    }

    fn end_of_step(&mut self) -> Option<()> {
        matches!(self.next()?, TokenKind::Symbol(b';')).then_some(())
    }

    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind).filter(|kind| **kind != TokenKind::End)
    }

    fn next(&mut self) -> Option<TokenKind> {
        let kind = self.peek()?.clone();
        self.at += 1;
        Some(kind)
    }

    fn eat(&mut self, keyword: K) -> Option<()> {
        let is_it = *self.peek()? == TokenKind::Keyword(keyword);
        self.at += usize::from(is_it);
        is_it.then_some(())
    }

    fn word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(TokenKind::Identifier(text)) if text == word);
        self.at += usize::from(is_it);
        is_it
    }
}
