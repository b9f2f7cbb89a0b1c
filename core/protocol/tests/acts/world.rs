//! A case with acts, made of real statements by several devices.

use std::collections::BTreeMap;

use zhixing_protocol::act::{ActView, Missing, Standing, missing};
use zhixing_protocol::canonical::{self, Object, Value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Effect, Event, draft};
use zhixing_protocol::hash::{ActRecordHash, EventHash, StatementHash};
use zhixing_protocol::ids::{
    ActId, AttendeeId, CaseId, DeviceId, KeyId, LineId, MeasureId, Nonce, RealmId,
};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::statement::{
    ActClosed, ActKind, ActLineRecorded, ActMeasure, ActRefused, ActSigned, ActStarted, ActStep,
    ActStepRecorded, AttendeeRole, ChainLink, ClockReading, LineCondition, LineUnit, MeasureTarget,
    Openings, Presence, Refusal, SignMethod, SignedPaper, Statement, TypedBody, make_openings,
};
use zhixing_protocol::time::{Date, UtcMillis};

pub const ACT: ActId = ActId([0x11; 16]);
pub const LINE: LineId = LineId([0x22; 16]);

/// A statement with the openings of its hidden members.
#[derive(Clone)]
pub struct Said {
    pub statement: Statement,
    pub openings: Openings,
    pub hash: StatementHash,
}

/// Two devices write, one court counts.
pub struct World {
    pub state: CaseState,
    pub said: Vec<Said>,
    pub device: DeviceId,
    pub at: Moment,
    made: u8,
    people: u8,
}

pub fn moment(text: &str) -> Moment {
    text.parse().expect("the test wrote a valid moment")
}

pub fn instant(text: &str) -> UtcMillis {
    match moment(text) {
        Moment::Instant(at) => at,
        Moment::Day(date) => date.shanghai_start(),
    }
}

impl World {
    pub fn new() -> Self {
        Self {
            state: CaseState::default(),
            said: Vec::new(),
            device: DeviceId([1; 16]),
            at: moment("2020-03-20T10:00"),
            made: 0,
            people: 0,
        }
    }

    /// A world in which an act has begun.
    pub fn with(kind: ActKind) -> Self {
        let mut world = Self::new();
        world.start(kind);
        world
    }

    pub fn start(&mut self, kind: ActKind) -> StatementHash {
        let fact = ActStarted {
            about: None,
            act: ACT,
            at: self.at,
            kind,
            party: None,
        };
        self.say(&fact, &[("place", "方山村4组12号")])
    }

    /// Signs a statement of the current device and lets the court take it in.
    pub fn say<B: TypedBody>(&mut self, body: &B, hidden: &[(&str, &str)]) -> StatementHash {
        let said = self.make(body, hidden);
        let hash = said.hash;
        let effect = self.admit(&said);
        assert_eq!(effect, Effect::Applied, "{}", said.statement.r#type);
        self.said.push(said);
        hash
    }

    /// Makes a statement that nobody has seen yet.
    pub fn make<B: TypedBody>(&mut self, body: &B, hidden: &[(&str, &str)]) -> Said {
        self.made = self.made.checked_add(1).expect("few statements");
        let members: Object = hidden
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Value::from(*text)))
            .collect();
        let salt = [self.made; 32];
        let (commitments, openings) = make_openings(members, || salt);
        let statement = Statement {
            body: canonical::to_value(body).expect("a body"),
            case: Some(CaseId([1; 16])),
            chain: Some(ChainLink {
                prev: StatementHash([3; 32]),
                seq: 2 + u64::from(self.made),
            }),
            clock: ClockReading {
                anchor: None,
                boot: "b".into(),
                elapsed_ms: 0,
                gnss_ms: None,
                wall_ms: UtcMillis(0),
            },
            court: "川0811".parse().expect("a court"),
            device: Some(self.device),
            hidden: commitments,
            key: KeyId([1; 16]),
            nonce: Nonce([self.made; 16]),
            realm: RealmId([1; 16]),
            seen: None,
            r#type: B::TYPE.to_owned(),
            unknown: Object::new(),
        };
        let bytes = canonical::to_bytes(&statement).expect("canonical");
        Said {
            hash: StatementHash::of(&bytes),
            statement: Statement::parse(&bytes).expect("reads back"),
            openings,
        }
    }

    /// The court takes a statement in.
    pub fn admit(&mut self, said: &Said) -> Effect {
        admit(&mut self.state, said)
    }

    pub fn step(&mut self, step: ActStep, text: Option<&str>) -> StatementHash {
        self.step_instead_of(step, text, &[])
    }

    pub fn step_instead_of(
        &mut self,
        step: ActStep,
        text: Option<&str>,
        replaces: &[StatementHash],
    ) -> StatementHash {
        let fact = ActStepRecorded {
            act: ACT,
            at: self.at,
            replaces: replaces.to_vec(),
            step,
        };
        let hidden: Vec<(&str, &str)> = text.map(|text| ("text", text)).into_iter().collect();
        self.say(&fact, &hidden)
    }

    /// A new person.
    pub fn present(&mut self, role: AttendeeRole, presence: Presence) -> AttendeeId {
        self.people += 1;
        let attendee = AttendeeId([self.people; 16]);
        let fact = ActStepRecorded {
            act: ACT,
            at: self.at,
            replaces: Vec::new(),
            step: ActStep::Present {
                attendee,
                female: None,
                party: None,
                presence,
                roles: vec![role],
                staff: None,
            },
        };
        let name = format!("第{}人", self.people);
        self.say(&fact, &[("name", &name)]);
        attendee
    }

    pub fn line(&mut self, line: LineId, replaces: &[StatementHash]) -> StatementHash {
        let fact = plain_line(self.at, line, replaces);
        self.say(&fact, &[("name", "拖拉机"), ("serial", "A123")])
    }

    pub fn sign(&mut self, attendee: AttendeeId, papers: &[SignedPaper]) -> StatementHash {
        let fact = ActSigned {
            act: ACT,
            at: self.at,
            attendee,
            method: SignMethod::DrawnOnScreen { points: 12 },
            papers: papers.to_vec(),
            record: self.record(),
        };
        self.say(&fact, &[("strokes", "stand-in")])
    }

    pub fn refuse(
        &mut self,
        attendee: AttendeeId,
        what: Refusal,
        witness: Option<AttendeeId>,
    ) -> StatementHash {
        let fact = ActRefused {
            act: ACT,
            at: self.at,
            attendee,
            evidence: None,
            record: self.record(),
            what,
            witness,
        };
        self.say(&fact, &[("text", "我不签")])
    }

    /// The closing of what is known now.
    pub fn closing(&self, kind: ActKind) -> ActClosed {
        let act = self.state.acts().get(ACT).expect("the act");
        let measured = matches!(kind, ActKind::Seal | ActKind::Seizure);
        ActClosed {
            act: ACT,
            at: self.at,
            covers: act.content().into_iter().collect(),
            kind,
            measures: measured
                .then(|| ActMeasure {
                    document: None,
                    measure: MeasureId([0x77; 16]),
                    rank: 1,
                    target: MeasureTarget::Movable,
                    until: "2022-03-19".parse().expect("a date"),
                })
                .into_iter()
                .collect(),
            record: self.record(),
        }
    }

    pub fn close(&mut self, kind: ActKind) -> StatementHash {
        let fact = self.closing(kind);
        self.say(&fact, &[("inventory", "拖拉机一辆")])
    }

    pub fn record(&self) -> ActRecordHash {
        self.state.acts().get(ACT).expect("the act").record(ACT)
    }

    pub fn missing_at(&self, now: UtcMillis) -> Vec<Missing> {
        let act = self.state.acts().get(ACT).expect("the act");
        missing(&Standing::of(ACT, act), &self.state, now)
    }

    pub fn missing(&self) -> Vec<Missing> {
        self.missing_at(instant("2020-03-20T10:30"))
    }

    pub fn lacks(&self, requirement: &str) -> bool {
        let missing = self.missing();
        missing.iter().any(|item| item.requirement == requirement)
    }

    pub fn view(&self) -> ActView {
        let act = self.state.acts().get(ACT).expect("the act");
        let now = instant("2020-03-20T10:30");
        ActView::of(&Standing::of(ACT, act), &self.state, now)
    }
}

pub fn plain_line(at: Moment, line: LineId, replaces: &[StatementHash]) -> ActLineRecorded {
    ActLineRecorded {
        act: ACT,
        at,
        condition: LineCondition::Used,
        estimate_fen: Some(1_200_000),
        keeper: Some(AttendeeId([1; 16])),
        line,
        quantity_milli: 1000,
        replaces: replaces.to_vec(),
        target: MeasureTarget::Movable,
        unit: LineUnit::Vehicle,
        unregistered_vehicle: false,
    }
}

/// Drafts and numbers the events of a statement.
pub fn admit(state: &mut CaseState, said: &Said) -> Effect {
    let today: Date = "2020-03-20".parse().expect("a date");
    let (effect, drafts) = draft(&said.statement, said.hash, Some(state), &|_| None, today);
    for draft in drafts {
        let event = Event {
            at_ms: UtcMillis(0),
            body: draft.body,
            case: CaseId([1; 16]),
            cause: said.hash,
            corrects: draft.corrects,
            hidden: draft.hidden,
            kind: draft.kind,
            occurred_on: draft.occurred_on,
            prev: EventHash::ZERO,
            seq: state.newest_seq() + 1,
            visibility: draft.visibility,
            unknown: BTreeMap::new(),
        };
        let bytes = event.to_bytes().expect("canonical");
        let event = Event::parse(&bytes).expect("reads back");
        state.apply(&event, &said.openings);
    }
    effect
}
