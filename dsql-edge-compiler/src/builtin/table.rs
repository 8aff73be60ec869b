//! A sorted text of lines with tab-separated fields: in goes a key, out come the lines that have it.
//! It knows nothing of what the fields mean.

use std::cmp::Ordering;

use super::Oid;

/// One of the data files. Its lines are sorted by their first field, or by their first two.
#[derive(Clone, Copy)]
pub(super) struct Table {
    text: &'static str,
}

impl Table {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text }
    }

    /// The lines whose first field is `name`, of a table sorted bytewise by that field.
    pub(super) fn named(self, name: &str) -> impl Iterator<Item = Row> + Clone + use<> {
        let start = self.partition_point(|line| first_field(line) < name);
        let end = start + self.after(start).partition_point(|line| first_field(line) <= name);
        Table::new(self.text.get(start..end).unwrap_or_default()).rows()
    }

    /// The first line whose leading OIDs are `key`, of a table sorted by them as numbers.
    pub(super) fn keyed<const N: usize>(self, key: [Oid; N]) -> Option<Row> {
        let start = self.partition_point(|line| leading_oids::<N>(line).cmp(&key) == Ordering::Less);
        let row = self.after(start).rows().next()?;
        (leading_oids::<N>(row.line) == key).then_some(row)
    }

    /// The lines whose first OID is `key`.
    pub(super) fn keyed_by_first(self, key: Oid) -> impl Iterator<Item = Row> + Clone {
        let start = self.partition_point(|line| leading_oids::<1>(line) < [key]);
        self.after(start).rows().take_while(move |row| leading_oids::<1>(row.line) == [key])
    }

    /// Every line, in order.
    pub(super) fn rows(self) -> impl Iterator<Item = Row> + Clone {
        self.text.split_terminator('\n').map(|line| Row { line })
    }

    /// The first field of every line, each once.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        let mut last = "";
        self.rows().map(|row| first_field(row.line)).filter(move |name| {
            let fresh = *name != last;
            last = name;
            fresh
        })
    }

    fn after(self, offset: usize) -> Table {
        Table::new(self.text.get(offset..).unwrap_or_default())
    }

    /// The offset of the first line for which `before` no longer holds. `low` and `high` are always
    /// starts of lines.
    fn partition_point(self, before: impl Fn(&'static str) -> bool) -> usize {
        let (mut low, mut high) = (0, self.text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = self
                .text
                .get(low..middle)
                .and_then(|part| part.rfind('\n'))
                .map_or(low, |newline| low + newline + 1);
            let line = self.after(start).text;
            let length = line.find('\n').unwrap_or(line.len());
            if before(line.get(..length).unwrap_or_default()) {
                low = start + length + 1;
            } else {
                high = start;
            }
        }
        low.min(self.text.len())
    }
}

/// A line.
#[derive(Clone, Copy)]
pub(super) struct Row {
    line: &'static str,
}

impl Row {
    /// Its fields, from the first on.
    pub(super) fn fields(self) -> Fields {
        Fields { rest: self.line }
    }
}

/// What is left of a line.
pub(super) struct Fields {
    rest: &'static str,
}

impl Fields {
    /// The next field; "" after the last.
    pub(super) fn text(&mut self) -> &'static str {
        let (field, rest) = self.rest.split_once('\t').unwrap_or((self.rest, ""));
        self.rest = rest;
        field
    }

    /// The next field as an OID; 0 where there is none.
    pub(super) fn oid(&mut self) -> Oid {
        number(self.text())
    }

    /// The next field as a small count.
    pub(super) fn count(&mut self) -> u8 {
        u8::try_from(self.oid()).unwrap_or_default()
    }

    /// The next field as one-letter flags, `N` of them.
    pub(super) fn letters<const N: usize>(&mut self) -> [u8; N] {
        self.text().as_bytes().first_chunk::<N>().copied().unwrap_or([b'-'; N])
    }
}

/// Numbers separated by single spaces.
pub(super) fn oids(text: &'static str) -> impl Iterator<Item = Oid> + Clone {
    text.split(' ').filter(|item| !item.is_empty()).map(number)
}

/// A decimal number; 0 for anything else.
pub(super) fn number(text: &str) -> Oid {
    text.parse().unwrap_or_default()
}

fn first_field(line: &'static str) -> &'static str {
    line.split_once('\t').map_or(line, |(field, _)| field)
}

fn leading_oids<const N: usize>(line: &'static str) -> [Oid; N] {
    let mut fields = Row { line }.fields();
    std::array::from_fn(|_| fields.oid())
}

#[cfg(test)]
mod tests {
    use super::Table;

    const NAMES: Table = Table::new("a\t1\nb\t2\nb\t3\nbb\t4\nd\t5\n");
    const OIDS: Table = Table::new("1\t9\tx\n1\t10\ty\n20\t1\tz\n");

    fn second(table: Table, name: &str) -> Vec<u32> {
        table
            .named(name)
            .map(|row| {
                let mut fields = row.fields();
                fields.text();
                fields.oid()
            })
            .collect()
    }

    #[test]
    fn finds_every_line_of_a_name_and_no_other() {
        assert_eq!(second(NAMES, "a"), [1]);
        assert_eq!(second(NAMES, "b"), [2, 3]);
        assert_eq!(second(NAMES, "bb"), [4]);
        assert_eq!(second(NAMES, "d"), [5]);
        for absent in ["", "A", "ba", "c", "e", "a\t1"] {
            assert!(second(NAMES, absent).is_empty(), "{absent:?}");
        }
        assert!(second(Table::new(""), "a").is_empty());
    }

    #[test]
    fn compares_keys_as_numbers() {
        let text = |key| OIDS.keyed::<2>(key).map(|row| row.line);
        assert_eq!(text([1, 9]), Some("1\t9\tx"));
        assert_eq!(text([1, 10]), Some("1\t10\ty"));
        assert_eq!(text([20, 1]), Some("20\t1\tz"));
        assert_eq!(text([2, 1]), None);
        assert_eq!(OIDS.keyed_by_first(1).count(), 2);
        assert_eq!(OIDS.keyed_by_first(3).count(), 0);
    }

    #[test]
    fn names_come_once() {
        assert_eq!(NAMES.names().collect::<Vec<_>>(), ["a", "b", "bb", "d"]);
    }
}
