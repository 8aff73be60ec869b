//! Reads the files with a Worker's settings: wrangler.toml, wrangler.jsonc, wrangler.json, .dev.vars, .env.
//!
//! Input: a folder. Output: the settings as JSON, whatever the form of the file, and the local bindings.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};
use toml_edit::{DocumentMut, Item, TableLike};

/// The files of wrangler's settings: wrangler reads the first one that exists.
const FILES: [&str; 3] = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/// The files of local bindings: wrangler reads the first one that exists.
const VARIABLES: [&str; 2] = [".dev.vars", ".env"];

/// The settings of a Worker.
pub(crate) struct Settings {
    pub(crate) file: &'static str,
    /// The settings, or why the file cannot be read.
    pub(crate) values: Result<Value, String>,
}

impl Settings {
    /// Reads the settings of a package; `None` if it has none.
    pub(crate) fn of(package: &Path) -> Option<Settings> {
        FILES.into_iter().find_map(|file| {
            let text = fs::read_to_string(package.join(file)).ok()?;
            let values = if file.ends_with(".toml") { of_toml(&text) } else { of_jsonc(&text) };
            Some(Settings { file, values })
        })
    }
}

/// Whether a folder of the package contains the migrations of a D1 database, which wrangler applies, and not the
/// migrations of the cluster.
pub(crate) fn is_of_d1(package: &Path, folder: &Path) -> bool {
    let Some(Settings { values: Ok(values), .. }) = Settings::of(package) else { return false };
    let databases = values.get("d1_databases").and_then(Value::as_array);
    databases.into_iter().flatten().any(|database| {
        let named = database.get("migrations_dir").and_then(Value::as_str);
        package.join(named.unwrap_or("migrations")) == folder
    })
}

/// Returns the string at a path of keys in a JSON value.
pub(crate) fn text<'v>(values: &'v Value, path: &[&str]) -> Option<&'v str> {
    path.iter().try_fold(values, |value, name| value.get(name))?.as_str()
}

fn of_toml(text: &str) -> Result<Value, String> {
    let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    Ok(of_table(document.as_table()))
}

fn of_table(table: &dyn TableLike) -> Value {
    Value::Object(table.iter().map(|(name, item)| (name.to_owned(), of_item(item))).collect::<Map<_, _>>())
}

fn of_item(item: &Item) -> Value {
    if let Some(table) = item.as_table_like() {
        return of_table(table);
    }
    if let Some(tables) = item.as_array_of_tables() {
        return Value::Array(tables.iter().map(|table| of_table(table)).collect());
    }
    item.as_value().map_or(Value::Null, of_value)
}

fn of_value(value: &toml_edit::Value) -> Value {
    use toml_edit::Value as Toml;
    match value {
        Toml::String(it) => Value::from(it.value().as_str()),
        Toml::Integer(it) => Value::from(*it.value()),
        Toml::Boolean(it) => Value::from(*it.value()),
        Toml::Array(all) => Value::Array(all.iter().map(of_value).collect()),
        Toml::InlineTable(table) => of_table(table),
        Toml::Float(_) | Toml::Datetime(_) => Value::from(value.to_string().trim()),
    }
}

/// Parses JSON with comments and commas before a closing bracket.
fn of_jsonc(text: &str) -> Result<Value, String> {
    serde_json::from_str(&without_comments(text)).map_err(|error| error.to_string())
}

/// Removes comments, and replaces commas before a closing bracket by spaces. Line breaks are kept, so that an error
/// contains the right line of the file.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text).chars().peekable();
    // The position of a comma after which no value has followed yet.
    let mut comma = None;
    while let Some(character) = rest.next() {
        match (character, rest.peek()) {
            ('"', _) => {
                comma = None;
                out.push(character);
                while let Some(inside) = rest.next() {
                    out.push(inside);
                    match inside {
                        '\\' => out.extend(rest.next()),
                        '"' => break,
                        _ => {}
                    }
                }
            }
            ('/', Some('/')) => while rest.next_if(|it| *it != '\n').is_some() {},
            ('/', Some('*')) => {
                let mut last = ' ';
                for inside in rest.by_ref().skip(1) {
                    if inside == '\n' {
                        out.push(inside);
                    }
                    if (last, inside) == ('*', '/') {
                        break;
                    }
                    last = inside;
                }
            }
            (',', _) => {
                comma = Some(out.len());
                out.push(character);
            }
            ('}' | ']', _) => {
                if let Some(at) = comma.take() {
                    out.replace_range(at..=at, " ");
                }
                out.push(character);
            }
            _ => {
                if !character.is_whitespace() {
                    comma = None;
                }
                out.push(character);
            }
        }
    }
    out
}

/// The bindings of local development.
pub(crate) struct LocalBindings {
    pub(crate) file: &'static str,
    values: BTreeMap<String, String>,
}

impl LocalBindings {
    /// Reads `.dev.vars` of a package or, without this file, `.env`, as wrangler does.
    pub(crate) fn of(package: &Path) -> Option<LocalBindings> {
        VARIABLES.into_iter().find_map(|file| {
            let text = fs::read_to_string(package.join(file)).ok()?;
            Some(LocalBindings { file, values: text.lines().filter_map(assignment).collect() })
        })
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

/// Returns the name and the value of a line `NAME=value`, `export NAME="value"`.
fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
    let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let value = value.trim();
    let quoted = value.chars().next().filter(|quote| matches!(quote, '"' | '\'' | '`'));
    let value = match quoted {
        Some(quote) => value.trim_start_matches(quote).split(quote).next().unwrap_or_default(),
        None => value.split('#').next().unwrap_or_default().trim_end(),
    };
    Some((name.trim().to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn toml_and_jsonc_have_the_same_settings() {
        let toml = "name = \"a\" # x\n[placement]\nregion = \"aws:us-east-1\"\n[[migrations]]\nnew_sqlite_classes = [\"P\"]\n\
                    [vars]\nN = 1\n";
        let jsonc = "{\n // a, \"b\"\n \"name\": \"a\", /* , */\n \"placement\": { \"region\": \"aws:us-east-1\", },\n \
                     \"migrations\": [{ \"new_sqlite_classes\": [\"P\",], }],\n \"vars\": { \"N\": 1 } , // end\n}\n";
        let expected = json!({
            "name": "a",
            "placement": { "region": "aws:us-east-1" },
            "migrations": [{ "new_sqlite_classes": ["P"] }],
            "vars": { "N": 1 },
        });
        assert_eq!(of_toml(toml), Ok(expected.clone()));
        assert_eq!(of_jsonc(jsonc), Ok(expected));
        assert_eq!(of_jsonc(r#"{"a": "// \" /* ,}"}"#), Ok(json!({ "a": "// \" /* ,}" })));
        for broken in ["{", "{\"a\": /*", "\"", "{\"a\": \"\\", "", "[1,,]"] {
            assert!(of_jsonc(broken).is_err(), "{broken}");
        }
        assert!(of_toml("name = ").is_err());
    }

    #[test]
    fn assignments_of_local_bindings_are_read() {
        for (line, expected) in [
            ("A=b", Some(("A", "b"))),
            (" export A = \"b c\" # d", Some(("A", "b c"))),
            ("A='b=c'", Some(("A", "b=c"))),
            ("A=b # c", Some(("A", "b"))),
            ("A=", Some(("A", ""))),
            ("# A=b", None),
            ("A", None),
        ] {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(assignment(line), expected, "{line}");
        }
    }
}
