//! What psql reads itself and never sends: its own commands, and the rows behind `COPY … FROM stdin`.
//!
//! In: a text. Out: the same with those lines blank, so that every place stays what it was.

/// The text as a server would get it.
pub(super) fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_rows = false;
    let mut statement = String::new();
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end();
        if in_rows {
            in_rows = bare != "\\.";
            blank(line, &mut out);
            continue;
        }
        if bare.starts_with('\\') {
            blank(line, &mut out);
            continue;
        }
        out.push_str(line);
        statement.push_str(&bare.to_ascii_lowercase());
        if bare.ends_with(';') {
            let copies =
                statement.starts_with("copy ") && statement.trim_end_matches(';').ends_with("from stdin");
            in_rows = copies;
            statement.clear();
        } else if statement.starts_with("--") || statement.trim().is_empty() {
            statement.clear();
        }
    }
    out
}

fn blank(line: &str, out: &mut String) {
    out.extend(line.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_commands_are_blank_and_places_stay() {
        let text = "\\restrict x\n--\n-- data\n--\n\nCOPY public.t (a, b) FROM stdin;\n1\tit's\n2\t;\n\\.\n\nSELECT 1;\n";
        let sent = blanked(text);
        assert_eq!(sent.len(), text.len());
        assert_eq!(sent.find("SELECT"), text.find("SELECT"));
        assert!(!sent.contains("it's") && !sent.contains('\\'), "{sent}");
        assert!(sent.contains("FROM stdin;"));
    }
}
