//! Reads the comments that silence a rule: `-- dsql-edge: allow RULE, RULE`.
//!
//! Input: the text of a file, the name of a rule or of an error code, and byte offsets. Output: whether a comment in
//! the line of one of these offsets, or in the line above, contains the name.

use dsql_edge_compiler::diagnostic::Code;
use dsql_edge_compiler::dsql;

/// Returns the list of names in the `allow` comment of a line, as it is written.
fn names(line: &str) -> Option<&str> {
    let (before, directive) = line.split_once("dsql-edge:")?;
    let names = directive.trim_start().strip_prefix("allow")?;
    let is_directive = before.trim_end().ends_with("--") && names.starts_with(char::is_whitespace);
    is_directive.then(|| names.trim())
}

/// Whether a name is the name of a rule or of an error code.
pub(crate) fn is_rule(name: &str) -> bool {
    let mut rules = dsql::tables().into_iter().flat_map(|(_, rules)| rules);
    Code::named(name).is_some() || rules.any(|rule| rule.id == name)
}

/// Whether an `allow` comment in the line of one of the offsets, or in the line above, contains this name.
pub fn is_allowed(text: &str, name: &str, places: [u32; 2]) -> bool {
    let allows = |line: &str| names(line).is_some_and(|names| names.split([',', ' ']).any(|it| it == name));
    places.into_iter().any(|place| {
        let place = place as usize;
        let start = text.get(..place).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let own = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let above =
            text.get(..start.saturating_sub(1)).and_then(|before| before.rsplit('\n').next()).unwrap_or("");
        allows(own) || allows(above)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_of_the_comment_do_not_matter() {
        for (line, expected) in [
            ("-- dsql-edge: allow a", true),
            ("--dsql-edge:  allow b,a", true),
            ("x; --  dsql-edge: allow\ta", true),
            ("-- dsql-edge: allows a", false),
            ("-- dsql-edge: allow ab", false),
            ("dsql-edge: allow a", false),
        ] {
            assert_eq!(is_allowed(line, "a", [0, 0]), expected, "{line}");
        }
    }
}
