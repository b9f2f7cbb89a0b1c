//! Hidden members: commitments inside the signed bytes, openings beside them.
//!
//! Commitment = SHA-256(`zx-hidden/1\0` ‖ canonical `[member, salt-hex, value]`) with a fresh salt of 32 bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::{Object, Value};
use crate::hash::{Commitment, array_from_hex, sha256, to_hex};
use crate::text::nfc_value;

/// Separates these hashes from all others.
const DOMAIN: &[u8] = b"zx-hidden/1\0";

/// The value of one hidden member and the salt that keeps it from being guessed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// 32 random bytes, hexadecimal.
    #[serde(with = "salt_hex")]
    pub salt: [u8; 32],
    /// The value.
    pub value: Value,
}

impl core::fmt::Debug for Opening {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Opening(…)") // personal data: never in logs
    }
}

mod salt_hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(salt: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&super::to_hex(salt))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        super::array_from_hex(&text).map_err(serde::de::Error::custom)
    }
}

/// Openings by member name.
pub type Openings = BTreeMap<String, Opening>;

/// An opening that does not fit its statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// The statement has no such hidden member.
    #[error("there is no hidden member {0:?} to open")]
    NoSuchMember(String),
    /// The value or salt differs from what was committed to.
    #[error("the opening of {0:?} does not fit its commitment")]
    Mismatch(String),
}

impl Opening {
    /// The commitment to this value under `member`.
    pub fn derive_commitment(&self, member: &str) -> Commitment {
        let committed = Value::Array(vec![
            Value::Text(member.to_owned()),
            Value::Text(to_hex(&self.salt)),
            self.value.clone(),
        ]);
        let mut bytes = DOMAIN.to_vec();
        bytes.extend_from_slice(&committed.to_bytes());
        Commitment(sha256(&bytes))
    }
}

/// Makes openings for `members` with salts drawn from `draw_salt`, and the commitments that go into the statement.
///
/// This is where what people type becomes part of a statement, so texts are brought into NFC here; a reader does not
/// demand it.
pub fn make_openings(
    members: Object,
    mut draw_salt: impl FnMut() -> [u8; 32],
) -> (BTreeMap<String, Commitment>, Openings) {
    let mut commitments = BTreeMap::new();
    let mut openings = Openings::new();
    for (member, value) in members {
        let opening = Opening {
            salt: draw_salt(),
            value: nfc_value(value),
        };
        commitments.insert(member.clone(), opening.derive_commitment(&member));
        openings.insert(member, opening);
    }
    (commitments, openings)
}

/// Checks every opening that is present; a missing one is withheld or erased, which is no fault.
///
/// *Errors*: [`OpeningError`] naming the first member that does not fit.
pub fn verify_openings(
    hidden: &BTreeMap<String, Commitment>,
    openings: &Openings,
) -> Result<(), OpeningError> {
    for (member, opening) in openings {
        match hidden.get(member) {
            None => return Err(OpeningError::NoSuchMember(member.clone())),
            Some(commitment) if *commitment != opening.derive_commitment(member) => {
                return Err(OpeningError::Mismatch(member.clone()));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
