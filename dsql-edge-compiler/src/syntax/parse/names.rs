//! Parses identifiers by PostgreSQL's keyword classes: `ColId`, `ColLabel`, `BareColLabel`, `type_function_name`.

use super::{K, Parser, Parsing, TokenKind};
use crate::syntax::ast::{Indirection, Name, QualifiedName};
use crate::syntax::keyword::Class;

impl Parser<'_> {
    /// Returns the token that is `count` tokens ahead, as a name, if it is an identifier or a keyword of an allowed
    /// class.
    pub(super) fn name_ahead(&self, count: usize, allowed: impl Fn(K) -> bool) -> Option<Name> {
        let token = self.ahead(count);
        let text = match &token.kind {
            TokenKind::Identifier(text) => text.clone(),
            TokenKind::Keyword(keyword) if is_half(*keyword, self.keyword_ahead(count + 1)) => return None,
            TokenKind::Keyword(keyword) if allowed(*keyword) => keyword.text().to_owned(),
            _ => return None,
        };
        Some(Name { text, span: token.span })
    }

    fn name_where(&mut self, allowed: impl Fn(K) -> bool) -> Parsing<Name> {
        match self.name_ahead(0, allowed) {
            Some(name) => {
                self.advance();
                Ok(name)
            }
            None => Err(self.error_here()),
        }
    }

    pub(super) fn is_col_id(keyword: K) -> bool {
        matches!(keyword.class(), Class::Unreserved | Class::ColumnName)
    }

    pub(super) fn is_type_function_name(keyword: K) -> bool {
        matches!(keyword.class(), Class::Unreserved | Class::TypeOrFunctionName)
    }

    pub(super) fn at_col_id(&self) -> bool {
        self.name_ahead(0, Self::is_col_id).is_some()
    }

    /// `ColId`: a column, table or alias name.
    pub(super) fn col_id(&mut self) -> Parsing<Name> {
        self.name_where(Self::is_col_id)
    }

    /// `ColLabel`: any word.
    pub(super) fn col_label(&mut self) -> Parsing<Name> {
        self.name_where(|_| true)
    }

    /// Reads a label without AS (`BareColLabel`), if the token can be such a label.
    pub(super) fn bare_label(&mut self) -> Option<Name> {
        let name = self.name_ahead(0, K::is_bare_label)?;
        self.advance();
        Some(name)
    }

    /// `NonReservedWord`.
    pub(super) fn non_reserved_word(&mut self) -> Parsing<Name> {
        self.name_where(|keyword| keyword.class() != Class::Reserved)
    }

    /// Parses `(name, name, …)`, a list of columns.
    pub(super) fn column_list(&mut self) -> Parsing<Vec<Name>> {
        self.parenthesized_list(Self::col_id)
    }

    /// `ColId [. ColLabel …]`, as in `any_name` and `qualified_name`.
    pub(super) fn qualified_name(&mut self) -> Parsing<QualifiedName> {
        let mut parts = vec![self.col_id()?];
        for step in self.indirection()? {
            match step {
                Indirection::Field(name) => parts.push(name),
                // PostgreSQL's grammar accepts subscripts and `*` here, but the code of the rule rejects them
                // (`check_qualified_name`).
                _ => return Err(self.error_here()),
            }
        }
        let name = QualifiedName { parts };
        if name.parts.len() > 3 {
            let message = format!("improper qualified name (too many dotted names): {}", name.display());
            return Err(self.error_at(name.span(), message));
        }
        Ok(name)
    }

    /// `any_name`, whose length PostgreSQL checks later.
    pub(super) fn any_name(&mut self) -> Parsing<QualifiedName> {
        let mut parts = vec![self.col_id()?];
        while self.eat_symbol(b'.') {
            parts.push(self.col_label()?);
        }
        Ok(QualifiedName { parts })
    }

    /// `func_name`: `type_function_name`, or a dotted name that begins with a `ColId`.
    pub(super) fn function_name(&mut self) -> Parsing<QualifiedName> {
        if self.symbol_ahead(1, b'.') {
            return self.any_name();
        }
        Ok(QualifiedName { parts: vec![self.name_where(Self::is_type_function_name)?] })
    }

    pub(super) fn string(&mut self) -> Parsing<String> {
        match &self.token().kind {
            TokenKind::String(text) => {
                self.advance();
                Ok(text.clone())
            }
            _ => Err(self.error_here()),
        }
    }

    pub(super) fn at_string(&self) -> bool {
        matches!(self.token().kind, TokenKind::String(_))
    }

    pub(super) fn integer(&mut self) -> Parsing<i32> {
        match self.token().kind {
            TokenKind::Integer(value) => {
                self.advance();
                Ok(value)
            }
            _ => Err(self.error_here()),
        }
    }

    /// Reads a word that is an identifier and not a keyword, such as DSQL's `ASYNC`.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(&self.token().kind, TokenKind::Identifier(text) if text == word);
        if found {
            self.advance();
        }
        found
    }
}

/// Whether PostgreSQL's lexer (`base_yylex`) replaces a keyword by another token because of the next keyword. A keyword
/// that is replaced by another token cannot be used as a name.
fn is_half(keyword: K, next: Option<K>) -> bool {
    match keyword {
        K::Nulls => matches!(next, Some(K::First | K::Last)),
        K::Not => matches!(next, Some(K::Between | K::In | K::Like | K::Ilike | K::Similar)),
        K::With => matches!(next, Some(K::Time | K::Ordinality)),
        K::Without => next == Some(K::Time),
        K::Format => next == Some(K::Json),
        _ => false,
    }
}
