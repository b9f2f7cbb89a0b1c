//! The access chain: who looked at which personal data, per court, hash-chained (I13).

use zhixing_protocol::canonical::{self, Value};
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::{CaseId, StaffId};

use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::store::Tx;

/// Records one look. Done before anything is shown.
pub async fn record(
    court: &Court,
    court_word: &str,
    staff: StaffId,
    case: CaseId,
    what: &str,
) -> Answer<()> {
    record_all(court, staff, &[(court_word.to_owned(), case)], what).await
}

/// Records a look at several cases, each in the chain of its court, in one transaction.
pub async fn record_all(
    court: &Court,
    staff: StaffId,
    cases: &[(String, CaseId)],
    what: &str,
) -> Answer<()> {
    if cases.is_empty() {
        return Ok(());
    }
    let mut tx = court.db.begin_write().await?;
    for (word, case) in cases {
        append(court, &mut tx, word, staff, Some(*case), what).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Records that something about a person's own access was changed, in the transaction that changes it.
pub async fn record_change(
    court: &Court,
    tx: &mut Tx,
    court_word: &str,
    staff: StaffId,
    what: &str,
) -> Answer<()> {
    append(court, tx, court_word, staff, None, what).await
}

async fn append(
    court: &Court,
    tx: &mut Tx,
    court_word: &str,
    staff: StaffId,
    case: Option<CaseId>,
    what: &str,
) -> Answer<()> {
    let last = tx
        .row(
            "SELECT seq, entry FROM access_log WHERE court = $1 ORDER BY seq DESC LIMIT 1",
            &[court_word.into()],
        )
        .await?;
    let (seq, prev) = match last {
        Some(row) => (row.count(0)? + 1, Sha256Digest::of(row.text(1)?.as_bytes())),
        None => (1, Sha256Digest([0; 32])),
    };
    let entry = canonical::Object::from([
        ("at_ms".to_owned(), Value::Integer(court.now().0)),
        (
            "case".to_owned(),
            case.map_or(Value::Null, |case| Value::Text(case.to_string())),
        ),
        ("prev".to_owned(), Value::Text(prev.to_string())),
        ("staff".to_owned(), Value::Text(staff.to_string())),
        ("what".to_owned(), Value::from(what)),
    ]);
    let entry = String::from_utf8(Value::Object(entry).to_bytes()).map_err(Failure::internal)?;
    tx.execute(
        "INSERT INTO access_log (court, seq, prev, entry) VALUES ($1, $2, $3, $4)",
        &[court_word.into(), seq.into(), prev.into(), entry.into()],
    )
    .await?;
    Ok(())
}
