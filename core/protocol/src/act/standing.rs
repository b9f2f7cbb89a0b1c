//! An act as it stands: what is in its record, who is there, what was answered.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::state::{ActState, Contribution};
use crate::hash::{ActRecordHash, StatementHash};
use crate::ids::{ActId, AttendeeId, LineId};
use crate::rules::moment::Moment;
use crate::statement::{
    ActClosed, ActKind, ActLineRecorded, ActRefused, ActSigned, ActStep, ActStepRecorded,
    AttendeeRole, Exemption, NodeValue, Presence, Refusal, SignedPaper,
};
use crate::time::UtcMillis;

/// How far an act is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActStatus {
    /// It goes on.
    Open,
    /// Its record stands.
    Closed,
    /// Its record stands, and something came that is not in it.
    ClosedAndMore,
}

/// A person at an act.
#[derive(Debug, Clone, Copy)]
pub struct Attendee<'a> {
    /// His id in the act.
    pub attendee: AttendeeId,
    /// The contribution that says so.
    pub said: &'a Contribution<ActStepRecorded>,
    /// What he is.
    pub roles: &'a [AttendeeRole],
    /// Whether he came.
    pub presence: Presence,
    /// A woman.
    pub female: bool,
}

impl Attendee<'_> {
    /// Came, and is one of these.
    pub fn attended_as(&self, roles: &[AttendeeRole]) -> bool {
        self.presence == Presence::Attended && self.is_one_of(roles)
    }

    /// Is one of these.
    pub fn is_one_of(&self, roles: &[AttendeeRole]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }
}

/// An answer with the contribution that gave it.
type AnswerSaid<'a> = (
    StatementHash,
    &'a NodeValue,
    &'a Contribution<ActStepRecorded>,
);

/// How somebody answered to the wish that he sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// He signed this version.
    Signed,
    /// He refused before a witness, or it was filmed.
    Refused,
}

/// An act as it stands. Of a closed act only what its closing covers counts; of an open one what nothing replaces.
pub struct Standing<'a> {
    /// The act.
    pub act: ActId,
    /// Everything that was recorded.
    pub state: &'a ActState,
    /// What is done, if that is known yet.
    pub kind: Option<ActKind>,
    /// The version that is read out and signed.
    pub record: ActRecordHash,
    /// The closing.
    pub closing: Option<(StatementHash, &'a Contribution<ActClosed>)>,
    /// Contributions that are in the record.
    pub content: BTreeSet<StatementHash>,
    /// What came after the closing, or was left out by it.
    pub late: BTreeSet<StatementHash>,
    /// Answers by question; two where judges contradict each other.
    pub answers: BTreeMap<&'a str, Vec<AnswerSaid<'a>>>,
    /// People in the order of their ids.
    pub attendees: BTreeMap<AttendeeId, Vec<(StatementHash, Attendee<'a>)>>,
    /// Steps that count, in the order of the moments that were given, then of their hashes.
    pub steps: Vec<(StatementHash, &'a Contribution<ActStepRecorded>)>,
    /// What was said of the exemption of each line.
    pub exempt: BTreeMap<LineId, Vec<(StatementHash, Exemption)>>,
    /// Lines in the order of their ids, that of their making.
    pub lines: BTreeMap<LineId, Vec<(StatementHash, &'a Contribution<ActLineRecorded>)>>,
}

impl<'a> Standing<'a> {
    /// Looks at an act.
    pub fn of(act: ActId, state: &'a ActState) -> Self {
        let closing = state.closing().map(|(hash, closing)| (*hash, closing));
        let live = state.content();
        let (content, late) = match closing {
            None => (live, BTreeSet::new()),
            Some((_, closing)) => {
                let covers: BTreeSet<_> = closing.fact.covers.iter().copied().collect();
                let late = live.difference(&covers).copied().collect();
                (covers, late)
            }
        };
        let mut standing = Self {
            act,
            state,
            kind: state.kind(),
            record: state.record(act),
            closing,
            content,
            late,
            answers: BTreeMap::new(),
            attendees: BTreeMap::new(),
            steps: Vec::new(),
            exempt: BTreeMap::new(),
            lines: BTreeMap::new(),
        };
        let state: &'a ActState = state;
        for (hash, said) in &state.steps {
            let counts = match said.fact.step.is_content() {
                true => standing.content.contains(hash),
                false => !state.is_replaced(*hash),
            };
            if !counts {
                continue;
            }
            standing.steps.push((*hash, said));
            match &said.fact.step {
                ActStep::Set { field, value } => standing
                    .answers
                    .entry(field)
                    .or_default()
                    .push((*hash, value, said)),
                ActStep::Present {
                    attendee,
                    female,
                    presence,
                    roles,
                    ..
                } => {
                    let person = Attendee {
                        attendee: *attendee,
                        said,
                        roles,
                        presence: *presence,
                        female: female.unwrap_or(false),
                    };
                    let entry = standing.attendees.entry(*attendee).or_default();
                    entry.push((*hash, person));
                }
                ActStep::Exempt { category, line } => {
                    let entry = standing.exempt.entry(*line).or_default();
                    entry.push((*hash, *category));
                }
                _ => {}
            }
        }
        let made = |(hash, said): &(StatementHash, &Contribution<ActStepRecorded>)| {
            (instant_of(said.fact.at), *hash)
        };
        standing.steps.sort_by_key(made);
        for (hash, said) in &state.lines {
            if standing.content.contains(hash) {
                let entry = standing.lines.entry(said.fact.line).or_default();
                entry.push((*hash, said));
            }
        }
        standing
    }

    /// How far it is.
    pub fn status(&self) -> ActStatus {
        match (self.closing.is_some(), self.late.is_empty()) {
            (false, _) => ActStatus::Open,
            (true, true) => ActStatus::Closed,
            (true, false) => ActStatus::ClosedAndMore,
        }
    }

    /// People, one for each id: of two contradicting statements the one with the smaller hash, until somebody decides.
    pub fn people(&self) -> impl Iterator<Item = &Attendee<'a>> {
        let all = self.attendees.values();
        all.filter_map(|said| said.first().map(|(_, person)| person))
    }

    /// One person.
    pub fn person(&self, attendee: AttendeeId) -> Option<&Attendee<'a>> {
        let said = self.attendees.get(&attendee)?;
        said.first().map(|(_, person)| person)
    }

    /// Lines, one for each id; as [`Self::people`].
    pub fn inventory(&self) -> impl Iterator<Item = &'a Contribution<ActLineRecorded>> + '_ {
        let all = self.lines.values();
        all.filter_map(|said| said.first().map(|(_, line)| *line))
    }

    /// The answer to a question; as [`Self::people`].
    pub fn answer(&self, field: &str) -> Option<&'a NodeValue> {
        let said = self.answers.get(field)?;
        said.first().map(|(_, value, _)| *value)
    }

    /// When a question was answered.
    pub fn answered_at(&self, field: &str) -> Option<Moment> {
        let said = self.answers.get(field)?;
        let moments = said.iter().map(|(_, _, said)| said.fact.at);
        moments.min_by_key(|at| instant_of(*at))
    }

    /// Whether a question was answered yes.
    pub fn says_yes(&self, field: &str) -> bool {
        self.answer(field) == Some(&NodeValue::Flag(true))
    }

    /// Photos of a line.
    pub fn photos(&self, wanted: LineId) -> Vec<StatementHash> {
        self.shots(|_, line| line == Some(wanted))
    }

    /// Pictures that fit.
    pub fn shots(&self, fits: impl Fn(&str, Option<LineId>) -> bool) -> Vec<StatementHash> {
        let mut found = Vec::new();
        for (_, said) in &self.steps {
            if let ActStep::Shot {
                evidence,
                line,
                shot,
            } = &said.fact.step
                && fits(shot, *line)
                && !found.contains(evidence)
            {
                found.push(*evidence);
            }
        }
        found
    }

    /// What was said of a line's exemption.
    pub fn exemptions(&self, wanted: LineId) -> &[(StatementHash, Exemption)] {
        self.exempt.get(&wanted).map_or(&[], Vec::as_slice)
    }

    /// When the act itself was over.
    pub fn ended_at(&self) -> Option<Moment> {
        let mut ends = self
            .steps
            .iter()
            .filter(|(_, said)| matches!(said.fact.step, ActStep::Ended {}));
        ends.next().map(|(_, said)| said.fact.at)
    }

    /// The signature of somebody under a paper of the version that stands.
    pub fn signature(
        &self,
        attendee: AttendeeId,
        paper: SignedPaper,
    ) -> Option<&'a Contribution<ActSigned>> {
        self.state.signatures.values().find(|signed| {
            signed.fact.attendee == attendee
                && signed.fact.record == self.record
                && signed.fact.papers.contains(&paper)
        })
    }

    /// Somebody's refusal of the version that stands, if a witness or evidence shows it.
    pub fn refusal(
        &self,
        attendee: AttendeeId,
        what: Refusal,
    ) -> Option<&'a Contribution<ActRefused>> {
        self.state.refusals.values().find(|refused| {
            refused.fact.attendee == attendee
                && refused.fact.record == self.record
                && refused.fact.what == what
                && self.is_shown(&refused.fact)
        })
    }

    /// Whether somebody who is neither of the court nor the one who refuses saw it, or evidence shows it.
    pub fn is_shown(&self, refused: &ActRefused) -> bool {
        let witness = refused.witness.and_then(|witness| self.person(witness));
        let seen = witness.is_some_and(|witness| {
            witness.attendee != refused.attendee
                && witness.presence == Presence::Attended
                && !witness.roles.iter().any(|role| role.is_of_court())
        });
        seen || refused.evidence.is_some()
    }

    /// How somebody answered to the wish that he sign.
    pub fn signs(&self, attendee: AttendeeId, paper: SignedPaper) -> Option<Answer> {
        if self.signature(attendee, paper).is_some() {
            return Some(Answer::Signed);
        }
        let refused = self.refusal(attendee, Refusal::Sign).is_some();
        refused.then_some(Answer::Refused)
    }

    /// Whether somebody confirmed this version after reading or hearing it.
    pub fn has_read(&self, attendee: AttendeeId) -> bool {
        self.state.steps.iter().any(|(hash, said)| {
            let read = matches!(
                &said.fact.step,
                ActStep::ReadBack { attendee: reader, record, .. }
                    if *reader == attendee && *record == self.record
            );
            read && !self.state.is_replaced(*hash)
        })
    }

    /// Different recorders that ran.
    pub fn recorders(&self) -> BTreeSet<&'a str> {
        let state: &'a ActState = self.state;
        let counted = state
            .steps
            .iter()
            .filter(|(hash, _)| self.content.contains(hash));
        counted
            .filter_map(|(_, said)| match &said.fact.step {
                ActStep::Recorder { recorder, .. } => Some(recorder.as_str()),
                _ => None,
            })
            .collect()
    }

    /// Confirmations of the version that stands from another device than the one that closed it, or that began it.
    pub fn countersigned(&self) -> bool {
        let own = match (self.closing, self.state.start()) {
            (Some((_, closing)), _) => closing.device,
            (None, Some(start)) => start.device,
            (None, None) => return false,
        };
        let all = self.state.countersigns.values();
        all.filter(|said| said.fact.record == self.record)
            .any(|said| said.device != own)
    }

    /// Contributions that contradict each other, group by group.
    pub fn conflicts(&self) -> Vec<Vec<StatementHash>> {
        let mut found: Vec<Vec<StatementHash>> = Vec::new();
        for said in self.answers.values() {
            let mut values = said.iter().map(|(_, value, _)| *value);
            let first = values.next();
            let differ = values.any(|value| Some(value) != first)
                || said.iter().any(|(_, _, said)| !said.members.is_empty());
            if said.len() > 1 && differ {
                found.push(said.iter().map(|(hash, _, _)| *hash).collect());
            }
        }
        for said in self.attendees.values().filter(|said| said.len() > 1) {
            found.push(said.iter().map(|(hash, _)| *hash).collect());
        }
        for (line, said) in &self.lines {
            if said.len() > 1 {
                found.push(said.iter().map(|(hash, _)| *hash).collect());
            }
            let exemptions = self.exemptions(*line);
            let first = exemptions.first().map(|(_, category)| *category);
            if exemptions
                .iter()
                .any(|(_, category)| Some(*category) != first)
            {
                found.push(exemptions.iter().map(|(hash, _)| *hash).collect());
            }
        }
        let ends: Vec<StatementHash> = self
            .steps
            .iter()
            .filter(|(_, said)| matches!(said.fact.step, ActStep::Ended {}))
            .map(|(hash, _)| *hash)
            .collect();
        if ends.len() > 1 {
            found.push(ends);
        }
        found
    }
}

/// A moment as an instant; a day begins at its midnight in China.
pub(super) fn instant_of(at: Moment) -> UtcMillis {
    match at {
        Moment::Instant(at) => at,
        Moment::Day(date) => date.shanghai_start(),
    }
}
