//! Parses windows, frames and sort keys.

use super::{K, Parser, Parsing, TokenKind};
use crate::source::Span;
use crate::syntax::ast::{Frame, FrameBound, FrameMode, SortBy, Window};

impl Parser<'_> {
    pub(super) fn over(&mut self) -> Parsing<Window> {
        if self.at_symbol(b'(') {
            return self.window_specification();
        }
        let name = self.col_id()?;
        let span = name.span;
        let tokens = vec![TokenKind::Identifier(name.text.clone())];
        Ok(Window {
            name: Some(name),
            base: None,
            partition_by: Vec::new(),
            order_by: Vec::new(),
            frame: None,
            span,
            tokens,
        })
    }

    /// `(base PARTITION BY … ORDER BY … frame)`.
    pub(super) fn window_specification(&mut self) -> Parsing<Window> {
        let first = self.at;
        let start = self.expect_symbol(b'(')?;
        let clause = matches!(self.keyword(), Some(K::Partition | K::Order | K::Range | K::Rows | K::Groups));
        let base = if self.at_col_id() && !clause { Some(self.col_id()?) } else { None };
        let partition_by = if self.eat_keyword(K::Partition) {
            self.expect_keyword(K::By)?;
            self.expr_list()?
        } else {
            Vec::new()
        };
        let order_by = self.sort_clause()?;
        let frame = self.frame()?;
        let span = start.to(self.expect_symbol(b')')?);
        let tokens = self.lexed.tokens.get(first..self.at).unwrap_or_default();
        let tokens = tokens.iter().map(|token| token.kind.clone()).collect();
        Ok(Window { name: None, base, partition_by, order_by, frame, span, tokens })
    }

    pub(super) fn frame(&mut self) -> Parsing<Option<Frame>> {
        let mode = match self.keyword() {
            Some(K::Range) => FrameMode::Range,
            Some(K::Rows) => FrameMode::Rows,
            Some(K::Groups) => FrameMode::Groups,
            _ => return Ok(None),
        };
        let start_span = self.advance();
        let (start, end);
        // In `between[1] PRECEDING`, `between` is a column.
        let column =
            self.symbol_ahead(1, b'[') || self.symbol_ahead(1, b'.') || self.keyword_ahead(1) == Some(K::And);
        if !column && self.eat_keyword(K::Between) {
            let at = self.span();
            start = self.frame_bound()?;
            self.expect_keyword(K::And)?;
            let end_at = self.span();
            let bound = self.frame_bound()?;
            self.check_frame(&start, Some(&bound), at, end_at)?;
            end = Some(bound);
        } else {
            let at = self.span();
            start = self.frame_bound()?;
            self.check_frame(&start, None, at, at)?;
            end = None;
        }
        let mut excludes = false;
        if self.eat_keyword(K::Exclude) {
            excludes = true;
            match self.keyword() {
                Some(K::Current) => {
                    self.advance();
                    self.expect_keyword(K::Row)?;
                }
                Some(K::Group | K::Ties) => {
                    self.advance();
                }
                Some(K::No) => {
                    self.advance();
                    self.expect_keyword(K::Others)?;
                    excludes = false;
                }
                _ => return Err(self.error_here()),
            }
        }
        Ok(Some(Frame { mode, start, end, excludes, span: start_span.to(self.previous_span()) }))
    }

    /// Does the checks of `frame_extent`'s grammar actions.
    pub(super) fn check_frame(
        &self,
        start: &FrameBound,
        end: Option<&FrameBound>,
        at: Span,
        end_at: Span,
    ) -> Parsing<()> {
        let windowing = |span, message: &str| {
            let mut error = self.error_at(span, message);
            error.code = crate::diagnostic::Code::MisplacedWindow;
            Err(error)
        };
        match (start, end) {
            (FrameBound::UnboundedFollowing, _) => windowing(at, "frame start cannot be UNBOUNDED FOLLOWING"),
            (FrameBound::Following(_), None) => {
                windowing(at, "frame starting from following row cannot end with current row")
            }
            (_, Some(FrameBound::UnboundedPreceding)) => {
                windowing(end_at, "frame end cannot be UNBOUNDED PRECEDING")
            }
            (FrameBound::CurrentRow, Some(FrameBound::Preceding(_))) => {
                windowing(end_at, "frame starting from current row cannot have preceding rows")
            }
            (FrameBound::Following(_), Some(FrameBound::Preceding(_) | FrameBound::CurrentRow)) => {
                windowing(end_at, "frame starting from following row cannot have preceding rows")
            }
            _ => Ok(()),
        }
    }

    pub(super) fn frame_bound(&mut self) -> Parsing<FrameBound> {
        if self.at_keyword(K::Unbounded) && matches!(self.keyword_ahead(1), Some(K::Preceding | K::Following))
        {
            self.advance();
            let preceding = self.at_keyword(K::Preceding);
            self.advance();
            return Ok(if preceding {
                FrameBound::UnboundedPreceding
            } else {
                FrameBound::UnboundedFollowing
            });
        }
        if self.eat_keywords(K::Current, K::Row) {
            return Ok(FrameBound::CurrentRow);
        }
        let offset = Box::new(self.expr()?);
        if self.eat_keyword(K::Preceding) {
            Ok(FrameBound::Preceding(offset))
        } else {
            self.expect_keyword(K::Following)?;
            Ok(FrameBound::Following(offset))
        }
    }

    /// `ORDER BY …`, if present.
    pub(super) fn sort_clause(&mut self) -> Parsing<Vec<SortBy>> {
        if !self.eat_keyword(K::Order) {
            return Ok(Vec::new());
        }
        self.expect_keyword(K::By)?;
        self.list(|parser| {
            let expr = parser.expr()?;
            let using = if parser.eat_keyword(K::Using) { Some(parser.operator()?) } else { None };
            let descending = using.is_none() && parser.eat_keyword(K::Desc);
            if using.is_none() && !descending {
                parser.eat_keyword(K::Asc);
            }
            let nulls_first = parser.nulls_order()?;
            Ok(SortBy { expr, descending, nulls_first, using })
        })
    }

    /// `NULLS FIRST | LAST`.
    pub(super) fn nulls_order(&mut self) -> Parsing<Option<bool>> {
        if !self.at_keyword(K::Nulls) || !matches!(self.keyword_ahead(1), Some(K::First | K::Last)) {
            return Ok(None);
        }
        self.advance();
        let first = self.at_keyword(K::First);
        self.advance();
        Ok(Some(first))
    }
}
