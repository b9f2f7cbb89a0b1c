//! Norms in force: what was published, the law of each court computed from it, and publishing more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::ids::DeviceId;
use zhixing_protocol::keys::Signer as _;
use zhixing_protocol::rules::calendar::HolidayYear;
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::rules::norms::{
    CalendarRelease, NormEntry, NormError, Norms, NormsHeld, NormsList, OverlayRelease, PackRelease,
};
use zhixing_protocol::rules::pack::{Overlay, OverlayError, RulePack};

use crate::court::{Court, StartError};
use crate::store::{StoreError, StoreResult, Tx};

/// Everything published up to a version, believed and ready for use.
#[derive(Default)]
pub struct Published {
    /// How much was published; the version of the list.
    pub version: u64,
    /// What the rows hold, in order.
    pub entries: Vec<NormEntry>,
    /// What was believed of it.
    pub norms: Norms,
    /// Rows that are not believed, and why: they do nothing here, and devices do not hear of them.
    pub refused: Vec<(NormEntry, &'static str)>,
    laws: Mutex<HashMap<String, Arc<Law>>>,
}

impl Published {
    /// The law of a court.
    pub fn law(&self, court: &str) -> Arc<Law> {
        if self.entries.is_empty() {
            return Law::shared_bundled();
        }
        let mut laws = self.laws.lock().unwrap_or_else(PoisonError::into_inner);
        let law = laws
            .entry(court.to_owned())
            .or_insert_with(|| Arc::new(self.norms.law(court)));
        Arc::clone(law)
    }

    /// Highest version published of a kind and scope; 0 if none.
    pub fn newest(&self, kind: &str, scope: &str) -> u32 {
        let of_kind = self.entries.iter();
        of_kind
            .filter(|entry| entry.kind == kind && entry.scope == scope)
            .map(|entry| entry.version)
            .max()
            .unwrap_or(0)
    }
}

/// Why something is not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The store, or the trust document.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It is not believed.
    #[error(transparent)]
    Norm(#[from] NormError),
    /// Versions rise.
    #[error(
        "{what} has version {found}, but version {held} is published already; give it a higher one"
    )]
    Older {
        /// What it is.
        what: String,
        /// Its version.
        found: u32,
        /// The newest published.
        held: u32,
    },
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Start(error.into())
    }
}

/// A court's settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OverlayFileError {
    /// It cannot be read.
    #[error("cannot read the court's settings {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// It is malformed.
    #[error("the court's settings {0}: {1}")]
    Form(PathBuf, toml::de::Error),
    /// They set what no court may set.
    #[error("the court's settings {0}: {1}")]
    Refused(PathBuf, OverlayError),
    /// Two files for one court.
    #[error(
        "the court's settings {0}: another file of the configuration speaks for {1} already; join them"
    )]
    Twice(PathBuf, String),
    /// They could not be published.
    #[error("the court's settings {0}: {1}")]
    Publish(PathBuf, String),
}

/// What is published now. Read anew only if there is more of it than before.
pub async fn published(court: &Court, tx: &mut Tx) -> StoreResult<Arc<Published>> {
    let row = tx.row("SELECT COUNT(*) FROM norms", &[]).await?;
    let count = row.map(|row| row.count(0)).transpose()?.unwrap_or(0);
    let known = court.published();
    if known.version == count {
        return Ok(known);
    }
    let fresh = Arc::new(read(court, tx).await?);
    court.keep_published(Arc::clone(&fresh));
    Ok(fresh)
}

/// The law of a court now.
pub async fn law(court: &Court, tx: &mut Tx, word: &str) -> StoreResult<Arc<Law>> {
    Ok(published(court, tx).await?.law(word))
}

async fn read(court: &Court, tx: &mut Tx) -> StoreResult<Published> {
    let trust = court.trust_in(tx).await.map_err(|error| match error {
        StartError::Store(error) => error,
        other => StoreError::Damaged(other.to_string()),
    })?;
    let mut found = Published::default();
    let rows = tx
        .rows(
            "SELECT kind, scope, version, sha256, bytes FROM norms ORDER BY ord",
            &[],
        )
        .await?;
    for row in &rows {
        let bytes = row.bytes(4)?;
        let entry = NormEntry {
            kind: row.text(0)?,
            scope: row.text(1)?,
            sha256: row.parse(3)?,
            size_bytes: bytes.len() as u64,
            version: u32::try_from(row.int(2)?).unwrap_or(u32::MAX),
        };
        let believed = serde_json::from_slice::<SignedDocument>(&bytes)
            .map_err(|_| "norm_malformed")
            .and_then(|document| {
                let taken = found.norms.take_in(&document, &trust);
                taken.map_err(|error| error.code())
            })
            .and_then(|taken| match taken == entry {
                true => Ok(()),
                false => Err("norm_contradicts_itself"),
            });
        if let Err(code) = believed {
            tracing::error!(kind = %entry.kind, scope = %entry.scope, version = entry.version, code, "a published norm is not believed");
            found.refused.push((entry.clone(), code));
        }
        found.entries.push(entry);
    }
    found.version = found.entries.len() as u64;
    Ok(found)
}

/// The signed list of everything published that is believed here. What is not would keep devices from all that came after it.
pub fn list(court: &Court, published: &Published) -> Result<SignedDocument, NormError> {
    let list = NormsList {
        entries: published
            .entries
            .iter()
            .filter(|entry| {
                published
                    .refused
                    .iter()
                    .all(|(refused, _)| refused != *entry)
            })
            .cloned()
            .collect(),
        key: court.keys.rule_pack.public_key().key_id(),
        realm: court.realm,
        signed_ms: court.now(),
        version: published.version,
    };
    Ok(SignedDocument::sign(&list, &court.keys.rule_pack)?)
}

/// Signs a pack. *Errors*: [`NormError`].
pub fn sign_pack(court: &Court, pack: &RulePack) -> Result<SignedDocument, NormError> {
    let signer = &court.keys.rule_pack;
    let release = PackRelease::of(pack, court.realm, signer.public_key().key_id(), court.now())?;
    Ok(SignedDocument::sign(&release, signer)?)
}

/// Signs the holidays of a year as the next version. *Errors*: [`NormError`]; those of the store.
pub async fn sign_year(
    court: &Court,
    holidays: HolidayYear,
) -> Result<SignedDocument, PublishError> {
    let mut tx = court.db.begin_read().await?;
    let held = published(court, &mut tx).await?;
    let signer = &court.keys.rule_pack;
    let release = CalendarRelease {
        key: signer.public_key().key_id(),
        realm: court.realm,
        signed_ms: court.now(),
        version: held
            .newest("calendar", &holidays.year.to_string())
            .saturating_add(1),
        holidays,
    };
    let signed = SignedDocument::sign(&release, signer).map_err(NormError::from)?;
    Ok(signed)
}

/// Publishes a signed document; the same one again changes nothing. Before the first pack goes the one that this version carries, so that everything
/// older keeps it.
///
/// *Errors*: [`PublishError`].
pub async fn publish(court: &Court, document: &SignedDocument) -> Result<NormEntry, PublishError> {
    let mut tx = court.db.begin_write().await?;
    let held = published(court, &mut tx).await?;
    let trust = court.trust_in(&mut tx).await?;
    let entry = held.norms.clone().take_in(document, &trust)?;
    if held.entries.contains(&entry) {
        return Ok(entry);
    }
    let bundled = RulePack::bundled();
    let is_first_pack = entry.kind == "pack" && held.norms.packs().is_empty();
    let newest = match is_first_pack {
        true => bundled.version,
        false => held.newest(&entry.kind, &entry.scope),
    };
    if entry.version <= newest {
        return Err(PublishError::Older {
            what: match entry.scope.as_str() {
                "" => "the pack".to_owned(),
                scope => format!("the {} of {scope}", entry.kind),
            },
            found: entry.version,
            held: newest,
        });
    }
    let mut ord = held.version;
    if is_first_pack {
        let base = sign_pack(court, bundled)?;
        let named = Norms::default().take_in(&base, &trust)?;
        ord = insert(&mut tx, court, ord, &named, &base).await?;
    }
    insert(&mut tx, court, ord, &entry, document).await?;
    tx.commit().await?;
    Ok(entry)
}

async fn insert(
    tx: &mut Tx,
    court: &Court,
    after: u64,
    entry: &NormEntry,
    document: &SignedDocument,
) -> StoreResult<u64> {
    let bytes =
        serde_json::to_vec(document).map_err(|error| StoreError::Damaged(error.to_string()))?;
    let ord = after.saturating_add(1);
    tx.execute(
        "INSERT INTO norms (ord, kind, scope, version, sha256, bytes, published_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            ord.into(),
            entry.kind.as_str().into(),
            entry.scope.as_str().into(),
            u64::from(entry.version).into(),
            entry.sha256.into(),
            bytes.into(),
            court.now().0.into(),
        ],
    )
    .await?;
    Ok(ord)
}

/// The bytes of a published norm by their SHA-256.
pub async fn bytes(tx: &mut Tx, sha256: &str) -> StoreResult<Option<Vec<u8>>> {
    let row = tx
        .row(
            "SELECT bytes FROM norms WHERE sha256 = $1",
            &[sha256.into()],
        )
        .await?;
    row.map(|row| row.bytes(0)).transpose()
}

/// Reads the courts' settings that the configuration names, and publishes what is new in them. A court whose file is no longer named sets nothing
/// from today on.
///
/// *Errors*: [`OverlayFileError`]; what was published before stays.
pub async fn publish_overlays(court: &Court) -> Result<(), StartError> {
    let mut named: Vec<(PathBuf, Overlay)> = Vec::new();
    for path in &court.config.overlays {
        let overlay = read_overlay(path)?;
        if named.iter().any(|(_, other)| other.court == overlay.court) {
            return Err(OverlayFileError::Twice(path.clone(), overlay.court).into());
        }
        named.push((path.clone(), overlay));
    }
    let mut tx = court.db.begin_read().await?;
    let held = published(court, &mut tx).await?;
    drop(tx);
    for (path, overlay) in &named {
        held.norms
            .check_overlay(overlay)
            .map_err(|error| OverlayFileError::Refused(path.clone(), error))?;
    }
    let today = court.now().shanghai_date();
    let speaks = |entry: &&NormEntry| entry.kind == "overlay";
    let silent: std::collections::BTreeSet<&str> = held
        .entries
        .iter()
        .filter(speaks)
        .map(|entry| entry.scope.as_str())
        .filter(|word| named.iter().all(|(_, overlay)| overlay.court != *word))
        .collect();
    let empty = silent
        .into_iter()
        .map(|word| (PathBuf::from(word), Overlay::empty(word, today)));
    for (path, overlay) in named.iter().cloned().chain(empty) {
        let newest = held.norms.overlays(&overlay.court).last();
        let same = newest
            .is_some_and(|(_, known)| *known == overlay || known.is_empty() && overlay.is_empty());
        if same || newest.is_none() && overlay.is_empty() {
            continue;
        }
        let signer = &court.keys.rule_pack;
        let release = OverlayRelease {
            key: signer.public_key().key_id(),
            realm: court.realm,
            signed_ms: court.now(),
            version: held.newest("overlay", &overlay.court).saturating_add(1),
            overlay,
        };
        let told = |error: String| OverlayFileError::Publish(path.clone(), error);
        let document =
            SignedDocument::sign(&release, signer).map_err(|error| told(error.to_string()))?;
        let entry = publish(court, &document)
            .await
            .map_err(|error| told(error.to_string()))?;
        tracing::info!(court = %entry.scope, version = entry.version, "the court's settings are published");
    }
    Ok(())
}

/// Reads one file of settings. *Errors*: [`OverlayFileError`].
pub fn read_overlay(path: &Path) -> Result<Overlay, OverlayFileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| OverlayFileError::Read(path.to_owned(), error))?;
    toml::from_str(&text).map_err(|error| OverlayFileError::Form(path.to_owned(), error))
}

/// Keeps what a device says about its norms, if it says something new.
pub async fn note_held(
    court: &Court,
    device: DeviceId,
    known: &str,
    held: &NormsHeld,
) -> StoreResult<()> {
    let Ok(text) = serde_json::to_string(held) else {
        return Ok(());
    };
    if text == known {
        return Ok(());
    }
    if let Some(refused) = &held.refused {
        tracing::warn!(%device, code = %refused.code, norm = %refused.norm, "a device does not use what was published");
    }
    let mut tx = court.db.begin_write().await?;
    tx.execute(
        "UPDATE devices SET norms = $2 WHERE device = $1",
        &[device.into(), text.into()],
    )
    .await?;
    tx.commit().await
}

#[cfg(test)]
mod tests;
