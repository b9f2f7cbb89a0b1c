//! A court of a test: real keys, a real log; it answers what a test asks it to.

use zhixing_protocol::age::Identity;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::event::Effect;
use zhixing_protocol::evidence::EvidenceDigests;
use zhixing_protocol::hash::{RootHash, StatementHash, StoredDigest};
use zhixing_protocol::ids::{ItemId, Nonce, RealmId, StaffId};
use zhixing_protocol::keys::{Signer as _, SoftwareSigner};
use zhixing_protocol::receipt::{StorageReceipt, TimeAnchor};
use zhixing_protocol::statement::Signed;
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::tlog::{
    Checkpoint, Leaf, LogSigner, TreeReader, consistency_proof, inclusion_proof, root_of,
};
use zhixing_protocol::trust::{
    CourtRecipient, DevicePolicy, KeyPurpose, Succession, Trust, TrustedKey, TrustedLog,
};
use zhixing_protocol::wire::{
    AdmissionResult, EnrollRequest, EnrollResponse, EnrolmentTicket, LogFrame, Officer, ProofFrame,
    StatementResult,
};

use crate::sync::{Body, HttpRequest, HttpResponse};

/// Court word of the test's court.
pub const COURT: &str = "川0811";
const ORIGIN: &str = "court.test/log";

/// Keys and log of a court.
pub struct TestCourt {
    /// Deployment.
    pub realm: RealmId,
    /// Root key.
    pub root: SoftwareSigner,
    /// How it followed earlier root keys.
    pub succession: Vec<Succession>,
    /// Key that opens media.
    pub identity: Identity,
    /// Policy in the trust document.
    pub policy: DevicePolicy,
    /// Key that signs norms.
    pub rule_pack: SoftwareSigner,
    receipts: SoftwareSigner,
    clock: SoftwareSigner,
    log: LogSigner,
    closed_logs: Vec<LogSigner>,
    leaves: Vec<RootHash>,
    started: UtcMillis,
}

struct Leaves<'a>(&'a [RootHash]);

impl TreeReader for Leaves<'_> {
    type Error = core::convert::Infallible;
    fn node(&self, (level, index): (u8, u64)) -> Result<RootHash, Self::Error> {
        let start = usize::try_from(index << level).unwrap_or(usize::MAX);
        let end = usize::try_from((index + 1) << level).unwrap_or(usize::MAX);
        Ok(root_of(
            self.0.get(start..end).unwrap_or_default().iter().copied(),
        ))
    }
}

fn key() -> SoftwareSigner {
    let pkcs8 = SoftwareSigner::make_pkcs8().expect("the system has randomness");
    SoftwareSigner::from_pkcs8(&pkcs8).expect("a key just made loads")
}

/// A JSON answer.
pub fn json<T: serde::Serialize>(status: u16, content: &T) -> HttpResponse {
    HttpResponse {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: serde_json::to_vec(content).expect("serialises"),
    }
}

impl TestCourt {
    /// A new court.
    pub fn new(now: UtcMillis) -> Self {
        let pkcs8 = LogSigner::make_pkcs8().expect("the system has randomness");
        Self {
            realm: RealmId::make(now, [1; 10]),
            root: key(),
            succession: Vec::new(),
            identity: Identity::make([42; 32]),
            policy: DevicePolicy {
                lease_ms: 72 * 60 * 60 * 1000,
                retention_ms: 0,
                witness_quorum: 0,
            },
            rule_pack: key(),
            receipts: key(),
            clock: key(),
            log: LogSigner::from_pkcs8(ORIGIN, &pkcs8).expect("a proper origin"),
            closed_logs: Vec::new(),
            leaves: Vec::new(),
            started: now,
        }
    }

    /// A ticket for one device.
    pub fn ticket(&self) -> EnrolmentTicket {
        EnrolmentTicket {
            court: COURT.parse().expect("a court word"),
            expires_ms: self.started.plus_ms(600_000),
            realm: self.realm,
            root: self.root.public_key().fingerprint(),
            secret: Nonce([7; 16]),
            url: "http://127.0.0.1:9/".to_owned(),
        }
    }

    /// The trust document of a version.
    pub fn trust(&self, version: u64) -> SignedDocument {
        let listed = |signer: &SoftwareSigner, purpose| TrustedKey {
            id: signer.public_key().key_id(),
            public_key: signer.public_key().clone(),
            purpose,
            from_ms: UtcMillis(0),
            until_ms: None,
        };
        let trust = Trust {
            realm: self.realm,
            version,
            issued_ms: self.started,
            keys: vec![
                listed(&self.receipts, KeyPurpose::Receipt),
                listed(&self.clock, KeyPurpose::Clock),
                listed(&self.rule_pack, KeyPurpose::RulePack),
            ],
            recipients: vec![CourtRecipient {
                court: COURT.parse().expect("a court word"),
                recipient: self.identity.recipient().to_string(),
                retired: false,
            }],
            logs: core::iter::once((&self.log, false))
                .chain(self.closed_logs.iter().map(|log| (log, true)))
                .map(|(log, closed)| TrustedLog {
                    verifier_key: log.verifier_key().to_string(),
                    closed,
                })
                .collect(),
            policy: self.policy.clone(),
            root: self.root.public_key().clone(),
            succession: self.succession.clone(),
        };
        SignedDocument::sign(&trust, &self.root).expect("signs")
    }

    /// Replaces the root key; the old one names the new one. Gives back the old one.
    pub fn rotate_root(&mut self) -> SoftwareSigner {
        let new = key();
        let step = Succession::sign(self.realm, self.started, &self.root, new.public_key());
        self.succession.push(step.expect("signs"));
        core::mem::replace(&mut self.root, new)
    }

    /// Replaces the log's key; the trust documents from now on call the old one closed.
    pub fn rotate_log(&mut self) {
        let pkcs8 = LogSigner::make_pkcs8().expect("the system has randomness");
        let new = LogSigner::from_pkcs8(ORIGIN, &pkcs8).expect("a proper origin");
        self.closed_logs
            .push(core::mem::replace(&mut self.log, new));
    }

    /// The newest checkpoint as the holder of the oldest closed key would sign it.
    pub fn log_frame_of_closed_key(&self, old_size: u64) -> LogFrame {
        let mut frame = self.log_frame(old_size);
        let size = self.leaves.len() as u64;
        let signer = self.closed_logs.first().unwrap_or(&self.log);
        frame.checkpoint = self.note_by(signer, size);
        frame
    }

    /// An applied result.
    pub fn result(hash: StatementHash, seq: u64) -> StatementResult {
        StatementResult {
            hash,
            seq,
            admission: AdmissionResult::Admitted,
            effect: Effect::Applied,
        }
    }

    /// The answer to an enrolment request.
    pub fn answer_enrol(&self, request: &HttpRequest) -> HttpResponse {
        let Body::Bytes(bytes) = &request.body else {
            return HttpResponse::default();
        };
        let asked: EnrollRequest = serde_json::from_slice(bytes).expect("an enrolment");
        let hash = asked.enroll.into_signed().hash();
        json(
            200,
            &EnrollResponse {
                result: Self::result(hash, 1),
                officer: Officer {
                    staff: StaffId::make(self.started, [3; 10]),
                    name: "法官".to_owned(),
                    court: COURT.parse().expect("a court word"),
                    badge: "0001".to_owned(),
                },
                trust: self.trust(1),
                open_chain: None,
            },
        )
    }

    /// Logs a statement; gives its index.
    pub fn log_statement(&mut self, signed: &Signed) -> u64 {
        self.leaves
            .push(Leaf::of(signed.hash(), &signed.signature).hash());
        self.leaves.len() as u64 - 1
    }

    fn note(&self, size: u64) -> String {
        self.note_by(&self.log, size)
    }

    fn note_by(&self, signer: &LogSigner, size: u64) -> String {
        let leaves = self
            .leaves
            .get(..usize::try_from(size).unwrap_or(usize::MAX));
        Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root: root_of(leaves.unwrap_or_default().iter().copied()),
        }
        .sign(signer)
        .expect("own origin")
    }

    /// The newest checkpoint and its consistency with `old_size`.
    pub fn log_frame(&self, old_size: u64) -> LogFrame {
        let size = self.leaves.len() as u64;
        let Ok(consistency) = consistency_proof(&Leaves(&self.leaves), old_size, size);
        LogFrame {
            checkpoint: self.note(size),
            consistency,
            old_size,
        }
    }

    /// An inclusion proof at the newest size.
    pub fn proof(&self, statement: StatementHash, index: u64) -> ProofFrame {
        let size = self.leaves.len() as u64;
        let Ok(hashes) = inclusion_proof(&Leaves(&self.leaves), index, size);
        ProofFrame {
            hashes,
            index,
            size,
            checkpoint: self.note(size),
            marks: Vec::new(),
            statement,
        }
    }

    /// A receipt.
    pub fn receipt(
        &self,
        statement: StatementHash,
        item: ItemId,
        digests: EvidenceDigests,
        stored: (StoredDigest, u64),
    ) -> SignedDocument {
        let receipt = StorageReceipt {
            at_ms: self.started,
            digests,
            item,
            key: self.receipts.public_key().key_id(),
            realm: self.realm,
            statement,
            stored_bytes: stored.1,
            stored_sha256: stored.0,
            r#where: "disk".to_owned(),
        };
        SignedDocument::sign(&receipt, &self.receipts).expect("signs")
    }

    /// A time anchor.
    pub fn anchor(&self, nonce: &str, server_ms: UtcMillis) -> SignedDocument {
        let anchor = TimeAnchor {
            key: self.clock.public_key().key_id(),
            nonce: nonce.to_owned(),
            realm: self.realm,
            server_ms,
        };
        SignedDocument::sign(&anchor, &self.clock).expect("signs")
    }
}
