//! What has happened in a case as rules of law read it: every uncorrected fact with its code, its legal moment and its fields.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::canonical::Value;
use crate::event::{Event, EventBody};
use crate::ids::ActId;
use crate::rules::moment::Moment;
use crate::rules::span::Span;
use crate::statement::{MeasureKind, MeasureTarget, NodeValue};
use crate::time::Date;

/// One fact. A correction replaces it, so that only what holds is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegalFact {
    /// Number of the event.
    pub seq: u64,
    /// The node's code, or the kind of the event, such as `measure.taken`.
    pub code: String,
    /// When it happened in law.
    pub at: Moment,
    /// What it is about, as the text of an id; none if it is about the case.
    pub subject: Option<String>,
    /// Fields that selectors of rules may ask for, as texts.
    pub fields: BTreeMap<String, String>,
}

impl LegalFact {
    /// A field's text.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// A field that is a date.
    pub fn date(&self, name: &str) -> Option<Date> {
        self.field(name)?.parse().ok()
    }
}

/// A control measure with its renewals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measure {
    /// Number of the event that took it.
    pub seq: u64,
    /// Its id, as text.
    pub measure: String,
    /// What it does.
    pub kind: MeasureKind,
    /// What it holds.
    pub target: MeasureTarget,
    /// Place in the queue.
    pub rank: u32,
    /// When it took effect.
    pub at: Moment,
    /// Last day in force, renewals counted in.
    pub until: Date,
    /// How often it was renewed.
    pub renewals: u32,
    /// When it was released.
    pub released: Option<Moment>,
}

/// A pause of clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Its id, as text.
    pub pause: String,
    /// Code of the ground.
    pub reason: String,
    /// First day that does not count.
    pub from: Date,
    /// Last day that does not count; none while it lasts.
    pub to: Option<Date>,
    /// Whether a paper shows it.
    pub has_document: bool,
}

impl Pause {
    /// The days that do not count as far as `today`; none if it has not begun or ends before it begins.
    pub fn span(&self, today: Date) -> Option<Span> {
        Span::new(self.from, self.to.unwrap_or(today)).ok()
    }
}

/// All facts of a case in the order of their events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LegalFacts {
    facts: Vec<LegalFact>,
    measures: BTreeMap<u64, (MeasureKind, MeasureTarget, u32)>,
    /// Facts that follow from acts on site.
    of_acts: BTreeMap<ActId, Vec<LegalFact>>,
    /// Facts that follow from the money of the case.
    of_funds: Vec<LegalFact>,
}

impl LegalFacts {
    /// The recorded facts in order, then those that follow from acts on site and from money.
    pub fn iter(&self) -> impl Iterator<Item = &LegalFact> {
        self.facts
            .iter()
            .chain(self.of_acts.values().flatten())
            .chain(&self.of_funds)
    }

    /// The facts of one code, as [`Self::iter`].
    pub fn of<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a LegalFact> {
        self.iter().filter(move |fact| fact.code == code)
    }

    /// Replaces what follows from an act.
    pub(super) fn follow_act(&mut self, act: ActId, facts: Vec<LegalFact>) {
        self.of_acts.insert(act, facts);
    }

    /// Replaces what follows from money.
    pub(super) fn follow_funds(&mut self, facts: Vec<LegalFact>) {
        self.of_funds = facts;
    }

    /// Whether a recorded fact is here already, said by another statement.
    pub fn holds(&self, event: &EventBody) -> bool {
        let Some(wanted) = self.recorded(0, event) else {
            return false;
        };
        self.facts.iter().any(|fact| {
            fact.code == wanted.code
                && fact.at == wanted.at
                && fact.subject == wanted.subject
                && fact.fields == wanted.fields
        })
    }

    pub(super) fn take_in(&mut self, event: &Event, body: &EventBody) {
        if let EventBody::MeasureTaken(taken) = body {
            self.measures
                .insert(event.seq, (taken.kind, taken.target, taken.rank));
        }
        let fact = match body {
            EventBody::CaseFiled(_)
            | EventBody::CaseAssigned(_)
            | EventBody::CaseReleased(_)
            | EventBody::PartyAdded(_)
            | EventBody::DocumentAdded(_) => Some(LegalFact {
                seq: event.seq,
                code: event.kind.clone(),
                at: Moment::Day(event.occurred_on),
                subject: None,
                fields: members(&event.body),
            }),
            recorded => self.recorded(event.seq, recorded),
        };
        self.facts.extend(fact);
    }

    /// The fact that an event of the law's own kinds states.
    fn recorded(&self, seq: u64, body: &EventBody) -> Option<LegalFact> {
        let mut fields = BTreeMap::new();
        let (code, at, subject) = match body {
            EventBody::NodeRecorded(node) => {
                fields.extend(texts(&node.values));
                let subject = node.subject.map(|subject| subject.to_string());
                (node.node.as_str(), node.at, subject)
            }
            EventBody::MeasureTaken(taken) => {
                fields.extend(texts(&taken.values));
                fields.insert("until".into(), taken.until.to_string());
                fields.insert("target".into(), taken.target.code().into());
                ("measure.taken", taken.at, Some(taken.measure.to_string()))
            }
            EventBody::MeasureRenewed(renewed) => {
                let measure = renewed.measure.to_string();
                fields.insert("until".into(), renewed.until.to_string());
                // A renewal holds what the measure holds, so that rules can ask for it.
                let taken = self
                    .of("measure.taken")
                    .find(|fact| fact.subject.as_deref() == Some(&measure));
                if let Some(target) = taken.and_then(|fact| fact.field("target")) {
                    fields.insert("target".into(), target.to_owned());
                }
                ("measure.renewed", renewed.at, Some(measure))
            }
            EventBody::MeasureReleased(released) => {
                fields.insert("reason".into(), released.reason.clone());
                let measure = released.measure.to_string();
                ("measure.released", released.at, Some(measure))
            }
            EventBody::PauseBegun(begun) => {
                fields.insert("reason".into(), begun.reason.clone());
                if let Some(document) = begun.document {
                    fields.insert("document".into(), document.to_string());
                }
                let pause = begun.pause.to_string();
                ("pause.begun", Moment::Day(begun.from), Some(pause))
            }
            EventBody::PauseEnded(ended) => {
                let pause = ended.pause.to_string();
                ("pause.ended", Moment::Day(ended.to), Some(pause))
            }
            _ => return None,
        };
        Some(LegalFact {
            seq,
            code: code.to_owned(),
            at,
            subject,
            fields,
        })
    }

    pub(super) fn retract(&mut self, seq: u64) {
        self.facts.retain(|fact| fact.seq != seq);
        self.measures.remove(&seq);
    }

    /// Control measures in the order in which they were taken.
    pub fn measures(&self) -> Vec<Measure> {
        let mut measures: Vec<Measure> = Vec::new();
        for fact in &self.facts {
            let Some(subject) = &fact.subject else {
                continue;
            };
            match fact.code.as_str() {
                "measure.taken" => {
                    let taken = self.measures.get(&fact.seq).copied();
                    if let (Some((kind, target, rank)), Some(until)) = (taken, fact.date("until")) {
                        measures.push(Measure {
                            seq: fact.seq,
                            measure: subject.clone(),
                            kind,
                            target,
                            rank,
                            at: fact.at,
                            until,
                            renewals: 0,
                            released: None,
                        });
                    }
                }
                "measure.renewed" => {
                    let known = measures.iter_mut().find(|known| known.measure == *subject);
                    if let (Some(known), Some(until)) = (known, fact.date("until")) {
                        known.until = until;
                        known.renewals = known.renewals.saturating_add(1);
                    }
                }
                "measure.released" => {
                    if let Some(known) = measures.iter_mut().find(|known| known.measure == *subject)
                    {
                        known.released = Some(fact.at);
                    }
                }
                _ => {}
            }
        }
        measures
    }

    /// Pauses in the order in which they began.
    pub fn pauses(&self) -> Vec<Pause> {
        let mut pauses: Vec<Pause> = Vec::new();
        for fact in &self.facts {
            let Some(subject) = &fact.subject else {
                continue;
            };
            match fact.code.as_str() {
                "pause.begun" => pauses.push(Pause {
                    pause: subject.clone(),
                    reason: fact.field("reason").unwrap_or_default().to_owned(),
                    from: fact.at.date(),
                    to: None,
                    has_document: fact.field("document").is_some(),
                }),
                "pause.ended" => {
                    if let Some(pause) = pauses.iter_mut().find(|pause| pause.pause == *subject) {
                        pause.to = Some(fact.at.date());
                    }
                }
                _ => {}
            }
        }
        pauses
    }
}

fn texts(values: &BTreeMap<String, NodeValue>) -> impl Iterator<Item = (String, String)> + '_ {
    values
        .iter()
        .map(|(name, value)| (name.clone(), value.text()))
}

/// The members of an event's body that are a code, a number or a flag.
fn members(body: &Value) -> BTreeMap<String, String> {
    let Value::Object(members) = body else {
        return BTreeMap::new();
    };
    members
        .iter()
        .filter_map(|(name, value)| {
            let text = match value {
                Value::Text(text) => text.clone(),
                Value::Integer(number) => number.to_string(),
                Value::Bool(flag) => flag.to_string(),
                _ => return None,
            };
            Some((name.clone(), text))
        })
        .collect()
}
