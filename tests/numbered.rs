//! Converts a query as written to SQL that PostgreSQL accepts: `$name` becomes `$1`, and nothing else changes.

use dsql_edge_compiler::source::Source;
use dsql_edge_compiler::syntax;

/// A query in which each named parameter is replaced by a numbered parameter, such as `$1`.
pub struct Numbered {
    /// The text.
    pub text: String,
    /// For each placeholder, its end in the written query, and the distance by which the text after the placeholder has
    /// moved.
    moved: Vec<(usize, isize)>,
}

impl Numbered {
    /// Numbers the parameters of a query.
    pub fn of(source: &Source) -> Numbered {
        let lexed = syntax::lex(source);
        let mut text = String::new();
        let mut moved = Vec::new();
        let mut at = 0;
        for (span, number) in &lexed.placeholders {
            let (start, end) = (span.start as usize, span.end as usize);
            text += source.text.get(at..start).unwrap_or_default();
            text += &format!("${number}");
            moved.push((end, text.len().cast_signed() - end.cast_signed()));
            at = end;
        }
        text += source.text.get(at..).unwrap_or_default();
        Numbered { text, moved }
    }

    /// Converts a byte offset in the written query to an offset in the SQL with numbered parameters.
    pub fn position(&self, offset: usize) -> usize {
        let shift = self.moved.iter().rev().find(|(end, _)| *end <= offset).map_or(0, |(_, shift)| *shift);
        offset.saturating_add_signed(shift)
    }
}
