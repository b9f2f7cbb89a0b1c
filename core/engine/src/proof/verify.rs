//! Checking an exported folder offline, trusting nothing but the root key that the caller brings.

use std::fs;
use std::path::{Path, PathBuf};

use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::evidence::{DigestPass, EvidenceDigests};
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::keys::{PublicKey, Signature};
use zhixing_protocol::receipt::StorageReceipt;
use zhixing_protocol::statement::{Openings, Signed, Statement, verify_openings};
use zhixing_protocol::tlog::Leaf;
use zhixing_protocol::trust::{Trust, TrustError};

use crate::error::{EngineError, Result};
use crate::queue::{Queue, StoredProof};

/// What one check gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It fits.
    Passed,
    /// It does not fit: the folder was changed, or never was what it says.
    Failed,
    /// Signed by somebody who is not vouched for; the text is `untrusted key <fingerprint>`.
    Untrusted(String),
    /// The folder has nothing to check here.
    Absent,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Number of the statement; none for the folder as a whole.
    pub statement: Option<u64>,
    /// Stable code: `trust`, `device_key`, `statement_signature`, `openings`, `media_digests`, `receipt`, `inclusion`.
    pub code: &'static str,
    /// What it gave.
    pub verdict: Verdict,
}

/// All checks of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// In the order of the statements.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing failed, nothing is by an untrusted key, and there is at least one statement.
    pub fn is_sound(&self) -> bool {
        let bad = |check: &Check| matches!(check.verdict, Verdict::Failed | Verdict::Untrusted(_));
        !self.checks.iter().any(bad) && self.checks.iter().any(|check| check.statement.is_some())
    }

    fn add(&mut self, statement: Option<u64>, code: &'static str, verdict: Verdict) {
        self.checks.push(Check {
            statement,
            code,
            verdict,
        });
    }
}

fn fits(fits: bool) -> Verdict {
    if fits {
        Verdict::Passed
    } else {
        Verdict::Failed
    }
}

/// Checks a folder made by `export`. `trust_root` is a file with the root's fingerprint in hexadecimal, or the root key
/// in PEM as the court publishes it.
///
/// The device's key counts as vouched for where the court's receipt or log names a statement signed by it.
/// *Errors*: `InvalidInput` for a root file of another kind; `NotFound` for a missing folder.
pub fn verify_folder(folder: &Path, trust_root: &Path) -> Result<Report> {
    let root = read_root(trust_root)?;
    let mut report = Report::default();
    let trust = read_document(folder, "trust");
    let trust = match trust.map(|document| Trust::verify(&document, root, None)) {
        None => {
            report.add(None, "trust", Verdict::Absent);
            None
        }
        Some(Ok(trust)) => {
            report.add(None, "trust", Verdict::Passed);
            Some(trust)
        }
        Some(Err(TrustError::UntrustedRoot(found))) => {
            report.add(
                None,
                "trust",
                Verdict::Untrusted(format!("untrusted key {found}")),
            );
            None
        }
        Some(Err(_)) => {
            report.add(None, "trust", Verdict::Failed);
            None
        }
    };
    let key = fs::read_to_string(folder.join("key.pem"))
        .ok()
        .and_then(|pem| read_pem(&pem));
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix("-statement.json"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    let mut vouched = false;
    for number in numbers {
        vouched |= check_statement(folder, number, key.as_ref(), trust.as_ref(), &mut report);
    }
    let verdict = match &key {
        None => Verdict::Absent,
        Some(_) if vouched => Verdict::Passed,
        Some(key) => Verdict::Untrusted(format!("untrusted key {}", key.fingerprint())),
    };
    report.add(None, "device_key", verdict);
    Ok(report)
}

fn read_root(path: &Path) -> Result<Sha256Digest> {
    let text = fs::read_to_string(path)?;
    let pem = || read_pem(&text).map(|key| key.fingerprint());
    text.trim().parse().ok().or_else(pem).ok_or_else(|| {
        EngineError::invalid(
            "the root file must hold a fingerprint of 64 hexadecimal characters or a key in PEM",
        )
    })
}

fn read_pem(pem: &str) -> Option<PublicKey> {
    use base64::Engine as _;
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")?
        .strip_suffix("-----END PUBLIC KEY-----")?;
    let body: String = body.split_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD
        .decode(body)
        .ok()?;
    PublicKey::from_spki(&der).ok()
}

fn read_document(folder: &Path, name: &str) -> Option<SignedDocument> {
    let bytes = fs::read(folder.join(format!("{name}.json"))).ok()?;
    let signature = fs::read(folder.join(format!("{name}.der"))).ok()?;
    SignedDocument::from_parts(&bytes, Signature::from_der(&signature).ok()?).ok()
}

/// All checks of one statement; true if the court vouches for it, by receipt or log.
fn check_statement(
    folder: &Path,
    number: u64,
    key: Option<&PublicKey>,
    trust: Option<&Trust>,
    report: &mut Report,
) -> bool {
    let at = |name: &str| folder.join(format!("{number}-{name}"));
    let mut add = |code, verdict| report.add(Some(number), code, verdict);
    let bytes = fs::read(at("statement.json")).unwrap_or_default();
    let signature = fs::read(at("signature.der"))
        .ok()
        .and_then(|der| Signature::from_der(&der).ok());
    let (Some(signature), Some(key), Ok(statement)) = (signature, key, Statement::parse(&bytes))
    else {
        add("statement_signature", Verdict::Failed);
        return false;
    };
    let signed = Signed {
        bytes,
        signature,
        openings: Openings::new(),
    };
    let hash = signed.hash();
    let (leaf, realm) = (Leaf::of(hash, &signed.signature), statement.realm);
    let genuine = signed.verify(realm, key).is_ok();
    add("statement_signature", fits(genuine));
    add(
        "openings",
        match fs::read(at("openings.json")) {
            Err(_) => Verdict::Absent,
            Ok(text) => fits(
                serde_json::from_slice::<Openings>(&text)
                    .is_ok_and(|openings| verify_openings(&statement.hidden, &openings).is_ok()),
            ),
        },
    );
    let digests: Option<EvidenceDigests> = statement
        .body
        .get("digests")
        .and_then(|digests| digests.read().ok());
    let media = plain_media(folder, number);
    add(
        "media_digests",
        match (&digests, media) {
            (Some(named), Some(path)) => {
                fits(digest_plain(&path).is_ok_and(|found| found == *named))
            }
            _ => Verdict::Absent,
        },
    );
    let receipt = match (read_document(folder, &format!("{number}-receipt")), trust) {
        (Some(document), Some(trust)) => fits(StorageReceipt::verify(&document, trust).is_ok_and(
            |receipt| receipt.statement == hash && Some(&receipt.digests) == digests.as_ref(),
        )),
        (None, _) if at("receipt.json").exists() => Verdict::Failed,
        _ => Verdict::Absent,
    };
    let inclusion = match (fs::read(at("proof.json")), trust) {
        (Ok(proof), Some(trust)) => fits(serde_json::from_slice::<StoredProof>(&proof).is_ok_and(
            |proof| {
                let note = fs::read_to_string(at("checkpoint.txt")).unwrap_or_default();
                Queue::believe_note(trust, &note).is_some_and(|checkpoint| {
                    checkpoint.checkpoint().size == proof.size
                        && checkpoint
                            .verify_leaf(leaf, proof.index, &proof.hashes)
                            .is_ok()
                })
            },
        )),
        _ => Verdict::Absent,
    };
    let vouched = genuine && (receipt == Verdict::Passed || inclusion == Verdict::Passed);
    add("receipt", receipt);
    add("inclusion", inclusion);
    vouched
}

fn plain_media(folder: &Path, number: u64) -> Option<PathBuf> {
    let prefix = format!("{number}-media.");
    fs::read_dir(folder)
        .ok()?
        .filter_map(core::result::Result::ok)
        .find_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            (name.starts_with(&prefix) && name != format!("{prefix}age")).then(|| entry.path())
        })
}

fn digest_plain(path: &Path) -> Result<EvidenceDigests> {
    use std::io::Read as _;
    let mut file = fs::File::open(path)?;
    let mut pass = DigestPass::default();
    let mut piece = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(pass.finish());
        };
        pass.update(bytes);
    }
}
