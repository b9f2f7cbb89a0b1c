//! Documents signed by keys of the court: trust, receipts, time anchors, trusted times.
//!
//! Each is canonical JSON whose `type` separates it from all others, with a detached P-256 signature, so that
//! `openssl dgst -sha256 -verify` checks it. A document gives up its content only to a caller who brings the key.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::canonical::{self, CanonicalError};
use crate::hash::Sha256Digest;
use crate::keys::{KeyError, PublicKey, Signature, Signer};

/// A kind of signed document.
pub trait DocumentType: Serialize + serde::de::DeserializeOwned {
    /// The value of its `type` member.
    const TYPE: &'static str;
}

/// Exact bytes of a document and the signature over them; not yet believed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignedDocument {
    document: Box<RawValue>,
    signature: Signature,
}

/// Why a signed document is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not canonical JSON of the wanted shape.
    #[error(transparent)]
    Form(#[from] CanonicalError),
    /// A document of another type.
    #[error("expected a document of type {0}")]
    WrongType(&'static str),
    /// The signature does not fit.
    #[error(transparent)]
    Signature(#[from] KeyError),
}

#[derive(Deserialize)]
struct Typed<T> {
    r#type: String,
    #[serde(flatten)]
    content: T,
}

#[derive(Serialize)]
struct TypedRef<'a, T> {
    r#type: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

fn bytes_of<T: DocumentType>(content: &T) -> Result<Vec<u8>, DocumentError> {
    Ok(canonical::to_bytes(&TypedRef {
        r#type: T::TYPE,
        content,
    })?)
}

impl SignedDocument {
    /// Makes the exact bytes of `content` and signs them.
    ///
    /// *Errors*: [`DocumentError::Form`] for a number of 2^53 or more; `Signature` if the signer is unavailable.
    pub fn sign<T: DocumentType>(content: &T, signer: &dyn Signer) -> Result<Self, DocumentError> {
        let bytes = bytes_of(content)?;
        let signature = signer.sign(&bytes)?;
        Self::from_parts(&bytes, signature)
    }

    /// Makes the exact bytes of `content` again and puts a signature made earlier beside them; not yet believed.
    ///
    /// *Errors*: [`DocumentError::Form`] for a number of 2^53 or more.
    pub fn with_signature<T: DocumentType>(
        content: &T,
        signature: Signature,
    ) -> Result<Self, DocumentError> {
        Self::from_parts(&bytes_of(content)?, signature)
    }

    /// Joins bytes and signature that were kept apart. *Errors*: [`DocumentError::Form`].
    pub fn from_parts(bytes: &[u8], signature: Signature) -> Result<Self, DocumentError> {
        canonical::parse(bytes)?;
        let document = serde_json::from_slice(bytes)
            .map_err(|_| CanonicalError::Malformed("not JSON".into()))?;
        Ok(Self {
            document,
            signature,
        })
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        self.document.get().as_bytes()
    }

    /// The signature over them.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// SHA-256 of the exact bytes.
    pub fn sha256(&self) -> Sha256Digest {
        Sha256Digest::of(self.bytes())
    }

    /// Checks the signature and reads the content. *Errors*: [`DocumentError`].
    pub fn verify<T: DocumentType>(&self, key: &PublicKey) -> Result<T, DocumentError> {
        key.verify(self.bytes(), &self.signature)?;
        self.peek()
    }

    /// Reads the content without believing it: to learn which key it names.
    ///
    /// *Errors*: [`DocumentError::Form`], `WrongType`.
    pub fn peek<T: DocumentType>(&self) -> Result<T, DocumentError> {
        let value = canonical::parse(self.bytes())?;
        if value.get("type").and_then(canonical::Value::as_text) != Some(T::TYPE) {
            return Err(DocumentError::WrongType(T::TYPE));
        }
        let typed: Typed<T> = value.read()?;
        debug_assert_eq!(typed.r#type, T::TYPE);
        Ok(typed.content)
    }
}

impl PartialEq for SignedDocument {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes() && self.signature == other.signature
    }
}

impl Eq for SignedDocument {}
