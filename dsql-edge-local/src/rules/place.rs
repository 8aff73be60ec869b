//! Corrects the positions in PostgreSQL's errors: PostgreSQL counts the characters of the statement that it gets, in
//! which dsql-local has inserted `(18,6)` after each bare `numeric`.
//!
//! Input: the client's SQL and the SQL that PostgreSQL gets; later, the fields of an ErrorResponse. Output: the same
//! fields, with the position in the client's SQL.

/// The text that dsql-local inserts.
pub(super) const INSERTED: &str = "(18,6)";

/// Returns the positions, in characters from 1, at which `sent` has more text than `written`; empty if the two strings
/// also differ in another way.
pub(super) fn inserted(written: &str, sent: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let (mut written, mut rest) = (written.chars().peekable(), sent.chars());
    let mut place = 1;
    while let Some(character) = rest.clone().next() {
        if written.next_if_eq(&character).is_some() {
            rest.next();
            place += 1;
        } else if rest.as_str().starts_with(INSERTED) {
            places.push(place);
            rest.nth(INSERTED.len() - 1);
            place += INSERTED.len();
        } else {
            return Vec::new();
        }
    }
    if written.next().is_some() { Vec::new() } else { places }
}

/// Returns the fields with the corrected position; `None` if nothing was inserted before the position.
pub(super) fn corrected(fields: &[u8], inserted: &[usize]) -> Option<Vec<u8>> {
    let place = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"P"))?;
    let place: usize = std::str::from_utf8(place).ok()?.parse().ok()?;
    let before = inserted.iter().filter(|at| **at < place).count();
    let moved = place.checked_sub(before * INSERTED.len()).filter(|_| before > 0)?;
    let mut out = Vec::with_capacity(fields.len());
    for field in fields.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
        match field.first() {
            Some(b'P') => out.extend(format!("P{moved}").into_bytes()),
            _ => out.extend_from_slice(field),
        }
        out.push(0);
    }
    out.push(0);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_behind_inserted_text_are_moved_back() {
        let written = "CREATE TABLE é (a numeric, b numeric(3,1), c decimal, d nope)";
        let sent = "CREATE TABLE é (a numeric(18,6), b numeric(3,1), c decimal(18,6), d nope)";
        let places = inserted(written, sent);
        assert_eq!(places, [26, 59]);
        let moved = |place: usize| corrected(format!("SERROR\0P{place}\0\0").as_bytes(), &places);
        assert_eq!(moved(69), Some(b"SERROR\0P57\0\0".to_vec()));
        assert_eq!(moved(34), Some(b"SERROR\0P28\0\0".to_vec()));
        assert_eq!(moved(17), None);
        assert_eq!((corrected(b"SERROR\0\0", &places), corrected(b"SERROR\0Px\0", &places)), (None, None));
        assert_eq!((inserted(written, written), inserted("a", "b")), (Vec::new(), Vec::new()));
        assert_eq!((inserted("a", "a(18,6) "), inserted("ab", "a(18,6)")), (Vec::new(), Vec::new()));
    }
}
