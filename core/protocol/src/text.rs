//! Text as people bring it, brought into one spelling: Unicode normalisation form C.
//!
//! Keyboards, file systems and papers compose letters differently; a name would then not be found, and would have
//! several digests. NFC is made at input only: signed bytes are never touched again, whatever form they have.
//! *Source*: Unicode Standard Annex 15.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::canonical::Value;

/// `text` in NFC; most texts are already.
pub fn nfc(text: &str) -> Cow<'_, str> {
    if is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// A value with every text in it in NFC. Member names are ASCII and stay as they are.
pub fn nfc_value(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(nfc(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(nfc_value).collect()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, member)| (name, nfc_value(member)))
                .collect(),
        ),
        other => other,
    }
}
