//! Canonical JSON.

use zhixing_protocol::canonical::{MAX_DEPTH, Value, parse, to_bytes, to_value};

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => None,
    };
    inner.unwrap_or(0) + 1
}

/// What is accepted equals its own re-serialisation, by every way of writing it; any JSON becomes canonical or is refused.
pub fn check(bytes: &[u8]) {
    if let Ok(value) = parse(bytes) {
        assert_eq!(value.to_bytes(), bytes);
        assert_eq!(to_bytes(&value).as_deref(), Ok(bytes));
        assert!(depth(&value) <= MAX_DEPTH);
        assert_eq!(value.read::<Value>(), Ok(value.clone()));
    }
    // Loose JSON: its canonical form is a fixed point.
    if let Ok(loose) = serde_json::from_slice::<serde_json::Value>(bytes)
        && let Ok(value) = to_value(&loose)
    {
        let canonical = value.to_bytes();
        assert_eq!(parse(&canonical), Ok(value));
    }
}
