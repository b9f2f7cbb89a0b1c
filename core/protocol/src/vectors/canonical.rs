//! `canonical`: which bytes are canonical JSON.

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::Vector;
use super::{MALFORMED, Refused};
use crate::canonical::{self, CanonicalError};
use crate::hash::{Sha256Digest, from_hex};

#[derive(Deserialize)]
struct CanonicalVector {
    /// The bytes as text …
    input: Option<String>,
    /// … or in hexadecimal.
    input_hex: Option<String>,
}

/// The input's bytes, given as text or in hexadecimal.
pub(super) fn bytes(text: Option<String>, hex: Option<String>) -> Result<Vec<u8>, Refused> {
    match (text, hex) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(hex)) => from_hex(&hex).map_err(|error| Refused::new(MALFORMED, &error)),
        _ => Err(Refused::new(
            MALFORMED,
            &"either the text or the hexadecimal of the input",
        )),
    }
}

pub(super) fn code(error: &CanonicalError) -> &'static str {
    match error {
        CanonicalError::Malformed(_) => "not-json",
        CanonicalError::NotCanonical => "not-canonical",
        CanonicalError::TooDeep => "too-deep",
        CanonicalError::Shape(_) => "shape",
    }
}

/// Length and SHA-256 of what is accepted.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    let CanonicalVector { input, input_hex } = vector.read()?;
    let bytes = bytes(input, input_hex)?;
    let value = canonical::parse(&bytes).map_err(|error| Refused::new(code(&error), &error))?;
    let again = value.to_bytes();
    Ok(json!({"size_bytes": again.len(), "sha256": Sha256Digest::of(&again)}))
}
