//! The list of norms in force, and what a device says about it.

use serde::{Deserialize, Serialize};

use super::{CalendarRelease, NormError, OverlayRelease, PackRelease, believe};
use crate::document::{DocumentType, SignedDocument};
use crate::hash::Sha256Digest;
use crate::ids::{KeyId, RealmId};
use crate::time::UtcMillis;
use crate::trust::Trust;

/// What a norm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NormKind {
    /// A rule pack.
    Pack,
    /// A court's settings.
    Overlay,
    /// Holidays of a year.
    Calendar,
}

impl NormKind {
    /// Its name in a list.
    pub fn code(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Overlay => "overlay",
            Self::Calendar => "calendar",
        }
    }

    /// The kind of a document's type.
    pub(super) fn of_type(text: &str) -> Option<Self> {
        match text {
            PackRelease::TYPE => Some(Self::Pack),
            OverlayRelease::TYPE => Some(Self::Overlay),
            CalendarRelease::TYPE => Some(Self::Calendar),
            _ => None,
        }
    }
}

/// One norm of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormEntry {
    /// `pack`, `overlay` or `calendar`; others are of a later version and are left alone.
    pub kind: String,
    /// The court of settings, the year of holidays, empty for a pack.
    pub scope: String,
    /// SHA-256 of the document as JSON with its signature, which is its name for a download.
    pub sha256: Sha256Digest,
    /// Its length.
    pub size_bytes: u64,
    /// Its version.
    pub version: u32,
}

impl NormEntry {
    /// The entry of a document.
    pub(super) fn of(
        kind: NormKind,
        scope: String,
        version: u32,
        document: &SignedDocument,
    ) -> Self {
        // A signed document consists of JSON already, so it always serialises.
        let bytes = serde_json::to_vec(document).unwrap_or_default();
        Self {
            kind: kind.code().to_owned(),
            scope,
            sha256: Sha256Digest::of(&bytes),
            size_bytes: bytes.len() as u64,
            version,
        }
    }

    /// Whether a device needs it that works with cases of these courts.
    pub fn concerns(&self, mut courts: impl Iterator<Item = impl AsRef<str>>) -> bool {
        match self.kind.as_str() {
            "pack" | "calendar" => true,
            "overlay" => courts.any(|court| court.as_ref() == self.scope),
            _ => false,
        }
    }
}

/// `norms/1`: everything that is in force or will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormsList {
    /// The norms, in the order in which they were published.
    pub entries: Vec<NormEntry>,
    /// Key that signed.
    pub key: KeyId,
    /// The deployment.
    pub realm: RealmId,
    /// When it was signed.
    pub signed_ms: UtcMillis,
    /// Rises with every publication; a lower one is refused.
    pub version: u64,
}

impl DocumentType for NormsList {
    const TYPE: &'static str = "norms/1";
}

impl NormsList {
    /// Believes a list at the time `now`, when the key must be in use. `held` is the version held so far; the same one is accepted again.
    ///
    /// *Errors*: [`NormError`].
    pub fn verify(
        document: &SignedDocument,
        trust: &Trust,
        now: UtcMillis,
        held: u64,
    ) -> Result<Self, NormError> {
        let list: Self = believe(document, trust, Some(now))?;
        if list.version < held {
            return Err(NormError::Older {
                found: list.version,
                held,
            });
        }
        Ok(list)
    }

    /// Believes a list that was verified when it came; its key may have been replaced since. *Errors*: [`NormError`].
    pub fn verify_held(document: &SignedDocument, trust: &Trust) -> Result<Self, NormError> {
        believe(document, trust, None)
    }
}

/// What a device does not use, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormsRefusal {
    /// Version of the list.
    pub version: u64,
    /// [`NormError::code`].
    pub code: String,
    /// The norm, as `kind scope version`; empty where it is the list itself.
    pub norm: String,
}

/// By which norms a device works; it says so in every pull.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NormsHeld {
    /// Version of the newest list that was believed: nothing older is wanted. 0: none.
    pub newest: u64,
    /// Version of the list whose norms it works by. 0: the pack that its program carries.
    pub in_use: u64,
    /// Why it does not work by the newest; none where nothing stands against it but bytes that are on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<NormsRefusal>,
}
