//! Devices: enrolment by one-time ticket, sessions, revocation, and the device's own feed.

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::event::Effect;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::{DeviceId, KeyId, StaffId};
use zhixing_protocol::keys::PublicKey;
use zhixing_protocol::statement::{
    BROWSER_STORAGE, Body, ChainClose, ChainEnd, ChainTip, DeviceRevoke,
};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::trust::KeyPurpose;
use zhixing_protocol::wire::{
    AdmissionResult, ChallengeResponse, EnrollRequest, EnrollResponse, Officer, ProblemKind,
    SESSION_MS, SessionRequest, SessionResponse, StatementResult, session_bytes,
};

use crate::court::Court;
use crate::inbox;
use crate::problem::{Answer, Failure};
use crate::store::{Counter, Insert, StoreResult, Tx};

/// How long a challenge can be answered: one minute.
const CHALLENGE_MS: i64 = 60_000;

/// Whether a device may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceStatus {
    /// It may.
    Active,
    /// It may only hand in what it has.
    Revoked,
}

/// A device as its row has it.
#[derive(Debug, Clone)]
pub struct DeviceRow {
    /// The device.
    pub device: DeviceId,
    /// Its key.
    pub key: KeyId,
    /// Its public key.
    pub public_key: PublicKey,
    /// Whose it is.
    pub staff: StaffId,
    /// Whether it may act.
    pub status: DeviceStatus,
    /// Its newest admitted statement.
    pub tip: ChainTip,
    /// By which norms it said it works, as JSON; empty before it said anything.
    pub norms: String,
    /// Whether it is a browser at the console.
    pub is_browser: bool,
}

impl DeviceRow {
    /// Reads the row of a device.
    pub async fn read(tx: &mut Tx, device: DeviceId) -> StoreResult<Option<Self>> {
        let row = tx
            .row(
                "SELECT key_id, public_key, staff, status, tip_seq, tip_hash, norms, storage FROM devices WHERE device = $1",
                &[device.into()],
            )
            .await?;
        row.map(|row| {
            let status = match row.text(3)?.as_str() {
                "active" => DeviceStatus::Active,
                _ => DeviceStatus::Revoked,
            };
            Ok(Self {
                device,
                key: row.parse(0)?,
                public_key: row.parse(1)?,
                staff: row.parse(2)?,
                status,
                tip: ChainTip {
                    seq: row.count(4)?,
                    hash: row.parse(5)?,
                },
                norms: row.text(6)?,
                is_browser: row.text(7)? == BROWSER_STORAGE,
            })
        })
        .transpose()
    }

    /// Stores tip and time of contact.
    pub async fn write_tip(&self, tx: &mut Tx, now: UtcMillis) -> StoreResult<()> {
        tx.execute(
            "UPDATE devices SET tip_seq = $2, tip_hash = $3, seen_ms = $4 WHERE device = $1",
            &[
                self.device.into(),
                self.tip.seq.into(),
                self.tip.hash.into(),
                now.0.into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Adds a frame to the device's feed. `ord` holds a proof back until the log covers that statement.
    pub async fn feed(
        &self,
        tx: &mut Tx,
        kind: &'static str,
        body: &str,
        ord: u64,
    ) -> StoreResult<()> {
        feed(tx, self.device, kind, body, ord).await
    }
}

static FEED_CURSOR: Counter = Counter {
    take: "UPDATE devices SET feed_cursor = feed_cursor + 1 WHERE device = $1 RETURNING feed_cursor",
    set: "UPDATE devices SET feed_cursor = $2 WHERE device = $1",
};
static FRAMES: Insert = Insert {
    head: "INSERT INTO device_feed (device, cursor, kind, body, ord) VALUES",
    columns: 5,
    tail: "",
};

/// Adds a frame to a device's feed.
pub async fn feed(
    tx: &mut Tx,
    device: DeviceId,
    kind: &'static str,
    body: &str,
    ord: u64,
) -> StoreResult<()> {
    let cursor = tx.take_number(&FEED_CURSOR, &device.to_string()).await?;
    tx.insert_later(
        &FRAMES,
        [
            device.into(),
            cursor.into(),
            kind.into(),
            body.into(),
            ord.into(),
        ],
    );
    Ok(())
}

/// Enrols a device. The same request again gives the same answer, so a lost answer costs nothing (I3).
///
/// *Errors*: `ticket_refused`, `invalid_input`.
pub async fn enrol(court: &Court, request: EnrollRequest) -> Answer<EnrollResponse> {
    let refused = || {
        Failure::new(
            ProblemKind::TicketRefused,
            "This ticket is used, expired or unknown. Ask for a new one at the console.",
        )
    };
    let invalid =
        || Failure::invalid("The enrolment statement is not valid. Start the enrolment anew.");
    let secret = Sha256Digest::of(request.secret.as_bytes());
    let signed = request.enroll.into_signed();
    let statement =
        zhixing_protocol::statement::Statement::parse(&signed.bytes).map_err(|_| invalid())?;
    let (Ok(Body::KeyEnroll(body)), Some(device), Some(link)) =
        (statement.body(), statement.device, statement.chain)
    else {
        return Err(invalid());
    };
    if link.seq != 1 || body.ticket != secret || statement.case.is_some() {
        return Err(invalid());
    }
    let verified = inbox::verify_first(court, signed, &body.public_key)?;
    let hash = verified.hash();

    let mut tx = court.db.begin_write().await?;
    let row = tx
        .row(
            "SELECT staff, label, expires_ms, used_by FROM tickets WHERE secret_sha256 = $1",
            &[secret.into()],
        )
        .await?
        .ok_or_else(refused)?;
    let (staff, label): (StaffId, String) = (row.parse(0)?, row.text(1)?);
    let officer = tx
        .row(
            "SELECT name, court, badge FROM staff WHERE staff = $1",
            &[staff.into()],
        )
        .await?
        .ok_or_else(refused)?;
    let officer = Officer {
        staff,
        name: officer.text(0)?,
        court: officer.parse(1)?,
        badge: officer.text(2)?,
    };
    if officer.court != statement.court {
        return Err(invalid());
    }
    // A browser stands beside the officer's device: neither replaces the other.
    let open_chain = tx
        .row(
            "SELECT key_id, tip_seq, tip_hash FROM devices WHERE staff = $1 AND device <> $2 AND status <> 'replaced' AND storage <> $3 ORDER BY enrolled_ms DESC",
            &[staff.into(), device.into(), BROWSER_STORAGE.into()],
        )
        .await?
        .filter(|_| body.storage != BROWSER_STORAGE)
        .map(|row| Ok::<_, crate::store::StoreError>(ChainEnd { key: row.parse(0)?, seq: row.count(1)?, hash: row.parse(2)? }))
        .transpose()?;
    let admission = match row.optional_text(3)? {
        Some(used_by) if used_by == hash.to_string() => AdmissionResult::Duplicate,
        Some(_) => return Err(refused()),
        None if row.int(2)? < court.now().0 => return Err(refused()),
        None => {
            tx.execute(
                "UPDATE tickets SET used_by = $2 WHERE secret_sha256 = $1",
                &[secret.into(), hash.into()],
            )
            .await?;
            let inserted = tx
                .execute(
                    "INSERT INTO devices (device, key_id, public_key, storage, staff, label, status, enrolled_ms, seen_ms, tip_seq, tip_hash) \
                     VALUES ($1, $2, $3, $4, $5, $6, 'active', $7, $7, 1, $8) ON CONFLICT DO NOTHING",
                    &[
                        device.into(),
                        statement.key.into(),
                        body.public_key.to_string().into(),
                        body.storage.as_str().into(),
                        staff.into(),
                        label.into(),
                        court.now().0.into(),
                        hash.into(),
                    ],
                )
                .await?;
            if inserted != 1 {
                return Err(invalid());
            }
            let ord = inbox::store(court, &mut tx, &verified, &Effect::Applied).await?;
            feed(&mut tx, device, "proof", &hash.to_string(), ord).await?;
            AdmissionResult::Admitted
        }
    };
    tx.commit().await?;
    court.log_wake.notify_one();
    Ok(EnrollResponse {
        result: StatementResult {
            hash,
            seq: 1,
            admission,
            effect: Effect::Applied,
        },
        officer,
        trust: signed_trust(court).await?,
        open_chain,
    })
}

/// The trust document, signed.
pub async fn signed_trust(court: &Court) -> Answer<zhixing_protocol::document::SignedDocument> {
    let trust = court.trust().await?;
    zhixing_protocol::document::SignedDocument::sign(&trust, &court.keys.root)
        .map_err(Failure::internal)
}

/// A challenge for a device. Unknown devices get one too: nothing can be learnt from the answer.
pub async fn challenge(court: &Court, device: DeviceId) -> Answer<ChallengeResponse> {
    let challenge = zhixing_protocol::hash::to_hex(&crate::random::<32>());
    let now = court.now();
    let mut tx = court.db.begin_write().await?;
    tx.execute(
        "DELETE FROM challenges WHERE expires_ms < $1",
        &[now.0.into()],
    )
    .await?;
    tx.execute(
        "DELETE FROM device_sessions WHERE expires_ms < $1",
        &[now.0.into()],
    )
    .await?;
    tx.execute(
        "INSERT INTO challenges (challenge, device, expires_ms) VALUES ($1, $2, $3)",
        &[
            challenge.as_str().into(),
            device.into(),
            now.plus_ms(CHALLENGE_MS).0.into(),
        ],
    )
    .await?;
    tx.commit().await?;
    Ok(ChallengeResponse { challenge })
}

/// Opens a session. A revoked device gets one too: it may still hand in evidence.
///
/// *Errors*: `unauthenticated`.
pub async fn open_session(court: &Court, request: SessionRequest) -> Answer<SessionResponse> {
    let refused = || {
        Failure::new(
            ProblemKind::Unauthenticated,
            "The challenge was not answered rightly. Ask for a new one.",
        )
    };
    let mut tx = court.db.begin_write().await?;
    let taken = tx
        .execute(
            "DELETE FROM challenges WHERE challenge = $1 AND device = $2 AND expires_ms >= $3",
            &[
                request.challenge.as_str().into(),
                request.device.into(),
                court.now().0.into(),
            ],
        )
        .await?;
    let device = DeviceRow::read(&mut tx, request.device).await?;
    let Some(device) = device.filter(|device| taken == 1 && device.key == request.key) else {
        return Err(refused());
    };
    let bytes = session_bytes(court.realm, device.device, &request.challenge);
    device
        .public_key
        .verify(&bytes, &request.signature)
        .map_err(|_| refused())?;
    let token = zhixing_protocol::hash::to_hex(&crate::random::<32>());
    tx.execute(
        "INSERT INTO device_sessions (token_sha256, device, expires_ms) VALUES ($1, $2, $3)",
        &[
            Sha256Digest::of(token.as_bytes()).into(),
            device.device.into(),
            court.now().plus_ms(SESSION_MS).0.into(),
        ],
    )
    .await?;
    tx.commit().await?;
    Ok(SessionResponse {
        token,
        expires_in_ms: SESSION_MS,
    })
}

/// The device a session token belongs to. *Errors*: `unauthenticated`.
pub async fn session_device(court: &Court, token: &str) -> Answer<DeviceId> {
    let mut tx = court.db.begin_read().await?;
    let row = tx
        .row(
            "SELECT device FROM device_sessions WHERE token_sha256 = $1 AND expires_ms >= $2",
            &[
                Sha256Digest::of(token.as_bytes()).into(),
                court.now().0.into(),
            ],
        )
        .await?;
    match row {
        Some(row) => Ok(row.parse(0)?),
        None => Err(Failure::new(
            ProblemKind::Unauthenticated,
            "The session has ended. Open a new one.",
        )),
    }
}

/// Takes a device's rights away. What has none left stays as it is, so a lost answer costs nothing (I3).
///
/// *Errors*: `not_found`.
pub async fn revoke(court: &Court, device: DeviceId, reason: &str, words: &str) -> Answer<()> {
    let mut tx = court.db.begin_write().await?;
    let (word, status) = court_and_status(&mut tx, device).await?;
    if status != "active" {
        return Ok(());
    }
    let body = DeviceRevoke {
        device,
        reason: reason.to_owned(),
    };
    let hidden = Object::from([("text".to_owned(), Value::from(words))]);
    inbox::issue(
        court,
        &mut tx,
        KeyPurpose::Portal,
        &word,
        None,
        &body,
        hidden,
    )
    .await?;
    withdraw(court, tx, device, "revoked").await?;
    Ok(())
}

/// Ends the chain of a device that will not come back, where the court has it (`chain.close/1`).
///
/// What it sends later is kept without effect, as of a revoked key. *Errors*: `not_found`; `conflict` if it is closed.
pub async fn close_chain(court: &Court, device: DeviceId, words: &str) -> Answer<ChainEnd> {
    let mut tx = court.db.begin_write().await?;
    let (word, status) = court_and_status(&mut tx, device).await?;
    if status == "replaced" {
        return Err(Failure::new(
            ProblemKind::Conflict,
            "The chain of this device was closed before.",
        ));
    }
    let known = DeviceRow::read(&mut tx, device)
        .await?
        .ok_or_else(Failure::not_found)?;
    let end = ChainEnd {
        key: known.key,
        seq: known.tip.seq,
        hash: known.tip.hash,
    };
    let hidden = Object::from([("text".to_owned(), Value::from(words))]);
    inbox::issue(
        court,
        &mut tx,
        KeyPurpose::Portal,
        &word,
        None,
        &ChainClose {
            device,
            end: end.clone(),
        },
        hidden,
    )
    .await?;
    withdraw(court, tx, device, "replaced").await?;
    Ok(end)
}

/// Court word of a device's person, and the device's status.
async fn court_and_status(tx: &mut Tx, device: DeviceId) -> Answer<(String, String)> {
    let row = tx
        .row(
            "SELECT s.court, d.status FROM devices d JOIN staff s ON s.staff = d.staff WHERE d.device = $1",
            &[device.into()],
        )
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok((row.text(0)?, row.text(1)?))
}

/// Gives a device the status that the statement of this transaction says, and commits. Nothing is wrapped for it any more.
async fn withdraw(court: &Court, mut tx: Tx, device: DeviceId, status: &'static str) -> Answer<()> {
    tx.execute(
        "UPDATE devices SET status = $2 WHERE device = $1",
        &[device.into(), status.into()],
    )
    .await?;
    tx.execute("DELETE FROM readers WHERE device = $1", &[device.into()])
        .await?;
    tx.commit().await?;
    court.log_wake.notify_one();
    Ok(())
}
