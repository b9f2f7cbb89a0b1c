//! The inbox: admission of statements, and what they then do.
//!
//! Bytes, openings, effect, events and the device's result are written in one transaction (I3, I4). Admission is not
//! effect: a valid statement that fits its chain is kept and logged whatever becomes of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use zhixing_protocol::canonical::Object;
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Effect, Head, draft};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{CaseId, DeviceId, Nonce};
use zhixing_protocol::keys::{PublicKey, Signer as _};
use zhixing_protocol::statement::{
    Admission, Body, ChainTip, ClockReading, FactContent, FundsDecided, FundsDecision, JobImport,
    Signed, Statement, StatementError, TypedBody, Verified, admit, make_openings,
};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::trust::KeyPurpose;
use zhixing_protocol::wire::{
    AdmissionResult, MAX_BATCH_STATEMENTS, ProblemKind, StatementResult, StatementsRequest,
    StatementsResponse,
};

use crate::cases::{self, CaseRow};
use crate::court::{self, Court};
use crate::devices::{DeviceRow, DeviceStatus};
use crate::problem::{Answer, Failure};
use crate::store::{Arg, Insert, StoreError, StoreResult, Tx};

/// Takes a batch of a device in chain order.
///
/// *Errors*: `chain_gap` before anything is stored if statements are missing before the first; `invalid_input` for a
/// batch that is too long. A statement that is refused ends the batch: what follows it cannot fit the chain.
pub async fn accept(
    court: &Court,
    device: DeviceId,
    request: StatementsRequest,
) -> Answer<StatementsResponse> {
    if request.statements.len() > MAX_BATCH_STATEMENTS {
        return Err(Failure::invalid(
            "A batch may have at most 500 statements; send it in parts.",
        ));
    }
    let mut tx = court.db.begin_write().await?;
    let Some(mut row) = DeviceRow::read(&mut tx, device).await? else {
        return Err(Failure::not_found());
    };
    let mut results = Vec::new();
    let mut batch = Batch::default();
    for wire in request.statements {
        let signed = wire.into_signed();
        let verified = match signed.clone().verify(court.realm, &row.public_key) {
            Ok(verified) => verified,
            Err(error) => {
                let reason = refusal(&error);
                set_aside(court, &mut tx, &row, &signed, reason).await?;
                results.push(refused(signed.hash(), reason));
                break;
            }
        };
        match accept_one(court, &mut tx, &mut batch, &mut row, &verified).await? {
            Outcome::Result(result) => {
                let refused = result.admission == AdmissionResult::Refused;
                results.push(result);
                if refused {
                    break;
                }
            }
            Outcome::Gap { .. } if !results.is_empty() => break,
            Outcome::Gap { expected_seq } => {
                let mut failure = Failure::new(
                    ProblemKind::ChainGap,
                    "Statements are missing before this one. Send them again from the expected number.",
                );
                failure.0.expected_seq = Some(expected_seq);
                return Err(failure);
            }
        }
    }
    row.write_tip(&mut tx, court.now()).await?;
    tx.commit().await?;
    court.log_wake.notify_one();
    Ok(StatementsResponse { results })
}

/// Why a statement is not believed, as a stable code.
fn refusal(error: &StatementError) -> &'static str {
    match error {
        StatementError::TooLarge => "too_large",
        StatementError::Form(_) | StatementError::BadChain => "form",
        StatementError::WrongRealm => "another_realm",
        StatementError::WrongKey => "another_key",
        StatementError::Signature(_) => "signature",
        StatementError::Opening(_) => "opening_does_not_fit",
    }
}

fn refused(hash: StatementHash, reason: &str) -> StatementResult {
    StatementResult {
        hash,
        seq: 0,
        admission: AdmissionResult::Refused,
        effect: Effect::rejected(reason),
    }
}

enum Outcome {
    Result(StatementResult),
    Gap { expected_seq: u64 },
}

/// What a batch learnt of cases, so that it asks once. Nothing but the batch itself changes them while its transaction is open.
#[derive(Default)]
struct Batch {
    cases: HashMap<CaseId, CaseRow>,
    granted: HashMap<CaseId, bool>,
    courts: HashSet<String>,
}

async fn accept_one(
    court: &Court,
    tx: &mut Tx,
    batch: &mut Batch,
    device: &mut DeviceRow,
    verified: &Verified,
) -> Answer<Outcome> {
    let statement = verified.statement();
    let hash = verified.hash();
    let Some(link) = statement
        .chain
        .filter(|_| statement.device == Some(device.device))
    else {
        let reason = "another_device";
        set_aside(court, tx, device, verified.signed(), reason).await?;
        return Ok(Outcome::Result(refused(hash, reason)));
    };
    // Nothing stands beyond the tip.
    let admitted_at = if link.seq <= device.tip.seq {
        admitted_at(tx, device, link.seq).await?
    } else {
        None
    };
    let mut admission = admit(
        device.tip,
        link,
        hash,
        admitted_at.as_ref().map(|(hash, _)| *hash),
    );
    // What follows a statement of the second branch belongs to that branch, however long it grows (I4).
    if matches!(admission, Admission::Gap { .. }) && is_forked_off(tx, device, link.prev).await? {
        admission = Admission::Fork;
    }
    match admission {
        Admission::Gap { expected_seq } => Ok(Outcome::Gap { expected_seq }),
        Admission::Duplicate => {
            let effect = admitted_at.map_or(Effect::Duplicate, |(_, effect)| effect);
            Ok(Outcome::Result(StatementResult {
                hash,
                seq: link.seq,
                admission: AdmissionResult::Duplicate,
                effect,
            }))
        }
        // A copied profile of a browser: no work of days without a network is in it, so nothing of it is kept (I4).
        Admission::Fork if device.is_browser => Ok(Outcome::Result(refused(hash, "chain_clash"))),
        Admission::Fork => {
            set_aside(court, tx, device, verified.signed(), "fork").await?;
            tx.execute(
                "UPDATE devices SET forked = 1 WHERE device = $1",
                &[device.device.into()],
            )
            .await?;
            Ok(Outcome::Result(StatementResult {
                hash,
                seq: link.seq,
                admission: AdmissionResult::Quarantined,
                effect: Effect::held("fork"),
            }))
        }
        Admission::Extends => {
            let (ord, effect) = if device.status == DeviceStatus::Revoked {
                let effect = Effect::held("revoked_key");
                (store(court, tx, verified, &effect).await?, effect)
            } else {
                take_effect(court, tx, batch, verified, Some(device)).await?
            };
            device.tip = ChainTip {
                seq: link.seq,
                hash,
            };
            let result = StatementResult {
                hash,
                seq: link.seq,
                admission: AdmissionResult::Admitted,
                effect,
            };
            let body = serde_json::to_string(&result).map_err(Failure::internal)?;
            device.feed(tx, "result", &body, 0).await?;
            device.feed(tx, "proof", &hash.to_string(), ord).await?;
            Ok(Outcome::Result(result))
        }
    }
}

async fn admitted_at(
    tx: &mut Tx,
    device: &DeviceRow,
    seq: u64,
) -> StoreResult<Option<(StatementHash, Effect)>> {
    let row = tx
        .row(
            "SELECT hash, effect FROM statements WHERE key_id = $1 AND seq = $2",
            &[device.key.into(), seq.into()],
        )
        .await?;
    row.map(|row| Ok((row.parse(0)?, read_effect(&row.text(1)?)?)))
        .transpose()
}

fn read_effect(text: &str) -> StoreResult<Effect> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(error.to_string()))
}

async fn is_forked_off(tx: &mut Tx, device: &DeviceRow, hash: StatementHash) -> StoreResult<bool> {
    let row = tx
        .row(
            "SELECT 1 FROM quarantine WHERE hash = $1 AND device = $2 AND reason = 'fork'",
            &[hash.into(), device.device.into()],
        )
        .await?;
    Ok(row.is_some())
}

/// Keeps what cannot be admitted as it came, so that nothing is lost and a person can look.
async fn set_aside(
    court: &Court,
    tx: &mut Tx,
    device: &DeviceRow,
    signed: &Signed,
    reason: &'static str,
) -> StoreResult<()> {
    tracing::warn!(device = %device.device, reason, "a statement was set aside");
    let seq = Statement::parse(&signed.bytes)
        .ok()
        .and_then(|statement| statement.chain)
        .map_or(0, |link| link.seq);
    let openings = serde_json::to_string(&signed.openings)
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    tx.execute(
        "INSERT INTO quarantine (hash, device, seq, bytes, signature, at_ms, openings, reason) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (hash) DO NOTHING",
        &[
            signed.hash().into(),
            device.device.into(),
            seq.into(),
            signed.bytes.clone().into(),
            signed.signature.as_der().into(),
            court.now().0.into(),
            openings.into(),
            reason.into(),
        ],
    )
    .await?;
    Ok(())
}

static STATEMENTS: Insert = Insert {
    head: "INSERT INTO statements (hash, ord, key_id, device, seq, case_id, type, bytes, signature, admitted_ms, effect) VALUES",
    columns: 11,
    tail: "",
};
static OPENINGS: Insert = Insert {
    head: "INSERT INTO openings (statement, member, opening) VALUES",
    columns: 3,
    tail: "",
};

/// Stores a statement and its openings; the log takes it from there. Gives its place in the order of admission: its leaf's index plus one.
pub async fn store(
    court: &Court,
    tx: &mut Tx,
    verified: &Verified,
    effect: &Effect,
) -> StoreResult<u64> {
    let ord = Court::next(tx, "ord").await?;
    let statement = verified.statement();
    let effect =
        serde_json::to_string(effect).map_err(|error| StoreError::Damaged(error.to_string()))?;
    tx.insert_later(
        &STATEMENTS,
        [
            verified.hash().into(),
            ord.into(),
            statement.key.into(),
            statement.device.into(),
            Arg::Int(
                statement
                    .chain
                    .and_then(|link| i64::try_from(link.seq).ok()),
            ),
            statement.case.into(),
            statement.r#type.as_str().into(),
            verified.signed().bytes.clone().into(),
            verified.signed().signature.as_der().into(),
            court.now().0.into(),
            effect.into(),
        ],
    );
    for (member, opening) in &verified.signed().openings {
        let opening = serde_json::to_string(opening)
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        tx.insert_later(
            &OPENINGS,
            [
                verified.hash().into(),
                member.as_str().into(),
                opening.into(),
            ],
        );
    }
    Ok(ord)
}

/// Judges rights, drafts events, stores everything. Gives the statement's place in the order of admission and its effect.
async fn take_effect(
    court: &Court,
    tx: &mut Tx,
    batch: &mut Batch,
    verified: &Verified,
    device: Option<&DeviceRow>,
) -> Answer<(u64, Effect)> {
    let statement = verified.statement();
    let now = court.now();
    let body = statement.body();
    let case = match statement.case {
        Some(case) => match batch.cases.remove(&case) {
            Some(known) => Some(known),
            // Only the court files a case.
            None if device.is_some() => cases::row(tx, case).await?,
            None => find_or_file(tx, case, &body).await?,
        },
        None => None,
    };
    if let Some(device) = device {
        let refusal = if of_another_court(tx, batch, statement, case.as_ref()).await? {
            Some(if is_evidence(statement) {
                Effect::held("another_court")
            } else {
                Effect::rejected("another_court")
            })
        } else if let Ok(body) = &body {
            let reason = forbidden(tx, batch, device, statement, body).await?;
            reason.map(Effect::rejected)
        } else {
            None
        };
        if let Some(effect) = refusal {
            batch.cases.extend(case.map(|case| (case.case, case)));
            return Ok((store(court, tx, verified, &effect).await?, effect));
        }
    }
    let state = match &case {
        Some(case) => Some(cases::take_state(court, tx, case).await?),
        None => None,
    };
    let mut earlier = std::collections::BTreeMap::new();
    if let Ok(Body::EvidenceAssign(assign)) = &body {
        for hash in &assign.statements {
            if let Some(found) = read_statement(tx, *hash).await? {
                earlier.insert(*hash, found);
            }
        }
    }
    if let (Some(device), Some(state), Ok(Body::FundsDecide(decide))) = (device, &state, &body)
        && let Some(reason) = may_not_decide(tx, device, &decide.fact, state).await?
    {
        let effect = Effect::rejected(reason);
        batch.cases.extend(case.map(|case| (case.case, case)));
        return Ok((store(court, tx, verified, &effect).await?, effect));
    }
    let known_case = case.is_some();
    let (effect, drafts) = draft(
        statement,
        verified.hash(),
        state.as_deref(),
        &|hash| earlier.get(&hash).cloned(),
        now.shanghai_date(),
    );
    let effect = if statement.case.is_some() && !known_case && effect == Effect::Applied {
        Effect::held("unknown_case")
    } else {
        effect
    };
    let ord = store(court, tx, verified, &effect).await?;
    if let (Some(mut case), Some(state)) = (case, state) {
        if drafts.is_empty() {
            court.cache_state(case.case, case.head, state);
        } else {
            let cause = verified.hash();
            case.head = cases::append(court, tx, &case, state, drafts, cause, now).await?;
        }
        batch.cases.insert(case.case, case);
    }
    if let (Some(device), Ok(body)) = (device, &body) {
        device_effects(tx, device, statement, body, now).await?;
    }
    Ok((ord, effect))
}

/// The case, made by the import that files it.
async fn find_or_file(
    tx: &mut Tx,
    case: CaseId,
    body: &Result<Body, zhixing_protocol::canonical::CanonicalError>,
) -> Answer<Option<CaseRow>> {
    if let Some(row) = cases::row(tx, case).await? {
        return Ok(Some(row));
    }
    let Ok(Body::JobImport(job)) = body else {
        return Ok(None);
    };
    let Some(filed) = job.facts.iter().find_map(|fact| match &fact.content {
        FactContent::CaseFiled(filed) => Some(filed),
        _ => None,
    }) else {
        return Ok(None);
    };
    let row = CaseRow {
        case,
        court: filed.court.to_string(),
        number: filed.number.to_string(),
        head: Head::EMPTY,
    };
    cases::file(tx, &row, &job.external_id);
    Ok(Some(row))
}

fn is_evidence(statement: &Statement) -> bool {
    statement.r#type.starts_with("evidence.") || statement.r#type.starts_with("recording.")
}

/// Whether a statement was made for another court: than that of its case, or than any of this deployment.
async fn of_another_court(
    tx: &mut Tx,
    batch: &mut Batch,
    statement: &Statement,
    case: Option<&CaseRow>,
) -> StoreResult<bool> {
    let court = statement.court.as_str();
    if let Some(case) = case {
        return Ok(court != case.court);
    }
    if !batch.courts.contains(court) {
        if !court::has_court(tx, court).await? {
            return Ok(true);
        }
        batch.courts.insert(court.to_owned());
    }
    Ok(false)
}

/// Why a device may not do this; evidence is never among it (I3).
async fn forbidden(
    tx: &mut Tx,
    batch: &mut Batch,
    device: &DeviceRow,
    statement: &Statement,
    body: &Body,
) -> StoreResult<Option<&'static str>> {
    match body {
        Body::JobImport(_)
        | Body::JobIntake(_)
        | Body::CaseHeads(_)
        | Body::CaseAssign(_)
        | Body::CaseRelease(_)
        | Body::DeviceRevoke(_)
        | Body::ChainClose(_)
        | Body::CustodyErase(_) => Ok(Some("not_for_devices")),
        Body::KeyEnroll(_) => Ok(Some("already_enrolled")),
        Body::CopyPurged(_) => Ok(None),
        _ if is_evidence(statement) => Ok(None),
        _ => match statement.case {
            Some(case) => {
                let granted = match batch.granted.get(&case) {
                    Some(granted) => *granted,
                    None => cases::is_granted(tx, case, device.staff).await?,
                };
                batch.granted.insert(case, granted);
                Ok((!granted).then_some("not_granted"))
            }
            None => Ok(None),
        },
    }
}

/// Why a person may not decide on a request for money: four eyes, whichever devices they use.
async fn may_not_decide(
    tx: &mut Tx,
    device: &DeviceRow,
    decided: &FundsDecided,
    state: &CaseState,
) -> Answer<Option<&'static str>> {
    let Some(request) = state.funds().request(decided.request) else {
        return Ok(None);
    };
    let asker = DeviceRow::read(tx, request.device).await?;
    let own = asker.is_some_and(|asker| asker.staff == device.staff);
    if decided.decision == FundsDecision::Withdraw {
        return Ok((!own).then_some("not_own_request"));
    }
    if own {
        return Ok(Some("own_request"));
    }
    let role = tx
        .row(
            "SELECT role FROM staff WHERE staff = $1",
            &[device.staff.into()],
        )
        .await?;
    let role = role.map(|row| row.text(0)).transpose()?;
    Ok((!matches!(role.as_deref(), Some("judge" | "duty"))).then_some("not_entitled"))
}

async fn device_effects(
    tx: &mut Tx,
    device: &DeviceRow,
    statement: &Statement,
    body: &Body,
    now: UtcMillis,
) -> StoreResult<()> {
    match (body, statement.case) {
        (Body::KeyReader(reader), Some(case))
            if reader
                .recipient
                .parse::<zhixing_protocol::age::Recipient>()
                .is_ok() =>
        {
            tx.execute(
                "INSERT INTO readers (device, case_id, recipient) VALUES ($1, $2, $3) \
                 ON CONFLICT (device, case_id) DO UPDATE SET recipient = $3",
                &[
                    device.device.into(),
                    case.into(),
                    reader.recipient.as_str().into(),
                ],
            )
            .await?;
        }
        (Body::CopyPurged(purged), Some(case)) => {
            tx.execute(
                "INSERT INTO purges (device, case_id, epoch, at_ms) VALUES ($1, $2, $3, $4) ON CONFLICT (device, case_id, epoch) DO NOTHING",
                &[device.device.into(), case.into(), purged.epoch.into(), now.0.into()],
            )
            .await?;
        }
        _ => {}
    }
    Ok(())
}

/// Reads an admitted statement.
pub async fn read_statement(tx: &mut Tx, hash: StatementHash) -> StoreResult<Option<Statement>> {
    let row = tx
        .row(
            "SELECT bytes FROM statements WHERE hash = $1",
            &[hash.into()],
        )
        .await?;
    row.map(|row| {
        Statement::parse(&row.bytes(0)?).map_err(|error| StoreError::Damaged(error.to_string()))
    })
    .transpose()
}

/// The clock reading of the server itself.
fn server_clock(now: UtcMillis) -> ClockReading {
    ClockReading {
        anchor: None,
        boot: "server".into(),
        elapsed_ms: 0,
        gnss_ms: None,
        wall_ms: now,
    }
}

/// Makes, signs, stores and applies a statement of the court itself. Nothing happens without a signed cause.
///
/// *Errors*: a fault of the store or of a key; the transaction is then to be dropped.
pub async fn issue<B: TypedBody>(
    court: &Court,
    tx: &mut Tx,
    purpose: KeyPurpose,
    court_word: &str,
    case: Option<CaseId>,
    body: &B,
    hidden: Object,
) -> Answer<(StatementHash, Effect)> {
    let verified = sign(court, purpose, court_word, case, body, hidden)?;
    let (_, effect) = take_effect(court, tx, &mut Batch::default(), &verified, None).await?;
    Ok((verified.hash(), effect))
}

/// As [`issue`], for the import that files a case of which the caller knows that it is not here yet: nothing is asked of the store.
pub async fn issue_filing(
    court: &Court,
    tx: &mut Tx,
    case: CaseRow,
    body: &JobImport,
    hidden: Object,
) -> Answer<(StatementHash, Effect)> {
    let (word, id) = (case.court.clone(), case.case);
    let verified = sign(court, KeyPurpose::Job, &word, Some(id), body, hidden)?;
    cases::file(tx, &case, &body.external_id);
    let mut batch = Batch::default();
    batch.cases.insert(id, case);
    let (_, effect) = take_effect(court, tx, &mut batch, &verified, None).await?;
    Ok((verified.hash(), effect))
}

/// Signs as the court.
fn sign<B: TypedBody>(
    court: &Court,
    purpose: KeyPurpose,
    court_word: &str,
    case: Option<CaseId>,
    body: &B,
    hidden: Object,
) -> Answer<Verified> {
    let signer = court.keys.signer(purpose);
    let (hidden, openings) = make_openings(hidden, crate::random);
    let statement = Statement {
        body: zhixing_protocol::canonical::to_value(body).map_err(Failure::internal)?,
        case,
        chain: None,
        clock: server_clock(court.now()),
        court: court_word.parse().map_err(Failure::internal)?,
        device: None,
        hidden,
        key: signer.public_key().key_id(),
        nonce: Nonce(crate::random()),
        realm: court.realm,
        seen: None,
        r#type: B::TYPE.to_owned(),
        unknown: Object::new(),
    };
    let signed = statement
        .sign(signer, openings)
        .map_err(Failure::internal)?;
    signed
        .verify(court.realm, signer.public_key())
        .map_err(Failure::internal)
}

/// Checks the first statement of a key against that key itself.
pub fn verify_first(court: &Court, signed: Signed, key: &PublicKey) -> Answer<Arc<Verified>> {
    signed.verify(court.realm, key).map(Arc::new).map_err(|_| {
        Failure::invalid("The enrolment statement is not valid. Start the enrolment anew.")
    })
}

#[cfg(test)]
mod tests;
