//! The lines that the measuring program prints: one JSON object for each measurement.

use serde_json::Value;

/// Prints one measurement. `kind` determines which fields `cargo xtask` expects in the measurement.
pub fn record(kind: &str, mut fields: Value) {
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("kind".to_owned(), kind.into());
    }
    println!("{fields}");
}

/// Reports progress on standard error.
pub fn progress(text: &str) {
    eprintln!("   {text}");
}
