//! The manifest of a batch: what it holds, where it stands in its sender's order, and who signed it.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use zhixing_protocol::case::CourtWord;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::keys::{PublicKey, Signature, Signer};
use zhixing_protocol::time::UtcMillis;

/// Name and version of the format.
pub const FORMAT: &str = "zhixing-gate/1";
/// Name of the manifest in a batch.
pub const MANIFEST: &str = "manifest.json";
/// Name of its signature: DER, over the exact bytes of the manifest.
pub const SIGNATURE: &str = "manifest.sig";
/// Largest manifest read.
pub const MAX_MANIFEST_BYTES: u64 = 16 << 20;
/// The digest before the first batch.
pub const FIRST: Sha256Digest = Sha256Digest([0; 32]);

/// What a batch holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// Name of the system that made it.
    pub sender: String,
    /// Name of the system it is for.
    pub receiver: String,
    /// Court it is about.
    pub court: CourtWord,
    /// Number among the sender's batches for this receiver, from 1 without gaps.
    pub seq: u64,
    /// SHA-256 of the manifest before it; zeros at `seq` 1.
    pub prev: Sha256Digest,
    /// When it was made.
    pub made_ms: UtcMillis,
    /// Its files by path inside the batch.
    pub files: BTreeMap<String, FileEntry>,
}

/// One file of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
    /// Its length.
    pub size_bytes: u64,
    /// Lines that hold a record; none for files that are not lines.
    pub records: Option<u64>,
}

/// Why a batch is not taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotYet {
    /// Something has not arrived.
    Waits(String),
    /// It can never be taken as it is.
    Bad(String),
}

impl Manifest {
    /// Reads a manifest whose signature fits `key`. *Errors*: [`NotYet`].
    pub fn read(folder: &Path, key: &PublicKey) -> Result<(Self, Sha256Digest), NotYet> {
        let path = folder.join(MANIFEST);
        let waits = |name: &str| NotYet::Waits(format!("{name} is missing"));
        let size = std::fs::metadata(&path).map_err(|_| waits(MANIFEST))?.len();
        if size > MAX_MANIFEST_BYTES {
            return Err(NotYet::Bad("manifest.json is larger than 16 MiB".into()));
        }
        let bytes = std::fs::read(&path).map_err(|_| waits(MANIFEST))?;
        let signature = std::fs::read(folder.join(SIGNATURE)).map_err(|_| waits(SIGNATURE))?;
        let digest = Sha256Digest::of(&bytes);
        let signed = Signature::normalise_der(&signature)
            .and_then(|signature| key.verify(&bytes, &signature))
            .is_ok();
        let value: Result<serde_json::Value, _> = serde_json::from_slice(&bytes);
        let Ok(value) = value else {
            return Err(if signed {
                NotYet::Bad("manifest.json is not JSON".into())
            } else {
                NotYet::Waits("manifest.json is cut off or not JSON".into())
            });
        };
        if !signed {
            return Err(NotYet::Bad(
                "the signature does not fit the manifest and the sender's pinned key".into(),
            ));
        }
        let format = value.get("format").and_then(serde_json::Value::as_str);
        if format != Some(FORMAT) {
            return Err(NotYet::Bad(format!(
                "unknown format {:?}: this gate speaks {FORMAT}",
                format.unwrap_or_default()
            )));
        }
        let manifest: Self = serde_json::from_value(value)
            .map_err(|error| NotYet::Bad(format!("manifest.json: {error}")))?;
        for path in manifest.files.keys() {
            let inside = Path::new(path)
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            if !inside || path.is_empty() {
                return Err(NotYet::Bad(format!(
                    "manifest.json names {path:?}: files lie inside the batch"
                )));
            }
        }
        Ok((manifest, digest))
    }

    /// Its exact bytes and their signature.
    pub fn sign(
        &self,
        signer: &dyn Signer,
    ) -> Result<(Vec<u8>, Signature), zhixing_protocol::keys::KeyError> {
        let bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        let signature = signer.sign(&bytes)?;
        Ok((bytes, signature))
    }

    /// Compares every file with what is said of it. *Errors*: [`NotYet`], with everything that is missing.
    pub fn check_files(&self, folder: &Path) -> Result<(), NotYet> {
        let mut missing = Vec::new();
        for (name, entry) in &self.files {
            match std::fs::symlink_metadata(folder.join(name)) {
                Err(_) => missing.push(format!("{name} is missing")),
                Ok(file) if !file.is_file() => {
                    return Err(NotYet::Bad(format!("{name} is not a file")));
                }
                Ok(file) if file.len() < entry.size_bytes => missing.push(format!(
                    "{name} has {} of {} bytes",
                    file.len(),
                    entry.size_bytes
                )),
                Ok(file) if file.len() > entry.size_bytes => {
                    return Err(NotYet::Bad(format!(
                        "{name} has {} bytes instead of {}",
                        file.len(),
                        entry.size_bytes
                    )));
                }
                Ok(_) => {}
            }
        }
        if !missing.is_empty() {
            return Err(NotYet::Waits(told(&missing)));
        }
        for (name, entry) in &self.files {
            let (found, _) = crate::import::digest(&folder.join(name))
                .map_err(|error| NotYet::Waits(error.to_string()))?;
            if found != entry.sha256 {
                return Err(NotYet::Bad(format!(
                    "{name} is not what the manifest says: SHA-256 {found} instead of {}",
                    entry.sha256
                )));
            }
        }
        Ok(())
    }
}

/// The first few of what is missing, and how many more.
fn told(missing: &[String]) -> String {
    let shown: Vec<&str> = missing.iter().take(5).map(String::as_str).collect();
    let more = missing.len().saturating_sub(shown.len());
    if more == 0 {
        shown.join("; ")
    } else {
        format!("{}; and {more} more", shown.join("; "))
    }
}
