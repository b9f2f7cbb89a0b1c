//! `age`: files in the age v1 format and the identity that opens them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::file::Vector;
use super::{MALFORMED, Refused};
use crate::age::{AgeError, Header, Identity, StreamOpener};
use crate::hash::{Sha256Digest, from_hex};

#[derive(Deserialize)]
struct AgeVector {
    file_hex: String,
    identity: String,
}

fn refuse(error: AgeError) -> Refused {
    let code = match error {
        AgeError::BadHeader | AgeError::HeaderTooLarge => "header",
        AgeError::NoMatch => "no-match",
        AgeError::BadMac => "mac",
        AgeError::BadChunk => "content",
        AgeError::BadIdentity | AgeError::BadRecipient | AgeError::NoRecipient => MALFORMED,
    };
    Refused::new(code, &error)
}

/// Number of recipients, length and SHA-256 of the plain bytes.
pub(super) fn answer(vector: &Vector<'_>) -> Result<Value, Refused> {
    let AgeVector { file_hex, identity } = vector.read()?;
    let file = from_hex(&file_hex).map_err(|error| Refused::new(MALFORMED, &error))?;
    let identity: Identity = identity.parse().map_err(refuse)?;
    let (header, length) = Header::parse(&file).map_err(refuse)?;
    let key = header.open(&[&identity]).map_err(refuse)?;
    let mut opener = StreamOpener::new(key);
    let mut plain = Vec::new();
    let payload = file.get(length..).unwrap_or_default();
    opener.push(payload, &mut plain).map_err(refuse)?;
    opener.finish(&mut plain).map_err(refuse)?;
    Ok(json!({
        "recipient": identity.recipient().to_string(),
        "size_bytes": plain.len(),
        "sha256": Sha256Digest::of(&plain),
    }))
}
