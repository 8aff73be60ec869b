//! Parses constraints of columns, tables and domains.

use super::newer::{set_enforced, without_key};
use super::{Code, Diagnostic, K, Parser, Parsing};
use crate::syntax::ast::{
    CheckedRows, Constraint, ConstraintAttribute, ConstraintAttributes, ConstraintKind, ForeignKeyConstraint,
    IndexElement, KeyConstraint, Name, QualifiedName, ReferentialAction,
};

impl Parser<'_> {
    pub(super) fn at_table_constraint(&self) -> bool {
        match self.keyword() {
            Some(K::Constraint | K::Check | K::Unique | K::Primary | K::Foreign) => true,
            Some(K::Exclude) => self.symbol_ahead(1, b'(') || self.keyword_ahead(1) == Some(K::Using),
            Some(K::Not) => self.keyword_ahead(1) == Some(K::Null),
            _ => false,
        }
    }

    #[allow(clippy::type_complexity)]
    pub(super) fn column_constraints(&mut self) -> Parsing<(Option<QualifiedName>, Vec<Constraint>)> {
        let mut collation = None;
        let mut constraints = Vec::new();
        loop {
            let start = self.span();
            let name = if self.eat_keyword(K::Constraint) { Some(self.col_id()?) } else { None };
            if name.is_none() && self.at_keyword(K::Collate) {
                self.advance();
                collation = Some(self.any_name()?);
                continue;
            }
            if name.is_none()
                && let Some(enforced) = self.enforcement()
            {
                set_enforced(&mut constraints, enforced);
                continue;
            }
            let Some(kind) = self.column_constraint()? else {
                if name.is_some() {
                    return Err(self.error_here());
                }
                return Ok((collation, constraints));
            };
            constraints.push(Constraint { name, kind, span: start.to(self.previous_span()) });
        }
    }

    pub(super) fn column_constraint(&mut self) -> Parsing<Option<ConstraintKind>> {
        Ok(Some(match self.keyword() {
            Some(K::Not) if self.keyword_ahead(1) == Some(K::Null) => {
                self.at += 2;
                ConstraintKind::NotNull
            }
            Some(K::Null) => {
                self.advance();
                ConstraintKind::Null
            }
            Some(K::Unique) => {
                self.advance();
                let nulls_not_distinct = self.nulls_not_distinct()?;
                self.index_parameters()?;
                ConstraintKind::Unique(KeyConstraint { nulls_not_distinct, ..KeyConstraint::default() })
            }
            Some(K::Primary) => {
                self.advance();
                self.expect_keyword(K::Key)?;
                self.index_parameters()?;
                ConstraintKind::PrimaryKey(KeyConstraint::default())
            }
            Some(K::Check) => {
                self.advance();
                self.expect_symbol(b'(')?;
                let expr = self.expr()?;
                self.expect_symbol(b')')?;
                let no_inherit = self.eat_keywords(K::No, K::Inherit);
                ConstraintKind::Check { expr, checked: CheckedRows::All, no_inherit }
            }
            Some(K::Default) => {
                self.advance();
                ConstraintKind::Default(self.restricted_expr()?)
            }
            Some(K::Generated) => {
                self.advance();
                let always = self.eat_keyword(K::Always);
                if !always {
                    self.expect_keyword(K::By)?;
                    self.expect_keyword(K::Default)?;
                }
                self.expect_keyword(K::As)?;
                if self.eat_keyword(K::Identity) {
                    ConstraintKind::Identity { always, options: self.sequence_options_in_parentheses()? }
                } else {
                    let at = self.previous_span();
                    self.expect_symbol(b'(')?;
                    let expr = self.expr()?;
                    self.expect_symbol(b')')?;
                    self.generation_kind()?;
                    if !always {
                        return Err(
                            self.error_at(at, "for a generated column, GENERATED ALWAYS must be specified")
                        );
                    }
                    ConstraintKind::Generated(expr)
                }
            }
            Some(K::References) => ConstraintKind::ForeignKey(self.references(Vec::new())?),
            Some(K::Deferrable) => {
                self.advance();
                ConstraintKind::Attribute(ConstraintAttribute::Deferrable)
            }
            Some(K::Not) if self.keyword_ahead(1) == Some(K::Deferrable) => {
                self.at += 2;
                ConstraintKind::Attribute(ConstraintAttribute::NotDeferrable)
            }
            Some(K::Initially) => {
                self.advance();
                ConstraintKind::Attribute(if self.eat_keyword(K::Deferred) {
                    ConstraintAttribute::InitiallyDeferred
                } else {
                    self.expect_keyword(K::Immediate)?;
                    ConstraintAttribute::InitiallyImmediate
                })
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn nulls_not_distinct(&mut self) -> Parsing<bool> {
        if !self.at_keyword(K::Nulls) {
            return Ok(false);
        }
        self.advance();
        let not = self.eat_keyword(K::Not);
        self.expect_keyword(K::Distinct)?;
        Ok(not)
    }

    /// `WITH (…)` and `USING INDEX TABLESPACE …` of a key.
    pub(super) fn index_parameters(&mut self) -> Parsing<()> {
        if self.at_keyword(K::With) && self.symbol_ahead(1, b'(') {
            self.advance();
            self.relation_options()?;
        }
        if self.at_keywords(K::Using, K::Index) && self.keyword_ahead(2) == Some(K::Tablespace) {
            self.at += 3;
            self.col_id()?;
        }
        Ok(())
    }

    /// `REFERENCES …`, after the referencing columns.
    pub(super) fn references(&mut self, columns: Vec<Name>) -> Parsing<ForeignKeyConstraint> {
        self.expect_keyword(K::References)?;
        let table = self.qualified_name()?;
        let referenced =
            if self.at_symbol(b'(') { self.columns_with_period(&mut false)? } else { Vec::new() };
        if self.eat_keyword(K::Match) {
            match self.keyword() {
                Some(K::Full | K::Simple) => {
                    self.advance();
                }
                Some(K::Partial) => {
                    return Err(self.not_implemented(self.span(), "MATCH PARTIAL not yet implemented"));
                }
                _ => return Err(self.error_here()),
            }
        }
        let (mut on_delete, mut on_update) = Default::default();
        while self.at_keyword(K::On) && matches!(self.keyword_ahead(1), Some(K::Delete | K::Update)) {
            let of = if self.keyword_ahead(1) == Some(K::Delete) { &mut on_delete } else { &mut on_update };
            self.at += 2;
            *of = self.referential_action()?;
        }
        let (not_valid, deferrable) = (false, false);
        Ok(ForeignKeyConstraint { columns, table, referenced, not_valid, deferrable, on_delete, on_update })
    }

    fn referential_action(&mut self) -> Parsing<ReferentialAction> {
        match self.keyword() {
            Some(K::No) => {
                self.advance();
                self.expect_keyword(K::Action)?;
                Ok(ReferentialAction::Nothing)
            }
            Some(K::Restrict) => {
                self.advance();
                Ok(ReferentialAction::Nothing)
            }
            Some(K::Cascade) => {
                self.advance();
                Ok(ReferentialAction::Cascade)
            }
            Some(K::Set) => {
                self.advance();
                if !self.eat_keyword(K::Null) {
                    self.expect_keyword(K::Default)?;
                }
                if self.at_symbol(b'(') {
                    self.column_list()?;
                }
                Ok(ReferentialAction::Set)
            }
            _ => Err(self.error_here()),
        }
    }

    /// `[CONSTRAINT name] CHECK | NOT NULL | UNIQUE | PRIMARY KEY | FOREIGN KEY | EXCLUDE …`.
    pub(super) fn table_constraint(&mut self) -> Parsing<Constraint> {
        let start = self.span();
        let name = if self.eat_keyword(K::Constraint) { Some(self.col_id()?) } else { None };
        let mut of_period = false;
        let mut kind = match self.keyword() {
            Some(K::Check) => {
                self.advance();
                self.expect_symbol(b'(')?;
                let expr = self.expr()?;
                self.expect_symbol(b')')?;
                ConstraintKind::Check { expr, checked: CheckedRows::All, no_inherit: false }
            }
            Some(K::Not) => self.not_null_of_column()?,
            Some(K::Unique) => {
                self.advance();
                ConstraintKind::Unique(self.key_constraint(true, &mut of_period)?)
            }
            Some(K::Primary) => {
                self.advance();
                self.expect_keyword(K::Key)?;
                ConstraintKind::PrimaryKey(self.key_constraint(false, &mut of_period)?)
            }
            Some(K::Foreign) => {
                self.advance();
                self.expect_keyword(K::Key)?;
                let columns = self.columns_with_period(&mut of_period)?;
                ConstraintKind::ForeignKey(self.references(columns)?)
            }
            Some(K::Exclude) => {
                self.advance();
                if self.eat_keyword(K::Using) {
                    self.col_id()?;
                }
                let mut elements = self.parenthesized_list(|parser| {
                    let element = parser.index_element()?;
                    parser.expect_keyword(K::With)?;
                    parser.operator()?;
                    Ok(element)
                })?;
                if self.eat_keyword(K::Include) {
                    elements.extend(self.column_list()?.into_iter().map(IndexElement::column));
                }
                self.index_parameters()?;
                if self.eat_keyword(K::Where) {
                    self.expect_symbol(b'(')?;
                    self.expr()?;
                    self.expect_symbol(b')')?;
                }
                ConstraintKind::Exclude(elements)
            }
            _ => return Err(self.error_here()),
        };
        let at = self.span();
        let attributes = self.constraint_attributes()?;
        if let Some(message) = misplaced_attribute(&kind, attributes) {
            return Err(Box::new(Diagnostic::syntax(Code::FeatureNotSupported, at, message)));
        }
        match &mut kind {
            ConstraintKind::Check { checked, no_inherit, .. } => {
                (*checked, *no_inherit) = (attributes.checked, attributes.no_inherit);
            }
            ConstraintKind::ForeignKey(key) => {
                (key.not_valid, key.deferrable) =
                    (attributes.checked < CheckedRows::All, attributes.deferrable);
            }
            ConstraintKind::PrimaryKey(key) | ConstraintKind::Unique(key) => {
                key.deferrable = attributes.deferrable;
            }
            _ => {}
        }
        let kind = if of_period { without_key(kind) } else { kind };
        Ok(Constraint { name, kind, span: start.to(self.previous_span()) })
    }

    pub(super) fn key_constraint(&mut self, unique: bool, of_period: &mut bool) -> Parsing<KeyConstraint> {
        let mut key = KeyConstraint::default();
        if self.at_keywords(K::Using, K::Index) {
            self.at += 2;
            key.index = Some(self.col_id()?);
            return Ok(key);
        }
        if unique {
            key.nulls_not_distinct = self.nulls_not_distinct()?;
        }
        key.columns = self.columns_without_overlaps(of_period)?;
        if self.eat_keyword(K::Include) {
            key.include = self.column_list()?;
        }
        self.index_parameters()?;
        Ok(key)
    }

    /// `[NOT] DEFERRABLE`, `INITIALLY …`, `NOT VALID`, `NO INHERIT`, `[NOT] ENFORCED`, in any number.
    pub(super) fn constraint_attributes(&mut self) -> Parsing<ConstraintAttributes> {
        let mut found = ConstraintAttributes::default();
        let (mut deferrable, mut deferred): (Option<bool>, Option<bool>) = (None, None);
        loop {
            let place = self.span();
            let before = (deferrable, deferred);
            if self.eat_keyword(K::Deferrable) {
                deferrable = Some(true);
            } else if self.eat_keywords(K::Not, K::Deferrable) {
                deferrable = Some(false);
            } else if self.eat_keyword(K::Initially) {
                deferred = Some(self.eat_keyword(K::Deferred));
                if deferred == Some(false) {
                    self.expect_keyword(K::Immediate)?;
                }
            } else if self.eat_keywords(K::No, K::Inherit) {
                found.no_inherit = true;
            } else if self.eat_keywords(K::Not, K::Valid) {
                found.checked = found.checked.min(CheckedRows::Written);
            } else if let Some(enforced) = self.enforcement() {
                found.checked = if enforced { found.checked } else { CheckedRows::None };
            } else {
                return Ok(found);
            }
            found.deferrable = deferrable.or(deferred) == Some(true);
            // These are the checks in the grammar action of `ConstraintAttributeSpec`.
            if (deferrable, deferred) == (Some(false), Some(true)) {
                let message = "constraint declared INITIALLY DEFERRED must be DEFERRABLE";
                return Err(self.error_at(place, message));
            }
            let changed = |before: Option<bool>, now: Option<bool>| before.is_some() && before != now;
            if changed(before.0, deferrable) || changed(before.1, deferred) {
                return Err(self.error_at(place, "conflicting constraint properties"));
            }
        }
    }
}

/// Returns PostgreSQL's message if `attributes` contains an attribute that a constraint of `kind` cannot have
/// (`processCASbits`).
fn misplaced_attribute(kind: &ConstraintKind, attributes: ConstraintAttributes) -> Option<String> {
    let (name, deferrable, not_valid, no_inherit) = match kind {
        ConstraintKind::Check { .. } => ("CHECK", false, true, true),
        ConstraintKind::Unique(_) => ("UNIQUE", true, false, false),
        ConstraintKind::PrimaryKey(_) => ("PRIMARY KEY", true, false, false),
        ConstraintKind::Exclude(_) => ("EXCLUDE", true, false, false),
        ConstraintKind::ForeignKey(_) => ("FOREIGN KEY", true, true, false),
        _ => return None,
    };
    let attribute = if attributes.deferrable && !deferrable {
        "DEFERRABLE"
    } else if attributes.checked < CheckedRows::All && !not_valid {
        "NOT VALID"
    } else if attributes.no_inherit && !no_inherit {
        "NO INHERIT"
    } else {
        return None;
    };
    Some(format!("{name} constraints cannot be marked {attribute}"))
}
