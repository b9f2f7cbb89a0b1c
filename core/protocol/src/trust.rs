//! Trust: which keys may say what, signed by the root key whose fingerprint the enrolment ticket carries, or by one that
//! follows it.

mod succession;

pub use succession::{MOST_SUCCESSIONS, RootSuccession, Succession};

use serde::{Deserialize, Serialize};

use crate::case::CourtWord;
use crate::document::{DocumentError, DocumentType, SignedDocument};
use crate::hash::Sha256Digest;
use crate::ids::{KeyId, RealmId};
use crate::keys::PublicKey;
use crate::time::UtcMillis;

/// What a key of the court may sign, or what a court identity is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPurpose {
    /// Storage receipts.
    Receipt,
    /// Time anchors and trusted times.
    Clock,
    /// Statements of server jobs and imports.
    Job,
    /// Statements of people without an enrolled key, and of the console.
    Portal,
    /// Rule packs.
    RulePack,
}

/// A signing key of the court.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// Its name, derived from the public key.
    pub id: KeyId,
    /// The public key.
    pub public_key: PublicKey,
    /// What it may sign.
    pub purpose: KeyPurpose,
    /// Valid from.
    pub from_ms: UtcMillis,
    /// Valid until; none while in use.
    pub until_ms: Option<UtcMillis>,
}

/// A court identity: to whom media are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourtRecipient {
    /// Court word.
    pub court: CourtWord,
    /// age X25519 recipient (`age1…`).
    pub recipient: String,
    /// Retired: kept for decryption on the server, never used for new files.
    pub retired: bool,
}

/// A log that receipts and proofs may refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedLog {
    /// Verifier key of the note format: `origin+hash+base64`.
    pub verifier_key: String,
    /// Closed: proofs of it stay valid, new leaves go elsewhere.
    pub closed: bool,
}

/// Policy of the court that devices obey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePolicy {
    /// How long case secrets may be used without contact.
    pub lease_ms: i64,
    /// How long an original stays after receipt and proof before it may be freed.
    pub retention_ms: i64,
    /// How many witnesses a checkpoint needs before `free` believes it.
    pub witness_quorum: u32,
}

/// `trust/1`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The deployment.
    pub realm: RealmId,
    /// Rises with every change; a lower one is refused.
    pub version: u64,
    /// When it was issued.
    pub issued_ms: UtcMillis,
    /// Signing keys, present and past.
    pub keys: Vec<TrustedKey>,
    /// Court identities.
    pub recipients: Vec<CourtRecipient>,
    /// Logs.
    pub logs: Vec<TrustedLog>,
    /// Policy.
    pub policy: DevicePolicy,
    /// The root key itself; its fingerprint is what was compared at enrolment.
    pub root: PublicKey,
    /// How this root followed the ones before it, the first step first; empty while the first root is in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub succession: Vec<Succession>,
}

impl DocumentType for Trust {
    const TYPE: &'static str = "trust/1";
}

/// Why a trust document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Not a trust document signed by its own root.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Signed by another root than the one vouched for, and none that follows it.
    #[error("the trust document is signed by the untrusted key {0}")]
    UntrustedRoot(Sha256Digest),
    /// Another deployment.
    #[error("the trust document belongs to another realm")]
    WrongRealm,
    /// Older than the one already held.
    #[error("the trust document has version {found}, but version {held} is already held")]
    Older {
        /// Version of the refused document.
        found: u64,
        /// Version held.
        held: u64,
    },
    /// What it says of the roots before its own does not hold.
    #[error("the trust document names former root keys that do not lead to its own")]
    Succession,
    /// A key whose id is not derived from it.
    #[error("a key of the trust document bears a wrong id")]
    WrongKeyId,
}

impl Trust {
    /// Believes a document signed by the root with fingerprint `root`, or by one that follows it by steps that the
    /// document names. Who believes it trusts [`Trust::root`] from then on and no longer `root`: a key that was replaced
    /// may since be in other hands.
    ///
    /// `held` is realm and version of the document held so far; the same version is accepted again.
    /// *Errors*: [`TrustError`].
    pub fn verify(
        document: &SignedDocument,
        root: Sha256Digest,
        held: Option<(RealmId, u64)>,
    ) -> Result<Self, TrustError> {
        let claimed: Self = document.peek()?;
        succession::verify_succession(claimed.realm, root, &claimed.succession, &claimed.root)?;
        let trust: Self = document.verify(&claimed.root)?;
        if trust
            .keys
            .iter()
            .any(|key| key.id != key.public_key.key_id())
        {
            return Err(TrustError::WrongKeyId);
        }
        if let Some((realm, version)) = held {
            if realm != trust.realm {
                return Err(TrustError::WrongRealm);
            }
            if trust.version < version {
                return Err(TrustError::Older {
                    found: trust.version,
                    held: version,
                });
            }
        }
        Ok(trust)
    }

    /// The key `id` if it may be used for `purpose` at `at_ms`.
    pub fn key(&self, id: KeyId, purpose: KeyPurpose, at_ms: UtcMillis) -> Option<&PublicKey> {
        self.keys
            .iter()
            .find(|key| {
                key.id == id
                    && key.purpose == purpose
                    && key.from_ms <= at_ms
                    && key.until_ms.is_none_or(|until| at_ms < until)
            })
            .map(|key| &key.public_key)
    }

    /// The recipient to which new media of `court` are encrypted.
    pub fn recipient(&self, court: &CourtWord) -> Option<&str> {
        self.recipients
            .iter()
            .find(|recipient| recipient.court == *court && !recipient.retired)
            .map(|recipient| recipient.recipient.as_str())
    }
}

#[cfg(test)]
mod tests;
