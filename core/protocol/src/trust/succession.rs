//! How one root key follows another.
//!
//! The old root signs a short document that names the new one. The trust document, signed by the new root, carries all
//! of them since the first root, so whoever trusts any of the roots reaches the present one, however long he was away.

use serde::{Deserialize, Serialize};

use super::TrustError;
use crate::document::{DocumentError, DocumentType, SignedDocument};
use crate::hash::Sha256Digest;
use crate::ids::RealmId;
use crate::keys::{PublicKey, Signature, Signer};
use crate::time::UtcMillis;

/// Most root keys that may follow each other: one each year is more than a court's lifetime.
pub const MOST_SUCCESSIONS: usize = 64;

/// `root.succession/1`: what the old root signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootSuccession {
    /// When it was signed, by the court's clock.
    pub at_ms: UtcMillis,
    /// The root that signs.
    pub from: PublicKey,
    /// The deployment.
    pub realm: RealmId,
    /// The root that follows it.
    pub to: PublicKey,
}

impl DocumentType for RootSuccession {
    const TYPE: &'static str = "root.succession/1";
}

/// A step from one root key to the next, as a trust document lists it.
///
/// The signature is over the canonical bytes of the [`RootSuccession`] of the trust document's realm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// When it was signed, by the court's clock.
    pub at_ms: UtcMillis,
    /// The old root.
    pub from: PublicKey,
    /// Its signature.
    pub signature: Signature,
    /// The new root.
    pub to: PublicKey,
}

impl Succession {
    /// The old root names the new one. *Errors*: [`DocumentError::Signature`] if the old key cannot be used.
    pub fn sign(
        realm: RealmId,
        at_ms: UtcMillis,
        from: &dyn Signer,
        to: &PublicKey,
    ) -> Result<Self, DocumentError> {
        let content = RootSuccession {
            at_ms,
            from: from.public_key().clone(),
            realm,
            to: to.clone(),
        };
        let signature = SignedDocument::sign(&content, from)?.signature().clone();
        Ok(Self {
            at_ms,
            from: content.from,
            signature,
            to: content.to,
        })
    }

    /// The document that the old root signed, with its exact bytes; not yet believed.
    ///
    /// *Errors*: [`DocumentError::Form`] for a time that no document can hold.
    pub fn document(&self, realm: RealmId) -> Result<SignedDocument, DocumentError> {
        let content = RootSuccession {
            at_ms: self.at_ms,
            from: self.from.clone(),
            realm,
            to: self.to.clone(),
        };
        SignedDocument::with_signature(&content, self.signature.clone())
    }

    /// Checks the old root's signature. *Errors*: [`DocumentError`].
    pub fn verify(&self, realm: RealmId) -> Result<(), DocumentError> {
        self.document(realm)?
            .verify::<RootSuccession>(&self.from)
            .map(drop)
    }
}

/// Whether `trusted` is `root` or leads to it by `steps`, each of which must hold and begin where the one before it ended.
///
/// *Errors*: [`TrustError::UntrustedRoot`] where nothing leads from `trusted` to `root`; `Succession` where the root
/// itself is trusted and what it says of its forerunners is wrong.
pub(super) fn verify_succession(
    realm: RealmId,
    trusted: Sha256Digest,
    steps: &[Succession],
    root: &PublicKey,
) -> Result<(), TrustError> {
    let fingerprint = root.fingerprint();
    let holds = steps.len() <= MOST_SUCCESSIONS
        && steps.last().is_none_or(|last| last.to == *root)
        && steps
            .iter()
            .zip(steps.iter().skip(1))
            .all(|(step, next)| step.to == next.from)
        && steps.iter().all(|step| step.verify(realm).is_ok());
    let is_root = fingerprint == trusted;
    let leads_there = || steps.iter().any(|step| step.from.fingerprint() == trusted);
    match (holds, is_root) {
        (true, true) => Ok(()),
        (false, true) => Err(TrustError::Succession),
        (true, false) if leads_there() => Ok(()),
        (_, false) => Err(TrustError::UntrustedRoot(fingerprint)),
    }
}
