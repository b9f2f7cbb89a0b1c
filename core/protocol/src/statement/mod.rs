//! Statements: the one signed form in which every act leaves a device.
//!
//! A statement is canonical JSON of at most 64 KiB, signed by a key and chained to the one before it of the same key.
//! Its `body` holds codes, ids, dates, amounts and digests only; every personal or free-text member is *hidden*:
//! the statement holds a salted commitment, and the opening travels beside it and can be withheld or erased.
//!
//! ```json
//! {"body":{…},"case":"<uuid>"|null,"chain":{"prev":"<hex>","seq":17}|null,"clock":{…},"court":"川0811",
//!  "device":"<uuid>"|null,"hidden":{"text":"<hex>"},"key":"<hex>","nonce":"<hex>","realm":"<uuid>",
//!  "seen":{"origin":"…","root":"<hex>","size":…}|null,"type":"evidence.capture/1"}
//! ```

mod act;
mod body;
mod chain;
mod clock;
mod funds;
mod hidden;
mod law;
mod paper;

use serde::{Deserialize, Serialize};

pub use act::*;
pub use body::*;
pub use chain::{Admission, ChainTip, admit};
pub use clock::{AnchorReading, ClockReading, Seen};
pub use funds::*;
pub use hidden::{Opening, OpeningError, Openings, make_openings, verify_openings};
pub use law::*;
pub use paper::*;

use crate::canonical::{self, CanonicalError, Object, Value};
use crate::case::CourtWord;
use crate::hash::{Commitment, StatementHash, sha256};
use crate::ids::{CaseId, DeviceId, KeyId, Nonce, RealmId};
use crate::keys::{KeyError, PublicKey, Signature, Signer};

/// Most bytes of one statement; larger content goes by digest.
pub const MAX_STATEMENT_BYTES: usize = 64 * 1024;

/// Place of a statement in its key's chain. Gap-free from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainLink {
    /// Hash of the statement before it; [`StatementHash::ZERO`] at `seq` 1.
    pub prev: StatementHash,
    /// Number in the chain, from 1.
    pub seq: u64,
}

/// One statement, read. What is signed are its exact bytes, not this view of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Content by `type`; see [`Body`].
    pub body: Value,
    /// The case it belongs to; none for acts of a device or the court, and for captures not yet assigned.
    #[serde(deserialize_with = "crate::canonical::nullable")]
    pub case: Option<CaseId>,
    /// Place in the key's chain; none for keys held by a server.
    #[serde(deserialize_with = "crate::canonical::nullable")]
    pub chain: Option<ChainLink>,
    /// What the clocks said.
    pub clock: ClockReading,
    /// Court whose business it is.
    pub court: CourtWord,
    /// Device it was made on; none for keys held by a server.
    #[serde(deserialize_with = "crate::canonical::nullable")]
    pub device: Option<DeviceId>,
    /// Commitments to the members that may be withheld or erased, by member name.
    pub hidden: std::collections::BTreeMap<String, Commitment>,
    /// Key that signed it.
    pub key: KeyId,
    /// Makes the hash unguessable.
    pub nonce: Nonce,
    /// Deployment it belongs to.
    pub realm: RealmId,
    /// Newest checkpoint the signer had verified: proves *not before*.
    #[serde(deserialize_with = "crate::canonical::nullable")]
    pub seen: Option<Seen>,
    /// Name and version of the content, such as `evidence.capture/1`.
    pub r#type: String,
    /// Members this version does not know; kept.
    #[serde(flatten)]
    pub unknown: Object,
}

/// Why bytes are not an acceptable statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Larger than [`MAX_STATEMENT_BYTES`].
    #[error("a statement may have at most {MAX_STATEMENT_BYTES} bytes")]
    TooLarge,
    /// Not canonical JSON of the statement's shape.
    #[error(transparent)]
    Form(#[from] CanonicalError),
    /// Signed for another deployment.
    #[error("the statement belongs to another realm")]
    WrongRealm,
    /// Names another key than the one it is checked with.
    #[error("the statement names another key")]
    WrongKey,
    /// The signature does not fit.
    #[error(transparent)]
    Signature(#[from] KeyError),
    /// A chained statement without a device, or the reverse; or `seq` 0.
    #[error(
        "chain and device must both be there (device keys) or both be missing (server keys), seq counts from 1"
    )]
    BadChain,
    /// An opening that does not fit.
    #[error(transparent)]
    Opening(#[from] OpeningError),
}

impl Statement {
    /// Reads exact bytes. *Errors*: [`StatementError::TooLarge`], `Form`, `BadChain`.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > MAX_STATEMENT_BYTES {
            return Err(StatementError::TooLarge);
        }
        let statement: Self = canonical::parse_as(bytes)?;
        let chained = statement.chain.is_some();
        let starts = statement.chain.is_none_or(|link| {
            link.seq >= 1 && (link.seq == 1) == (link.prev == StatementHash::ZERO)
        });
        if chained != statement.device.is_some() || !starts {
            return Err(StatementError::BadChain);
        }
        Ok(statement)
    }

    /// The typed content; [`Body::Unknown`] for a type this version does not know.
    ///
    /// *Errors*: [`CanonicalError::Shape`] for a known type with a malformed body: admitted, but held.
    pub fn body(&self) -> Result<Body, CanonicalError> {
        Body::read(&self.r#type, &self.body)
    }

    /// Makes the exact bytes and signs them.
    ///
    /// *Errors*: [`StatementError::TooLarge`], `Form` (an integer of 2^53 or more), `WrongKey` (the signer is not
    /// `key`), `Signature` (the signer is unavailable).
    pub fn sign(&self, signer: &dyn Signer, openings: Openings) -> Result<Signed, StatementError> {
        if signer.public_key().key_id() != self.key {
            return Err(StatementError::WrongKey);
        }
        let bytes = canonical::to_bytes(self)?;
        Self::parse(&bytes)?;
        verify_openings(&self.hidden, &openings)?;
        let signature = signer.sign(&bytes)?;
        Ok(Signed {
            bytes,
            signature,
            openings,
        })
    }
}

/// A statement as it is stored and sent: exact bytes, signature, and the openings that this copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Exact canonical bytes.
    pub bytes: Vec<u8>,
    /// Signature over the bytes.
    pub signature: Signature,
    /// Openings of hidden members; some or all may be withheld or erased.
    pub openings: Openings,
}

/// A statement whose signature, realm, form and openings were checked. Only [`Signed::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    statement: Statement,
    signed: Signed,
    hash: StatementHash,
}

impl Signed {
    /// The statement's name.
    pub fn hash(&self) -> StatementHash {
        StatementHash::of(&self.bytes)
    }

    /// SHA-256 of the DER signature, the second half of the log's leaf.
    pub fn signature_hash(&self) -> [u8; 32] {
        sha256(self.signature.as_der())
    }

    /// Checks form, realm, key and signature, and each opening that is present.
    ///
    /// *Errors*: [`StatementError`].
    pub fn verify(self, realm: RealmId, key: &PublicKey) -> Result<Verified, StatementError> {
        let statement = Statement::parse(&self.bytes)?;
        if statement.realm != realm {
            return Err(StatementError::WrongRealm);
        }
        if statement.key != key.key_id() {
            return Err(StatementError::WrongKey);
        }
        key.verify(&self.bytes, &self.signature)?;
        verify_openings(&statement.hidden, &self.openings)?;
        let hash = self.hash();
        Ok(Verified {
            statement,
            signed: self,
            hash,
        })
    }
}

impl Verified {
    /// What it says.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// Its exact bytes, signature and openings.
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// Its name.
    pub fn hash(&self) -> StatementHash {
        self.hash
    }
}

#[cfg(test)]
mod tests;
