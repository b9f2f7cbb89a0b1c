//! The device's own chain.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use zhixing_protocol::canonical::{Object, to_value};
use zhixing_protocol::event::Effect;
use zhixing_protocol::hash::{StatementHash, sha256};
use zhixing_protocol::ids::{CaseId, Nonce};
use zhixing_protocol::keys::{Signature, Signer};
use zhixing_protocol::statement::{
    ChainLink, ChainTip, ClockReading, Openings, Signed, Statement, TypedBody, make_openings,
};
use zhixing_protocol::time::UtcMillis;
use zhixing_protocol::wire::{AdmissionResult, StatementResult};

use super::{Identity, Queue, fixed};
use crate::database::{from_sql, to_sql};
use crate::error::{EngineError, Result};

/// What the court did with a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementState {
    /// Not answered yet.
    Pending,
    /// Stored and logged by the court.
    Admitted,
    /// The court has another statement at its place; the device is flagged there.
    Quarantined,
    /// The court could not accept its form or signature.
    Refused,
}

impl StatementState {
    fn as_text(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Admitted => "admitted",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
        }
    }

    fn from_text(text: &str) -> Self {
        match text {
            "admitted" => Self::Admitted,
            "quarantined" => Self::Quarantined,
            "refused" => Self::Refused,
            _ => Self::Pending,
        }
    }
}

/// One statement of this device.
#[derive(Debug, Clone)]
pub struct OwnStatement {
    /// Number in the chain.
    pub seq: u64,
    /// Its name.
    pub hash: StatementHash,
    /// Its type.
    pub r#type: String,
    /// Its case.
    pub case: Option<CaseId>,
    /// Exact bytes, signature and openings.
    pub signed: Signed,
    /// What the court did with it.
    pub state: StatementState,
    /// The court's result, once there is one.
    pub result: Option<StatementResult>,
}

/// A statement that the court does not take: a person of the court must look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Troubled {
    /// Number in the chain.
    pub seq: u64,
    /// Its name.
    pub hash: StatementHash,
    /// Its type.
    pub r#type: String,
    /// The court's code: `fork`, `signature`, `opening_does_not_fit` …; `unknown` if it gave none.
    pub reason: String,
}

/// A statement just made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub hash: StatementHash,
    /// Number in the chain.
    pub seq: u64,
    /// Wall clock.
    pub made_ms: UtcMillis,
}

/// Most bytes of the texts beside one statement: a batch has 4 MiB, and one that never fits would hold up all others.
const MAX_OPENINGS_BYTES: usize = 256 * 1024;

const COLUMNS: &str = "seq, hash, type, case_id, bytes, signature, openings, state, result";
/// What the device says about its own keys and copies changes no case file.
const IS_ACT: &str = "type NOT IN ('key.reader/1', 'copy.purged/1')";

impl Queue {
    /// Chain, clocks, `seen`, signature and row of one new statement, with what `with` adds, in one transaction (I1).
    ///
    /// *Errors*: `InvalidInput` before enrolment or for more than 64 KiB; `Locked` if the signing key cannot be used.
    pub fn make_statement<T: TypedBody, R>(
        &mut self,
        body: &T,
        case: Option<CaseId>,
        hidden: Object,
        with: impl FnOnce(&Transaction<'_>, Made) -> Result<R>,
    ) -> Result<(Made, R)> {
        let identity = self.enrolled()?;
        self.make_statement_as(&identity, body, case, hidden, with)
    }

    /// As [`Self::make_statement`], for statement 1, which comes before the enrolment.
    pub(crate) fn make_statement_as<T: TypedBody, R>(
        &mut self,
        identity: &Identity,
        body: &T,
        case: Option<CaseId>,
        hidden: Object,
        with: impl FnOnce(&Transaction<'_>, Made) -> Result<R>,
    ) -> Result<(Made, R)> {
        let transaction = self.begin()?;
        let made = self.append_statement(&transaction, identity, body, case, hidden, with)?;
        transaction.commit()?;
        Ok(made)
    }

    /// A transaction that writes; everything this queue reads meanwhile is read inside it.
    pub(crate) fn begin(&self) -> Result<Transaction<'_>> {
        Ok(Transaction::new_unchecked(
            &self.db,
            rusqlite::TransactionBehavior::Immediate,
        )?)
    }

    /// As [`Self::make_statement`], as a part of a larger transaction of [`Self::begin`].
    pub(crate) fn append_statement<T: TypedBody, R>(
        &self,
        transaction: &Transaction<'_>,
        identity: &Identity,
        body: &T,
        case: Option<CaseId>,
        hidden: Object,
        with: impl FnOnce(&Transaction<'_>, Made) -> Result<R>,
    ) -> Result<(Made, R)> {
        let signer = self.signer(identity)?;
        let mut salts = Vec::new();
        for _ in 0..hidden.len() {
            salts.push(self.ports.random::<32>()?);
        }
        let (commitments, openings) = make_openings(hidden, || salts.pop().unwrap_or_default());
        if serde_json::to_vec(&openings)?.len() > MAX_OPENINGS_BYTES {
            return Err(EngineError::invalid(
                "the text is too long; write less, or import it as a file",
            ));
        }
        let (seen, clock) = (self.seen()?, self.clock_reading()?);
        let court = match case {
            Some(case) => self.known_case(case)?.map(|known| known.court),
            None => None,
        };
        let nonce = Nonce(self.ports.random()?);
        let link = next_link(transaction)?;
        let statement = Statement {
            body: to_value(body)?,
            case,
            chain: Some(link),
            clock,
            court: court.unwrap_or_else(|| identity.court.clone()),
            device: Some(identity.device),
            hidden: commitments,
            key: identity.key,
            nonce,
            realm: identity.realm,
            seen,
            r#type: T::TYPE.to_owned(),
            unknown: Object::new(),
        };
        let signed = statement.sign(&*signer, openings)?;
        let made = Made {
            hash: signed.hash(),
            seq: link.seq,
            made_ms: statement.clock.wall_ms,
        };
        transaction.execute(
            "INSERT INTO statement(seq, hash, type, case_id, made_ms, bytes, signature, openings, state)
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'pending')",
            params![
                to_sql(link.seq),
                made.hash.0,
                T::TYPE,
                case.map(|case| case.0),
                made.made_ms.0,
                signed.bytes,
                signed.signature.as_der(),
                serde_json::to_string(&signed.openings)?,
            ],
        )?;
        if let Some(anchor) = &statement.clock.anchor {
            transaction
                .prepare_cached("UPDATE anchor SET used = 1 WHERE sha256 = ?1 AND used = 0")?
                .execute([anchor.sha256.0])?;
        }
        let added = with(transaction, made)?;
        Ok((made, added))
    }

    pub(crate) fn signer(&self, identity: &Identity) -> Result<std::sync::Arc<dyn Signer>> {
        let signer = self.ports.secrets.signer()?.ok_or_else(|| {
            EngineError::locked("the device's signing key is missing; enrol the device again")
        })?;
        if signer.public_key().key_id() != identity.key {
            return Err(EngineError::damaged(
                "the signing key is not the one that was enrolled; enrol the device again",
            ));
        }
        Ok(signer)
    }

    /// All clocks now, with the newest anchor of this boot.
    pub fn clock_reading(&self) -> Result<ClockReading> {
        let clock = &self.ports.clock;
        let boot = clock.boot();
        Ok(ClockReading {
            anchor: self.anchor(&boot)?,
            elapsed_ms: clock.elapsed_ms(),
            gnss_ms: None,
            wall_ms: clock.wall_ms(),
            boot,
        })
    }

    /// Statements not answered yet, in chain order, up to a batch's limits. Never skips one (I4).
    pub fn pending_batch(&self, most: usize, most_bytes: usize) -> Result<Vec<OwnStatement>> {
        let mut query = self.db.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM statement WHERE state = 'pending' ORDER BY seq LIMIT ?1"
        ))?;
        let mut rows = query.query([i64::try_from(most).unwrap_or(i64::MAX)])?;
        let (mut batch, mut size) = (Vec::new(), 0_usize);
        while let Some(row) = rows.next()? {
            let own = read_own(row)?;
            // Openings, signature and punctuation beside the bytes.
            let opening_bytes = serde_json::to_vec(&own.signed.openings)?.len();
            size += own.signed.bytes.len() + opening_bytes + 400;
            if size > most_bytes && !batch.is_empty() {
                break;
            }
            batch.push(own);
        }
        Ok(batch)
    }

    /// How many statements wait for an answer.
    pub fn pending_count(&self) -> Result<u64> {
        self.count("SELECT count(*) FROM statement WHERE state = 'pending'")
    }

    pub(crate) fn count(&self, text: &str) -> Result<u64> {
        Ok(from_sql(
            self.db.query_row(text, [], |row| row.get::<_, i64>(0))?,
        ))
    }

    /// One own statement.
    pub fn statement(&self, hash: StatementHash) -> Result<Option<OwnStatement>> {
        let mut query = self
            .db
            .prepare_cached(&format!("SELECT {COLUMNS} FROM statement WHERE hash = ?1"))?;
        let mut rows = query.query([hash.0])?;
        rows.next()?.map(read_own).transpose()
    }

    /// Statements that the court refused or keeps apart, in chain order.
    pub fn troubled(&self) -> Result<Vec<Troubled>> {
        let mut query = self.db.prepare_cached(
            "SELECT seq, hash, type, result FROM statement WHERE state IN ('refused', 'quarantined') ORDER BY seq",
        )?;
        let mut rows = query.query([])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let result = serde_json::from_str::<StatementResult>(&row.get::<_, String>(3)?).ok();
            let reason = match result.map(|result| result.effect) {
                Some(Effect::Held { reason } | Effect::Rejected { reason }) => reason,
                _ => "unknown".to_owned(),
            };
            found.push(Troubled {
                seq: from_sql(row.get(0)?),
                hash: StatementHash(fixed(&row.get::<_, Vec<u8>>(1)?)?),
                r#type: row.get(2)?,
                reason,
            });
        }
        Ok(found)
    }

    /// Own statements of a case in chain order.
    pub fn statements_of(&self, case: CaseId) -> Result<Vec<OwnStatement>> {
        self.statements_where("case_id = ?1", [case.0])
    }

    /// Own statements of a case that may change its file, in chain order.
    pub fn acts_of(&self, case: CaseId) -> Result<Vec<OwnStatement>> {
        self.statements_where(&format!("case_id = ?1 AND {IS_ACT}"), [case.0])
    }

    /// As [`Self::acts_of`], of every case.
    pub fn acts(&self) -> Result<BTreeMap<CaseId, Vec<OwnStatement>>> {
        let mut found = BTreeMap::<CaseId, Vec<OwnStatement>>::new();
        for own in self.statements_where(&format!("case_id IS NOT NULL AND {IS_ACT}"), [])? {
            if let Some(case) = own.case {
                found.entry(case).or_default().push(own);
            }
        }
        Ok(found)
    }

    /// All own statements of one type in chain order.
    pub fn statements_of_type(&self, name: &str) -> Result<Vec<OwnStatement>> {
        self.statements_where("type = ?1", [name])
    }

    fn statements_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<OwnStatement>> {
        let mut query = self.db.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM statement WHERE {condition} ORDER BY seq"
        ))?;
        let mut rows = query.query(values)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read_own(row)?);
        }
        Ok(found)
    }

    /// Stores the court's results. A result for a statement that is not this device's is ignored and counted.
    pub fn record_results(&mut self, results: &[StatementResult]) -> Result<()> {
        let mut unknown = 0_u32;
        let transaction = self.db.transaction()?;
        for result in results {
            if !record_result(&transaction, result)? {
                unknown += 1;
            }
        }
        Self::scrub(&transaction)?;
        transaction.commit()?;
        for _ in 0..unknown {
            self.count_refusal("result_for_unknown_statement")?;
        }
        Ok(())
    }

    /// Of an admitted statement of a case that is no longer granted only number, hash and signature remain (I7).
    pub(crate) fn scrub(db: &rusqlite::Connection) -> Result<()> {
        db.execute(
            "UPDATE statement SET bytes = x'', openings = '{}'
             WHERE state = 'admitted' AND length(bytes) > 0
               AND (case_id IS NOT NULL AND case_id NOT IN (SELECT case_id FROM known_case)
                 OR hash IN (SELECT statement FROM item WHERE case_id IS NOT NULL
                               AND case_id NOT IN (SELECT case_id FROM known_case)))",
            [],
        )?;
        Ok(())
    }

    /// The court misses statements from `expected_seq`: they are sent again. *Errors*: `Damaged` if they are not here.
    pub fn resend_from(&self, expected_seq: u64) -> Result<()> {
        let changed = self.db.execute(
            "UPDATE statement SET state = 'pending' WHERE seq >= ?1 AND state <> 'quarantined'
               AND length(bytes) > 0",
            [to_sql(expected_seq)],
        )?;
        if changed == 0 {
            return Err(EngineError::damaged(
                "the court expects statements that this device does not have; call the court's support",
            ));
        }
        Ok(())
    }
}

/// Stores one result; false if the statement is not here.
pub(crate) fn record_result(db: &rusqlite::Connection, result: &StatementResult) -> Result<bool> {
    let state = match result.admission {
        AdmissionResult::Admitted | AdmissionResult::Duplicate => StatementState::Admitted,
        AdmissionResult::Quarantined => StatementState::Quarantined,
        AdmissionResult::Refused => StatementState::Refused,
    };
    // What was admitted once stays admitted, whatever a later copy of the answer says (I3).
    let changed = db.execute(
        "UPDATE statement SET result = ?3,
           state = CASE WHEN state = 'admitted' THEN state ELSE ?2 END WHERE hash = ?1",
        params![
            result.hash.0,
            state.as_text(),
            serde_json::to_string(result)?
        ],
    )?;
    Ok(changed == 1)
}

fn next_link(transaction: &Transaction<'_>) -> Result<ChainLink> {
    let newest: Option<(i64, Vec<u8>)> = transaction
        .query_row(
            "SELECT seq, hash FROM statement ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let tip = match newest {
        None => ChainTip::EMPTY,
        Some((seq, hash)) => ChainTip {
            seq: from_sql(seq),
            hash: StatementHash(fixed(&hash)?),
        },
    };
    Ok(tip.next_link())
}

fn read_own(row: &Row<'_>) -> Result<OwnStatement> {
    let hash = StatementHash(fixed(&row.get::<_, Vec<u8>>(1)?)?);
    let case = row
        .get::<_, Option<Vec<u8>>>(3)?
        .map(|bytes| fixed(&bytes).map(CaseId))
        .transpose()?;
    let bytes: Vec<u8> = row.get(4)?;
    if !bytes.is_empty() && sha256(&bytes) != hash.0 {
        return Err(EngineError::damaged("a stored statement was changed"));
    }
    let openings: Openings = serde_json::from_str(&row.get::<_, String>(6)?)?;
    let result: String = row.get(8)?;
    Ok(OwnStatement {
        seq: from_sql(row.get(0)?),
        hash,
        r#type: row.get(2)?,
        case,
        signed: Signed {
            bytes,
            signature: Signature::from_der(&row.get::<_, Vec<u8>>(5)?)?,
            openings,
        },
        state: StatementState::from_text(&row.get::<_, String>(7)?),
        result: if result.is_empty() {
            None
        } else {
            Some(serde_json::from_str(&result)?)
        },
    })
}
