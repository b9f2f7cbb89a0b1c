//! Digests as types, so that the hash of a statement cannot stand where the hash of a file belongs.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that should have been lower-case hexadecimal of a fixed length and was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} lower-case hexadecimal characters")]
pub struct HexError {
    /// How many characters the value must have.
    pub expected: usize,
}

/// Writes bytes as lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0x0f] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

/// Reads lower-case hexadecimal of any even length. Upper case is refused: one value has one spelling.
///
/// *Errors*: [`HexError`] for an odd length or any other character.
pub fn from_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let expected = text.len().next_multiple_of(2);
    let mut bytes = Vec::with_capacity(expected / 2);
    let mut digits = text.bytes().map(|byte| match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    });
    while let Some(high) = digits.next() {
        match (high, digits.next().flatten()) {
            (Some(high), Some(low)) => bytes.push(high << 4 | low),
            _ => return Err(HexError { expected }),
        }
    }
    Ok(bytes)
}

/// Reads exactly `N` bytes of lower-case hexadecimal.
///
/// *Errors*: [`HexError`] for another length or any other character.
pub fn array_from_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let wrong = HexError {
        expected: N.saturating_mul(2),
    };
    let bytes = from_hex(text).map_err(|_| wrong.clone())?;
    bytes.try_into().map_err(|_| wrong)
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    out
}

macro_rules! hex_newtype {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes; the text form has twice as many characters.
            pub const LEN: usize = $len;

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Reads raw bytes of exactly the right length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&$crate::hash::to_hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = $crate::hash::HexError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::hash::array_from_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use hex_newtype;

hex_newtype!(
    /// A version of the record of an act on site: stands for everything in it and for nothing that came later.
    ActRecordHash, 32
);
hex_newtype!(
    /// SHA-256 of the plain bytes of a file, document or public key.
    Sha256Digest, 32
);
hex_newtype!(
    /// SM3 (GB/T 32905) of the plain bytes of a file.
    Sm3Digest, 32
);
hex_newtype!(
    /// SHA-256 of bytes exactly as stored and sent (an age file), never of plain bytes.
    StoredDigest, 32
);
hex_newtype!(
    /// SHA-256 of a statement's exact bytes: its name everywhere.
    StatementHash, 32
);
hex_newtype!(
    /// SHA-256 of an event's canonical bytes; that of a case's newest event is the case's head.
    EventHash, 32
);
hex_newtype!(
    /// Root of an RFC 6962 Merkle tree (the log's, or that over the chunks of a file).
    RootHash, 32
);
hex_newtype!(
    /// Commitment to one hidden member of a statement.
    Commitment, 32
);

impl Sha256Digest {
    /// Digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

impl StoredDigest {
    /// Digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

impl StatementHash {
    /// What stands for "previous" in the first statement of a key.
    pub const ZERO: Self = Self([0; 32]);

    /// Digest of a statement's exact bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

impl EventHash {
    /// What stands for "previous" in the first event of a case.
    pub const ZERO: Self = Self([0; 32]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_exactly_one_spelling() {
        let digest = Sha256Digest::of(b"abc");
        let text = digest.to_string();
        assert_eq!(
            text,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(text.parse(), Ok(digest));
        assert!(text.to_uppercase().parse::<Sha256Digest>().is_err());
        assert!(text[1..].parse::<Sha256Digest>().is_err());
    }
}
