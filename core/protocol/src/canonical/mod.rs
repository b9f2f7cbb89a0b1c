//! Canonical JSON: RFC 8785 restricted to objects with sorted ASCII keys, arrays, strings, integers below 2^53, booleans and null.
//!
//! The exact bytes are what is stored, signed, hashed and sent. [`parse`] accepts only input that equals its own
//! re-serialisation, so duplicate keys, white space, floats and unusual spellings all fall away at one place.
//!
//! Valid: `{"a":1,"b":["文",null]}` — invalid: `{"b":1,"a":2}` (order), `{"a":1.0}` (float), `{"a": 1}` (space).

mod scan;

use core::fmt;
use std::collections::BTreeMap;

use serde::de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Largest magnitude of an integer: every JSON reader in use holds it exactly.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;
/// Deepest nesting accepted; statements use five levels.
pub const MAX_DEPTH: usize = 32;

/// An object: members by name, in the order of their bytes.
pub type Object = BTreeMap<String, Value>;

/// One canonical JSON value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer with a magnitude of at most [`MAX_INTEGER`].
    Integer(i64),
    /// A string. NFC is made at input and not demanded here.
    Text(String),
    /// An array.
    Array(Vec<Value>),
    /// An object with ASCII member names.
    Object(Object),
}

/// Why bytes are not canonical JSON, or a value cannot become it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Not JSON of the restricted kind at all; the text says what was found.
    #[error("not restricted JSON: {0}")]
    Malformed(String),
    /// JSON, yet written in another way than the canonical one.
    #[error("not canonical: the bytes differ from their own re-serialisation")]
    NotCanonical,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Canonical, yet not of the wanted shape; the text names the member.
    #[error("unexpected shape: {0}")]
    Shape(String),
}

impl Value {
    /// The canonical bytes of this value.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        write_value(self, &mut out);
        out.into_bytes()
    }

    /// The member `name` if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(object) => object.get(name),
            _ => None,
        }
    }

    /// The string if this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer if this is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Reads this value as a typed one; unknown members are for the type to keep or drop.
    ///
    /// *Errors*: [`CanonicalError::Shape`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, CanonicalError> {
        read_shape(&self.to_bytes())
    }

    fn depth(&self) -> usize {
        let inner = match self {
            Self::Array(items) => items.iter().map(Self::depth).max(),
            Self::Object(members) => members.values().map(Self::depth).max(),
            _ => None,
        };
        inner.unwrap_or(0).saturating_add(1)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

fn read_shape<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    serde_json::from_slice(bytes).map_err(|error| CanonicalError::Shape(shape_detail(&error)))
}

/// Drops the position from a message of serde_json: it would name places of a re-serialised copy.
fn shape_detail(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Parses canonical bytes.
///
/// *Errors*: every [`CanonicalError`] but `Shape`.
pub fn parse(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let value = read_restricted(bytes)?;
    if scan::is_surely_canonical(bytes) || value.to_bytes() == bytes {
        Ok(value)
    } else {
        Err(CanonicalError::NotCanonical)
    }
}

/// Parses canonical bytes straight into a type.
///
/// *Errors*: every [`CanonicalError`].
pub fn parse_as<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    if !scan::is_surely_canonical(bytes) {
        parse(bytes)?;
    }
    read_shape(bytes)
}

/// Turns a serialisable value into a canonical one.
///
/// *Errors*: [`CanonicalError`] where it holds a float, a large integer or a member name outside ASCII.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, CanonicalError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| CanonicalError::Malformed(shape_detail(&error)))?;
    read_restricted(&bytes)
}

/// Canonical bytes of a serialisable value. *Errors*: as [`to_value`].
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    Ok(to_value(value)?.to_bytes())
}

/// Reads a member that may be `null` and may not be missing: a signed form has one spelling of nothing.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

fn read_restricted(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| CanonicalError::Malformed(shape_detail(&error)))?;
    if value.depth() > MAX_DEPTH {
        return Err(CanonicalError::TooDeep);
    }
    Ok(value)
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Integer(number) => out.push_str(&number.to_string()),
        Value::Text(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (place, (name, member)) in members.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_text(name, out);
                out.push(':');
                write_value(member, out);
            }
            out.push('}');
        }
    }
}

/// RFC 8785 §3.2.2.2: the seven short escapes, `\u00xx` for other control characters, all else as it is.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    if !text
        .bytes()
        .any(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))
    {
        out.push_str(text);
        out.push('"');
        return;
    }
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{9}' => out.push_str("\\t"),
            '\u{a}' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\u{d}' => out.push_str("\\r"),
            control if control < ' ' => {
                out.push_str("\\u00");
                let code = u32::from(control);
                for nibble in [code >> 4, code & 0xf] {
                    out.push(char::from_digit(nibble, 16).unwrap_or('0'));
                }
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, array, string, integer, boolean or null")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        if (-MAX_INTEGER..=MAX_INTEGER).contains(&number) {
            Ok(Value::Integer(number))
        } else {
            Err(E::custom("an integer of 2^53 or more"))
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        let number = i64::try_from(number).map_err(|_| E::custom("an integer of 2^53 or more"))?;
        self.visit_i64(number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Object::new();
        while let Some((name, member)) = access.next_entry::<String, Value>()? {
            if !name.is_ascii() {
                return Err(de::Error::custom("a member name outside ASCII"));
            }
            if members.insert(name, member).is_some() {
                return Err(de::Error::custom("a member name twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn canonical_bytes_parse_and_print_as_they_are() {
        for text in [
            "null",
            "[]",
            "{}",
            r#"{"a":1,"b":["文",null,true,-9007199254740991]}"#,
            r#""\u0000\b\t\n\u000b\f\r\"\\/é😀""#,
        ] {
            let value = parse(text.as_bytes()).expect(text);
            assert_eq!(String::from_utf8(value.to_bytes()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for text in [
            "",
            " null",
            "null ",
            r#"{"b":1,"a":2}"#,
            r#"{"a":1,"a":1}"#,
            r#"{"a": 1}"#,
            "1.0",
            "1e3",
            "-0",
            "01",
            "9007199254740992",
            "-9007199254740992",
            r#""\u00e9""#,
            r#""\/""#,
            r#""\u000A""#,
            r#"{"文":1}"#,
            "\"\t\"",
            "[1,]",
            "NaN",
            "\u{feff}null",
            r#""\ud800""#,
            "18446744073709551616",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
            assert!(!scan::is_surely_canonical(text.as_bytes()), "{text}");
            assert!(parse_as::<Value>(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(parse(deep.as_bytes()), Err(CanonicalError::TooDeep));
        let deeper = "[".repeat(100_000);
        assert!(parse(deeper.as_bytes()).is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-MAX_INTEGER..=MAX_INTEGER).prop_map(Value::Integer),
            any::<String>().prop_map(Value::Text),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
                prop::collection::btree_map("[ -~]{0,8}", inner, 0..8).prop_map(Value::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_what_is_parsed(value in any_value()) {
            prop_assert_eq!(parse(&value.to_bytes()), Ok(value));
        }

        /// The quick look agrees with the thorough one wherever it says yes, and says yes unless there are escapes.
        #[test]
        fn the_scan_takes_what_is_printed_and_nothing_that_differs(value in any_value(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let bytes = value.to_bytes();
            prop_assert_eq!(scan::is_surely_canonical(&bytes), !bytes.contains(&b'\\'));
            let mut other = bytes;
            let place = place.index(other.len());
            other[place] = byte;
            if scan::is_surely_canonical(&other) {
                let value = read_restricted(&other).expect("the scan took it");
                prop_assert_eq!(value.to_bytes(), other);
            }
        }

        #[test]
        fn no_input_makes_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = parse(&bytes) {
                prop_assert_eq!(value.to_bytes(), bytes);
            }
        }
    }
}
