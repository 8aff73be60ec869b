//! serde's rules for renaming fields and variants: `rename_all = "snake_case"`.

use syn::LitStr;

/// The rules, as serde's derive names them.
const RULES: &str = "use `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, \
                     `kebab-case` or `SCREAMING-KEBAB-CASE`";

/// One of serde's rules.
#[derive(Clone, Copy)]
pub(crate) enum RenameAll {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl RenameAll {
    pub(crate) fn new(written: &LitStr) -> syn::Result<RenameAll> {
        Ok(match written.value().as_str() {
            "lowercase" => RenameAll::Lower,
            "UPPERCASE" => RenameAll::Upper,
            "PascalCase" => RenameAll::Pascal,
            "camelCase" => RenameAll::Camel,
            "snake_case" => RenameAll::Snake,
            "SCREAMING_SNAKE_CASE" => RenameAll::ScreamingSnake,
            "kebab-case" => RenameAll::Kebab,
            "SCREAMING-KEBAB-CASE" => RenameAll::ScreamingKebab,
            other => {
                return Err(syn::Error::new(
                    written.span(),
                    format!("`{other}` is not one of serde's rules: {RULES}"),
                ));
            }
        })
    }

    /// Converts a field's name in the same way as serde's derive (`serde_derive`, `case.rs`), which assumes that the
    /// name is in snake_case.
    pub(crate) fn field(self, field: &str) -> String {
        match self {
            RenameAll::Lower | RenameAll::Snake => field.to_owned(),
            RenameAll::Upper | RenameAll::ScreamingSnake => field.to_ascii_uppercase(),
            RenameAll::Pascal => pascal(field),
            RenameAll::Camel => {
                let pascal = pascal(field);
                let mut characters = pascal.chars();
                match characters.next() {
                    Some(first) => format!("{}{}", first.to_ascii_lowercase(), characters.as_str()),
                    None => pascal,
                }
            }
            RenameAll::Kebab => field.replace('_', "-"),
            RenameAll::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// Converts a variant's name as serde's derive does, which assumes that the name is in PascalCase.
    pub(crate) fn variant(self, variant: &str) -> String {
        match self {
            RenameAll::Pascal => variant.to_owned(),
            RenameAll::Lower => variant.to_ascii_lowercase(),
            RenameAll::Upper => variant.to_ascii_uppercase(),
            RenameAll::Camel => {
                let mut characters = variant.chars();
                let first = characters.next().map(|first| first.to_ascii_lowercase());
                first.into_iter().chain(characters).collect()
            }
            _ => self.field(&snake(variant)),
        }
    }
}

/// `InReview` as `in_review`.
pub(crate) fn snake(pascal: &str) -> String {
    let mut out = String::new();
    for (at, character) in pascal.char_indices() {
        if at > 0 && character.is_uppercase() {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

fn pascal(field: &str) -> String {
    let mut out = String::new();
    let mut capital = true;
    for character in field.chars() {
        if character == '_' {
            capital = true;
        } else if capital {
            out.push(character.to_ascii_uppercase());
            capital = false;
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    #[test]
    fn variants_as_serde_writes_them() {
        for (rule, expected) in [
            ("lowercase", "inreview"),
            ("UPPERCASE", "INREVIEW"),
            ("PascalCase", "InReview"),
            ("camelCase", "inReview"),
            ("snake_case", "in_review"),
            ("SCREAMING_SNAKE_CASE", "IN_REVIEW"),
            ("kebab-case", "in-review"),
            ("SCREAMING-KEBAB-CASE", "IN-REVIEW"),
        ] {
            let rule = RenameAll::new(&LitStr::new(rule, Span::call_site())).unwrap();
            assert_eq!(rule.variant("InReview"), expected);
        }
    }
}
