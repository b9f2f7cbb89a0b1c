//! What the court signs for a device: storage receipts, time anchors, trusted times over checkpoints.

use serde::{Deserialize, Serialize};

use crate::document::{DocumentError, DocumentType, SignedDocument};
use crate::evidence::EvidenceDigests;
use crate::hash::{RootHash, StatementHash, StoredDigest};
use crate::ids::{ItemId, KeyId, RealmId};
use crate::time::UtcMillis;
use crate::trust::{KeyPurpose, Trust};

/// `receipt.storage/1`: the court holds these bytes, decrypted them and found the digests of the statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageReceipt {
    /// When the check was done.
    pub at_ms: UtcMillis,
    /// Digests of the plain bytes as the court computed them.
    pub digests: EvidenceDigests,
    /// The item.
    pub item: ItemId,
    /// Key that signed.
    pub key: KeyId,
    /// The deployment.
    pub realm: RealmId,
    /// The statement that named the bytes.
    pub statement: StatementHash,
    /// Length of what is stored.
    pub stored_bytes: u64,
    /// SHA-256 of what is stored.
    pub stored_sha256: StoredDigest,
    /// Name of the store, such as `disk`, or `s3:` and the name of a bucket.
    pub r#where: String,
}

impl DocumentType for StorageReceipt {
    const TYPE: &'static str = "receipt.storage/1";
}

/// `anchor/1`: the court's time for one boot of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeAnchor {
    /// Key that signed.
    pub key: KeyId,
    /// Random text of the device, so that an old anchor cannot be replayed.
    pub nonce: String,
    /// The deployment.
    pub realm: RealmId,
    /// The court's time.
    pub server_ms: UtcMillis,
}

impl DocumentType for TimeAnchor {
    const TYPE: &'static str = "anchor/1";
}

/// `time.mark/1`: the court's clock key vouches for the time at which a checkpoint existed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeMark {
    /// The time.
    pub at_ms: UtcMillis,
    /// Key that signed.
    pub key: KeyId,
    /// Name of the log.
    pub origin: String,
    /// The deployment.
    pub realm: RealmId,
    /// Root at `size`.
    pub root: RootHash,
    /// Number of leaves.
    pub size: u64,
}

impl DocumentType for TimeMark {
    const TYPE: &'static str = "time.mark/1";
}

/// Why a document of the court is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Malformed or wrongly signed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Signed by a key that the trust document does not list for this purpose at that time.
    #[error("the key {0} is not trusted for this")]
    UntrustedKey(KeyId),
    /// Another deployment.
    #[error("the document belongs to another realm")]
    WrongRealm,
}

macro_rules! believe {
    ($name:ident, $purpose:ident, $at:ident) => {
        impl $name {
            /// Believes a document signed by a key that `trust` lists for the purpose. *Errors*: [`ReceiptError`].
            pub fn verify(document: &SignedDocument, trust: &Trust) -> Result<Self, ReceiptError> {
                let claimed: Self = document.peek()?;
                if claimed.realm != trust.realm {
                    return Err(ReceiptError::WrongRealm);
                }
                let key = trust
                    .key(claimed.key, KeyPurpose::$purpose, claimed.$at)
                    .ok_or(ReceiptError::UntrustedKey(claimed.key))?;
                Ok(document.verify(key)?)
            }
        }
    };
}
believe!(StorageReceipt, Receipt, at_ms);
believe!(TimeAnchor, Clock, server_ms);
believe!(TimeMark, Clock, at_ms);
