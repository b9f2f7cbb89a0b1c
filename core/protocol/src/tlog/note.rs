//! C2SP signed notes: a text, an empty line, and signature lines `— name base64(key hash ‖ signature)`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{self, Ed25519KeyPair, KeyPair};

use crate::hash::sha256;

/// Algorithm byte of Ed25519 in verifier keys and key hashes.
const ED25519: u8 = 1;
/// Most bytes of a note. A checkpoint with twenty Ed25519 witnesses has some 3 KB; sixteen signatures, which every reader
/// must accept, have 16 × 6.2 KB in base64 if all are ML-DSA-87 (4,627 bytes each).
pub const MAX_NOTE_BYTES: usize = 128 * 1024;
/// Most signature lines looked at.
const MAX_SIGNATURES: usize = 64;

/// A note or key that is malformed or not signed as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not a signed note.
    #[error("malformed signed note")]
    Malformed,
    /// Not a verifier key `name+hash+base64`.
    #[error("malformed verifier key")]
    BadKey,
    /// No signature by this key.
    #[error("the note is not signed by this key")]
    NotSigned,
    /// A signature that claims to be by this key and does not fit.
    #[error("the note bears a wrong signature of this key")]
    WrongSignature,
}

/// Names one signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// First four bytes of the key's hash.
    pub key_hash: [u8; 4],
    /// The signature.
    pub signature: Vec<u8>,
}

/// A note whose form was checked; its signatures were not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Public half of a log's or witness's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

fn key_hash(name: &str, public: &[u8; 32]) -> [u8; 4] {
    let mut bytes = name.as_bytes().to_vec();
    bytes.extend_from_slice(&[b'\n', ED25519]);
    bytes.extend_from_slice(public);
    let [a, b, c, d, ..] = sha256(&bytes);
    [a, b, c, d]
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl VerifierKey {
    /// Reads `name+hash+base64`. *Errors*: [`NoteError::BadKey`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, rest) = text.split_once('+').ok_or(NoteError::BadKey)?;
        let (hash, key) = rest.split_once('+').ok_or(NoteError::BadKey)?;
        let key = STANDARD.decode(key).map_err(|_| NoteError::BadKey)?;
        let public: [u8; 32] = match key.split_first() {
            Some((&ED25519, public)) => public.try_into().map_err(|_| NoteError::BadKey)?,
            _ => return Err(NoteError::BadKey),
        };
        if !is_name(name) || crate::hash::to_hex(&key_hash(name, &public)) != hash {
            return Err(NoteError::BadKey);
        }
        Ok(Self {
            name: name.to_owned(),
            public,
        })
    }

    /// Name of the key; for a log's key the log's origin.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl core::fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut key = vec![ED25519];
        key.extend_from_slice(&self.public);
        let hash = crate::hash::to_hex(&key_hash(&self.name, &self.public));
        write!(f, "{}+{hash}+{}", self.name, STANDARD.encode(key))
    }
}

impl Note {
    /// Reads a note. *Errors*: [`NoteError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::Malformed);
        }
        let all = core::str::from_utf8(bytes).map_err(|_| NoteError::Malformed)?;
        if all.contains(|c: char| c.is_ascii_control() && c != '\n') {
            return Err(NoteError::Malformed);
        }
        let place = all.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, rest) = all
            .split_at_checked(place.saturating_add(1))
            .ok_or(NoteError::Malformed)?;
        let lines = rest
            .strip_prefix('\n')
            .and_then(|lines| lines.strip_suffix('\n'))
            .ok_or(NoteError::Malformed)?;
        let signatures: Vec<_> = lines
            .split('\n')
            .map(read_line)
            .collect::<Option<_>>()
            .ok_or(NoteError::Malformed)?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Malformed);
        }
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// The text, its last newline included, if `key` signed it.
    ///
    /// *Errors*: [`NoteError::NotSigned`], `WrongSignature`.
    pub fn verify(&self, key: &VerifierKey) -> Result<&str, NoteError> {
        let hash = key_hash(&key.name, &key.public);
        let line = self
            .signatures
            .iter()
            .find(|line| line.name == key.name && line.key_hash == hash)
            .ok_or(NoteError::NotSigned)?;
        signature::UnparsedPublicKey::new(&signature::ED25519, &key.public)
            .verify(self.text.as_bytes(), &line.signature)
            .map_err(|_| NoteError::WrongSignature)?;
        Ok(&self.text)
    }

    /// All signature lines, known keys or not.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

fn read_line(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (hash, signature) = bytes.split_at_checked(4)?;
    (is_name(name) && !signature.is_empty()).then(|| NoteSignature {
        name: name.to_owned(),
        key_hash: hash.try_into().unwrap_or_default(),
        signature: signature.to_vec(),
    })
}

/// The log's private key (Ed25519).
pub struct LogSigner {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl core::fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LogSigner({})", self.key)
    }
}

impl LogSigner {
    /// Makes a new private key. *Shape*: PKCS#8, DER, to be kept secret by the caller.
    ///
    /// *Errors*: [`NoteError::BadKey`] if the system gives no randomness.
    pub fn make_pkcs8() -> Result<zeroize::Zeroizing<Vec<u8>>, NoteError> {
        Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map(|document| zeroize::Zeroizing::new(document.as_ref().to_vec()))
            .map_err(|_| NoteError::BadKey)
    }

    /// Loads the key of the log `origin`. *Errors*: [`NoteError::BadKey`].
    pub fn from_pkcs8(origin: &str, pkcs8: &[u8]) -> Result<Self, NoteError> {
        if !is_name(origin) {
            return Err(NoteError::BadKey);
        }
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| NoteError::BadKey)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| NoteError::BadKey)?;
        Ok(Self {
            pair,
            key: VerifierKey {
                name: origin.to_owned(),
                public,
            },
        })
    }

    /// The public half.
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a text that ends with a newline; the result is the whole note.
    ///
    /// *Errors*: [`NoteError::Malformed`] for a text without final newline or with control characters.
    pub fn sign(&self, text: &str) -> Result<String, NoteError> {
        let proper =
            text.ends_with('\n') && !text.contains(|c: char| c.is_ascii_control() && c != '\n');
        if !proper {
            return Err(NoteError::Malformed);
        }
        let mut bytes = key_hash(&self.key.name, &self.key.public).to_vec();
        bytes.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        Ok(format!(
            "{text}\n— {} {}\n",
            self.key.name,
            STANDARD.encode(bytes)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Example key and note of the Go package golang.org/x/mod/sumdb/note.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_of_another_implementation_verifies() {
        let key = VerifierKey::parse(KEY).expect("published key");
        assert_eq!(key.to_string(), KEY);
        let note = Note::parse(NOTE.as_bytes()).expect("published note");
        assert!(
            note.verify(&key)
                .expect("published signature")
                .ends_with("problem is.\n")
        );
    }

    #[test]
    fn sixteen_signatures_of_any_kind_are_kept_and_more_than_the_limit_refused() {
        let pkcs8 = LogSigner::make_pkcs8().expect("the system has randomness");
        let signer = LogSigner::from_pkcs8("example/log", &pkcs8).expect("a key just made");
        let own = signer.sign("text\n").expect("a proper text");
        // ML-DSA-87, the longest in use, has 4,627 bytes.
        let foreign = format!("— witness {}\n", STANDARD.encode([7; 4 + 4627]));
        let note = own.replace("\n— ", &format!("\n{}— ", foreign.repeat(15)));
        let note = Note::parse(note.as_bytes()).expect("sixteen must be accepted");
        assert_eq!(note.signatures().len(), 16);
        assert_eq!(note.verify(signer.verifier_key()), Ok("text\n"));
        let small = format!("— witness {}\n", STANDARD.encode([7; 4 + 64]));
        let note = format!("{own}{}", small.repeat(MAX_SIGNATURES));
        assert_eq!(Note::parse(note.as_bytes()), Err(NoteError::Malformed));
    }

    #[test]
    fn changed_texts_foreign_keys_and_malformed_notes_are_refused() {
        let key = VerifierKey::parse(KEY).expect("published key");
        let changed =
            Note::parse(NOTE.replace("answer", "ANSWER").as_bytes()).expect("still a note");
        assert_eq!(changed.verify(&key), Err(NoteError::WrongSignature));
        let pkcs8 = LogSigner::make_pkcs8().expect("the system has randomness");
        let signer = LogSigner::from_pkcs8("example/log", &pkcs8).expect("a key just made");
        let own = signer.sign("text\n").expect("a proper text");
        let own = Note::parse(own.as_bytes()).expect("our own note");
        assert_eq!(own.verify(signer.verifier_key()), Ok("text\n"));
        assert_eq!(own.verify(&key), Err(NoteError::NotSigned));
        for bad in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n— x\n",
            "text\n\n- a AAAAAAAA\n",
            "te\rxt\n\n— a AAAAAAAA\n",
            "text\n\n— a AAAA\n",
        ] {
            assert_eq!(
                Note::parse(bad.as_bytes()),
                Err(NoteError::Malformed),
                "{bad:?}"
            );
        }
        for bad in [
            "",
            "a",
            "a+b",
            "a+00000000+AAAA",
            "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert_eq!(VerifierKey::parse(bad), Err(NoteError::BadKey), "{bad:?}");
        }
        assert_eq!(signer.sign("no newline"), Err(NoteError::Malformed));
    }
}
