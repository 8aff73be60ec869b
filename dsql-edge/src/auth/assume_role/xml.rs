//! Reads the part of XML that STS sends (AWS's Query protocol): elements and text.
//!
//! Input: a document, which may contain anything. Output: the text of an element, by its path. Comments, CDATA, and
//! declarations other than `<?xml … ?>` at the beginning are not accepted, because STS sends none. Attributes are
//! skipped.

use std::borrow::Cow;

/// The maximum nesting depth of elements. No answer of STS reaches this depth.
const DEPTH: usize = 16;

/// Returns the text of the first element at `path`, which begins at the root. `None` if no element is at `path`, if
/// the document is malformed before the element, or if the element contains other elements.
pub(super) fn text_at<'a>(document: &'a str, path: &[&str]) -> Option<Cow<'a, str>> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = document.trim_start();
    if let Some(declaration) = rest.strip_prefix("<?xml") {
        rest = declaration.split_once("?>")?.1;
    }
    loop {
        let (text, after) = rest.split_once('<')?;
        let (tag, after) = after.split_once('>')?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.last() != Some(&name.trim_end()) {
                return None;
            }
            if open == path {
                return decoded(text);
            }
            open.pop();
        } else {
            let (tag, empty) = match tag.strip_suffix('/') {
                Some(tag) => (tag, true),
                None => (tag, false),
            };
            let name = tag.split_ascii_whitespace().next()?;
            // The content of the requested element must be only text.
            if open == path || open.len() == DEPTH || !name.starts_with(|first: char| first.is_alphabetic()) {
                return None;
            }
            if !empty {
                open.push(name);
            }
        }
    }
}

/// Text with its entities decoded.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('&') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = String::with_capacity(text.len());
    let mut parts = text.split('&');
    decoded.push_str(parts.next()?);
    for part in parts {
        let (entity, after) = part.split_once(';')?;
        decoded.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let digits = entity.strip_prefix('#')?;
                let code = match digits.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => digits.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        decoded.push_str(after);
    }
    Some(Cow::Owned(decoded))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_found_by_its_path() {
        let document = "<?xml version=\"1.0\"?>\n<a xmlns=\"x\">\n <b><c/><d e=\"f\">no</d></b>\
                        <b><c>1 &lt; 2 &amp;&#38;&#x26;</c></b></a>";
        assert_eq!(text_at(document, &["a", "b", "c"]).as_deref(), Some("1 < 2 &&&"));
        assert_eq!(text_at(document, &["a", "b", "d"]).as_deref(), Some("no"));
        for path in [&["a"][..], &["a", "b"], &["b", "c"], &["a", "b", "x"], &["c"]] {
            assert_eq!(text_at(document, path), None, "{path:?}");
        }
    }

    #[test]
    fn malformed_document_has_no_text() {
        let deep = ["<a>".repeat(DEPTH + 1), "</a>".repeat(DEPTH + 1)].concat();
        for document in [
            "",
            "<",
            "<a",
            "<a>x",
            "<a>x</b>",
            "<b></a><a>x</a>",
            "<!-- <a>x</a> --><b/>",
            "<a>&unknown;</a>",
            "<a>&#xD800;</a>",
            "<a>&#</a>",
            "<>x</>",
            &deep,
        ] {
            assert_eq!(text_at(document, &["a"]), None, "{document}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_text_or_nothing(document in "[<>/&;#x a-c?!\\PC]{0,60}") {
            let _ = text_at(&document, &["a", "b"]);
            let _ = text_at(&document, &[]);
        }
    }
}
