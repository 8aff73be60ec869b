//! Prints the tables of rules, for people and as JSON.
//!
//! Input: the compiler's tables. Output: text.

use dsql_edge_compiler::dsql;
use serde_json::{Value, json};

use crate::format;

const LEGEND: &str = "In parentheses, how a rule is known: recorded: a cluster sent this answer; observed: someone else reports that \
                      a cluster did;\nsibling: a cluster sent it to a similar statement; documented: AWS documents it; inferred: from \
                      similar rules. The last two are warnings.\n\n";

/// Returns the rules table by table, with a few lines per rule.
pub(super) fn as_table() -> String {
    let mut out = String::from(LEGEND);
    for (title, rules) in dsql::tables() {
        out += &format!("{}\n\n", title.to_uppercase());
        for rule in rules {
            out += &format!("  {}  {}\n", rule.id, rule.what);
            let sqlstate = if rule.rejects() { format!("{} ", rule.sqlstate) } else { String::new() };
            out += &format!("      {sqlstate}{} ({})\n", rule.general_message(), rule.known.name());
            let since = rule.since.map_or(String::new(), |day| format!(" (since 2026-{day})"));
            out += &format!("      {}{since}\n", rule.general_advice());
        }
        out.push('\n');
    }
    out += "TYPES OF COLUMNS\n\n";
    for (name, in_keys) in dsql::column_types() {
        out += &format!("  {name}{}\n", if in_keys { "" } else { ", not in a key or an index" });
    }
    out += "\nFUNCTIONS THAT DO NOT EXIST\n\n";
    for (name, instead) in dsql::refused_functions() {
        out += &format!("  {name}: {instead}\n");
    }
    out += "\nFUNCTIONS THAT REACH MORE THAN ROWS (inferred)\n\n";
    for (name, instead) in dsql::denied_functions() {
        out += &format!("  {name}: {instead}\n");
    }
    out += &format!("\nSETTINGS\n\n  {}, {}\n", dsql::SETTABLE.join(", "), dsql::PLANNER.join(", "));
    out += "\nLIMITS OF A CLUSTER\n\n";
    for limit in dsql::limits::ALL {
        out += &format!("  {}: {}\n", limit.of, limit.value);
        if !limit.message.is_empty() {
            out += &format!("      {} {}\n", limit.sqlstate, limit.message);
        }
    }
    out += "\nALLOWED SINCE\n\n";
    for allowed in dsql::allowed() {
        out += &format!("  {}  {}\n", allowed.since, allowed.what);
    }
    out
}

pub(super) fn as_json() -> String {
    let rules: Vec<Value> = dsql::tables()
        .iter()
        .flat_map(|(title, rules)| {
            rules.iter().map(move |rule| {
                json!({
                    "table": title,
                    "rule": rule.id,
                    "what": rule.what,
                    "sqlstate": rule.sqlstate,
                    "message": rule.general_message(),
                    "known": rule.known.name(),
                    "source": rule.known.source(),
                    "since": rule.since.map(|day| format!("2026-{day}")),
                    "instead": rule.general_advice(),
                })
            })
        })
        .collect();
    let allowed: Vec<Value> = dsql::allowed()
        .into_iter()
        .map(|it| json!({ "since": it.since, "what": it.what, "example": it.example }))
        .collect();
    let types = dsql::column_types().map(|(name, in_keys)| json!({ "type": name, "in_keys": in_keys }));
    let settings = [dsql::SETTABLE, dsql::PLANNER].concat();
    let functions = dsql::refused_functions().iter();
    let functions = functions.map(|(name, instead)| json!({ "function": name, "instead": instead }));
    let denied = dsql::denied_functions();
    let denied = denied.map(|(name, instead)| json!({ "function": name, "instead": instead }));
    let limits = dsql::limits::ALL.iter().map(|limit| {
        json!({ "of": limit.of, "value": limit.value, "sqlstate": limit.sqlstate, "message": limit.message })
    });
    let all = json!({
        "version": 1,
        "rules": rules,
        "column_types": types.collect::<Vec<_>>(),
        "refused_functions": functions.collect::<Vec<_>>(),
        "denied_functions": denied.collect::<Vec<_>>(),
        "settings": settings,
        "limits": limits.collect::<Vec<_>>(),
        "allowed": allowed,
    });
    format::json(&all)
}
