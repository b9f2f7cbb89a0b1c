//! X25519 recipients and identities, and the file key.

use core::fmt;
use core::str::FromStr;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use ring::hkdf;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::AgeError;

const RECIPIENT_HRP: Hrp = Hrp::parse_unchecked("age");
const IDENTITY_HRP: Hrp = Hrp::parse_unchecked("age-secret-key-");

/// To whom a file is encrypted.
///
/// *Shape*: 32 bytes; as text Bech32 `age1…`, lower case. *Invariants*: a u-coordinate in its one spelling and not of small
/// order. A second spelling would be accepted by X25519, yet what is wrapped for it could be opened by nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recipient(pub(super) [u8; 32]);

/// Who can open it. Never printed but by [`Identity::to_secret_text`].
#[derive(Clone)]
pub struct Identity(StaticSecret);

/// The key of one file, from which header and payload keys are derived.
#[derive(Clone, PartialEq, Eq)]
pub struct FileKey(Zeroizing<[u8; 16]>);

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
        bech32::encode_lower_to_fmt::<Bech32, _>(f, RECIPIENT_HRP, &self.0).map_err(|_| fmt::Error)
    }
}

/// 32 bytes of Bech32 with this human-readable part, in either case.
fn read_bech32(text: &str, hrp: Hrp) -> Option<Zeroizing<[u8; 32]>> {
    let checked = CheckedHrpstring::new::<Bech32>(text).ok()?;
    if checked.hrp() != hrp {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    let mut source = checked.byte_iter();
    for to in bytes.iter_mut() {
        *to = source.next()?;
    }
    source.next().is_none().then_some(bytes)
}

/// Whether a u-coordinate is below 2^255 − 19 with no spare bit set.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [lowest, middle @ .., highest] = bytes;
    let at_least_prime =
        *lowest >= 0xed && middle.iter().all(|byte| *byte == 0xff) && *highest == 0x7f;
    *highest & 0x80 == 0 && !at_least_prime
}

impl FromStr for Recipient {
    type Err = AgeError;
    fn from_str(text: &str) -> Result<Self, AgeError> {
        let bytes = read_bech32(text, RECIPIENT_HRP).ok_or(AgeError::BadRecipient)?;
        let recipient = Self(*bytes);
        // One spelling as text, too: neither upper case nor loose padding bits.
        if !is_canonical(&bytes) || recipient.to_string() != text {
            return Err(AgeError::BadRecipient);
        }
        // A product is zero for points of small order, with any secret, and for no others (RFC 7748 §6.1).
        let any = Identity::make([0x55; 32]);
        any.agree(&bytes).ok_or(AgeError::BadRecipient)?;
        Ok(recipient)
    }
}

impl FromStr for Identity {
    type Err = AgeError;
    fn from_str(text: &str) -> Result<Self, AgeError> {
        let secret = read_bech32(text, IDENTITY_HRP).ok_or(AgeError::BadIdentity)?;
        let identity = Self(StaticSecret::from(*secret));
        if *identity.to_secret_text() == text {
            Ok(identity)
        } else {
            Err(AgeError::BadIdentity)
        }
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
        // Room for all 74 characters at once: growing would leave copies behind.
        let mut text = Zeroizing::new(String::with_capacity(80));
        bech32::encode_upper_to_fmt::<Bech32, _>(&mut *text, IDENTITY_HRP, self.0.as_bytes())
            .expect("74 characters are below Bech32's 1023, and a String takes any text");
        text
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
        Self(Zeroizing::new(random))
    }

    /// The raw bytes, for a key store.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// HKDF-SHA-256 of this key.
    pub(super) fn derive(&self, salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
        hkdf_sha256(self.0.as_slice(), salt, info)
    }
}

/// HKDF-SHA-256 with 32 bytes of output (RFC 5869).
pub(super) fn hkdf_sha256(secret: &[u8], salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    let pseudorandom = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let info = [info];
    // Zeros left by a failure would be a key everybody knows.
    pseudorandom
        .expand(&info, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(out.as_mut_slice()))
        .expect("HKDF-SHA-256 refuses only more than 255 blocks of output; this is one");
    out
}
