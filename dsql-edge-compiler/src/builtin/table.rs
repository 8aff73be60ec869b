//! Searches sorted lines of text with tab-separated fields. Input: a key. Output: the lines whose first fields are the
//! key. The module does not interpret the fields.
//!
//! The code runs unoptimized in a proc macro, so it compares whole slices, for which the standard library has optimized
//! code, instead of using its own loops.

use std::cmp::Ordering;
use std::fmt::Write;

use super::Oid;

/// One of the data files. The lines of the file are sorted bytewise, the OIDs have five digits, and a name that is
/// followed by spaces ends at the first space.
#[derive(Clone, Copy)]
pub(super) struct Table {
    text: &'static str,
    /// The length of every line, including its newline; 0 if lengths differ.
    width: usize,
}

impl Table {
    /// Makes a table from text whose lines differ in length.
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text, width: 0 }
    }

    /// Makes a table from text in which all lines have the same length. A search in such a table needs no search for
    /// line ends, and so is faster.
    pub(super) const fn of_even_lines(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut width = 0;
        while bytes[width] != b'\n' {
            width += 1;
        }
        Self { text, width: width + 1 }
    }

    /// Returns the lines that begin with the fields of `key`.
    pub(super) fn find(self, key: Key) -> impl Iterator<Item = Row> + Clone + use<> {
        let start = self.first(key.text());
        let rest = self.text.get(start..).unwrap_or_default();
        lines(rest)
            .take_while(move |line| compare(line, key.text()) == Ordering::Equal)
            .map(|line| Row { line })
    }

    /// Returns every line, in order.
    pub(super) fn rows(self) -> impl Iterator<Item = Row> + Clone {
        lines(self.text).map(|line| Row { line })
    }

    /// Returns the first field of every line, without duplicates.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        let mut last = "";
        self.rows().map(|row| row.fields().text()).filter(move |name| {
            let fresh = *name != last;
            last = name;
            fresh
        })
    }

    /// Returns the offset of the first line that does not come before the key. `low` and `high` are always starts of
    /// lines.
    fn first(self, key: &str) -> usize {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = match self.width {
                0 => {
                    let before = self.text.get(low..middle).unwrap_or_default();
                    before.rfind('\n').map_or(low, |newline| low + newline + 1)
                }
                width => middle - middle % width,
            };
            let line = self.text.get(start..).unwrap_or_default();
            if compare(line, key) == Ordering::Less {
                let length = match self.width {
                    0 => line.find('\n').map_or(line.len(), |newline| newline + 1),
                    width => width,
                };
                low = start + length;
            } else {
                high = start;
            }
        }
        low
    }
}

/// Compares a line's beginning with a key. A field ends at a tab, a space or the line's end, all of which sort before
/// the characters of a field.
fn compare(line: &str, key: &str) -> Ordering {
    let (line, key) = (line.as_bytes(), key.as_bytes());
    let Some(opening) = line.get(..key.len()) else { return line.cmp(key) };
    match opening.cmp(key) {
        Ordering::Equal => match line.get(key.len()) {
            Some(byte) if *byte > b' ' => Ordering::Greater,
            _ => Ordering::Equal,
        },
        unequal => unequal,
    }
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> + Clone {
    text.split_terminator('\n')
}

/// A search key: the first fields of the lines to find.
#[derive(Clone)]
pub(super) struct Key(String);

impl Key {
    /// Returns a key for a name. A name with spaces or control characters cannot be a field of a line, so its key finds
    /// no line.
    pub(super) fn name(name: &str) -> Key {
        // No line begins with a newline, so a key that is a newline finds nothing.
        if name.bytes().any(|byte| byte <= b' ') { Key("\n".to_owned()) } else { Key(name.to_owned()) }
    }

    /// Returns a key for an OID.
    pub(super) fn oid(oid: Oid) -> Key {
        Key(format!("{oid:05}"))
    }

    /// Adds an OID to the key, as the next field.
    pub(super) fn then(mut self, oid: Oid) -> Key {
        let _ = write!(self.0, "\t{oid:05}");
        self
    }

    fn text(&self) -> &str {
        &self.0
    }
}

/// A line.
#[derive(Clone, Copy)]
pub(super) struct Row {
    line: &'static str,
}

impl Row {
    /// Returns the fields of the line, starting with the first field.
    pub(super) fn fields(self) -> Fields {
        Fields { rest: self.line }
    }
}

/// The rest of a line.
pub(super) struct Fields {
    rest: &'static str,
}

impl Fields {
    /// Returns the next field, without the spaces that pad it; "" after the last.
    pub(super) fn text(&mut self) -> &'static str {
        let (field, rest) = self.rest.split_once('\t').unwrap_or((self.rest, ""));
        self.rest = rest;
        if field.ends_with(' ') { field.trim_end_matches(' ') } else { field }
    }

    /// Reads the next field as an OID; 0 if the line has no further field.
    pub(super) fn oid(&mut self) -> Oid {
        let (field, rest) = match self.rest.as_bytes() {
            // Nearly all OIDs have five digits and are followed by a tab.
            [_, _, _, _, _, b'\t', ..] => self.rest.split_at(5),
            _ => {
                let field = self.text();
                return number(field);
            }
        };
        self.rest = rest.get(1..).unwrap_or_default();
        number(field)
    }

    /// Reads the next field as a number below 256.
    pub(super) fn count(&mut self) -> u8 {
        u8::try_from(number(self.text())).unwrap_or_default()
    }

    /// Returns the next field as one-letter flags, `N` of them.
    pub(super) fn letters<const N: usize>(&mut self) -> [u8; N] {
        self.text().as_bytes().first_chunk::<N>().copied().unwrap_or([b'-'; N])
    }

    /// Returns the rest of the line.
    pub(super) fn rest(self) -> &'static str {
        self.rest
    }
}

/// Returns the numbers in a text, which are separated by single spaces.
pub(super) fn oids(text: &'static str) -> impl Iterator<Item = Oid> + Clone {
    text.split(' ').filter(|item| !item.is_empty()).map(number)
}

/// Returns the number that a decimal text denotes; 0 for any other text.
pub(super) fn number(text: &str) -> Oid {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Key, Row, Table};

    const NAMES: Table = Table::new("a\t00001\nb\t00002\nb\t00003\nbb\t00004\nd\t00005\n");
    const EVEN: Table = Table::of_even_lines("00001\ta.b  \tx\n00001\ta.bc \ty\n00020\ta.bcd\tz\n");

    fn second(table: Table, key: Key) -> Vec<u32> {
        let second = |row: Row| {
            let mut fields = row.fields();
            fields.text();
            fields.oid()
        };
        table.find(key).map(second).collect()
    }

    #[test]
    fn finds_every_line_of_a_name_and_no_other() {
        assert_eq!(second(NAMES, Key::name("a")), [1]);
        assert_eq!(second(NAMES, Key::name("b")), [2, 3]);
        assert_eq!(second(NAMES, Key::name("bb")), [4]);
        assert_eq!(second(NAMES, Key::name("d")), [5]);
        for absent in ["A", "ba", "bbb", "c", "e", "a\t00001", "b "] {
            assert!(second(NAMES, Key::name(absent)).is_empty(), "{absent:?}");
        }
        assert_eq!(second(NAMES, Key::name("b").then(3)), [3]);
        assert!(second(NAMES, Key::name("b").then(1)).is_empty());
        assert!(second(Table::new(""), Key::name("a")).is_empty());
    }

    #[test]
    fn finds_in_even_lines() {
        let found = |key| {
            let texts = EVEN.find(key).map(|row| {
                let mut fields = row.fields();
                fields.oid();
                fields.text()
            });
            texts.collect::<Vec<_>>()
        };
        assert_eq!(found(Key::oid(1)), ["a.b", "a.bc"]);
        assert_eq!(found(Key::oid(20)), ["a.bcd"]);
        assert!(found(Key::oid(2)).is_empty() && found(Key::oid(200_000)).is_empty());
    }

    #[test]
    fn names_come_once() {
        assert_eq!(NAMES.names().collect::<Vec<_>>(), ["a", "b", "bb", "d"]);
    }
}
