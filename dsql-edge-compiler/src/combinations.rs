//! Compiles every combination of a query's optional text.
//!
//! Input: the tokens of the query, with the pieces of optional text. Output: one [`TypedQuery`] that is valid for all
//! combinations. All combinations return the same columns. If several combinations contain a parameter, the parameter
//! has the same type in all of them. A column can be NULL if this column can be NULL in at least one combination. A
//! parameter that decides on optional text takes an `Option`. Any other parameter accepts NULL only if it accepts NULL
//! in every combination that contains it.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::fields::column_name;
use crate::one_text;
use crate::schema::Schema;
use crate::source::{Source, Span};
use crate::syntax::Lexed;
use crate::syntax::optional_text::{combination, deciding};
use crate::typed::{Cardinality, Combination, Idempotency, TypedColumn, TypedQuery};

pub(crate) fn compile(source: &Source, lexed: &Lexed, schema: &Schema) -> Result<TypedQuery, Diagnostics> {
    let deciding = match deciding(lexed) {
        Ok(deciding) => deciding,
        // If the lexer also found an error, only the lexer's error is reported.
        Err(error) => return Err(lexed.error.clone().unwrap_or(error).into()),
    };
    let mut whole: Option<TypedQuery> = None;
    // The combination with all optional text comes first, so that its errors are reported.
    for is_in in deciding.combinations() {
        let (tokens, present) = combination(lexed, &is_in);
        let query = one_text::compile(&source.text, tokens, schema)
            .map_err(|errors| named(errors, source, lexed, &is_in))?;
        let parameters: Vec<usize> = present.iter().map(|number| *number as usize - 1).collect();
        let sql = query.sql.clone();
        let merged = match &mut whole {
            None => {
                let mut first = query;
                for (at, parameter) in first.parameters.iter_mut().enumerate() {
                    parameter.optional = deciding.numbers.contains(&(at as u32 + 1));
                }
                whole.insert(first)
            }
            Some(whole) => {
                merge(whole, query, &parameters)
                    .map_err(|error| named(error.into(), source, lexed, &is_in))?;
                whole
            }
        };
        merged.combinations.push(Combination { sql, parameters });
    }
    let mut whole = whole.unwrap_or_default();
    let index = |numbers: &Vec<u32>| numbers.iter().map(|number| *number as usize - 1).collect();
    whole.optional_texts = deciding.pieces.iter().map(index).collect();
    if !whole.equal_lengths.is_empty() {
        let span = lexed.pieces.first().map_or(Span::default(), |piece| piece.span);
        return Err(
            Diagnostic::unsupported(span, "optional text together with an UNNEST of several arrays").into()
        );
    }
    Ok(whole)
}

/// Adds the description of a combination to the errors of this combination, unless the combination contains all
/// optional text.
fn named(errors: Diagnostics, source: &Source, lexed: &Lexed, is_in: &[bool]) -> Diagnostics {
    if is_in.iter().all(|is_in| *is_in) {
        return errors;
    }
    let list = |which: bool| -> Vec<&str> {
        lexed
            .pieces
            .iter()
            .zip(is_in)
            .filter(|(_, is_in)| **is_in == which)
            .map(|(it, _)| it.span.text(&source.text))
            .collect()
    };
    let mut detail = format!("the error occurs without {}", list(false).join(" and "));
    if is_in.contains(&true) {
        detail += &format!(", with {}", list(true).join(" and "));
    }
    let mut out = Diagnostics::new();
    for error in errors {
        let detail = match &error.detail {
            Some(known) => format!("{known}; {detail}"),
            None => detail.clone(),
        };
        out.push(error.with_detail(detail));
    }
    out
}

/// Adds the facts of another combination to the result for all combinations.
fn merge(whole: &mut TypedQuery, other: TypedQuery, parameters: &[usize]) -> Result<(), Diagnostic> {
    if whole.columns.len() != other.columns.len() {
        let span = other.columns.first().or(whole.columns.first()).map_or(Span::default(), |it| it.span);
        let message = format!(
            "the query returns {} columns here and {} with all optional text: they must be the same",
            other.columns.len(),
            whole.columns.len()
        );
        return Err(Diagnostic::error(Code::OptionalText, span, message));
    }
    for (at, (column, other)) in whole.columns.iter_mut().zip(&other.columns).enumerate() {
        merge_column(at, column, other)?;
    }
    for (at, other_parameter) in parameters.iter().zip(&other.parameters) {
        let Some(parameter) = whole.parameters.get_mut(*at) else { continue };
        if parameter.sql_type != other_parameter.sql_type {
            let name = parameter.name.clone().unwrap_or_else(|| (at + 1).to_string());
            let (ours, theirs) = (&other_parameter.sql_type.display, &parameter.sql_type.display);
            let message = format!(
                "parameter ${name} is of type {ours} here and of type {theirs} with all optional text"
            );
            return Err(Diagnostic::error(Code::OptionalText, Span::default(), message)
                .with_hint(format!("write the cast everywhere: ${name}::{theirs}")));
        }
        parameter.nullable &= other_parameter.nullable;
        parameter.null_expected &= other_parameter.null_expected;
        parameter.null_is_value &= other_parameter.null_is_value;
        parameter.elements_nullable &= other_parameter.elements_nullable;
        parameter.labels.take_if(|labels| other_parameter.labels.as_ref() != Some(labels));
    }
    if whole.cardinality != other.cardinality {
        whole.cardinality = Cardinality::Many;
    }
    whole.effect = whole.effect.max(other.effect);
    whole.session = whole.session.max(other.session);
    // A key or an UNNEST belongs to one combination, but the combination that is sent is known only at run time.
    if whole.idempotency != Idempotency::NotAnInsert {
        whole.idempotency = Idempotency::NotAKey("it has optional text".to_owned());
    }
    whole.unnest = None;
    let new = other.tables.into_iter().filter(|table| !whole.tables.contains(table)).collect::<Vec<_>>();
    whole.tables.extend(new);
    let new =
        other.warnings.into_iter().filter(|warning| !whole.warnings.contains(warning)).collect::<Vec<_>>();
    whole.warnings.extend(new);
    whole.equal_lengths.extend(other.equal_lengths);
    Ok(())
}

fn merge_column(at: usize, column: &mut TypedColumn, other: &TypedColumn) -> Result<(), Diagnostic> {
    let difference = if column.name != other.name {
        let (ours, theirs) = (column_name(other).field, column_name(column).field);
        // Two overrides of one name differ, too.
        let (ours, theirs) = if ours == theirs { (&other.name, &column.name) } else { (&ours, &theirs) };
        format!("column {} is \"{ours}\" here and \"{theirs}\" with all optional text", at + 1)
    } else if column.sql_type != other.sql_type {
        let (ours, theirs) = (&other.sql_type.display, &column.sql_type.display);
        format!(
            "column \"{}\" is of type {ours} here and of type {theirs} with all optional text",
            column_name(column).field
        )
    } else {
        column.nullable |= other.nullable;
        column.elements_nullable |= other.elements_nullable;
        column.always_null &= other.always_null;
        if column.origin != other.origin {
            column.origin = None;
        }
        if (&column.nulled_by, column.nullable_within) != (&other.nulled_by, other.nullable_within) {
            // Different joins can make the column NULL in different combinations, so the result does not contain a
            // join.
            column.nulled_by.clear();
            column.nullable_within = column.nullable;
        }
        return Ok(());
    };
    Err(Diagnostic::error(Code::OptionalText, other.span, difference))
}
