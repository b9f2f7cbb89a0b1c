//! The audit: reads the whole store and says whether it proves itself.
//!
//! Nothing is believed because it stands in a table: signatures, chains, the log's tree, receipts and stored files are computed again. It
//! reads in one transaction, so a running server does not disturb it, and it changes nothing.

mod evidence;
mod statements;

use serde::Serialize;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::event::{Event, Head};
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::trust::Trust;

use crate::court::Court;
use crate::problem::{Answer, Failure};
use crate::store::Tx;

/// Most findings that are told one by one.
const MOST_FINDINGS: usize = 1000;
/// Rows that are read at once.
const PAGE: u64 = 1000;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The root keys and the trust document.
    Trust,
    /// A statement: its bytes, signature, openings or place.
    Statement,
    /// The chain of a device.
    Chain,
    /// The log: its tree, checkpoint or time marks.
    Log,
    /// A published file of the log.
    Tile,
    /// The events of a case.
    Case,
    /// A storage receipt.
    Receipt,
    /// A stored file.
    Object,
    /// The access chain of a court.
    Access,
}

/// Something that does not prove itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub part: Part,
    /// Which one: a hash, a number, a file.
    pub which: String,
    /// What is wrong.
    pub problem: String,
}

/// What was looked at and what was found.
#[derive(Debug, Default, Serialize)]
pub struct Audit {
    /// Root keys, present and past, each of which leads to the one in use.
    pub roots: u64,
    /// Statements whose bytes, signature, openings and place were checked.
    pub statements: u64,
    /// Leaves of the log computed again.
    pub leaves: u64,
    /// Files of the log compared.
    pub tiles: u64,
    /// Time marks verified.
    pub time_marks: u64,
    /// Cases.
    pub cases: u64,
    /// Their events.
    pub events: u64,
    /// Storage receipts verified.
    pub receipts: u64,
    /// Stored files found.
    pub objects: u64,
    /// Bytes of them that were read again; none unless asked for.
    pub read_bytes: u64,
    /// Files of the store that nothing names, left behind by a kill while something was kept; counted only where bytes are read.
    pub unnamed_objects: u64,
    /// Records of looks at case files.
    pub access_records: u64,
    /// What does not prove itself, at most the first thousand.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub found: u64,
}

impl Audit {
    fn find(&mut self, part: Part, which: impl ToString, problem: impl ToString) {
        self.found += 1;
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding {
                part,
                which: which.to_string(),
                problem: problem.to_string(),
            });
        }
    }

    /// Whether everything proves itself.
    pub fn is_sound(&self) -> bool {
        self.found == 0
    }
}

/// How far it is, for a progress display.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// What is looked at.
    pub part: Part,
    /// How many were.
    pub done: u64,
}

/// One run.
struct Run<'r> {
    court: &'r Court,
    tx: Tx,
    trust: Trust,
    audit: Audit,
    progress: &'r mut (dyn FnMut(Progress) + Send),
}

impl Run<'_> {
    fn tell(&mut self, part: Part, done: u64) {
        (self.progress)(Progress { part, done });
    }
}

/// Audits the whole court. `deep` reads every stored file again.
///
/// *Errors*: a fault of the store; damage that is found is no error but a finding.
pub async fn run(
    court: &Court,
    deep: bool,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Answer<Audit> {
    let trust = court.trust().await?;
    let mut run = Run {
        court,
        tx: court.db.begin_read().await?,
        trust,
        audit: Audit::default(),
        progress,
    };
    run.roots()?;
    run.statements().await?;
    run.tiles().await?;
    run.cases().await?;
    run.evidence(deep).await?;
    run.access().await?;
    Ok(run.audit)
}

impl Run<'_> {
    /// Whoever trusts one of the root keys believes the trust document of today.
    fn roots(&mut self) -> Answer<()> {
        let document =
            SignedDocument::sign(&self.trust, &self.court.keys.root).map_err(Failure::internal)?;
        for root in self.court.keys.roots() {
            self.audit.roots += 1;
            if let Err(error) = Trust::verify(&document, root.fingerprint(), None) {
                let which = format!("root key {}", root.fingerprint());
                self.audit.find(Part::Trust, which, error);
            }
        }
        Ok(())
    }

    /// Each case's events follow each other up to its head, and each has a cause that was admitted.
    async fn cases(&mut self) -> Answer<()> {
        let rows = self
            .tx
            .rows(
                "SELECT case_id, head_seq, head_hash FROM cases ORDER BY case_id",
                &[],
            )
            .await?;
        for row in &rows {
            let case: CaseId = row.parse(0)?;
            let named = Head {
                seq: row.count(1)?,
                hash: row.parse(2)?,
            };
            let mut head = Head::EMPTY;
            let events = self
                .tx
                .rows(
                    "SELECT e.bytes, e.seq FROM events e WHERE e.case_id = $1 ORDER BY e.seq",
                    &[case.into()],
                )
                .await?;
            for event in &events {
                match head.follow(case, &event.bytes(0)?) {
                    Ok(event) => self.cause(case, &event).await?,
                    Err(error) => {
                        let which = format!("{case} event {}", event.count(1)?);
                        self.audit.find(Part::Case, which, error);
                        break;
                    }
                }
                self.audit.events += 1;
            }
            if head != named {
                let problem = format!(
                    "its events end at number {}, its head names number {} or another hash",
                    head.seq, named.seq
                );
                self.audit.find(Part::Case, case, problem);
            }
            self.audit.cases += 1;
            self.tell(Part::Case, self.audit.cases);
        }
        Ok(())
    }

    async fn cause(&mut self, case: CaseId, event: &Event) -> Answer<()> {
        let known = self
            .tx
            .row(
                "SELECT 1 FROM statements WHERE hash = $1",
                &[event.cause.into()],
            )
            .await?;
        if known.is_none() {
            let which = format!("{case} event {}", event.seq);
            let problem = format!("the statement {} that caused it is not here", event.cause);
            self.audit.find(Part::Case, which, problem);
        }
        Ok(())
    }

    /// The records of looks follow each other, court by court.
    async fn access(&mut self) -> Answer<()> {
        let courts = self
            .tx
            .rows("SELECT DISTINCT court FROM access_log ORDER BY court", &[])
            .await?;
        for row in &courts {
            let court = row.text(0)?;
            let (mut seq, mut prev) = (0_u64, Sha256Digest([0; 32]));
            loop {
                let page = self
                    .tx
                    .rows(
                        "SELECT seq, prev, entry FROM access_log WHERE court = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                        &[court.as_str().into(), seq.into(), PAGE.into()],
                    )
                    .await?;
                if page.is_empty() {
                    break;
                }
                for record in &page {
                    let (number, named, entry) =
                        (record.count(0)?, record.text(1)?, record.text(2)?);
                    let inside = serde_json::from_str::<serde_json::Value>(&entry)
                        .ok()
                        .and_then(|entry| entry.get("prev")?.as_str().map(str::to_owned));
                    let expected = prev.to_string();
                    if number != seq + 1 || named != expected || inside != Some(expected) {
                        let which = format!("{court} record {number}");
                        let problem = format!("it does not follow record {seq}");
                        self.audit.find(Part::Access, which, problem);
                    }
                    seq = number;
                    prev = Sha256Digest::of(entry.as_bytes());
                    self.audit.access_records += 1;
                }
                self.tell(Part::Access, self.audit.access_records);
            }
        }
        Ok(())
    }
}

fn damaged(error: impl ToString) -> Failure {
    Failure::internal(error.to_string())
}
