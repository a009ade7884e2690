//! Configs as JSON, made out of others.

use serde_json::Value;

/// `config` with these fields, which replace its own.
///
/// # Panics
/// If one of them is no object.
#[must_use]
pub fn with(config: Value, fields: Value) -> Value {
    let (Value::Object(mut all), Value::Object(more)) = (config, fields) else {
        panic!("configs are objects")
    };
    all.extend(more);
    Value::Object(all)
}
