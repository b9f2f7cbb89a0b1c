//! The state of a case: the reducer over its events. Pure and total; the same on server and device.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::facts::LegalFacts;
use super::funds::CaseFunds;
use crate::act::{Acts, Standing, facts_of};
use crate::canonical::Value;
use crate::event::{Event, EventBody, EvidenceReceived, EvidenceSealed, RecordingClosed};
use crate::hash::StatementHash;
use crate::ids::{ActId, DocumentId, NoteId, PartyId, RecordingId, StaffId};
use crate::statement::{CaseFiled, CaseRole, DocumentAdded, Openings, PaperMade, PartyAdded};
use crate::time::{Date, UtcMillis};

/// Version of this reducer. A device that holds projections of another version rebuilds them (I5).
pub const REDUCER_VERSION: u32 = 5;

/// Values of hidden members that this copy holds; a missing one is withheld or erased.
pub type HiddenValues = BTreeMap<String, Value>;

/// Facts every entry carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry<T> {
    /// Number of the event.
    pub seq: u64,
    /// Legal date.
    pub occurred_on: Date,
    /// When the court numbered it.
    pub at_ms: UtcMillis,
    /// The statement that caused it.
    pub cause: StatementHash,
    /// Hidden values held.
    pub hidden: HiddenValues,
    /// What the event says.
    pub body: T,
}

impl<T> Entry<T> {
    /// A hidden value that is a text.
    pub fn hidden_text(&self, name: &str) -> Option<&str> {
        self.hidden.get(name)?.as_text()
    }
}

/// An evidence item of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceEntry {
    /// The sealing event.
    pub sealed: Entry<EvidenceSealed>,
    /// The check of the bytes, once the court holds them.
    pub received: Option<EvidenceReceived>,
}

/// A person of the court on the case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaffEntry {
    /// What the person does.
    pub role: CaseRole,
    /// Name, if held.
    pub name: Option<String>,
    /// Since when.
    pub since: Date,
}

/// The state of one case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CaseState {
    filed: Option<Entry<CaseFiled>>,
    staff: BTreeMap<StaffId, StaffEntry>,
    parties: BTreeMap<PartyId, Entry<PartyAdded>>,
    documents: BTreeMap<DocumentId, Entry<DocumentAdded>>,
    /// Every version of each paper, oldest first.
    papers: BTreeMap<DocumentId, Vec<Entry<PaperMade>>>,
    notes: BTreeMap<NoteId, Entry<()>>,
    evidence: BTreeMap<StatementHash, EvidenceEntry>,
    recordings: BTreeMap<RecordingId, RecordingClosed>,
    facts: LegalFacts,
    acts: Acts,
    funds: CaseFunds,
    /// Kind of every event by number, to judge corrections.
    kinds: BTreeMap<u64, String>,
    corrected: BTreeSet<u64>,
    newest_seq: u64,
    newest_at_ms: UtcMillis,
}

impl CaseState {
    /// Takes in one event with the openings of its causing statement that this copy holds.
    ///
    /// Total: an unknown kind or malformed body changes nothing but the count (I14).
    pub fn apply(&mut self, event: &Event, openings: &Openings) {
        self.newest_seq = event.seq;
        self.newest_at_ms = event.at_ms;
        self.kinds.insert(event.seq, event.kind.clone());
        if let Some(seq) = event.corrects {
            self.retract(seq);
        }
        let hidden: HiddenValues = event
            .hidden
            .iter()
            .filter_map(|(name, place)| {
                let opening = openings.get(&place.member)?;
                (opening.derive_commitment(&place.member) == place.commitment)
                    .then(|| (name.clone(), opening.value.clone()))
            })
            .collect();
        let Ok(body) = event.body() else { return };
        self.facts.take_in(event, &body);
        let act = self.acts.take_in(event, &body, &hidden);
        if self.funds.take_in(event, &body, &hidden) {
            self.facts.follow_funds(self.funds.facts());
        }
        let adds_party = matches!(body, EventBody::PartyAdded(_));
        match body {
            EventBody::CaseFiled(filed) => self.filed = Some(entry(event, hidden, filed)),
            EventBody::CaseAssigned(assigned) => {
                let name = hidden
                    .get("name")
                    .and_then(Value::as_text)
                    .map(str::to_owned);
                let member = StaffEntry {
                    role: assigned.role,
                    name,
                    since: event.occurred_on,
                };
                if assigned.role == CaseRole::Handler {
                    // One case has one handler: the newest.
                    self.staff
                        .retain(|_, other| other.role != CaseRole::Handler);
                }
                self.staff.insert(assigned.staff, member);
            }
            EventBody::CaseReleased(released) => {
                self.staff.remove(&released.staff);
            }
            EventBody::PartyAdded(party) => {
                self.parties
                    .insert(party.party, entry(event, hidden, party));
            }
            EventBody::DocumentAdded(document) => {
                self.documents
                    .insert(document.document, entry(event, hidden, document));
            }
            EventBody::PaperMade(paper) => {
                self.papers
                    .entry(paper.document)
                    .or_default()
                    .push(entry(event, hidden, paper));
            }
            EventBody::NoteAdded(note) => {
                self.notes.insert(note.note, entry(event, hidden, ()));
            }
            EventBody::EvidenceSealed(sealed) => {
                let statement = sealed.statement;
                let sealed = entry(event, hidden, sealed);
                self.evidence.insert(
                    statement,
                    EvidenceEntry {
                        sealed,
                        received: None,
                    },
                );
            }
            EventBody::EvidenceReceived(received) => {
                if let Some(item) = self.evidence.get_mut(&received.statement) {
                    item.received = Some(received);
                }
            }
            EventBody::RecordingClosed(closed) => {
                self.recordings.insert(closed.recording, closed);
            }
            EventBody::NodeRecorded(_)
            | EventBody::MeasureTaken(_)
            | EventBody::MeasureRenewed(_)
            | EventBody::MeasureReleased(_)
            | EventBody::PauseBegun(_)
            | EventBody::PauseEnded(_)
            | EventBody::ActStarted(_)
            | EventBody::ActStepRecorded(_)
            | EventBody::ActLineRecorded(_)
            | EventBody::ActSigned(_)
            | EventBody::ActRefused(_)
            | EventBody::ActClosed(_)
            | EventBody::ActCorrected(_)
            | EventBody::ActCountersigned(_)
            | EventBody::FundsReceived(_)
            | EventBody::FundsConfirmed(_)
            | EventBody::FundsClaimed(_)
            | EventBody::FundsReturned(_)
            | EventBody::FundsRequested(_)
            | EventBody::FundsDecided(_)
            | EventBody::FundsPaid(_)
            | EventBody::FundsFailed(_)
            | EventBody::Unknown => {}
        }
        if let Some(act) = act {
            self.follow_act(act);
        } else if adds_party {
            // Who must be at an act depends on whether the respondent is a person.
            let acts: Vec<ActId> = self.acts.iter().map(|(act, _)| act).collect();
            for act in acts {
                self.follow_act(act);
            }
        }
    }

    /// The nodes that follow from an act are made anew from the act as it stands.
    fn follow_act(&mut self, act: ActId) {
        let Some(state) = self.acts.get(act) else {
            return;
        };
        let facts = facts_of(&Standing::of(act, state), self);
        self.facts.follow_act(act, facts);
    }

    /// What was filed, if the filing event was seen.
    pub fn filed(&self) -> Option<&CaseFiled> {
        self.filed.as_ref().map(|entry| &entry.body)
    }

    /// The filing event.
    pub fn filing(&self) -> Option<&Entry<CaseFiled>> {
        self.filed.as_ref()
    }

    /// People of the court on the case.
    pub fn staff(&self) -> &BTreeMap<StaffId, StaffEntry> {
        &self.staff
    }

    /// What somebody does on the case.
    pub fn staff_role(&self, staff: StaffId) -> Option<CaseRole> {
        self.staff.get(&staff).map(|member| member.role)
    }

    /// The case handler.
    pub fn handler(&self) -> Option<(StaffId, &StaffEntry)> {
        self.staff
            .iter()
            .find(|(_, member)| member.role == CaseRole::Handler)
            .map(|(id, member)| (*id, member))
    }

    /// Parties in the order of their ids, which is that of their making.
    pub fn parties(&self) -> impl Iterator<Item = &Entry<PartyAdded>> {
        self.parties.values()
    }

    /// One party.
    pub fn party(&self, party: PartyId) -> Option<&Entry<PartyAdded>> {
        self.parties.get(&party)
    }

    /// Documents in the order of their ids.
    pub fn documents(&self) -> impl Iterator<Item = &Entry<DocumentAdded>> {
        self.documents.values()
    }

    /// One document.
    pub fn document(&self, document: DocumentId) -> Option<&Entry<DocumentAdded>> {
        self.documents.get(&document)
    }

    /// Papers of the court, each with all its versions, oldest first.
    pub fn papers(&self) -> impl Iterator<Item = (DocumentId, &[Entry<PaperMade>])> {
        self.papers
            .iter()
            .map(|(id, versions)| (*id, versions.as_slice()))
    }

    /// The newest version of a paper.
    pub fn paper(&self, document: DocumentId) -> Option<&Entry<PaperMade>> {
        self.papers.get(&document)?.last()
    }

    /// Notes that no later event replaced, in the order of their ids.
    pub fn notes(&self) -> impl Iterator<Item = (NoteId, &Entry<()>)> {
        self.notes.iter().map(|(id, entry)| (*id, entry))
    }

    /// One note.
    pub fn note(&self, note: NoteId) -> Option<&Entry<()>> {
        self.notes.get(&note)
    }

    /// All evidence by the statement that sealed it.
    pub fn all_evidence(&self) -> &BTreeMap<StatementHash, EvidenceEntry> {
        &self.evidence
    }

    /// One evidence item.
    pub fn evidence(&self, statement: StatementHash) -> Option<&EvidenceEntry> {
        self.evidence.get(&statement)
    }

    /// Closed recordings.
    pub fn recordings(&self) -> &BTreeMap<RecordingId, RecordingClosed> {
        &self.recordings
    }

    /// What has happened as rules of law read it.
    pub fn facts(&self) -> &LegalFacts {
        &self.facts
    }

    /// Acts on site.
    pub fn acts(&self) -> &Acts {
        &self.acts
    }

    /// The money of the case.
    pub fn funds(&self) -> &CaseFunds {
        &self.funds
    }

    /// Number of the newest event; 0 if there is none.
    pub fn newest_seq(&self) -> u64 {
        self.newest_seq
    }

    /// When the newest event was numbered.
    pub fn newest_at_ms(&self) -> UtcMillis {
        self.newest_at_ms
    }

    /// Whether event `seq` is of `kind` and was not replaced yet.
    pub fn can_correct(&self, seq: u64, kind: &str) -> bool {
        self.kinds.get(&seq).is_some_and(|known| known == kind) && !self.corrected.contains(&seq)
    }

    /// Whether a later event replaced event `seq`.
    pub fn is_corrected(&self, seq: u64) -> bool {
        self.corrected.contains(&seq)
    }

    fn retract(&mut self, seq: u64) {
        self.corrected.insert(seq);
        self.notes.retain(|_, entry| entry.seq != seq);
        self.parties.retain(|_, entry| entry.seq != seq);
        self.documents.retain(|_, entry| entry.seq != seq);
        self.facts.retract(seq);
    }
}

fn entry<T>(event: &Event, hidden: HiddenValues, body: T) -> Entry<T> {
    Entry {
        seq: event.seq,
        occurred_on: event.occurred_on,
        at_ms: event.at_ms,
        cause: event.cause,
        hidden,
        body,
    }
}
