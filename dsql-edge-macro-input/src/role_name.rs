//! The names of the roles that dsql-local makes.
//!
//! Input: a name. Output: whether dsql-local can make a role of this name. `#[dsql_edge::test]` applies this rule to
//! the names in `roles(…)`.

/// The roles that each dsql-local has: DSQL's `admin`, and the superuser of its PostgreSQL.
const EXISTING: [&str; 2] = ["admin", "postgres"];

/// Returns the advice for a name that dsql-local cannot give to a role, or `None`.
pub fn advice(name: &str) -> Option<&'static str> {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_';
    if EXISTING.contains(&name) {
        return Some("this role exists already; choose another name");
    }
    let fits = !name.is_empty() && name.len() <= 63 && name.bytes().all(plain);
    (!fits).then_some("choose a name of lower-case letters, digits and _, at most 63")
}

#[cfg(test)]
mod tests {
    use super::advice;

    #[test]
    fn name_of_a_new_role_is_plain_and_not_taken() {
        let long = "a".repeat(64);
        for name in ["", "App", "a-b", "é", "admin", "postgres", &long] {
            assert!(advice(name).is_some(), "{name}");
        }
        for name in ["app", "app_2", &long[1..]] {
            assert_eq!(advice(name), None, "{name}");
        }
    }
}
