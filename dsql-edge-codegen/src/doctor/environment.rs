//! The Workers that a file of wrangler's settings describes: one at the top level, and one for each environment.
//!
//! Input: the settings. Output: the settings of each Worker. An environment inherits most settings of the top level,
//! but not its variables and bindings.

use serde_json::Value;

use super::check::Check;

/// The settings that doctor reads and that an environment does not inherit (Cloudflare's documentation of wrangler,
/// "Non-inheritable keys").
const NOT_INHERITED: [&str; 4] = ["vars", "durable_objects", "hyperdrive", "secrets_store_secrets"];

/// The settings of one Worker.
pub(super) struct Environment {
    /// `None`: the top level.
    pub(super) name: Option<String>,
    pub(super) values: Value,
}

impl Environment {
    /// Returns the top level, and then the environments.
    pub(super) fn all(values: &Value) -> Vec<Environment> {
        let named = values.get("env").and_then(Value::as_object).into_iter().flatten();
        let named =
            named.map(|(name, own)| Environment { name: Some(name.clone()), values: inherited(values, own) });
        [Environment { name: None, values: values.clone() }].into_iter().chain(named).collect()
    }

    /// Returns the name of a table in the file, such as `env.production.vars`.
    pub(super) fn table(&self, table: &str) -> String {
        match &self.name {
            Some(name) => format!("env.{name}.{table}"),
            None => table.to_owned(),
        }
    }

    /// Adds the name of the environment to the detail of a check.
    pub(super) fn check(&self, mut check: Check) -> Check {
        if let Some(name) = &self.name {
            check.detail = format!("env.{name}: {}", check.detail);
        }
        check
    }
}

fn inherited(values: &Value, own: &Value) -> Value {
    let mut all = values.as_object().cloned().unwrap_or_default();
    for name in NOT_INHERITED.iter().chain(&["env"]) {
        all.remove(*name);
    }
    all.extend(own.as_object().cloned().unwrap_or_default());
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn environment_inherits_settings_but_no_variables() {
        let values = json!({
            "main": "a.js", "vars": { "A": "1" }, "migrations": [1],
            "env": { "x": { "main": "b.js" }, "y": { "vars": { "B": "2" } } },
        });
        let found: Vec<Value> = Environment::all(&values).into_iter().skip(1).map(|it| it.values).collect();
        assert_eq!(
            found,
            [
                json!({ "main": "b.js", "migrations": [1] }),
                json!({ "main": "a.js", "migrations": [1], "vars": { "B": "2" } }),
            ]
        );
    }
}
