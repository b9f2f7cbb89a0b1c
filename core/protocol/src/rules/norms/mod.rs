//! Norms on the way from the court to its devices: rule packs, settings of courts and holidays, each signed by the rule-pack key, and the list that
//! names which of them are in force.
//!
//! The list is believed only from a key that is in use and never goes back; each document is believed only under the key it names, and only if it is
//! what the list says. Whoever holds the same list computes the same law.

mod list;
mod release;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use list::{NormEntry, NormKind, NormsHeld, NormsList, NormsRefusal};
pub use release::{CalendarRelease, OverlayRelease, PackRelease, Statute};

use super::calendar::{Calendar, CalendarError, HolidayYear};
use super::law::Law;
use super::pack::{Overlay, OverlayError, PackError, RulePack};
use crate::canonical;
use crate::document::{DocumentError, SignedDocument};
use crate::ids::{KeyId, RealmId};
use crate::time::UtcMillis;
use crate::trust::{KeyPurpose, Trust};

/// Largest document, as JSON with its signature: a pack is some 250 KB.
pub const MAX_NORM_BYTES: u64 = 4 << 20;

/// Why a norm is not used.
#[derive(Debug, thiserror::Error)]
pub enum NormError {
    /// Malformed, or wrongly signed.
    #[error("the norm is not believed: {0}")]
    Document(#[from] DocumentError),
    /// A type that this version does not know.
    #[error("the norm is of a type that this version does not know; bring the program up to date")]
    UnknownType,
    /// The trust document names no such key for rule packs, or not at that time.
    #[error("the norm is signed by the untrusted key {0}")]
    UntrustedKey(KeyId),
    /// Another deployment.
    #[error("the norm belongs to another realm")]
    WrongRealm,
    /// A list that is older than the one held.
    #[error("the list of norms has version {found}, but version {held} is already held")]
    Older {
        /// Version of the refused list.
        found: u64,
        /// Version held.
        held: u64,
    },
    /// The pack cannot be used.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The envelope says something else than its content, or than the list.
    #[error("the {0} of the norm's envelope is not that of its content")]
    Contradiction(&'static str),
    /// Holidays that cannot be used.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

impl NormError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Document(DocumentError::Signature(_)) => "norm_signature_wrong",
            Self::Document(_) => "norm_malformed",
            Self::UnknownType => "norm_type_unknown",
            Self::UntrustedKey(_) => "norm_key_untrusted",
            Self::WrongRealm => "norm_of_another_realm",
            Self::Older { .. } => "norms_older",
            Self::Pack(PackError::Format(_)) => "pack_format_unknown",
            Self::Pack(PackError::Shape(_)) => "pack_kind_unknown",
            Self::Pack(_) => "pack_faulty",
            Self::Contradiction(_) => "norm_contradicts_itself",
            Self::Calendar(_) => "calendar_faulty",
        }
    }
}

/// The key and the time that a signed norm names.
pub(super) trait Vouched {
    fn key(&self) -> KeyId;
    fn realm(&self) -> RealmId;
    fn signed_ms(&self) -> UtcMillis;
}

/// Believes a document of the rule-pack key. `at` is when the key must be valid; none: when it says it was signed.
fn believe<T: crate::document::DocumentType + Vouched>(
    document: &SignedDocument,
    trust: &Trust,
    at: Option<UtcMillis>,
) -> Result<T, NormError> {
    let claimed: T = document.peek()?;
    if claimed.realm() != trust.realm {
        return Err(NormError::WrongRealm);
    }
    let at = at.unwrap_or_else(|| claimed.signed_ms());
    let key = trust
        .key(claimed.key(), KeyPurpose::RulePack, at)
        .ok_or_else(|| NormError::UntrustedKey(claimed.key()))?;
    Ok(document.verify(key)?)
}

/// Norms that were believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Norms {
    packs: Vec<Arc<RulePack>>,
    overlays: BTreeMap<String, Vec<(u32, Overlay)>>,
    years: BTreeMap<i32, (u32, HolidayYear)>,
}

impl Norms {
    /// Believes a document and takes it in; gives what it is. *Errors*: [`NormError`]; nothing is then changed.
    pub fn take_in(
        &mut self,
        document: &SignedDocument,
        trust: &Trust,
    ) -> Result<NormEntry, NormError> {
        let value = canonical::parse(document.bytes()).map_err(DocumentError::from)?;
        let kind = value.get("type").and_then(canonical::Value::as_text);
        let (kind, scope, version) = match kind.and_then(NormKind::of_type) {
            None => return Err(NormError::UnknownType),
            Some(kind @ NormKind::Pack) => {
                let release: PackRelease = believe(document, trust, None)?;
                let pack = release.content()?;
                let version = pack.version;
                self.packs.retain(|known| known.version != version);
                self.packs.push(Arc::new(pack));
                self.packs.sort_by_key(|pack| pack.version);
                (kind, String::new(), version)
            }
            Some(kind @ NormKind::Overlay) => {
                let release: OverlayRelease = believe(document, trust, None)?;
                let (court, version) = (release.overlay.court.clone(), release.version);
                let held = self.overlays.entry(court.clone()).or_default();
                held.retain(|(known, _)| *known != version);
                held.push((version, release.overlay));
                held.sort_by_key(|(version, _)| *version);
                (kind, court, version)
            }
            Some(kind @ NormKind::Calendar) => {
                let release: CalendarRelease = believe(document, trust, None)?;
                release.holidays.check()?;
                let (year, version) = (release.holidays.year, release.version);
                if self
                    .years
                    .get(&year)
                    .is_none_or(|(held, _)| *held <= version)
                {
                    self.years.insert(year, (version, release.holidays));
                }
                (kind, year.to_string(), version)
            }
        };
        Ok(NormEntry::of(kind, scope, version, document))
    }

    /// The packs, by version.
    pub fn packs(&self) -> &[Arc<RulePack>] {
        &self.packs
    }

    /// The settings of a court, by version.
    pub fn overlays(&self, court: &str) -> &[(u32, Overlay)] {
        self.overlays.get(court).map_or(&[], Vec::as_slice)
    }

    /// The published years with the version of each.
    pub fn years(&self) -> impl Iterator<Item = (u32, &HolidayYear)> {
        self.years.values().map(|(version, year)| (*version, year))
    }

    /// Working days: what this version carries, and the published years over it.
    pub fn calendar(&self) -> Calendar {
        let years = self.years.values();
        years.fold(Calendar::bundled().clone(), |calendar, (_, year)| {
            calendar.with_year(year)
        })
    }

    /// The law of a court.
    pub fn law(&self, court: &str) -> Law {
        self.law_with(self.packs.clone(), court)
    }

    /// The law of a court if one pack more were published. *Shape*: for trying a pack out.
    pub fn law_if(&self, pack: RulePack, court: &str) -> Law {
        let mut packs = self.packs.clone();
        if packs.is_empty() {
            packs.push(Arc::new(RulePack::bundled().clone()));
        }
        packs.push(Arc::new(pack));
        self.law_with(packs, court)
    }

    fn law_with(&self, packs: Vec<Arc<RulePack>>, court: &str) -> Law {
        let overlays = self.overlays(court).iter();
        let overlays: Vec<(u32, &Overlay)> = overlays
            .map(|(version, overlay)| (*version, overlay))
            .collect();
        Law::of_packs(packs, &overlays, self.calendar())
    }

    /// Whether a court may set this under every pack that its settings will meet. *Errors*: the first [`OverlayError`].
    pub fn check_overlay(&self, overlay: &Overlay) -> Result<(), OverlayError> {
        let law = Law::of_packs(self.packs.clone(), &[], self.calendar());
        let from = overlay.effective_from;
        let met = law.periods().iter();
        for period in met.filter(|period| period.until.is_none_or(|until| from <= until)) {
            period.pack.with_overlay(overlay)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
