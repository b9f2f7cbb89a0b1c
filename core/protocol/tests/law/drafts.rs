//! What becomes of statements that record facts of law: events, duplicates, conflicts, corrections.

use std::collections::BTreeMap;

use zhixing_protocol::canonical::{Value, to_value};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Effect, Event, EventDraft, draft};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::{CaseId, KeyId, MeasureId, Nonce, PauseId, RealmId, SubjectId};
use zhixing_protocol::statement::{
    ClockReading, MeasureKind, MeasureRelease, MeasureReleased, MeasureRenew, MeasureRenewed,
    MeasureTake, MeasureTaken, MeasureTarget, NodeRecord, NodeRecorded, NodeValue, Openings,
    PauseBegin, PauseBegun, PauseEnd, PauseEnded, Statement, TypedBody,
};
use zhixing_protocol::time::UtcMillis;

use crate::history::{date, filed};

fn statement<B: TypedBody>(body: &B) -> Statement {
    Statement {
        body: to_value(body).expect("canonical"),
        case: Some(CaseId([1; 16])),
        chain: None,
        clock: ClockReading {
            anchor: None,
            boot: "b".to_owned(),
            elapsed_ms: 0,
            gnss_ms: None,
            wall_ms: UtcMillis(0),
        },
        court: "川0811".parse().expect("a court"),
        device: None,
        hidden: BTreeMap::new(),
        key: KeyId([3; 16]),
        nonce: Nonce([4; 16]),
        realm: RealmId([5; 16]),
        seen: None,
        r#type: B::TYPE.to_owned(),
        unknown: BTreeMap::new(),
    }
}

/// A case that takes statements as a court does.
struct Desk {
    state: CaseState,
    seq: u64,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self {
            state: CaseState::default(),
            seq: 0,
        };
        let (kind, body) = filed("（2020）川0811执123号", Some(100))
            .write()
            .expect("known");
        desk.append(EventDraft {
            corrects: None,
            kind: kind.to_owned(),
            body,
            hidden: BTreeMap::new(),
            occurred_on: date("2020-03-10"),
            visibility: zhixing_protocol::event::Visibility::Table,
        });
        desk
    }

    fn append(&mut self, draft: EventDraft) {
        self.seq += 1;
        let event = Event {
            at_ms: UtcMillis(0),
            body: draft.body,
            case: CaseId([1; 16]),
            cause: StatementHash([2; 32]),
            corrects: draft.corrects,
            hidden: draft.hidden,
            kind: draft.kind,
            occurred_on: draft.occurred_on,
            prev: EventHash::ZERO,
            seq: self.seq,
            visibility: draft.visibility,
            unknown: BTreeMap::new(),
        };
        self.state.apply(&event, &Openings::new());
    }

    fn take<B: TypedBody>(&mut self, body: &B) -> Effect {
        let (effect, drafts) = draft(
            &statement(body),
            StatementHash([6; 32]),
            Some(&self.state),
            &|_| None,
            date("2020-06-01"),
        );
        assert_eq!(effect == Effect::Applied, !drafts.is_empty());
        for draft in drafts {
            self.append(draft);
        }
        effect
    }
}

fn conflict(current: &str) -> Effect {
    Effect::Conflict {
        current: current.to_owned(),
    }
}

fn freeze(id: u8) -> MeasureTake {
    MeasureTake {
        corrects: None,
        fact: MeasureTaken {
            at: "2020-04-01".parse().expect("a day"),
            document: None,
            kind: MeasureKind::Freeze,
            measure: MeasureId([id; 16]),
            rank: 1,
            target: MeasureTarget::BankDeposit,
            until: date("2021-03-31"),
            values: BTreeMap::new(),
        },
    }
}

fn renew(id: u8, until: &str) -> MeasureRenew {
    MeasureRenew {
        corrects: None,
        fact: MeasureRenewed {
            at: "2021-03-01".parse().expect("a day"),
            document: None,
            measure: MeasureId([id; 16]),
            until: date(until),
        },
    }
}

fn release(id: u8) -> MeasureRelease {
    MeasureRelease {
        corrects: None,
        fact: MeasureReleased {
            at: "2021-05-01".parse().expect("a day"),
            document: None,
            measure: MeasureId([id; 16]),
            reason: "performed".to_owned(),
        },
    }
}

fn node(code: &str, at: &str, corrects: Option<u64>) -> NodeRecord {
    NodeRecord {
        corrects,
        fact: NodeRecorded {
            at: at.parse().expect("a moment"),
            document: None,
            node: code.to_owned(),
            subject: Some(SubjectId([8; 16])),
            values: BTreeMap::from([("urgent".to_owned(), NodeValue::Flag(true))]),
        },
    }
}

#[test]
fn a_measure_lives_from_taking_through_renewal_to_release() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.take(&renew(1, "2022-03-01")),
        conflict("no_such_measure")
    );
    assert_eq!(desk.take(&freeze(1)), Effect::Applied);
    assert_eq!(desk.take(&freeze(1)), Effect::Duplicate);
    assert_eq!(desk.take(&renew(1, "2022-03-01")), Effect::Applied);
    let measures = desk.state.facts().measures();
    let measure = measures.first().expect("one");
    assert_eq!(
        (measures.len(), measure.renewals, measure.until),
        (1, 1, date("2022-03-01"))
    );
    assert_eq!(desk.take(&release(1)), Effect::Applied);
    assert_eq!(desk.take(&release(1)), conflict("measure_released"));
    assert_eq!(
        desk.take(&renew(1, "2023-03-01")),
        conflict("measure_released")
    );
}

#[test]
fn the_same_node_told_twice_is_one_event_and_a_correction_replaces_it_once() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.take(&node("clue.received", "2020-04-02", None)),
        Effect::Applied
    );
    assert_eq!(
        desk.take(&node("clue.received", "2020-04-02", None)),
        Effect::Duplicate
    );
    assert_eq!(
        desk.take(&node("clue.received", "2020-04-03", Some(2))),
        Effect::Applied
    );
    assert_eq!(
        desk.take(&node("clue.received", "2020-04-04", Some(2))),
        conflict("corrected_event")
    );
    assert_eq!(
        desk.take(&node("clue.received", "2020-04-04", Some(1))),
        conflict("corrected_event")
    );
    let facts: Vec<String> = desk
        .state
        .facts()
        .of("clue.received")
        .map(|fact| fact.at.to_string())
        .collect();
    assert_eq!(facts, ["2020-04-03"]);
}

#[test]
fn pauses_end_once_and_not_before_they_begin() {
    let pause = PauseId([9; 16]);
    let begin = PauseBegin {
        corrects: None,
        fact: PauseBegun {
            document: None,
            from: date("2020-05-01"),
            pause,
            reason: "appraisal".to_owned(),
        },
    };
    let end = |to: &str| PauseEnd {
        corrects: None,
        fact: PauseEnded {
            document: None,
            pause,
            to: date(to),
        },
    };
    let mut desk = Desk::new();
    assert_eq!(desk.take(&end("2020-05-02")), conflict("no_such_pause"));
    assert_eq!(desk.take(&begin), Effect::Applied);
    assert_eq!(desk.take(&begin), Effect::Duplicate);
    let early = Effect::Rejected {
        reason: "pause_ends_before_it_begins".to_owned(),
    };
    assert_eq!(desk.take(&end("2020-04-30")), early);
    assert_eq!(desk.take(&end("2020-05-20")), Effect::Applied);
    assert_eq!(desk.take(&end("2020-05-21")), conflict("pause_ended"));
}

#[test]
fn words_about_people_do_not_fit_into_the_open_part() {
    let mut desk = Desk::new();
    let malformed = Effect::Held {
        reason: "malformed_body".to_owned(),
    };
    let mut telling = node("clue.received", "2020-04-02", None);
    let words = NodeValue::Code("彭启明在家".to_owned());
    telling.fact.values.insert("who".to_owned(), words);
    assert_eq!(desk.take(&telling), malformed);
    let mut long = node("clue.received", "2020-04-02", None);
    long.fact.values = (0..33)
        .map(|n| (format!("v{n}"), NodeValue::Number(n)))
        .collect();
    assert_eq!(desk.take(&long), malformed);
    assert_eq!(desk.take(&node("线索", "2020-04-02", None)), malformed);
    let mut wordy = freeze(1);
    wordy
        .fact
        .values
        .insert("owner".to_owned(), NodeValue::Code("某 人".to_owned()));
    assert_eq!(desk.take(&wordy), malformed);
}

#[test]
fn values_of_a_node_survive_the_wire() {
    let value =
        to_value(&node("clue.received", "2020-04-02T09:30:00+08:00", None)).expect("canonical");
    let read: NodeRecord = value.read().expect("the same shape");
    assert_eq!(
        read,
        node("clue.received", "2020-04-02T09:30:00+08:00", None)
    );
    assert!(matches!(
        value.get("fact").and_then(|fact| fact.get("at")),
        Some(Value::Text(_))
    ));
}
