//! Converts column names into Rust names.
//!
//! Input: a column's name as the server reports it. Output: the field's name, and the override in the column's name
//! (`"x!"`, `"x?"`, `"x: T"`); or `None`, if the column cannot be a field.

/// A name that is a Rust identifier; only [`FieldName::new`] creates it. Two names are equal if rustc treats the two as
/// the same name.
#[derive(Clone, Debug)]
pub struct FieldName {
    /// The name of the column, or the part of this name between two dots.
    text: String,
    /// The name as rustc compares it: in Unicode's form NFC. Outside a macro, this field contains the name as written.
    normalized: String,
}

impl PartialEq for FieldName {
    fn eq(&self, other: &FieldName) -> bool {
        self.normalized == other.normalized
    }
}

impl Eq for FieldName {}

impl FieldName {
    /// Returns the name, if it can be a Rust field; keywords become raw identifiers when written.
    pub fn new(name: &str) -> Option<FieldName> {
        let mut characters = name.chars();
        let first = characters.next()?;
        // Rust's own definition: Unicode classifies `²` and `ⓐ` as alphanumeric, but they are not allowed in
        // identifiers.
        let start = first == '_' || unicode_ident::is_xid_start(first);
        let rest = characters.all(unicode_ident::is_xid_continue);
        // These words cannot be identifiers, not even raw identifiers such as `r#self`.
        let impossible = matches!(name, "_" | "self" | "Self" | "super" | "crate");
        if !start || !rest || impossible {
            return None;
        }
        // If the Unicode tables of rustc are older than those of this crate, creating the identifier in a macro can
        // panic.
        let ident = std::panic::catch_unwind(|| identifier(name)).ok()?;
        let normalized = ident.to_string();
        Some(FieldName { text: name.to_owned(), normalized })
    }

    /// Returns the name without `r#`, as Serialize writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the name as an identifier at the call site.
    pub fn ident(&self) -> proc_macro2::Ident {
        identifier(&self.text)
    }

    /// Returns the identifier as Rust code writes it.
    pub fn in_rust(&self) -> String {
        if is_keyword(&self.text) { format!("r#{}", self.text) } else { self.text.clone() }
    }

    /// Returns the group's part of a struct's name: `written_by` becomes `WrittenBy`.
    pub fn pascal_case(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        for part in self.text.split('_') {
            let mut characters = part.chars();
            out.extend(characters.next().into_iter().flat_map(char::to_uppercase));
            out.push_str(characters.as_str());
        }
        out
    }
}

fn identifier(name: &str) -> proc_macro2::Ident {
    let span = proc_macro2::Span::call_site();
    if is_keyword(name) {
        proc_macro2::Ident::new_raw(name, span)
    } else {
        proc_macro2::Ident::new(name, span)
    }
}

/// Whether the name is a keyword of Rust, including the keywords of later editions.
fn is_keyword(name: &str) -> bool {
    [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn",
        "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
        "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static",
        "struct", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where",
        "while", "yield",
    ]
    .binary_search(&name)
    .is_ok()
}

/// The name of a result column, divided into the name and the override.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// The name of the field.
    pub field: String,
    /// `!` or `?`.
    pub nullability: Option<Nullability>,
    /// `: T`, as written; `_` is the column's default Rust type, and `""` is an error.
    pub rust_type: Option<String>,
}

/// The nullability that the user declares with an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nullability {
    /// `"x!"`
    NotNull,
    /// `"x?"`
    Nullable,
}

impl ColumnName {
    /// Makes a column name from a name that comes from the database. The compiler does not look for an override in such
    /// a name.
    pub fn of_database(name: &str) -> ColumnName {
        // The column of EXPLAIN, which has a space in its name and cannot be given an alias.
        let field = if name == "QUERY PLAN" { "query_plan" } else { name };
        ColumnName { field: field.to_owned(), nullability: None, rust_type: None }
    }

    /// Parses an alias in sqlx's forms: `name`, `name!`, `name?`, `name: T`, `name!: T`, `name?: T`.
    pub fn parse(name: &str) -> ColumnName {
        let (left, rust_type) = match name.split_once(':') {
            Some((left, right)) => (left.trim(), Some(right.trim().to_owned())),
            None => (name.trim(), None),
        };
        let (field, nullability) = match (left.strip_suffix('!'), left.strip_suffix('?')) {
            (Some(field), _) => (field, Some(Nullability::NotNull)),
            // `?column?` is PostgreSQL's name for a column without a name.
            (None, Some(field)) if left != "?column?" => (field, Some(Nullability::Nullable)),
            _ => (left, None),
        };
        ColumnName { field: field.trim().to_owned(), nullability, rust_type }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_in_column_names() {
        let parsed = |name: &str| {
            let column = ColumnName::parse(name);
            (column.field, column.nullability, column.rust_type)
        };
        let (not_null, nullable) = (Some(Nullability::NotNull), Some(Nullability::Nullable));
        assert_eq!(parsed("id"), ("id".into(), None, None));
        assert_eq!(parsed("id!"), ("id".into(), not_null, None));
        assert_eq!(parsed("id?"), ("id".into(), nullable, None));
        assert_eq!(parsed("id!: crate::UserId"), ("id".into(), not_null, Some("crate::UserId".into())));
        assert_eq!(parsed("id: _"), ("id".into(), None, Some("_".into())));
        assert_eq!(parsed("?column?"), ("?column?".into(), None, None));
        assert_eq!(ColumnName::of_database("QUERY PLAN").field, "query_plan");
    }

    #[test]
    fn fields_are_rust_identifiers() {
        for (name, fine) in [
            ("title", true),
            ("type", true),
            ("記事", true),
            ("?column?", false),
            ("1st", false),
            ("self", false),
            ("a b", false),
            ("", false),
            ("m²", false),
            ("CO₂", false),
            ("ⓐ", false),
            ("e\u{301}", true),
            ("\u{301}e", false),
            ("a‿b", true),
            ("a·b", true),
            ("℘", true),
            ("\u{200b}", false),
        ] {
            assert_eq!(FieldName::new(name).is_some(), fine, "{name}");
        }
        assert_eq!(FieldName::new("type").unwrap().ident().to_string(), "r#type");
    }
}
