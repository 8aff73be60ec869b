//! Reads the comments that silence a rule: `-- dsql-edge: allow RULE, RULE`.
//!
//! Input: the text of a file, the name of a rule or of an error code, and places. Output: whether a comment in the line of
//! a place, or in the line above, contains the name.

/// Whether a comment at one of the places contains this name.
pub fn is_allowed(text: &str, name: &str, places: [u32; 2]) -> bool {
    let allows = |line: &str| {
        line.split_once("-- dsql-edge: allow ")
            .is_some_and(|(_, names)| names.trim_end().split([',', ' ']).any(|allowed| allowed == name))
    };
    places.into_iter().any(|place| {
        let place = place as usize;
        let start = text.get(..place).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let own = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let above =
            text.get(..start.saturating_sub(1)).and_then(|before| before.rsplit('\n').next()).unwrap_or("");
        allows(own) || allows(above)
    })
}
