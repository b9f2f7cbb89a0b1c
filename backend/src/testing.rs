//! A court with one enrolled device, for tests of what devices send. Everything goes through the doors that real devices use.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zhixing_protocol::age::{FileKey, Header, NONCE_LEN, StreamSealer};
use zhixing_protocol::canonical::{Object, to_value};
use zhixing_protocol::evidence::DigestPass;
use zhixing_protocol::hash::{StatementHash, StoredDigest};
use zhixing_protocol::ids::{CaseId, DeviceId, ItemId, KeyId, Nonce, StaffId};
use zhixing_protocol::keys::{Signer as _, SoftwareSigner};
use zhixing_protocol::statement::{
    BROWSER_STORAGE, ChainTip, ClockReading, EvidenceCapture, EvidenceDerivative, KeyEnroll,
    MediaKind, Openings, Signed, Statement, TypedBody,
};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::{
    AdmissionResult, EnrollRequest, SessionRequest, StatementsRequest, WireStatement, session_bytes,
};

use crate::config::Config;
use crate::court::{Court, ServerClock};
use crate::{devices, inbox, tickets};

/// The fictional court of the tests.
pub const WORD: &str = "川0811";
/// When the tests begin.
const START_MS: i64 = 1_790_000_000_000;

/// A clock that tests set.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// At the tests' beginning.
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MS)))
    }

    /// Lets time pass.
    pub fn pass_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// For the server.
    pub fn server(&self) -> ServerClock {
        let now = Arc::clone(&self.0);
        Arc::new(move || UtcMillis(now.load(Ordering::SeqCst)))
    }
}

/// Opens a court with its word in the tree.
pub async fn open_court(config: Config, clock: &TestClock) -> Arc<Court> {
    let court = Court::open(config, clock.server())
        .await
        .expect("the court opens");
    let mut tx = court.db.begin_write().await.expect("begins");
    tx.execute(
        "INSERT INTO courts (word, name, level) VALUES ($1, 'x', 'basic') ON CONFLICT DO NOTHING",
        &[WORD.into()],
    )
    .await
    .expect("inserts the court");
    tx.commit().await.expect("commits");
    court
}

/// An enrolled device with an open session.
pub struct TestDevice {
    /// The device.
    pub device: DeviceId,
    /// Token of its session.
    pub token: String,
    /// Case that its next statements belong to.
    pub case: Option<CaseId>,
    /// Its newest statement; a test may set it back.
    pub tip: ChainTip,
    signer: SoftwareSigner,
}

/// A sealed item as a device has it before uploading.
pub struct Sealed {
    /// The statement that names it.
    pub statement: StatementHash,
    /// The item.
    pub item: ItemId,
    /// The age file.
    pub stored: Vec<u8>,
    /// Its SHA-256.
    pub stored_sha256: StoredDigest,
}

impl Sealed {
    /// The header `Upload-Metadata` for it.
    pub fn upload_metadata(&self) -> String {
        [
            ("statement", self.statement.to_string()),
            ("item", self.item.to_string()),
            ("stored_sha256", self.stored_sha256.to_string()),
        ]
        .map(|(name, value)| format!("{name} {}", STANDARD.encode(value)))
        .join(",")
    }
}

impl TestDevice {
    /// Enrols a device of a person, who is added if unknown, and opens its session.
    pub async fn enrol(court: &Court, login: &str) -> Self {
        let (mut device, request) = Self::prepare(court, login).await;
        devices::enrol(court, request).await.expect("is enrolled");
        device.open_session(court).await;
        device
    }

    /// As [`Self::enrol`], for a browser at the console.
    pub async fn enrol_browser(court: &Court, login: &str) -> Self {
        let (mut device, request) = Self::prepare_in(court, login, BROWSER_STORAGE).await;
        devices::enrol(court, request).await.expect("is enrolled");
        device.open_session(court).await;
        device
    }

    /// A device with the request that would enrol it.
    pub async fn prepare(court: &Court, login: &str) -> (Self, EnrollRequest) {
        Self::prepare_in(court, login, "software").await
    }

    async fn prepare_in(court: &Court, login: &str, storage: &str) -> (Self, EnrollRequest) {
        let staff = StaffId::make(court.now(), crate::random());
        let mut tx = court.db.begin_write().await.expect("begins");
        tx.execute(
            "INSERT INTO staff (staff, login, name, role, court, badge) VALUES ($1, $2, 'x', 'judge', $3, 'x') ON CONFLICT (login) DO NOTHING",
            &[staff.into(), login.into(), WORD.into()],
        )
        .await
        .expect("inserts the person");
        tx.commit().await.expect("commits");
        let ticket = tickets::make(court, login, "test", None)
            .await
            .expect("a ticket");
        let pkcs8 = SoftwareSigner::make_pkcs8().expect("a key");
        let signer = SoftwareSigner::from_pkcs8(&pkcs8).expect("the key loads");
        let mut device = Self {
            device: DeviceId::make(court.now(), crate::random()),
            token: String::new(),
            case: None,
            tip: ChainTip {
                seq: 0,
                hash: StatementHash::ZERO,
            },
            signer,
        };
        let body = KeyEnroll {
            storage: storage.into(),
            platform: "test".into(),
            previous: None,
            public_key: device.signer.public_key().clone(),
            ticket: ticket.secret_digest(),
        };
        let enroll = device.sign(court, &body);
        let request = EnrollRequest {
            secret: ticket.secret,
            enroll: WireStatement::from_signed(&enroll).expect("JSON"),
        };
        (device, request)
    }

    /// Its key.
    pub fn key(&self) -> KeyId {
        self.signer.public_key().key_id()
    }

    /// Opens a new session.
    pub async fn open_session(&mut self, court: &Court) {
        let challenge = devices::challenge(court, self.device)
            .await
            .expect("a challenge")
            .challenge;
        let bytes = session_bytes(court.realm, self.device, &challenge);
        let request = SessionRequest {
            challenge,
            device: self.device,
            key: self.signer.public_key().key_id(),
            signature: self.signer.sign(&bytes).expect("signs"),
        };
        let session = devices::open_session(court, request).await.expect("opens");
        self.token = session.token;
    }

    /// Signs the next statement of the device's chain.
    pub fn sign<B: TypedBody>(&mut self, court: &Court, body: &B) -> Signed {
        self.sign_with(court, body, |_, _| {})
    }

    /// As [`Self::sign`], after a test changed what is signed and what travels beside it.
    pub fn sign_with<B: TypedBody>(
        &mut self,
        court: &Court,
        body: &B,
        change: impl FnOnce(&mut Statement, &mut Openings),
    ) -> Signed {
        let link = self.tip.next_link();
        let mut statement = Statement {
            body: to_value(body).expect("canonical"),
            case: self.case,
            chain: Some(link),
            clock: ClockReading {
                anchor: None,
                boot: "test".into(),
                elapsed_ms: 1,
                gnss_ms: None,
                wall_ms: court.now(),
            },
            court: WORD.parse().expect("a court word"),
            device: Some(self.device),
            hidden: std::collections::BTreeMap::new(),
            key: self.signer.public_key().key_id(),
            nonce: Nonce(crate::random()),
            realm: court.realm,
            seen: None,
            r#type: B::TYPE.into(),
            unknown: Object::new(),
        };
        let mut openings = Openings::new();
        change(&mut statement, &mut openings);
        let signed = statement.sign(&self.signer, openings).expect("signs");
        self.tip = ChainTip {
            seq: link.seq,
            hash: signed.hash(),
        };
        signed
    }

    /// Seals `plain` as a photo for the court and hands in its statement.
    pub async fn seal(&mut self, court: &Court, plain: &[u8]) -> Sealed {
        self.seal_for(court, plain, WORD).await
    }

    /// The same for a court that may be another one.
    pub async fn seal_for(&mut self, court: &Court, plain: &[u8], word: &str) -> Sealed {
        let (sealed, request) = self.seal_only(court, plain, word);
        let response = inbox::accept(court, self.device, request)
            .await
            .expect("is taken");
        assert_eq!(
            response.results.first().map(|result| result.admission),
            Some(AdmissionResult::Admitted)
        );
        sealed
    }

    /// Hands in the statement of a derivative.
    pub async fn hand_in_derivative(&mut self, court: &Court, parent: &Sealed, purpose: &str) {
        let mut pass = DigestPass::default();
        pass.update(purpose.as_bytes());
        let body = EvidenceDerivative {
            digests: pass.finish(),
            item: ItemId::make(court.now(), crate::random()),
            media_type: "image/jpeg".into(),
            parent: parent.statement,
            parent_sha256: zhixing_protocol::hash::Sha256Digest::of(b"the original"),
            tool: "test".into(),
            purpose: purpose.to_owned(),
        };
        self.hand_in(court, &body).await;
    }

    /// Signs a statement and hands it in.
    pub async fn hand_in<B: TypedBody>(&mut self, court: &Court, body: &B) {
        let signed = self.sign(court, body);
        let request = StatementsRequest {
            statements: vec![WireStatement::from_signed(&signed).expect("JSON")],
        };
        inbox::accept(court, self.device, request)
            .await
            .expect("is taken");
    }

    /// Seals `plain` and makes the request that would hand in its statement.
    pub fn seal_only(
        &mut self,
        court: &Court,
        plain: &[u8],
        word: &str,
    ) -> (Sealed, StatementsRequest) {
        let identity = court.keys.identity(WORD).expect("the court's identity");
        let file_key = FileKey::make(crate::random());
        let nonce: [u8; NONCE_LEN] = crate::random();
        let header = Header::seal(&file_key, &[identity.recipient()], crate::random::<32>)
            .expect("an age header");
        let mut stored = header.to_bytes();
        stored.extend_from_slice(&nonce);
        let mut sealer = StreamSealer::new(&file_key, &nonce);
        sealer.push(plain, &mut stored);
        sealer.finish(&mut stored);
        let mut pass = DigestPass::default();
        pass.update(plain);
        let item = ItemId::make(court.now(), crate::random());
        let body = EvidenceCapture {
            digests: pass.finish(),
            item,
            kind: MediaKind::Photo,
            media_type: "image/jpeg".into(),
            recovered: false,
        };
        let signed = self.sign_with(court, &body, |statement, _| {
            statement.court = word.parse().expect("a court word");
        });
        let request = StatementsRequest {
            statements: vec![WireStatement::from_signed(&signed).expect("JSON")],
        };
        let sealed = Sealed {
            statement: signed.hash(),
            item,
            stored_sha256: StoredDigest::of(&stored),
            stored,
        };
        (sealed, request)
    }
}
