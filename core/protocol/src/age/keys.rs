//! X25519 recipients and identities, and the file key.

use core::fmt;
use core::str::FromStr;

use bech32::{Bech32, Hrp};
use ring::hkdf;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::AgeError;

const RECIPIENT_HRP: &str = "age";
const IDENTITY_HRP: &str = "age-secret-key-";

/// To whom a file is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipient(pub(super) [u8; 32]);

/// Who can open it. Never printed but by [`Identity::to_secret_text`].
#[derive(Clone)]
pub struct Identity(StaticSecret);

/// The key of one file, from which header and payload keys are derived.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct FileKey([u8; 16]);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity(for {})", self.recipient())
    }
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(…)")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hrp = Hrp::parse(RECIPIENT_HRP).map_err(|_| fmt::Error)?;
        f.write_str(&bech32::encode::<Bech32>(hrp, &self.0).map_err(|_| fmt::Error)?)
    }
}

fn read_bech32(text: &str, hrp: &str) -> Option<Zeroizing<[u8; 32]>> {
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text).ok()?;
    if checked.hrp().to_lowercase() != hrp {
        return None;
    }
    let bytes: Zeroizing<Vec<u8>> = Zeroizing::new(checked.byte_iter().collect());
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

impl FromStr for Recipient {
    type Err = AgeError;
    fn from_str(text: &str) -> Result<Self, AgeError> {
        if text.contains(|c: char| c.is_ascii_uppercase()) {
            return Err(AgeError::BadRecipient);
        }
        read_bech32(text, RECIPIENT_HRP)
            .map(|bytes| Self(*bytes))
            .ok_or(AgeError::BadRecipient)
    }
}

impl FromStr for Identity {
    type Err = AgeError;
    fn from_str(text: &str) -> Result<Self, AgeError> {
        if text.contains(|c: char| c.is_ascii_lowercase()) {
            return Err(AgeError::BadIdentity);
        }
        read_bech32(text, IDENTITY_HRP)
            .map(|bytes| Self(StaticSecret::from(*bytes)))
            .ok_or(AgeError::BadIdentity)
    }
}

impl Identity {
    /// A new identity from 32 random bytes.
    pub fn make(random: [u8; 32]) -> Self {
        Self(StaticSecret::from(random))
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0).to_bytes())
    }

    /// The secret as text, `AGE-SECRET-KEY-1…`, for a key store or a file of the stock tool.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let text = Hrp::parse(IDENTITY_HRP)
            .ok()
            .and_then(|hrp| bech32::encode::<Bech32>(hrp, self.0.as_bytes()).ok())
            .unwrap_or_default();
        Zeroizing::new(text.to_uppercase())
    }

    /// Shared secret with a public key; none if it is all zero (a point of small order).
    pub(super) fn agree(&self, public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*public));
        shared
            .was_contributory()
            .then(|| Zeroizing::new(shared.to_bytes()))
    }
}

impl FileKey {
    /// A file key from 16 random bytes; never used for two files.
    pub fn make(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The raw bytes, for a key store.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// HKDF-SHA-256 of this key.
    pub(super) fn derive(&self, salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        hkdf_sha256(&self.0, salt, info)
    }
}

/// HKDF-SHA-256 with 32 bytes of output (RFC 5869).
pub(super) fn hkdf_sha256(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    let pseudorandom = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let info = [info];
    // 32 bytes is far below HKDF's limit of 255 × 32; the zeros of a failure would open nothing.
    let filled = pseudorandom
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out.as_mut_slice()));
    debug_assert!(filled.is_ok());
    out
}
