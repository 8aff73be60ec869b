//! Splits constants of arrays, ranges and multiranges: `array_in`, `range_in`, `multirange_in`.
//!
//! Input: the text of a constant. Output: the elements or bounds as strings, or [`Malformed`].

use std::iter::Peekable;
use std::str::Chars;

use super::blank::is_blank;

/// The text is not an array, a range or a multirange.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The reason why a string is not an array constant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotAnArray<'t> {
    /// The constant is malformed; the field is the part that PostgreSQL's message quotes.
    Malformed(&'t str),
    /// The upper bound of a dimension is below its lower bound.
    Bounds,
}

/// Returns the elements of an array constant without the NULLs. If arrays of different depth are next to each other,
/// the result depends on the version of PostgreSQL: PostgreSQL 16 reads `{{1},{{2}}}` as `{{{1}},{{2}}}`, and
/// `{{{1}},{2}}` as `{}`. A constant with arrays of different depth is accepted here, and the result is an empty list.
pub(super) fn array_elements(text: &str, delimiter: char) -> Result<Vec<String>, NotAnArray<'_>> {
    let (lengths, contents) = dimensions(text)?;
    if !contents.starts_with('{') {
        return Err(NotAnArray::Malformed(text));
    }
    let mut reader = Reader {
        rest: contents.trim_end_matches(is_blank).chars().peekable(),
        delimiter,
        is_ragged: false,
        is_uneven: false,
    };
    let mut elements = Vec::new();
    let shape = reader.array(&mut elements, 0).ok().filter(|_| reader.rest.next().is_none());
    if shape.is_some() && reader.is_ragged {
        return Ok(Vec::new());
    }
    let shape = shape.filter(|_| !reader.is_uneven).ok_or(NotAnArray::Malformed(contents))?;
    let as_declared = lengths.is_empty() || lengths.iter().eq(shape.iter());
    if as_declared { Ok(elements) } else { Err(NotAnArray::Malformed(text)) }
}

/// Reads the bounds of the dimensions that can precede an array, such as `[3][-1:1]=`; returns the length of each
/// dimension, and the text after the bounds.
fn dimensions(text: &str) -> Result<(Vec<usize>, &str), NotAnArray<'_>> {
    let malformed = |_| NotAnArray::Malformed(text);
    let mut rest = text.trim_start_matches(is_blank);
    let mut lengths = Vec::new();
    while let Some(bounds) = rest.strip_prefix('[') {
        let (bounds, after) = bounds.split_once(']').ok_or(NotAnArray::Malformed(text))?;
        let (lower, upper) = bounds.split_once(':').unwrap_or(("1", bounds));
        let (lower, upper) = (bound(lower).map_err(malformed)?, bound(upper).map_err(malformed)?);
        if upper < lower {
            return Err(NotAnArray::Bounds);
        }
        lengths.push(usize::try_from(i64::from(upper) - i64::from(lower) + 1).unwrap_or(usize::MAX));
        rest = after.trim_start_matches(is_blank);
    }
    if lengths.is_empty() {
        return Ok((lengths, rest));
    }
    let contents = rest.strip_prefix('=').ok_or(NotAnArray::Malformed(text))?;
    Ok((lengths, contents.trim_start_matches(is_blank)))
}

/// Reads a bound of a dimension. Like PostgreSQL, accepts signs and digits in any order; the value is the number at the
/// start, as `atoi` reads it.
fn bound(text: &str) -> Result<i32, Malformed> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+')) {
        return Err(Malformed);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.find(['-', '+']).unwrap_or(unsigned.len());
    let number = text.get(..text.len() - unsigned.len() + digits).unwrap_or_default();
    Ok(number.parse().unwrap_or_default())
}

/// A range constant, split into its bounds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    Empty,
    Bounds {
        /// The lower bound; `None` if the range has no lower bound.
        lower: Option<String>,
        lower_inclusive: bool,
        upper: Option<String>,
        upper_inclusive: bool,
    },
}

/// Returns the parts of a range: `range_parse`.
pub(super) fn range(text: &str) -> Result<Range, Malformed> {
    let text = text.trim_matches(is_blank);
    if text.eq_ignore_ascii_case("empty") {
        return Ok(Range::Empty);
    }
    let mut rest = text.chars().peekable();
    let lower_inclusive = match rest.next() {
        Some('[') => true,
        Some('(') => false,
        _ => return Err(Malformed),
    };
    let (lower, end) = range_bound(&mut rest)?;
    if end != ',' {
        return Err(Malformed);
    }
    let (upper, end) = range_bound(&mut rest)?;
    if end == ',' || rest.next().is_some() {
        return Err(Malformed);
    }
    Ok(Range::Bounds { lower, lower_inclusive, upper, upper_inclusive: end == ']' })
}

/// Reads a bound; returns the bound, and the character after it: `range_parse_bound`. A bound without characters counts
/// as missing.
fn range_bound(rest: &mut Peekable<Chars<'_>>) -> Result<(Option<String>, char), Malformed> {
    if let Some(end) = rest.next_if(|next| matches!(next, ',' | ')' | ']')) {
        return Ok((None, end));
    }
    let (mut bound, mut quoted) = (String::new(), false);
    loop {
        match rest.next().ok_or(Malformed)? {
            end @ (',' | ')' | ']') if !quoted => return Ok((Some(bound), end)),
            '\\' => bound.push(rest.next().ok_or(Malformed)?),
            '"' if quoted && rest.peek() == Some(&'"') => bound.extend(rest.next()),
            '"' => quoted = !quoted,
            other => bound.push(other),
        }
    }
}

/// Returns the ranges of a multirange, each as a string: `multirange_in`. Empty ranges are left out. If the constant is
/// malformed, the ranges before the malformed part are still returned: PostgreSQL reads each range before it looks at
/// the text after that range.
pub(super) fn multirange(text: &str) -> (Vec<String>, Result<(), Malformed>) {
    let mut ranges = Vec::new();
    let end = read_multirange(text, &mut ranges);
    (ranges, end)
}

fn read_multirange(text: &str, ranges: &mut Vec<String>) -> Result<(), Malformed> {
    let mut rest = text.trim_matches(is_blank).strip_prefix('{').ok_or(Malformed)?;
    let mut first = true;
    loop {
        rest = rest.trim_start_matches(is_blank);
        if first && rest.starts_with('}') {
            break;
        }
        first = false;
        let empty = rest.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("empty"));
        let length = if empty { 5 } else { range_length(rest)? };
        let (range, after) = rest.split_at(length);
        if !empty {
            ranges.push(range.to_owned());
        }
        rest = after.trim_start_matches(is_blank);
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    if rest == "}" { Ok(()) } else { Err(Malformed) }
}

/// Returns the length of the range at the start of `text`; the range ends with the first closing bracket that is not in
/// quotes.
fn range_length(text: &str) -> Result<usize, Malformed> {
    if !text.starts_with(['[', '(']) {
        return Err(Malformed);
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, next) in text.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ']' | ')' if !quoted => return Ok(at + 1),
            _ => {}
        }
    }
    Err(Malformed)
}

struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
    delimiter: char,
    /// Whether arrays of different depth are next to each other.
    is_ragged: bool,
    /// Whether arrays of the same depth, but of different length, are next to each other.
    is_uneven: bool,
}

impl Reader<'_> {
    /// Reads from `{` to `}`; returns the length of each dimension, outermost first.
    fn array(&mut self, out: &mut Vec<String>, depth: usize) -> Result<Vec<usize>, Malformed> {
        self.expect('{')?;
        let mut length = 0;
        let mut inner: Option<Vec<usize>> = None;
        self.blanks();
        if self.rest.next_if_eq(&'}').is_some() {
            return Ok(vec![0]);
        }
        loop {
            self.blanks();
            let shape = match self.rest.peek() {
                // A PostgreSQL array has at most six dimensions.
                Some('{') if depth < 6 => self.array(out, depth + 1)?,
                Some('"') => {
                    out.push(self.quoted()?);
                    Vec::new()
                }
                _ => {
                    let (word, escaped) = self.word()?;
                    if escaped || !word.eq_ignore_ascii_case("null") {
                        out.push(word);
                    }
                    Vec::new()
                }
            };
            length += 1;
            let first = inner.get_or_insert_with(|| shape.clone());
            match (first.len(), shape.len()) {
                (0, 0) => {}
                (0, _) | (_, 0) => return Err(Malformed),
                (first_depth, depth) if first_depth != depth => self.is_ragged = true,
                _ => self.is_uneven |= *first != shape,
            }
            self.blanks();
            match self.rest.next() {
                Some('}') => break,
                Some(it) if it == self.delimiter => {}
                _ => return Err(Malformed),
            }
        }
        Ok([vec![length], inner.unwrap_or_default()].concat())
    }

    fn quoted(&mut self) -> Result<String, Malformed> {
        self.expect('"')?;
        let mut out = String::new();
        loop {
            match self.rest.next().ok_or(Malformed)? {
                '"' => return Ok(out),
                '\\' => out.push(self.rest.next().ok_or(Malformed)?),
                other => out.push(other),
            }
        }
    }

    /// Reads an element without quotes; also returns whether the element contains a backslash.
    fn word(&mut self) -> Result<(String, bool), Malformed> {
        let mut out = String::new();
        let mut escaped = false;
        // Blanks at the end of an array element do not belong to the element, unless a backslash precedes them.
        let mut end = 0;
        while let Some(next) = self.rest.peek().copied() {
            match next {
                '}' => break,
                '{' | '"' => return Err(Malformed),
                _ if next == self.delimiter => break,
                '\\' => {
                    escaped = true;
                    self.rest.next();
                    out.push(self.rest.next().ok_or(Malformed)?);
                    end = out.len();
                }
                _ => {
                    out.extend(self.rest.next());
                    end = if is_blank(next) { end } else { out.len() };
                }
            }
        }
        out.truncate(end);
        if out.is_empty() { Err(Malformed) } else { Ok((out, escaped)) }
    }

    fn expect(&mut self, wanted: char) -> Result<(), Malformed> {
        self.rest.next_if_eq(&wanted).map(drop).ok_or(Malformed)
    }

    fn blanks(&mut self) {
        while self.rest.next_if(|it| is_blank(*it)).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays() {
        let elements = |text| array_elements(text, ',').map(|it| it.join("|"));
        for (text, expected) in [
            ("{}", Some("")),
            (" { a , \"b \\\" c\" , NULL,\"null\" } ", Some("a|b \" c|null")),
            ("{{1,2},{3,4}}", Some("1|2|3|4")),
            ("{a\\ , \\ \t,b }", Some("a | |b")),
            ("[2:3]={1,2}", Some("1|2")),
            ("[1:1][-1:0]={{1,2}}", Some("1|2")),
            ("[2:4]={1,2}", None),
            ("[2:1]={}", None),
            ("[a]={1}", None),
            ("rust", None),
            ("{a", None),
            ("{a,}", None),
            ("{a,,b}", None),
            ("{{1,2},{3}}", None),
            ("{{1},2}", None),
            ("{1,{2}}", None),
            ("{{1},{{2}}}", Some("")),
            ("{{{1}},{2},{3,4}}", Some("")),
            ("{{1},{{2}}", None),
            ("{a}b", None),
            ("{a\"b\"}", None),
        ] {
            assert_eq!(elements(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn ranges() {
        let written = |text| match range(text).ok()? {
            Range::Empty => Some("empty".to_owned()),
            Range::Bounds { lower, lower_inclusive, upper, upper_inclusive } => Some(format!(
                "{}{}|{}{}",
                if lower_inclusive { '[' } else { '(' },
                lower.as_deref().unwrap_or("-"),
                upper.as_deref().unwrap_or("-"),
                if upper_inclusive { ']' } else { ')' },
            )),
        };
        for (text, expected) in [
            (" Empty ", Some("empty")),
            ("[1,3)", Some("[1|3)")),
            ("(,3]", Some("(-|3]")),
            ("(\"\",)", Some("(|-)")),
            ("[\"a,b\",c]", Some("[a,b|c]")),
            ("[a(b,c[d)", Some("[a(b|c[d)")),
            ("1,3", None),
            ("[1,3", None),
            ("[1)", None),
            ("[1,2,3)", None),
            ("[1,3)x", None),
        ] {
            assert_eq!(written(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn multiranges() {
        for (text, expected) in [
            ("{}", Some("")),
            (" { [1,2) , (3,4] } ", Some("[1,2)|(3,4]")),
            ("{empty,[1,2)}", Some("[1,2)")),
            ("{[\"]\",a)}", Some("[\"]\",a)")),
            ("{[1,2", None),
            ("{[1,2),}", None),
            ("[1,2)", None),
            ("{[1,2)}x", None),
        ] {
            let (ranges, end) = multirange(text);
            assert_eq!(end.ok().map(|()| ranges.join("|")).as_deref(), expected, "{text}");
        }
    }
}
