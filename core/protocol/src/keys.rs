//! Signing keys: ECDSA P-256 with SHA-256, DER signatures with low S, public keys as SubjectPublicKeyInfo.
//!
//! All of it checks with `openssl dgst -sha256 -verify public.pem -signature s.sig statement.json`.

use core::fmt;
use core::str::FromStr;

use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, KeyPair};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hash::{Sha256Digest, from_hex, to_hex};
use crate::ids::KeyId;

/// DER of a P-256 SubjectPublicKeyInfo up to the 65 bytes of the uncompressed point (RFC 5480 §2).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Length of a P-256 SubjectPublicKeyInfo with an uncompressed point.
pub const SPKI_LEN: usize = 91;
/// Order of the P-256 group, big-endian (FIPS 186-4 D.1.2.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// Half the order, rounded down: the largest S that is "low".
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// Why a key or signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a P-256 public key in SubjectPublicKeyInfo with an uncompressed point.
    #[error("not a P-256 public key (SubjectPublicKeyInfo, DER, uncompressed point)")]
    BadPublicKey,
    /// Not a private key this module can use.
    #[error("not a P-256 private key in PKCS#8")]
    BadPrivateKey,
    /// Not DER, or S is not low: each signature has one spelling.
    #[error("not an ECDSA signature in DER with low S")]
    BadSignature,
    /// Well formed, but not made by this key over these bytes.
    #[error("the signature does not fit the key and the bytes")]
    WrongSignature,
    /// The signer (a key store, a module) could not sign now.
    #[error("the signing key cannot be used")]
    SignerUnavailable,
}

/// A P-256 public key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; SPKI_LEN]);

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo. *Errors*: [`KeyError::BadPublicKey`].
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let spki: [u8; SPKI_LEN] = der.try_into().map_err(|_| KeyError::BadPublicKey)?;
        if spki.starts_with(&SPKI_PREFIX) && spki.get(SPKI_PREFIX.len()) == Some(&4) {
            Ok(Self(spki))
        } else {
            Err(KeyError::BadPublicKey)
        }
    }

    /// Reads an uncompressed point of 65 bytes. *Errors*: [`KeyError::BadPublicKey`].
    pub fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let mut spki = SPKI_PREFIX.to_vec();
        spki.extend_from_slice(point);
        Self::from_spki(&spki)
    }

    /// The SubjectPublicKeyInfo, DER.
    pub fn as_spki(&self) -> &[u8] {
        &self.0
    }

    /// The key in PEM, as `openssl` reads it.
    pub fn to_pem(&self) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(self.0);
        let (first, second) = text.split_at(64.min(text.len()));
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// SHA-256 of the SubjectPublicKeyInfo: what people compare.
    pub fn fingerprint(&self) -> Sha256Digest {
        Sha256Digest::of(&self.0)
    }

    /// The name of this key in statements.
    pub fn key_id(&self) -> KeyId {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(self.fingerprint().0) {
            *to = from;
        }
        KeyId(id)
    }

    /// Checks a signature over `bytes`.
    ///
    /// *Errors*: [`KeyError::WrongSignature`]; a high S never reaches this point, see [`Signature::from_der`].
    pub fn verify(&self, bytes: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let point = self.0.get(SPKI_PREFIX.len()..).unwrap_or_default();
        signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, point)
            .verify(bytes, signature.as_der())
            .map_err(|_| KeyError::WrongSignature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.key_id())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_spki(&from_hex(text).map_err(|_| KeyError::BadPublicKey)?)
    }
}

/// An ECDSA signature in DER whose S is low.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// Reads strict DER and refuses a high S. *Errors*: [`KeyError::BadSignature`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let (r, s) = read_der(der).ok_or(KeyError::BadSignature)?;
        if s > HALF_ORDER || write_der(&r, &s) != der {
            return Err(KeyError::BadSignature);
        }
        Ok(Self(der.to_vec()))
    }

    /// Makes the one accepted spelling from DER of any signer, turning a high S into its low twin.
    ///
    /// *Errors*: [`KeyError::BadSignature`].
    pub fn normalise_der(der: &[u8]) -> Result<Self, KeyError> {
        let (r, s) = read_der(der).ok_or(KeyError::BadSignature)?;
        Ok(Self(write_der(&r, &low_s(s))))
    }

    /// Makes it from the 64 bytes r ‖ s of WebCrypto and `ring`. *Errors*: [`KeyError::BadSignature`].
    pub fn from_fixed(fixed: &[u8]) -> Result<Self, KeyError> {
        let (r, s) = fixed.split_at_checked(32).ok_or(KeyError::BadSignature)?;
        let r: [u8; 32] = r.try_into().map_err(|_| KeyError::BadSignature)?;
        let s: [u8; 32] = s.try_into().map_err(|_| KeyError::BadSignature)?;
        Ok(Self(write_der(&r, &low_s(s))))
    }

    /// The DER bytes.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl FromStr for Signature {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_der(&from_hex(text).map_err(|_| KeyError::BadSignature)?)
    }
}

macro_rules! serde_as_text {
    ($name:ident) => {
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
serde_as_text!(PublicKey);
serde_as_text!(Signature);

/// What signs: a hardware key behind a shell's port, a software key, a server's key.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;
    /// Signs the exact bytes. *Errors*: [`KeyError::SignerUnavailable`].
    fn sign(&self, bytes: &[u8]) -> Result<Signature, KeyError>;
}

/// A P-256 key held in memory (assurance A1 on a device; the server's keys).
pub struct SoftwareSigner {
    pair: EcdsaKeyPair,
    public: PublicKey,
    random: SystemRandom,
}

impl SoftwareSigner {
    /// Makes a new private key. *Shape*: PKCS#8 version 1, DER, to be kept secret by the caller.
    ///
    /// *Errors*: [`KeyError::SignerUnavailable`] if the system gives no randomness.
    pub fn make_pkcs8() -> Result<zeroize::Zeroizing<Vec<u8>>, KeyError> {
        EcdsaKeyPair::generate_pkcs8(
            &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            &SystemRandom::new(),
        )
        .map(|document| zeroize::Zeroizing::new(document.as_ref().to_vec()))
        .map_err(|_| KeyError::SignerUnavailable)
    }

    /// Loads a private key. *Errors*: [`KeyError::BadPrivateKey`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random)
                .map_err(|_| KeyError::BadPrivateKey)?;
        let public = PublicKey::from_point(pair.public_key().as_ref())?;
        Ok(Self {
            pair,
            public,
            random,
        })
    }
}

impl fmt::Debug for SoftwareSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareSigner({})", self.public.key_id())
    }
}

impl Signer for SoftwareSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, bytes: &[u8]) -> Result<Signature, KeyError> {
        let fixed = self
            .pair
            .sign(&self.random, bytes)
            .map_err(|_| KeyError::SignerUnavailable)?;
        Signature::from_fixed(fixed.as_ref())
    }
}

/// The lower of `s` and `order - s`.
fn low_s(s: [u8; 32]) -> [u8; 32] {
    if s <= HALF_ORDER {
        return s;
    }
    let mut out = [0; 32];
    let mut borrow = false;
    for ((to, left), right) in out.iter_mut().zip(ORDER).zip(s).rev() {
        let (difference, below) = left.overflowing_sub(right);
        let (difference, lower) = difference.overflowing_sub(u8::from(borrow));
        *to = difference;
        borrow = below || lower;
    }
    out
}

fn write_der(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    let mut content = Vec::with_capacity(72);
    for number in [r, s] {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(31);
        let digits = number.get(start..).unwrap_or_default();
        let padded = digits.first().is_some_and(|byte| byte & 0x80 != 0);
        content.push(2);
        // At most 33: one length byte.
        content.push(
            u8::try_from(digits.len())
                .unwrap_or(32)
                .saturating_add(u8::from(padded)),
        );
        if padded {
            content.push(0);
        }
        content.extend_from_slice(digits);
    }
    let mut der = vec![0x30, u8::try_from(content.len()).unwrap_or(u8::MAX)];
    der.extend_from_slice(&content);
    der
}

fn read_der(der: &[u8]) -> Option<([u8; 32], [u8; 32])> {
    let content = match der {
        [0x30, length, content @ ..] if usize::from(*length) == content.len() => content,
        _ => return None,
    };
    let (r, rest) = read_number(content)?;
    let (s, rest) = read_number(rest)?;
    rest.is_empty().then_some((r, s))
}

fn read_number(der: &[u8]) -> Option<([u8; 32], &[u8])> {
    let (length, rest) = match der {
        [2, length, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(length)?;
    let digits = match digits {
        [0, more @ ..] if !more.is_empty() => more,
        digits if digits.first().is_some_and(|byte| byte & 0x80 == 0) => digits,
        _ => return None,
    };
    let mut number = [0; 32];
    let place = 32_usize.checked_sub(digits.len())?;
    number.get_mut(place..)?.copy_from_slice(digits);
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> SoftwareSigner {
        let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
        SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads")
    }

    #[test]
    fn a_signature_fits_only_its_key_and_bytes() {
        let (one, other) = (signer(), signer());
        for round in 0..64_u8 {
            let bytes = [round; 40];
            let signature = one.sign(&bytes).expect("a software key signs");
            assert_eq!(
                Signature::from_der(signature.as_der()),
                Ok(signature.clone())
            );
            assert_eq!(one.public_key().verify(&bytes, &signature), Ok(()));
            assert_eq!(
                one.public_key().verify(&[round; 41], &signature),
                Err(KeyError::WrongSignature)
            );
            assert_eq!(
                other.public_key().verify(&bytes, &signature),
                Err(KeyError::WrongSignature)
            );
        }
    }

    #[test]
    fn a_high_s_is_refused_and_can_be_normalised() {
        let key = signer();
        let signature = key.sign(b"x").expect("a software key signs");
        let (r, s) = read_der(signature.as_der()).expect("our own DER");
        let mut high = [0; 32];
        let mut borrow = 0_i16;
        for place in (0..32).rev() {
            let mut digit = i16::from(ORDER[place]) - i16::from(s[place]) - borrow;
            borrow = i16::from(digit < 0);
            if digit < 0 {
                digit += 256;
            }
            high[place] = u8::try_from(digit).expect("0..=255 after the borrow");
        }
        let der = write_der(&r, &high);
        assert_eq!(Signature::from_der(&der), Err(KeyError::BadSignature));
        assert_eq!(Signature::normalise_der(&der), Ok(signature));
    }

    #[test]
    fn loose_der_is_refused() {
        let key = signer();
        let der = key
            .sign(b"x")
            .expect("a software key signs")
            .as_der()
            .to_vec();
        let mut longer = der.clone();
        longer.push(0);
        for bad in [
            &der[..der.len() - 1],
            &longer,
            b"",
            b"\x30\x00",
            b"\x30\x06\x02\x01\x80\x02\x01\x01",
        ] {
            assert_eq!(Signature::from_der(bad), Err(KeyError::BadSignature));
        }
    }

    #[test]
    fn a_key_is_named_by_its_fingerprint_and_other_curves_are_refused() {
        let key = signer();
        let text = key.public_key().to_string();
        assert_eq!(text.parse().as_ref(), Ok(key.public_key()));
        assert!(
            key.public_key()
                .fingerprint()
                .to_string()
                .starts_with(&key.public_key().key_id().to_string())
        );
        assert_eq!(
            PublicKey::from_spki(&[0x30; 91]),
            Err(KeyError::BadPublicKey)
        );
        assert_eq!(PublicKey::from_point(&[2; 33]), Err(KeyError::BadPublicKey));
    }
}
