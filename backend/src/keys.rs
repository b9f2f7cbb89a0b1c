//! The court's keys: made on first start, kept in `data/keys` for their owner only.
//!
//! The root key signs the trust document and what follows it, nothing else. It lies on this machine, because the trust document is
//! signed anew at each enrolment and each change; whoever takes the machine has it, and the court then replaces it (`rotate root`).
//!
//! A key that is replaced leaves a record in `data/keys/retired`: of a signing key its public half, so that what it
//! signed stays valid; of a court identity the secret, so that what was encrypted to it can still be opened; of a root
//! key its signature under the name of the one that follows. The trust document lists them all and rises by one version
//! with each.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ring::hmac;
use zhixing_protocol::age::{Identity, Recipient};
use zhixing_protocol::case::CourtWord;
use zhixing_protocol::hash::{Sha256Digest, from_hex, to_hex};
use zhixing_protocol::ids::RealmId;
use zhixing_protocol::keys::{PublicKey, Signer as _, SoftwareSigner};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::tlog::{LogSigner, VerifierKey};
use zhixing_protocol::trust::{KeyPurpose, MOST_SUCCESSIONS, Succession};

/// How long a replaced key stays valid for new signatures: a server that runs goes on with it until its next start, and
/// what it signs until then must be believed afterwards. One day.
const HANDOVER_MS: i64 = 24 * 3_600_000;
/// Folder of the records of replaced keys.
const RETIRED: &str = "retired";
/// File name of the root key and of the records of its forerunners, without ending.
const ROOT: &str = "root";

/// Tells tokens of uploads from those of sessions, which are hexadecimal.
const UPLOAD_TOKEN_MARK: &str = "u.";

fn upload_token_text(upload: &str) -> Vec<u8> {
    [b"zx-upload/1\0", upload.as_bytes()].concat()
}

/// A key that cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The file holds something else.
    #[error("key file {0} does not hold the key it should; restore it from the backup")]
    Damaged(PathBuf),
    /// The root was replaced as often as a trust document can tell.
    #[error(
        "the root key was replaced {} times, more cannot be told to devices; set the court up anew and enrol them again",
        MOST_SUCCESSIONS
    )]
    TooManyRoots,
}

/// A signing key that was replaced.
#[derive(Debug, Clone)]
pub struct RetiredKey {
    /// Its public half.
    pub public_key: PublicKey,
    /// What it signed.
    pub purpose: KeyPurpose,
    /// Until when.
    pub until_ms: UtcMillis,
}

/// What is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The identity of a court: to whom media are encrypted.
    Identity(CourtWord),
    /// The key that signs checkpoints; the log itself goes on.
    Log,
    /// A signing key.
    Signer(KeyPurpose),
    /// The root key of this deployment, which signs the trust document.
    Root(RealmId),
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
    /// Signs rule packs, courts' settings, holidays, and the list of them.
    pub rule_pack: SoftwareSigner,
    /// Makes and checks tokens of uploads.
    upload_tokens: hmac::Key,
    /// Signs checkpoints.
    pub log: LogSigner,
    /// Signing keys that were replaced.
    pub retired: Vec<RetiredKey>,
    /// How the root key followed the ones before it, the first step first.
    pub succession: Vec<Succession>,
    /// Verifier keys of log keys that were replaced.
    pub retired_logs: Vec<VerifierKey>,
    /// By the name of the identity's file.
    retired_identities: Vec<(String, Arc<Identity>)>,
    identities: Mutex<BTreeMap<String, Arc<Identity>>>,
}

/// File name of a signing key, without ending.
fn signer_name(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::Receipt => "receipt",
        KeyPurpose::Clock => "clock",
        KeyPurpose::Job => "job",
        KeyPurpose::Portal => "portal",
        KeyPurpose::RulePack => "rule-pack",
    }
}

/// File name of a court's identity, without ending. Court words are letters and digits; the hash keeps anything else
/// out of the path.
fn identity_name(court: &str) -> String {
    let digest = Sha256Digest::of(court.as_bytes()).to_string();
    format!("court-{}", digest.get(..16).unwrap_or_default())
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
        let token_path = folder.join("upload-tokens.key");
        let tokens = read_or_make(&token_path, || Ok(crate::random::<32>().to_vec()))?;
        if tokens.len() != 32 {
            return Err(KeyFileError::Damaged(token_path));
        }
        let mut keys = Self {
            upload_tokens: hmac::Key::new(hmac::HMAC_SHA256, &tokens),
            root: signer(&format!("{ROOT}.pk8"))?,
            receipt: signer("receipt.pk8")?,
            clock: signer("clock.pk8")?,
            job: signer("job.pk8")?,
            portal: signer("portal.pk8")?,
            rule_pack: signer("rule-pack.pk8")?,
            log: LogSigner::from_pkcs8(log_origin, &log)
                .map_err(|_| KeyFileError::Damaged(log_path))?,
            retired: Vec::new(),
            succession: Vec::new(),
            retired_logs: Vec::new(),
            retired_identities: Vec::new(),
            identities: Mutex::new(BTreeMap::new()),
            folder: folder.to_owned(),
        };
        keys.read_retired()?;
        Ok(keys)
    }

    /// The token that is good for one upload as long as that is; the same each time, so a lost answer costs nothing.
    pub fn derive_upload_token(&self, upload: &str) -> String {
        let tag = hmac::sign(&self.upload_tokens, &upload_token_text(upload));
        format!("{UPLOAD_TOKEN_MARK}{}", to_hex(tag.as_ref()))
    }

    /// Whether a token is the one of this upload; the time it takes tells nothing. None if it is of another kind.
    pub fn fits_upload(&self, token: &str, upload: &str) -> Option<bool> {
        let tag = from_hex(token.strip_prefix(UPLOAD_TOKEN_MARK)?).unwrap_or_default();
        Some(hmac::verify(&self.upload_tokens, &upload_token_text(upload), &tag).is_ok())
    }

    /// Reads the records of replaced keys. One that still is in use comes from a rotation that was cut off, and is none.
    fn read_retired(&mut self) -> Result<(), KeyFileError> {
        let folder = self.folder.join(RETIRED);
        let failed = |error| KeyFileError::File(folder.clone(), error);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.sort();
        let mut steps: Vec<Succession> = Vec::new();
        for path in paths {
            let damaged = || KeyFileError::Damaged(path.clone());
            let Some((name, at)) = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(|stem| stem.rsplit_once('-'))
            else {
                return Err(damaged());
            };
            if path.extension().is_some_and(|ending| ending == "part") {
                continue;
            }
            let until_ms = at.parse().map(UtcMillis).map_err(|_| damaged())?;
            let text = std::fs::read_to_string(&path)
                .map_err(|error| KeyFileError::File(path.clone(), error))?;
            if name == "log" {
                let key = VerifierKey::parse(text.trim()).map_err(|_| damaged())?;
                if key != *self.log.verifier_key() {
                    self.retired_logs.push(key);
                }
            } else if name == ROOT {
                steps.push(serde_json::from_str(&text).map_err(|_| damaged())?);
            } else if name.starts_with("court-") {
                let identity: Identity = text.trim().parse().map_err(|_| damaged())?;
                let current = std::fs::read_to_string(self.folder.join(format!("{name}.txt")));
                if current.is_ok_and(|current| current.trim() != text.trim()) {
                    self.retired_identities
                        .push((name.to_owned(), Arc::new(identity)));
                }
            } else {
                let (signer, purpose) = self
                    .purposes()
                    .into_iter()
                    .find(|(_, purpose)| signer_name(*purpose) == name)
                    .ok_or_else(damaged)?;
                let public_key: PublicKey = text.trim().parse().map_err(|_| damaged())?;
                if public_key != *signer.public_key() {
                    self.retired.push(RetiredKey {
                        public_key,
                        purpose,
                        until_ms,
                    });
                }
            }
        }
        // Backwards from the root in use: a step that leads elsewhere comes from a rotation that was cut off.
        let mut root = self.root.public_key().clone();
        while let Some(place) = steps.iter().position(|step| step.to == root) {
            let step = steps.swap_remove(place);
            root = step.from.clone();
            self.succession.insert(0, step);
        }
        Ok(())
    }

    /// How many keys were replaced so far.
    pub fn rotations(&self) -> u64 {
        (self.retired.len()
            + self.retired_logs.len()
            + self.retired_identities.len()
            + self.succession.len()) as u64
    }

    /// Replaces a key on disk: first the record of the old one, then the new one in its place. These keys stay as they
    /// were opened; the next start uses the new one.
    ///
    /// *Errors*: [`KeyFileError`]; the old key is then still in use.
    pub fn rotate(&self, what: &Rotation, now: UtcMillis) -> Result<(), KeyFileError> {
        let retired = self.folder.join(RETIRED);
        std::fs::create_dir_all(&retired)
            .map_err(|error| KeyFileError::File(retired.clone(), error))?;
        let at = now.plus_ms(HANDOVER_MS).0;
        match what {
            Rotation::Identity(court) => {
                let name = identity_name(court.as_str());
                let old = self.identity(court.as_str())?.to_secret_text();
                write_key(&retired.join(format!("{name}-{at}.txt")), old.as_bytes())?;
                let new = Identity::make(crate::random()).to_secret_text();
                write_key(&self.folder.join(format!("{name}.txt")), new.as_bytes())
            }
            Rotation::Log => {
                let path = self.folder.join("log.pk8");
                let old = self.log.verifier_key().to_string();
                write_key(&retired.join(format!("log-{at}.pub")), old.as_bytes())?;
                let new =
                    LogSigner::make_pkcs8().map_err(|_| KeyFileError::Damaged(path.clone()))?;
                write_key(&path, &new)
            }
            Rotation::Signer(purpose) => {
                let name = signer_name(*purpose);
                let path = self.folder.join(format!("{name}.pk8"));
                let signers = self.purposes();
                let old = signers
                    .iter()
                    .find(|(_, listed)| listed == purpose)
                    .map(|(signer, _)| signer.public_key().to_string())
                    .ok_or_else(|| KeyFileError::Damaged(path.clone()))?;
                write_key(&retired.join(format!("{name}-{at}.pub")), old.as_bytes())?;
                let new = SoftwareSigner::make_pkcs8()
                    .map_err(|_| KeyFileError::Damaged(path.clone()))?;
                write_key(&path, &new)
            }
            Rotation::Root(realm) => {
                let path = self.folder.join(format!("{ROOT}.pk8"));
                let damaged = || KeyFileError::Damaged(path.clone());
                if self.succession.len() >= MOST_SUCCESSIONS {
                    return Err(KeyFileError::TooManyRoots);
                }
                let new = SoftwareSigner::make_pkcs8().map_err(|_| damaged())?;
                let signer = SoftwareSigner::from_pkcs8(&new).map_err(|_| damaged())?;
                let step = Succession::sign(*realm, now, &self.root, signer.public_key())
                    .map_err(|_| damaged())?;
                let text = serde_json::to_string(&step).map_err(|_| damaged())?;
                write_key(&retired.join(format!("{ROOT}-{at}.json")), text.as_bytes())?;
                write_key(&path, &new)
            }
        }
    }

    /// The first root key of this deployment, then those that followed it, the one in use last.
    pub fn roots(&self) -> impl Iterator<Item = &PublicKey> {
        let former = self.succession.iter().map(|step| &step.from);
        former.chain(core::iter::once(self.root.public_key()))
    }

    /// All identities that may open what is encrypted to `court`, the one in use first. *Errors*: [`KeyFileError`].
    pub fn identities(&self, court: &str) -> Result<Vec<Arc<Identity>>, KeyFileError> {
        let name = identity_name(court);
        let mut all = vec![self.identity(court)?];
        let retired = self.retired_identities.iter();
        all.extend(
            retired
                .filter(|(of, _)| *of == name)
                .map(|(_, identity)| Arc::clone(identity)),
        );
        Ok(all)
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
        let path = self.folder.join(format!("{}.txt", identity_name(court)));
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
    pub fn purposes(&self) -> [(&SoftwareSigner, KeyPurpose); 5] {
        [
            (&self.receipt, KeyPurpose::Receipt),
            (&self.clock, KeyPurpose::Clock),
            (&self.job, KeyPurpose::Job),
            (&self.portal, KeyPurpose::Portal),
            (&self.rule_pack, KeyPurpose::RulePack),
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
            write_key(path, &bytes)?;
            Ok(bytes)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Whole or not at all, for its owner only: a key file cut in half by a crash would lock the court out.
fn write_key(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let failed = |error| KeyFileError::File(path.to_owned(), error);
    let part = path.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&part).map_err(failed)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    std::fs::rename(&part, path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed)
}
