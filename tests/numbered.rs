//! A query as it is written into what PostgreSQL takes: `$name` becomes `$1`, and nothing else changes.

use dsql_edge_compiler::source::Source;
use dsql_edge_compiler::syntax;

/// A query with its named parameters numbered, as it is sent.
pub struct Numbered {
    /// The text.
    pub text: String,
    /// For each placeholder: its end as written, and by how much what follows has moved.
    moved: Vec<(usize, isize)>,
}

impl Numbered {
    /// Of a query as it is written.
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

    /// The place of a byte of the written query in the text that is sent.
    pub fn position(&self, offset: usize) -> usize {
        let shift = self.moved.iter().rev().find(|(end, _)| *end <= offset).map_or(0, |(_, shift)| *shift);
        offset.saturating_add_signed(shift)
    }
}
