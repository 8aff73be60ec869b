//! Handles the parts of a script that psql does not send as statements: psql commands, and the rows after `COPY … FROM
//! stdin`.
//!
//! Input: the lexer of a script at a backslash outside quotes and comments, or at the end of a line that contains a
//! COPY. Output: the lexer after the command or the rows. A command that sends the statement before it (`\g`, `\gset`
//! …) becomes a semicolon.
//!
//! The rules are those of psql 16 (`psqlscan.l`, `psqlscanslash.l`, `handleCopyIn` in `copy.c`): a command ends at the
//! end of its line, at `\\`, or before the next command. The argument of some commands (`TO_END_OF_LINE`) is always the
//! rest of the line. The rows of a COPY begin with the line after the statement. Rows end with a line `\.`, both in CSV
//! and in text format.

use super::Lexer;
use crate::source::Span;
use crate::syntax::keyword::Keyword;
use crate::syntax::token::{Token, TokenKind};

/// A psql command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PsqlCommand {
    /// The name of the command, without the backslash.
    pub name: String,
    /// The span of the command, from the backslash to the end of the arguments.
    pub span: Span,
}

/// The psql commands that send the statement before the command.
const SENDING: &[&str] = &["g", "gx", "gdesc", "gexec", "gset", "crosstabview", "watch", "bind"];

/// The commands whose argument is the rest of the line.
const TO_END_OF_LINE: &[&str] = &["!", "?", "copy", "ef", "ev", "h", "help", "sf", "sv"];

impl Lexer<'_> {
    /// Handles a backslash.
    pub(super) fn psql_command(&mut self) {
        let start = self.at;
        // `\;` and `\:` add their second character to the message. psql sends the message later, and only then reads
        // the rows of a COPY in the message.
        if let Some(byte @ (b';' | b':')) = self.byte(1) {
            if byte == b';' {
                self.unsent_copies += usize::from(self.copies_from_stdin());
                self.out.joins.push(start as u32);
            }
            self.at += 2;
            self.push(TokenKind::Symbol(byte), start);
            return;
        }
        self.at += 1;
        while self.byte(0).is_some_and(|byte| byte != b'\\' && !byte.is_ascii_whitespace()) {
            self.at += 1;
        }
        let name = self.text.get(start + 1..self.at).unwrap_or_default().to_owned();
        let arguments = self.at;
        self.skip_arguments(&name);
        let span = Span::new(start, self.at);
        match name.as_str() {
            name if SENDING.contains(&name) => {
                self.at = start;
                self.send_message(span.end as usize - start);
            }
            // psql discards the statements that it has not sent yet.
            "r" | "reset" => {
                let first = self.out.tokens.get(self.unsent).map_or(span.start, |token| token.span.start);
                self.out.joins.retain(|place| *place < first);
                self.out.tokens.truncate(self.unsent);
                self.unsent_copies = 0;
            }
            "copy" => {
                let words = self.text.get(arguments..self.at).unwrap_or_default().to_ascii_lowercase();
                let words: Vec<&str> = words.split_whitespace().collect();
                // `pstdin` means psql's own standard input, which the script does not contain.
                let is_from_script =
                    |pair: &[&str]| matches!(pair, ["from", name] if name.trim_end_matches(';') == "stdin");
                self.copies += usize::from(words.windows(2).any(is_from_script));
            }
            _ => {}
        }
        self.out.commands.push(PsqlCommand { name, span });
    }

    /// Handles the end of a message: psql sends the statements that it has read, and the last statement of the message
    /// ends here.
    pub(super) fn send_message(&mut self, bytes: usize) {
        let start = self.at;
        self.copies += std::mem::take(&mut self.unsent_copies) + usize::from(self.copies_from_stdin());
        self.at += bytes;
        self.push(TokenKind::Symbol(b';'), start);
        self.unsent = self.out.tokens.len();
    }

    /// Skips the arguments of a psql command. They end at the end of the line; for most commands, also at `\\` or
    /// before the next command.
    fn skip_arguments(&mut self, name: &str) {
        let whole_line = TO_END_OF_LINE.contains(&name);
        let mut quote = None;
        while let Some(byte) = self.byte(0) {
            match (byte, quote) {
                (b'\n', _) => break,
                _ if whole_line => {}
                (b'\\', Some(b'\'')) if self.byte(1).is_some_and(|next| next != b'\n') => self.at += 1,
                (b'\\', None) => {
                    self.at += if self.byte(1) == Some(b'\\') { 2 } else { 0 };
                    break;
                }
                (b'\'' | b'"' | b'`', None) => quote = Some(byte),
                (_, Some(open)) if byte == open => quote = None,
                _ => {}
            }
            self.at += 1;
        }
        // In \r\n, the \r is also part of the line's end.
        if self.byte(0) == Some(b'\n') && self.text.as_bytes().get(self.at.wrapping_sub(1)) == Some(&b'\r') {
            self.at -= 1;
        }
    }

    /// Whether the statement that ends at the current position is a COPY that reads its rows from the script.
    pub(super) fn copies_from_stdin(&self) -> bool {
        let tokens = &self.out.tokens;
        let first = tokens.iter().rposition(is_semicolon).map_or(0, |at| at + 1);
        let statement = tokens.get(first..).unwrap_or_default();
        let [Token { kind: TokenKind::Keyword(Keyword::Copy), .. }, rest @ ..] = statement else {
            return false;
        };
        let mut depth = 0usize;
        let mut from = false;
        for token in rest {
            match &token.kind {
                TokenKind::Symbol(b'(') => depth += 1,
                TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
                TokenKind::Keyword(Keyword::Stdin) if depth == 0 && from => return true,
                kind => from = *kind == TokenKind::Keyword(Keyword::From),
            }
        }
        false
    }

    /// Skips the rows of each COPY in the line that ends at the current position.
    pub(super) fn skip_rows(&mut self) {
        self.at += 1;
        for _ in 0..std::mem::take(&mut self.copies) {
            let start = self.at;
            loop {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let line = rest.split_inclusive('\n').next().unwrap_or_default();
                self.at += line.len();
                if line.is_empty() || matches!(line, "\\.\n" | "\\.\r\n" | "\\.") {
                    break;
                }
            }
            self.out.rows.push(Span::new(start, self.at));
        }
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.out.tokens.push(Token { kind, span: Span::new(start, self.at) });
    }
}

fn is_semicolon(token: &Token) -> bool {
    token.kind == TokenKind::Symbol(b';')
}

#[cfg(test)]
mod tests {
    use crate::Source;
    use crate::syntax::lex;
    use crate::syntax::token::TokenKind;

    /// Returns the tokens of a script, separated by blanks, without psql commands and rows.
    fn sent(text: &str) -> String {
        let lexed = lex(&Source::script(text));
        assert_eq!(lexed.error, None, "{text}");
        let shown =
            lexed.tokens.iter().filter(|token| token.kind != TokenKind::End).map(|token| match token.kind {
                TokenKind::Symbol(byte) => char::from(byte).to_string(),
                _ => token.span.text(text).to_owned(),
            });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_statements_of_a_script_become_tokens() {
        for (text, expected) in [
            ("\\restrict x\nSELECT 1;\n\\unrestrict x\n", "SELECT 1 ;"),
            ("\u{feff}SELECT 1;", "SELECT 1 ;"),
            ("SELECT 1 \\g\nSELECT 2 \\gset p_\r\nSELECT 3", "SELECT 1 ; SELECT 2 ; SELECT 3"),
            ("SELECT 1\\; SELECT 2;", "SELECT 1 ; SELECT 2 ;"),
            ("SELECT 1 + \\r\nSELECT 2;", "SELECT 2 ;"),
            ("\\echo a \'b \\\\ c\' \\\\ SELECT 1;", "SELECT 1 ;"),
            ("\\echo a \\echo b \\\\ SELECT 1;", "SELECT 1 ;"),
            ("\\! ls \\\\ SELECT 1;\nSELECT 2;", "SELECT 2 ;"),
            // In quotes and comments, a backslash is an ordinary character.
            ("SELECT \'\n\\d\n\';", "SELECT \'\n\\d\n\' ;"),
            ("SELECT $$\n\\.\n$$, $a$\n\\q $$ $a$;", "SELECT $$\n\\.\n$$ , $a$\n\\q $$ $a$ ;"),
            ("SELECT \"\n\\x\n\" /* \n\\d /* \n\\d */ */ -- \\d\n;", "SELECT \"\n\\x\n\" ;"),
        ] {
            assert_eq!(sent(text), expected, "{text}");
        }
    }

    #[test]
    fn rows_of_copy_are_not_tokens() {
        for (text, expected) in [
            (
                "COPY t (a) FROM stdin;\n1\tit\'s\n2\t;\n\\.\n\nSELECT 1;",
                "COPY t ( a ) FROM stdin ; SELECT 1 ;",
            ),
            (
                "copy\n t from\n STDIN WITH (FORMAT csv, QUOTE \'\"\') -- c\n;\r\n\"\'a\"\r\n\\.\r\nSELECT 1;",
                "copy t from STDIN WITH ( FORMAT csv , QUOTE \'\"\' ) ; SELECT 1 ;",
            ),
            ("COPY t FROM stdin; SELECT 1;\n\'\n\\.\nSELECT 2;", "COPY t FROM stdin ; SELECT 1 ; SELECT 2 ;"),
            (
                "COPY t FROM stdin;COPY u FROM stdin;\n\'\n\\.\n\"\n\\.\nSELECT 2;",
                "COPY t FROM stdin ; COPY u FROM stdin ; SELECT 2 ;",
            ),
            ("COPY t FROM stdin \\g\n\'\n\\.\nSELECT 2;", "COPY t FROM stdin ; SELECT 2 ;"),
            ("\\copy t from stdin csv\n\'\n\\.\nSELECT 2;", "SELECT 2 ;"),
            ("COPY t FROM stdin;\n\'\n", "COPY t FROM stdin ;"),
            // psql sends both statements at the second semicolon, and the rows after them.
            (
                "COPY t FROM stdin\\; SELECT 1;\n\'\n\\.\nSELECT 2;",
                "COPY t FROM stdin ; SELECT 1 ; SELECT 2 ;",
            ),
            (
                "COPY t FROM stdin\\;\nCOPY u FROM stdin;\n\'\n\\.\n\"\n\\.\nSELECT 2;",
                "COPY t FROM stdin ; COPY u FROM stdin ; SELECT 2 ;",
            ),
            (
                "COPY t FROM stdin\\; SELECT 1 \\g\n\'\n\\.\nSELECT 2;",
                "COPY t FROM stdin ; SELECT 1 ; SELECT 2 ;",
            ),
            ("COPY t FROM stdin\\; SELECT 1 \\r\nSELECT 2;\nSELECT 3;", "SELECT 2 ; SELECT 3 ;"),
            // The following commands and statements do not read rows from the script, so the text after them is SQL.
            (
                "COPY (SELECT a FROM stdin) TO stdout;\nSELECT 1;",
                "COPY ( SELECT a FROM stdin ) TO stdout ; SELECT 1 ;",
            ),
            ("COPY t FROM \'stdin\';\nSELECT 1;", "COPY t FROM \'stdin\' ; SELECT 1 ;"),
            ("\\copy t from rows.csv\nSELECT 1;", "SELECT 1 ;"),
            ("\\copy t from pstdin\nSELECT 1;", "SELECT 1 ;"),
        ] {
            assert_eq!(sent(text), expected, "{text}");
        }
    }

    #[test]
    fn statements_of_one_message_are_joined() {
        let text = "SELECT 1\\; SELECT 2;\nSELECT 3\\; \\r SELECT 4;";
        let joins = lex(&Source::script(text)).joins;
        assert_eq!(joins, [text.find('\\').unwrap() as u32]);
    }

    #[test]
    fn commands_and_rows_are_named_with_their_places() {
        let text = "\\if :x\nCOPY t FROM stdin;\n1\n\\.\n\\endif\r\n";
        let lexed = lex(&Source::script(text));
        let commands: Vec<(&str, &str)> =
            lexed.commands.iter().map(|it| (it.name.as_str(), it.span.text(text))).collect();
        assert_eq!(commands, [("if", "\\if :x"), ("endif", "\\endif")]);
        assert_eq!(lexed.rows.iter().map(|span| span.text(text)).collect::<Vec<_>>(), ["1\n\\.\n"]);
    }
}
