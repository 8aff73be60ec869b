//! Finds the existing name that is nearest to a misspelled name.
//!
//! Input: the written name and the candidates. Output: the nearest candidate, if its edit distance is at most 2 (3 for
//! a written name of at least nine characters), and at most half the length of the written name. PostgreSQL's bound is
//! only half the length (`parse_relation.c`, `updateFuzzyAttrMatchState`), so PostgreSQL would suggest `line` for
//! `dblink`.

/// Returns the candidate nearest to `written`; `None` if no candidate is near.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // For a name of one letter, the bound is 0, because any two letters differ by one edit. So a name of one letter
    // matches only the same letter in upper or lower case.
    let length = written.chars().count();
    let bound = (length / 2).min((length / 3).clamp(2, 3));
    candidates
        .into_iter()
        .filter(|candidate| *candidate != written)
        .map(|candidate| (distance(written, candidate, bound), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// Returns the edit distance of two names; `None` if the names are equal or not near.
pub fn distance_within(written: &str, candidate: &str) -> Option<usize> {
    let bound = (written.chars().count() / 2).min(2);
    Some(distance(written, candidate, bound)).filter(|distance| (1..=bound).contains(distance))
}

/// Returns the edit distance, in which a swap of neighbors counts as one edit; if the distance is above `bound`, the
/// result is `bound + 1`.
fn distance(left: &str, right: &str, bound: usize) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    if left.len().abs_diff(right.len()) > bound {
        return bound + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, b) in right.iter().enumerate() {
            let mut best = (previous[column] + usize::from(a != b))
                .min(previous[column + 1] + 1)
                .min(current[column] + 1);
            if row > 0 && column > 0 && *a == right[column - 1] && left[row - 1] == *b {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[right.len()].min(bound + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_is_suggested() {
        let columns = ["id", "title", "title_ja", "published_at"];
        for (written, expected) in [
            ("titel", Some("title")),
            ("tilte", Some("title")),
            ("publishd_at", Some("published_at")),
            ("ID", Some("id")),
            ("author", None),
            ("x", None),
        ] {
            assert_eq!(nearest(written, columns), expected, "{written}");
        }
        assert_eq!(nearest("dblink", ["line"]), None);
    }
}
