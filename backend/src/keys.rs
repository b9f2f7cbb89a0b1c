//! The court's keys: made on first start, kept in `data/keys` for their owner only.
//!
//! The root key signs the trust document and nothing else; a real court keeps it off this machine between uses.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use zhixing_protocol::age::{Identity, Recipient};
use zhixing_protocol::keys::{Signer as _, SoftwareSigner};
use zhixing_protocol::tlog::LogSigner;
use zhixing_protocol::trust::KeyPurpose;

/// A key that cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The file holds something else.
    #[error("key file {0} does not hold the key it should; restore it from the backup")]
    Damaged(PathBuf),
}

/// All keys of the court.
pub struct CourtKeys {
    folder: PathBuf,
    /// Signs the trust document.
    pub root: SoftwareSigner,
    /// Signs storage receipts.
    pub receipt: SoftwareSigner,
    /// Signs time anchors and marks.
    pub clock: SoftwareSigner,
    /// Signs statements of jobs and imports.
    pub job: SoftwareSigner,
    /// Signs statements of people without an enrolled key.
    pub portal: SoftwareSigner,
    /// Signs checkpoints.
    pub log: LogSigner,
    identities: Mutex<BTreeMap<String, Arc<Identity>>>,
}

impl CourtKeys {
    /// Opens the keys in `folder`, making those that are missing. *Errors*: [`KeyFileError`].
    pub fn open(folder: &Path, log_origin: &str) -> Result<Self, KeyFileError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| KeyFileError::File(folder.to_owned(), error))?;
        let signer = |name: &str| -> Result<SoftwareSigner, KeyFileError> {
            let path = folder.join(name);
            let bytes = read_or_make(&path, || {
                SoftwareSigner::make_pkcs8()
                    .map(|key| key.to_vec())
                    .map_err(|_| KeyFileError::Damaged(path.clone()))
            })?;
            SoftwareSigner::from_pkcs8(&bytes).map_err(|_| KeyFileError::Damaged(path))
        };
        let log_path = folder.join("log.pk8");
        let log = read_or_make(&log_path, || {
            LogSigner::make_pkcs8()
                .map(|key| key.to_vec())
                .map_err(|_| KeyFileError::Damaged(log_path.clone()))
        })?;
        Ok(Self {
            root: signer("root.pk8")?,
            receipt: signer("receipt.pk8")?,
            clock: signer("clock.pk8")?,
            job: signer("job.pk8")?,
            portal: signer("portal.pk8")?,
            log: LogSigner::from_pkcs8(log_origin, &log)
                .map_err(|_| KeyFileError::Damaged(log_path))?,
            identities: Mutex::new(BTreeMap::new()),
            folder: folder.to_owned(),
        })
    }

    /// The identity that opens what is encrypted to `court`, made at first use. *Errors*: [`KeyFileError`].
    pub fn identity(&self, court: &str) -> Result<Arc<Identity>, KeyFileError> {
        let mut identities = self
            .identities
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(identity) = identities.get(court) {
            return Ok(Arc::clone(identity));
        }
        // Court words are letters and digits; the hash keeps anything else out of the path.
        let name = zhixing_protocol::hash::Sha256Digest::of(court.as_bytes()).to_string();
        let path = self
            .folder
            .join(format!("court-{}.txt", name.get(..16).unwrap_or_default()));
        let text = read_or_make(&path, || {
            Ok(Identity::make(crate::random())
                .to_secret_text()
                .as_bytes()
                .to_vec())
        })?;
        let identity = std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.trim().parse::<Identity>().ok())
            .ok_or(KeyFileError::Damaged(path))?;
        let identity = Arc::new(identity);
        identities.insert(court.to_owned(), Arc::clone(&identity));
        Ok(identity)
    }

    /// To whom media of `court` are encrypted. *Errors*: [`KeyFileError`].
    pub fn recipient(&self, court: &str) -> Result<Recipient, KeyFileError> {
        Ok(self.identity(court)?.recipient())
    }

    /// The signing keys with their purposes, for the trust document.
    pub fn purposes(&self) -> [(&SoftwareSigner, KeyPurpose); 4] {
        [
            (&self.receipt, KeyPurpose::Receipt),
            (&self.clock, KeyPurpose::Clock),
            (&self.job, KeyPurpose::Job),
            (&self.portal, KeyPurpose::Portal),
        ]
    }

    /// The key of server statements for `purpose`.
    pub fn signer(&self, purpose: KeyPurpose) -> &SoftwareSigner {
        match purpose {
            KeyPurpose::Portal => &self.portal,
            _ => &self.job,
        }
    }

    /// Fingerprint of the root key in people's spelling.
    pub fn root_fingerprint(&self) -> zhixing_protocol::hash::Sha256Digest {
        self.root.public_key().fingerprint()
    }
}

fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> Result<Vec<u8>, KeyFileError>,
) -> Result<Vec<u8>, KeyFileError> {
    let failed = |error| KeyFileError::File(path.to_owned(), error);
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let bytes = make()?;
            // Whole or not at all: a key file cut in half by a crash would lock the court out.
            let part = path.with_extension("part");
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&part).map_err(failed)?;
            file.write_all(&bytes)
                .and_then(|()| file.sync_all())
                .map_err(failed)?;
            std::fs::rename(&part, path).map_err(failed)?;
            Ok(bytes)
        }
        Err(error) => Err(failed(error)),
    }
}
