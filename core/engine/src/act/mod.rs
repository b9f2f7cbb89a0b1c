//! Acts on site, offline: each step is a signed statement at once, so that an interrupted act goes on exactly where it was.
//!
//! Words that a person has typed and not confirmed are drafts in the queue's database; confirming a step takes its draft away in the same transaction.

mod draft;
#[cfg(test)]
mod tests;

use zhixing_protocol::act::{
    ActStatus, ActView, Standing, inventory_for_parties, last_day, record_fields, targets,
};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{ActId, AttendeeId, CaseId, LineId, MeasureId, PartyId, SubjectId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::statement::{
    ActClosed, ActCorrected, ActCountersigned, ActKind, ActLineRecorded, ActMeasure, ActRefused,
    ActSigned, ActStarted, ActStep, ActStepRecorded, LineCondition, LineUnit, MeasureTarget,
    Refusal, SignMethod, SignedPaper, TypedBody, are_strokes, is_step_well_formed,
};
use zhixing_protocol::time::{Date, UtcMillis};

use crate::casebook::CaseView;
use crate::engine::{Engine, require_granted};
use crate::error::{EngineError, ErrorKind, Result};

/// How an act begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActStart {
    /// What is done.
    pub kind: ActKind,
    /// What the prompt was about that led to it.
    pub about: Option<SubjectId>,
    /// The party it is directed at.
    pub party: Option<PartyId>,
    /// Where.
    pub place: Option<String>,
    /// Why, in words.
    pub cause: Option<String>,
    /// When; now if missing.
    pub at: Option<Moment>,
}

/// A line of an inventory as a person gives it. Words become hidden members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineEntry {
    /// The line that this is a later version of; none for a new one.
    pub line: Option<LineId>,
    /// What it is.
    pub name: String,
    /// Brand or model.
    pub model: Option<String>,
    /// Serial or engine number.
    pub serial: Option<String>,
    /// Where it is.
    pub place: Option<String>,
    /// Number of its seal.
    pub seal_number: Option<String>,
    /// Remark.
    pub text: Option<String>,
    /// How much, in thousandths of the unit.
    pub quantity_milli: i64,
    /// In what it counts.
    pub unit: LineUnit,
    /// In what state.
    pub condition: LineCondition,
    /// Estimated value in fen.
    pub estimate_fen: Option<i64>,
    /// Who keeps it.
    pub keeper: Option<AttendeeId>,
    /// What a measure on it would hold.
    pub target: MeasureTarget,
    /// A vehicle that is not registered.
    pub unregistered_vehicle: bool,
}

/// How somebody signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// On the screen; strokes as in [`are_strokes`].
    Drawn(Value),
    /// In ink, and the statement of the photo of it.
    OnPaper(StatementHash),
    /// By a fingerprint in ink, and the statement of the photo of it.
    Fingerprint(StatementHash),
}

/// Somebody's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Who refuses.
    pub attendee: AttendeeId,
    /// What.
    pub what: Refusal,
    /// Who saw it.
    pub witness: Option<AttendeeId>,
    /// What shows it.
    pub evidence: Option<StatementHash>,
    /// What was said.
    pub text: Option<String>,
}

/// What a step adds to the statement: when, words, and the draft that it confirms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepWords {
    /// When; now if missing.
    pub at: Option<Moment>,
    /// Hidden members by name, such as `name` and `text`; empty ones are left out.
    pub hidden: Vec<(String, String)>,
    /// The draft field that this confirms.
    pub confirms: Option<String>,
    /// Contributions that this replaces, beside those that it replaces by itself.
    pub replaces: Vec<StatementHash>,
}

impl StepWords {
    /// With one hidden text.
    pub fn text(text: &str) -> Self {
        Self {
            hidden: vec![("text".to_owned(), text.to_owned())],
            ..Self::default()
        }
    }
}

impl Engine {
    /// Begins an act; durable when it returns.
    ///
    /// *Errors*: `NotFound` if the case is not granted.
    pub fn act_start(&self, case: CaseId, start: &ActStart) -> Result<(ActId, StatementHash)> {
        let at = self.act_moment(start.at)?;
        let ports = &self.holdings.ports;
        let act = ActId::make(ports.clock.wall_ms(), ports.random()?);
        let body = ActStarted {
            about: start.about,
            act,
            at,
            kind: start.kind,
            party: start.party,
        };
        let words = [("place", &start.place), ("text", &start.cause)];
        let hidden = members(
            words
                .into_iter()
                .map(|(name, words)| (name, words.as_deref())),
        );
        Ok((act, self.act_statement(case, act, &body, hidden, None)?))
    }

    /// Records a step. What it says of something that was said before replaces that, as far as this device knows it.
    ///
    /// *Errors*: `Rejected` once the record is closed, for what would belong into it; `InvalidInput` for words in place of codes, or a text without words.
    pub fn act_step(
        &self,
        case: CaseId,
        act: ActId,
        step: ActStep,
        words: &StepWords,
    ) -> Result<StatementHash> {
        if !is_step_well_formed(&step) {
            return Err(EngineError::invalid(
                "a step holds codes; words go into its text, roles each once",
            ));
        }
        let hidden = members(
            words
                .hidden
                .iter()
                .map(|(name, text)| (name.as_str(), Some(text.as_str()))),
        );
        let needs_words = matches!(step, ActStep::Note { .. } | ActStep::Withdrawn {});
        if needs_words && !hidden.contains_key("text") {
            return Err(EngineError::invalid("write something first"));
        }
        if matches!(step, ActStep::Withdrawn {}) && words.replaces.is_empty() {
            return Err(EngineError::invalid("say what is withdrawn"));
        }
        let mut replaces = words.replaces.clone();
        self.look(case, act, |standing, _| {
            let changes = step.is_content() || matches!(step, ActStep::Withdrawn {});
            still_open(standing, changes)?;
            replaces.extend(replaced_by(standing, &step));
            Ok(())
        })?;
        replaces.sort_unstable();
        replaces.dedup();
        let body = ActStepRecorded {
            act,
            at: self.act_moment(words.at)?,
            replaces,
            step,
        };
        self.act_statement(case, act, &body, hidden, words.confirms.as_deref())
    }

    /// Writes a line of the inventory, or a later version of one. Gives the line.
    ///
    /// *Errors*: as [`Self::act_step`]; `InvalidInput` for a line without a name or an amount that cannot be.
    pub fn act_line(
        &self,
        case: CaseId,
        act: ActId,
        entry: &LineEntry,
        words: &StepWords,
    ) -> Result<(LineId, StatementHash)> {
        if entry.name.trim().is_empty() {
            return Err(EngineError::invalid("say what the thing is"));
        }
        let ports = &self.holdings.ports;
        let line = match entry.line {
            Some(line) => line,
            None => LineId::make(ports.clock.wall_ms(), ports.random()?),
        };
        let mut replaces = words.replaces.clone();
        self.look(case, act, |standing, _| {
            still_open(standing, true)?;
            let versions = standing.lines.get(&line);
            replaces.extend(versions.into_iter().flatten().map(|(hash, _)| *hash));
            Ok(())
        })?;
        replaces.sort_unstable();
        replaces.dedup();
        let body = ActLineRecorded {
            act,
            at: self.act_moment(words.at)?,
            condition: entry.condition,
            estimate_fen: entry.estimate_fen,
            keeper: entry.keeper,
            line,
            quantity_milli: entry.quantity_milli,
            replaces,
            target: entry.target,
            unit: entry.unit,
            unregistered_vehicle: entry.unregistered_vehicle,
        };
        if !body.is_well_formed() {
            return Err(EngineError::invalid(
                "the quantity must be above zero and the estimate not below it",
            ));
        }
        let hidden = members([
            ("name", Some(entry.name.as_str())),
            ("model", entry.model.as_deref()),
            ("serial", entry.serial.as_deref()),
            ("place", entry.place.as_deref()),
            ("seal_number", entry.seal_number.as_deref()),
            ("text", entry.text.as_deref()),
        ]);
        let hash = self.act_statement(case, act, &body, hidden, words.confirms.as_deref())?;
        Ok((line, hash))
    }

    /// Somebody read the record as it stands, or had it read out, and found it right.
    pub fn act_read_back(
        &self,
        case: CaseId,
        act: ActId,
        attendee: AttendeeId,
        aloud: bool,
    ) -> Result<StatementHash> {
        let record = self.look(case, act, |standing, _| {
            known_person(standing, attendee)?;
            Ok(standing.record)
        })?;
        let record = record.ok_or_else(locked)?;
        let step = ActStep::ReadBack {
            attendee,
            aloud,
            record,
        };
        self.act_step(case, act, step, &StepWords::default())
    }

    /// Somebody signs the record as it stands. A drawing is kept with its movement and labelled for what it is.
    ///
    /// *Errors*: `InvalidInput` for strokes that are none, or somebody who is not at the act; `Locked`.
    pub fn act_sign(
        &self,
        case: CaseId,
        act: ActId,
        attendee: AttendeeId,
        papers: &[SignedPaper],
        signing: &Signing,
    ) -> Result<StatementHash> {
        let (method, hidden) = match signing {
            Signing::Drawn(strokes) => {
                let points = are_strokes(strokes).ok_or_else(|| {
                    EngineError::invalid(
                        "this is no drawn signature: strokes are lists of points [x, y, milliseconds, pressure] inside 0 to 10000",
                    )
                })?;
                let hidden = Object::from([("strokes".to_owned(), strokes.clone())]);
                (SignMethod::DrawnOnScreen { points }, hidden)
            }
            Signing::OnPaper(evidence) => {
                let evidence = *evidence;
                (SignMethod::OnPaper { evidence }, Object::new())
            }
            Signing::Fingerprint(evidence) => {
                let evidence = *evidence;
                (SignMethod::Fingerprint { evidence }, Object::new())
            }
        };
        let mut papers = papers.to_vec();
        papers.sort_unstable();
        papers.dedup();
        if papers.is_empty() {
            return Err(EngineError::invalid("say which paper is signed"));
        }
        let record = self.look(case, act, |standing, _| {
            known_person(standing, attendee)?;
            Ok(standing.record)
        })?;
        let body = ActSigned {
            act,
            at: self.act_moment(None)?,
            attendee,
            method,
            papers,
            record: record.ok_or_else(locked)?,
        };
        self.act_statement(case, act, &body, hidden, None)
    }

    /// Somebody refuses. Without a witness who is not of the court, or evidence, it stays in the list of what is missing.
    pub fn act_refuse(&self, case: CaseId, act: ActId, refused: &Refused) -> Result<StatementHash> {
        let record = self.look(case, act, |standing, _| {
            known_person(standing, refused.attendee)?;
            if let Some(witness) = refused.witness {
                known_person(standing, witness)?;
            }
            Ok(standing.record)
        })?;
        let body = ActRefused {
            act,
            at: self.act_moment(None)?,
            attendee: refused.attendee,
            evidence: refused.evidence,
            record: record.ok_or_else(locked)?,
            what: refused.what,
            witness: refused.witness,
        };
        let hidden = members([("text", refused.text.as_deref())]);
        self.act_statement(case, act, &body, hidden, None)
    }

    /// Closes the record. Measures that the act takes last until `until`, or as long as the law allows.
    ///
    /// *Errors*: `Rejected` with what is missing; `Locked`.
    pub fn act_close(
        &self,
        case: CaseId,
        act: ActId,
        until: Option<Date>,
        rank: u32,
    ) -> Result<StatementHash> {
        let at = self.act_moment(None)?;
        let now = self.law_time(None)?;
        let ports = &self.holdings.ports;
        let looked = self.look(case, act, |standing, state| {
            let view = ActView::of(standing, state, now);
            if view.status == ActStatus::Closed {
                return Err(rejected("the record is closed already".to_owned()));
            }
            let lacking: Vec<&str> = view
                .missing
                .iter()
                .filter(|item| item.hard)
                .map(|item| item.name_zh.as_str())
                .collect();
            if view.status == ActStatus::Open && !lacking.is_empty() {
                return Err(rejected(format!("still missing: {}", lacking.join("；"))));
            }
            let covers = standing.state.content();
            if covers.len() > zhixing_protocol::statement::MAX_COVERED {
                return Err(rejected(
                    "the act has too many steps for one record; withdraw what is not needed and begin a second act for the rest".to_owned(),
                ));
            }
            let mut measures = Vec::new();
            for target in targets(standing) {
                let longest = last_day(target, at.date());
                if until.is_some_and(|until| until > longest || until < at.date()) {
                    return Err(EngineError::invalid(format!(
                        "a measure on this may last from today until {longest} at most"
                    )));
                }
                measures.push(ActMeasure {
                    document: None,
                    measure: MeasureId::make(ports.clock.wall_ms(), ports.random()?),
                    rank,
                    target,
                    until: until.unwrap_or(longest),
                });
            }
            // A record that is closed anew takes no measure twice.
            if let Some((_, closing)) = standing.closing {
                measures.clone_from(&closing.fact.measures);
            }
            let kind = standing.kind.ok_or_else(|| {
                rejected("the device that began this act has not been heard of; synchronise".to_owned())
            })?;
            let body = ActClosed {
                act,
                at,
                record: zhixing_protocol::act::record_hash(act, &covers),
                covers: covers.into_iter().collect(),
                kind,
                measures,
            };
            Ok((body, inventory_for_parties(standing)))
        })?;
        let (body, inventory) = looked.ok_or_else(locked)?;
        let hidden = Object::from([("inventory".to_owned(), inventory)]);
        self.act_statement(case, act, &body, hidden, None)
    }

    /// Confirms a closed record as the second officer, from a device of his own.
    ///
    /// *Errors*: `Rejected` while it is open, or on the device that closed it; `Locked`.
    pub fn act_countersign(
        &self,
        case: CaseId,
        act: ActId,
        text: Option<&str>,
    ) -> Result<StatementHash> {
        let device = self.holdings.queue().enrolled()?.device;
        let record = self.look(case, act, |standing, _| match standing.closing {
            None => Err(rejected(
                "the record is still open; close it first".to_owned(),
            )),
            Some((_, closing)) if closing.device == device => Err(rejected(
                "this device closed the record; the second officer confirms it on his own"
                    .to_owned(),
            )),
            Some((_, closing)) => Ok(closing.fact.record),
        })?;
        let body = ActCountersigned {
            act,
            at: self.act_moment(None)?,
            record: record.ok_or_else(locked)?,
        };
        self.act_statement(case, act, &body, members([("text", text)]), None)
    }

    /// Adds a correction to a closed record; the record itself stays.
    ///
    /// *Errors*: `Rejected` while it is open: then change the step; `InvalidInput` without words; `Locked`.
    pub fn act_correct(
        &self,
        case: CaseId,
        act: ActId,
        line: Option<LineId>,
        text: &str,
    ) -> Result<StatementHash> {
        let hidden = members([("text", Some(text))]);
        if hidden.is_empty() {
            return Err(EngineError::invalid(
                "write what is wrong and what is right",
            ));
        }
        let record = self.look(case, act, |standing, _| match standing.closing {
            None => Err(rejected(
                "the record is still open; change the step itself".to_owned(),
            )),
            Some((_, closing)) => Ok(closing.fact.record),
        })?;
        let body = ActCorrected {
            act,
            at: self.act_moment(None)?,
            line,
            record: record.ok_or_else(locked)?,
        };
        self.act_statement(case, act, &body, hidden, None)
    }

    /// One act as it stands, what is on the way counted in. *Errors*: `Locked`; `NotFound`.
    pub fn act_view(&self, case: CaseId, act: ActId, at: Option<UtcMillis>) -> Result<ActView> {
        let now = self.law_time(at)?;
        let view = self.case_view(case)?;
        let standing = standing(&view, act)?;
        Ok(ActView::of(&standing, &view.state, now))
    }

    /// The acts of a case, the newest first. *Errors*: `Locked`; `NotFound`.
    pub fn acts(&self, case: CaseId, at: Option<UtcMillis>) -> Result<Vec<ActView>> {
        let now = self.law_time(at)?;
        let view = self.case_view(case)?;
        let mut acts: Vec<ActView> = view
            .state
            .acts()
            .iter()
            .map(|(act, state)| ActView::of(&Standing::of(act, state), &view.state, now))
            .collect();
        acts.reverse();
        Ok(acts)
    }

    /// The named fields of an act's record, for its printed form. *Errors*: `Locked`; `NotFound`.
    pub fn act_fields(&self, case: CaseId, act: ActId, at: Option<UtcMillis>) -> Result<Object> {
        let now = self.law_time(at)?;
        let view = self.case_view(case)?;
        let standing = standing(&view, act)?;
        Ok(record_fields(&standing, &view.state, now))
    }

    /// An id for a person at an act. *Errors*: `Internal` without randomness.
    pub fn new_attendee(&self) -> Result<AttendeeId> {
        let ports = &self.holdings.ports;
        Ok(AttendeeId::make(ports.clock.wall_ms(), ports.random()?))
    }

    /// Looks at an act as this device knows it; none while the case files are locked, when steps go on without looking.
    fn look<R>(
        &self,
        case: CaseId,
        act: ActId,
        look: impl FnOnce(&Standing<'_>, &CaseState) -> Result<R>,
    ) -> Result<Option<R>> {
        let view = match self.case_view(case) {
            Ok(view) => view,
            Err(error) if error.kind == ErrorKind::Locked => return Ok(None),
            Err(error) => return Err(error),
        };
        look(&standing(&view, act)?, &view.state).map(Some)
    }

    fn act_moment(&self, at: Option<Moment>) -> Result<Moment> {
        match at {
            Some(at) => Ok(at),
            None => self.law_time(None).map(Moment::Instant),
        }
    }

    fn act_statement<B: TypedBody>(
        &self,
        case: CaseId,
        act: ActId,
        body: &B,
        hidden: Object,
        confirms: Option<&str>,
    ) -> Result<StatementHash> {
        let mut queue = self.holdings.queue();
        require_granted(&queue, case)?;
        let (made, ()) = queue.make_statement(body, Some(case), hidden, |db, _| {
            draft::confirm(db, act, confirms)
        })?;
        Ok(made.hash)
    }
}

fn standing(view: &CaseView, act: ActId) -> Result<Standing<'_>> {
    let state = view.state.acts().get(act);
    let state = state.ok_or_else(|| EngineError::not_found("there is no such act in this case"))?;
    Ok(Standing::of(act, state))
}

fn still_open(standing: &Standing<'_>, changes: bool) -> Result<()> {
    match standing.closing {
        Some(_) if changes => Err(rejected(
            "the record is closed and is not changed any more; add a correction".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn known_person(standing: &Standing<'_>, attendee: AttendeeId) -> Result<()> {
    standing.person(attendee).map(|_| ()).ok_or_else(|| {
        EngineError::not_found("nobody with this id is at the act; enter the person first")
    })
}

/// What a step says anew.
fn replaced_by(standing: &Standing<'_>, step: &ActStep) -> Vec<StatementHash> {
    match step {
        ActStep::Set { field, .. } => {
            let said = standing.answers.get(field.as_str());
            said.into_iter()
                .flatten()
                .map(|(hash, _, _)| *hash)
                .collect()
        }
        ActStep::Present { attendee, .. } => {
            let said = standing.attendees.get(attendee);
            said.into_iter().flatten().map(|(hash, _)| *hash).collect()
        }
        ActStep::Exempt { line, .. } => {
            let said = standing.exemptions(*line).iter();
            said.map(|(hash, _)| *hash).collect()
        }
        ActStep::Ended {} => {
            let steps = standing.steps.iter();
            steps
                .filter(|(_, said)| matches!(said.fact.step, ActStep::Ended {}))
                .map(|(hash, _)| *hash)
                .collect()
        }
        _ => Vec::new(),
    }
}

fn members<'a>(words: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Object {
    words
        .into_iter()
        .filter_map(|(name, text)| {
            let text = text.filter(|text| !text.trim().is_empty())?;
            Some((name.to_owned(), Value::from(text)))
        })
        .collect()
}

fn rejected(detail: String) -> EngineError {
    EngineError::new(ErrorKind::Rejected, detail)
}

fn locked() -> EngineError {
    EngineError::locked("the case files are locked; unlock them to see what is signed or closed")
}
