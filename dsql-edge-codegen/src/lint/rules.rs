//! The tables of rules themselves, for people and as JSON.

use anyhow::Result;
use dsql_edge_compiler::dsql;
use serde_json::{Value, json};

/// Table by table, a few lines a rule.
pub(super) fn as_table() -> String {
    let mut out = String::new();
    for (title, rules) in dsql::tables() {
        out += &format!("{}\n\n", title.to_uppercase());
        for rule in rules {
            out += &format!("  {}  {}\n", rule.id, rule.what);
            out += &format!("      {} {} ({})\n", rule.sqlstate, rule.message, rule.known.name());
            let since = rule.since.map_or(String::new(), |day| format!(" (since 2026-{day})"));
            if rule.instead != "{}" {
                out += &format!("      {}{since}\n", rule.instead);
            }
        }
        out.push('\n');
    }
    out += "ALLOWED SINCE\n\n";
    for allowed in dsql::allowed() {
        out += &format!("  {}  {}\n", allowed.since, allowed.what);
    }
    out
}

pub(super) fn as_json() -> Result<String> {
    let rules: Vec<Value> = dsql::tables()
        .iter()
        .flat_map(|(title, rules)| {
            rules.iter().map(move |rule| {
                json!({
                    "table": title,
                    "rule": rule.id,
                    "what": rule.what,
                    "sqlstate": rule.sqlstate,
                    "message": rule.message,
                    "known": rule.known.name(),
                    "since": rule.since.map(|day| format!("2026-{day}")),
                    "instead": rule.instead,
                })
            })
        })
        .collect();
    let allowed: Vec<Value> = dsql::allowed()
        .into_iter()
        .map(|it| json!({ "since": it.since, "what": it.what, "example": it.example }))
        .collect();
    Ok(serde_json::to_string_pretty(&json!({ "version": 1, "rules": rules, "allowed": allowed }))? + "\n")
}
