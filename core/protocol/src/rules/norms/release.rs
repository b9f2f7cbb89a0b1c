//! The signed documents: a rule pack, a court's settings, the holidays of a year.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{NormError, Vouched};
use crate::canonical::Value;
use crate::document::{DocumentError, DocumentType};
use crate::ids::{KeyId, RealmId};
use crate::rules::calendar::HolidayYear;
use crate::rules::pack::{Overlay, RulePack};
use crate::time::{Date, UtcMillis};

/// Which text of a law a pack speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statute {
    /// Number of the paper, as far as known.
    pub doc_no: Option<String>,
    /// In force since, as far as known.
    pub effective: Option<String>,
}

/// `rule-pack/1`: a pack with what a reader needs to judge it before reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackRelease {
    /// First day whose triggers it judges; that of the pack.
    pub effective_from: Date,
    /// Last day; that of the pack.
    pub effective_until: Option<Date>,
    /// Key that signed.
    pub key: KeyId,
    /// The pack. Read by [`PackRelease::content`], so that a pack of a later format is told from a damaged document.
    pub pack: Value,
    /// The deployment.
    pub realm: RealmId,
    /// When it was signed.
    pub signed_ms: UtcMillis,
    /// The texts that it rests on, by short id; those of the pack.
    pub statutes: BTreeMap<String, Statute>,
    /// Version; that of the pack.
    pub version: u32,
}

impl DocumentType for PackRelease {
    const TYPE: &'static str = "rule-pack/1";
}

impl PackRelease {
    /// An envelope around a pack. *Errors*: [`NormError::Document`] for a number of 2^53 or more.
    pub fn of(
        pack: &RulePack,
        realm: RealmId,
        key: KeyId,
        signed_ms: UtcMillis,
    ) -> Result<Self, NormError> {
        Ok(Self {
            effective_from: pack.effective_from,
            effective_until: pack.effective_until,
            key,
            pack: crate::canonical::to_value(pack).map_err(DocumentError::from)?,
            realm,
            signed_ms,
            statutes: statutes(pack),
            version: pack.version,
        })
    }

    /// The pack. *Errors*: [`NormError::Pack`] for one that this version cannot use; [`NormError::Contradiction`] where the envelope says something
    /// else.
    pub fn content(&self) -> Result<RulePack, NormError> {
        let pack = RulePack::from_canonical(&self.pack)?;
        let differs = if pack.version != self.version {
            Some("version")
        } else if (pack.effective_from, pack.effective_until)
            != (self.effective_from, self.effective_until)
        {
            Some("date")
        } else if statutes(&pack) != self.statutes {
            Some("list of statutes")
        } else {
            None
        };
        match differs {
            Some(member) => Err(NormError::Contradiction(member)),
            None => Ok(pack),
        }
    }
}

fn statutes(pack: &RulePack) -> BTreeMap<String, Statute> {
    let laws = pack.laws.iter();
    laws.map(|(id, law)| {
        let statute = Statute {
            doc_no: law.doc_no.clone(),
            effective: law.effective.clone(),
        };
        (id.clone(), statute)
    })
    .collect()
}

/// `court-overlay/1`: what a court sets for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlayRelease {
    /// Key that signed.
    pub key: KeyId,
    /// The settings.
    pub overlay: Overlay,
    /// The deployment.
    pub realm: RealmId,
    /// When it was signed.
    pub signed_ms: UtcMillis,
    /// Rises with every change of this court's settings.
    pub version: u32,
}

impl DocumentType for OverlayRelease {
    const TYPE: &'static str = "court-overlay/1";
}

/// `holidays/1`: the State Council's notice for a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarRelease {
    /// The days.
    pub holidays: HolidayYear,
    /// Key that signed.
    pub key: KeyId,
    /// The deployment.
    pub realm: RealmId,
    /// When it was signed.
    pub signed_ms: UtcMillis,
    /// Rises with every correction of this year.
    pub version: u32,
}

impl DocumentType for CalendarRelease {
    const TYPE: &'static str = "holidays/1";
}

macro_rules! vouched {
    ($($release:ty),*) => {$(
        impl Vouched for $release {
            fn key(&self) -> KeyId {
                self.key
            }
            fn realm(&self) -> RealmId {
                self.realm
            }
            fn signed_ms(&self) -> UtcMillis {
                self.signed_ms
            }
        }
    )*};
}
vouched!(
    PackRelease,
    OverlayRelease,
    CalendarRelease,
    super::NormsList
);
