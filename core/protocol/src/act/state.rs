//! The contributions to an act, and what they add up to. Nothing here depends on their order.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::canonical::Value;
use crate::case::HiddenValues;
use crate::event::{ByDevice, Event, EventBody};
use crate::hash::{ActRecordHash, StatementHash, sha256};
use crate::ids::{ActId, DeviceId};
use crate::statement::{
    ActClosed, ActCorrected, ActCountersigned, ActKind, ActLineRecorded, ActRefused, ActSigned,
    ActStarted, ActStep, ActStepRecorded,
};
use crate::time::UtcMillis;

/// Separates hashes of records from all others.
const DOMAIN: &[u8] = b"zx-act-record/1\0";

/// One statement's part in an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contribution<T> {
    /// Number of the event.
    pub seq: u64,
    /// When the court numbered it.
    pub at_ms: UtcMillis,
    /// The device it was made on.
    pub device: DeviceId,
    /// Hidden values held.
    pub hidden: HiddenValues,
    /// Names of its hidden members, held or not.
    pub members: BTreeSet<String>,
    /// What it says.
    pub fact: T,
}

impl<T> Contribution<T> {
    /// A hidden value that is a text.
    pub fn hidden_text(&self, name: &str) -> Option<&str> {
        self.hidden.get(name)?.as_text()
    }
}

type All<T> = BTreeMap<StatementHash, Contribution<T>>;

/// Everything that was recorded of one act, by the statement that recorded it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ActState {
    pub(super) starts: All<ActStarted>,
    pub(super) steps: All<ActStepRecorded>,
    pub(super) lines: All<ActLineRecorded>,
    pub(super) signatures: All<ActSigned>,
    pub(super) refusals: All<ActRefused>,
    pub(super) closings: All<ActClosed>,
    pub(super) corrections: All<ActCorrected>,
    pub(super) countersigns: All<ActCountersigned>,
    /// What a later contribution replaces. The contribution itself stays.
    pub(super) replaced: BTreeSet<StatementHash>,
}

impl ActState {
    /// How it began; none while the device that began it has not been heard of.
    pub fn start(&self) -> Option<&Contribution<ActStarted>> {
        self.starts.values().next()
    }

    /// What is done; a closing says so too.
    pub fn kind(&self) -> Option<ActKind> {
        let started = self.start().map(|start| start.fact.kind);
        started.or_else(|| self.closing().map(|(_, closing)| closing.fact.kind))
    }

    /// The closing that stands: the one that covers most. Two judges who close the same version agree.
    pub fn closing(&self) -> Option<(&StatementHash, &Contribution<ActClosed>)> {
        self.closings
            .iter()
            .max_by_key(|(hash, closing)| (closing.fact.covers.len(), **hash))
    }

    /// Every contribution that belongs into the record and that no other replaces.
    pub fn content(&self) -> BTreeSet<StatementHash> {
        let steps = self
            .steps
            .iter()
            .filter(|(_, step)| step.fact.step.is_content());
        let hashes = steps.map(|(hash, _)| hash);
        hashes
            .chain(self.starts.keys())
            .chain(self.lines.keys())
            .filter(|hash| !self.replaced.contains(hash))
            .copied()
            .collect()
    }

    /// Drafted or closed, the version that is read out and signed now.
    pub fn record(&self, act: ActId) -> ActRecordHash {
        match self.closing() {
            Some((_, closing)) => closing.fact.record,
            None => record_hash(act, &self.content()),
        }
    }

    /// Every contribution with the moment its maker gave it and its place in the court's numbers.
    pub fn statements(&self) -> BTreeSet<StatementHash> {
        self.starts
            .keys()
            .chain(self.steps.keys())
            .chain(self.lines.keys())
            .chain(self.signatures.keys())
            .chain(self.refusals.keys())
            .chain(self.closings.keys())
            .chain(self.corrections.keys())
            .chain(self.countersigns.keys())
            .copied()
            .collect()
    }

    /// Whether a later contribution replaced this one.
    pub fn is_replaced(&self, hash: StatementHash) -> bool {
        self.replaced.contains(&hash)
    }

    /// Corrections that were added to the closed record, oldest id first.
    pub fn corrections(
        &self,
    ) -> impl Iterator<Item = (&StatementHash, &Contribution<ActCorrected>)> {
        self.corrections.iter()
    }

    /// Steps, replaced ones too.
    pub fn steps(&self) -> impl Iterator<Item = (&StatementHash, &Contribution<ActStepRecorded>)> {
        self.steps.iter()
    }

    /// Lines of the inventory in all their versions.
    pub fn lines(&self) -> impl Iterator<Item = (&StatementHash, &Contribution<ActLineRecorded>)> {
        self.lines.iter()
    }

    /// Signatures for any version.
    pub fn signatures(&self) -> impl Iterator<Item = (&StatementHash, &Contribution<ActSigned>)> {
        self.signatures.iter()
    }

    /// Refusals for any version.
    pub fn refusals(&self) -> impl Iterator<Item = (&StatementHash, &Contribution<ActRefused>)> {
        self.refusals.iter()
    }

    /// Confirmations of second officers for any version.
    pub fn countersigns(
        &self,
    ) -> impl Iterator<Item = (&StatementHash, &Contribution<ActCountersigned>)> {
        self.countersigns.iter()
    }
}

/// Stands for these contributions and no others: each hash covers what the statement says, hidden members included.
pub fn record_hash(act: ActId, covers: &BTreeSet<StatementHash>) -> ActRecordHash {
    let hashes = covers.iter().map(|hash| Value::Text(hash.to_string()));
    let value = Value::Array(vec![
        Value::Text(act.to_string()),
        Value::Array(hashes.collect()),
    ]);
    let mut bytes = DOMAIN.to_vec();
    bytes.extend_from_slice(&value.to_bytes());
    ActRecordHash(sha256(&bytes))
}

impl ActStep {
    /// Whether it belongs into the record; reading, signing and handing over come after it.
    pub fn is_content(&self) -> bool {
        match self {
            Self::ReadBack { .. } | Self::Handed { .. } | Self::Withdrawn {} => false,
            Self::Shot { shot, .. } => shot != "signed_paper" && shot != "handed",
            // What is reported after the record is closed: the family was told, the detention ended.
            Self::Set { field, .. } => {
                field != "family_told"
                    && field != "family_unreachable"
                    && field != "detention_ended"
            }
            _ => true,
        }
    }
}

impl ActClosed {
    /// Whether its hash is that of what it covers.
    pub fn is_sound(&self) -> bool {
        let covers: BTreeSet<StatementHash> = self.covers.iter().copied().collect();
        crate::statement::is_set(&self.covers) && record_hash(self.act, &covers) == self.record
    }
}

/// All acts of a case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Acts(BTreeMap<ActId, ActState>);

impl Acts {
    /// By id, which is the order of their making.
    pub fn iter(&self) -> impl Iterator<Item = (ActId, &ActState)> {
        self.0.iter().map(|(act, state)| (*act, state))
    }

    /// One act.
    pub fn get(&self, act: ActId) -> Option<&ActState> {
        self.0.get(&act)
    }

    /// Takes in an event; gives the act it is about, none for other events.
    pub(crate) fn take_in(
        &mut self,
        event: &Event,
        body: &EventBody,
        hidden: &HiddenValues,
    ) -> Option<ActId> {
        let cause = event.cause;
        match body {
            EventBody::ActStarted(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                put(&mut act.starts, cause, event, fact, hidden);
                Some(fact.fact.act)
            }
            EventBody::ActStepRecorded(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                act.replaced.extend(fact.fact.replaces.iter().copied());
                put(&mut act.steps, cause, event, fact, hidden);
                Some(fact.fact.act)
            }
            EventBody::ActLineRecorded(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                act.replaced.extend(fact.fact.replaces.iter().copied());
                put(&mut act.lines, cause, event, fact, hidden);
                Some(fact.fact.act)
            }
            EventBody::ActSigned(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                put(&mut act.signatures, cause, event, fact, hidden);
                Some(fact.fact.act)
            }
            EventBody::ActRefused(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                put(&mut act.refusals, cause, event, fact, hidden);
                Some(fact.fact.act)
            }
            EventBody::ActClosed(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                if fact.fact.is_sound() {
                    put(&mut act.closings, cause, event, fact, hidden);
                }
                Some(fact.fact.act)
            }
            EventBody::ActCorrected(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                put(&mut act.corrections, cause, event, fact, hidden);
                Some(fact.fact.act)
            }
            EventBody::ActCountersigned(fact) => {
                let act = self.0.entry(fact.fact.act).or_default();
                put(&mut act.countersigns, cause, event, fact, hidden);
                Some(fact.fact.act)
            }
            _ => None,
        }
    }
}

fn put<T: Clone>(
    all: &mut All<T>,
    cause: StatementHash,
    event: &Event,
    said: &ByDevice<T>,
    hidden: &HiddenValues,
) {
    let contribution = Contribution {
        seq: event.seq,
        at_ms: event.at_ms,
        device: said.device,
        hidden: hidden.clone(),
        members: event.hidden.keys().cloned().collect(),
        fact: said.fact.clone(),
    };
    all.insert(cause, contribution);
}
