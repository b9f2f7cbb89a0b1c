//! What an act means for the rules of law.

use std::collections::BTreeMap;

use zhixing_protocol::event::{Event, EventBody, Visibility};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::{CaseId, LineId};
use zhixing_protocol::rules::calendar::Calendar;
use zhixing_protocol::rules::evaluate::Evaluator;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::statement::{
    ActKind, ActStep, AttendeeRole, CaseFiled, Exemption, NodeValue, Presence, Refusal, SignedPaper,
};
use zhixing_protocol::time::UtcMillis;

use crate::world::{ACT, LINE, World, instant, moment};

/// A filing of a money case.
pub fn filing(amount_fen: i64) -> (CaseId, Event) {
    let body = EventBody::CaseFiled(CaseFiled {
        amount_fen: Some(amount_fen),
        cause: "loan".to_owned(),
        court: "川0811".parse().expect("a court"),
        number: "（2020）川0811执123号".parse().expect("a number"),
    });
    let (kind, body) = body.write().expect("a known kind");
    let case = CaseId([1; 16]);
    let event = Event {
        at_ms: UtcMillis(0),
        body,
        case,
        cause: StatementHash([7; 32]),
        corrects: None,
        hidden: BTreeMap::new(),
        kind: kind.to_owned(),
        occurred_on: "2020-03-10".parse().expect("a date"),
        prev: EventHash::ZERO,
        seq: 1,
        visibility: Visibility::Table,
        unknown: BTreeMap::new(),
    };
    (case, event)
}

/// Rules that prompt about the act, or about a measure that it took.
fn prompts(world: &World, now: &str) -> Vec<(String, Option<String>)> {
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    let prompts = evaluator.evaluate(&world.state, instant(now));
    prompts
        .iter()
        .map(|prompt| {
            (
                prompt.rule.id.clone(),
                prompt.due.map(|due| due.to_string()),
            )
        })
        .collect()
}

fn asks(world: &World, rule: &str) -> bool {
    let prompts = prompts(world, "2020-03-20T12:00");
    prompts.iter().any(|(id, _)| id == rule)
}

#[test]
fn a_seal_closes_its_prompts_step_by_step_and_leaves_the_one_of_its_expiry() {
    let mut world = World::with(ActKind::Seal);
    for rule in ["S05-02", "S06-02", "S21-02", "S21-03"] {
        assert!(asks(&world, rule), "{rule}");
    }
    let shown = |world: &mut World, paper: &str| {
        let step = ActStep::Shown {
            document: None,
            evidence: None,
            paper: paper.to_owned(),
        };
        world.step(step, None);
    };
    shown(&mut world, "work_id");
    assert!(!asks(&world, "S05-02"));
    shown(&mut world, "ruling");
    for number in ["A", "B"] {
        let step = ActStep::Recorder {
            recorder: number.to_owned(),
            recording: None,
        };
        world.step(step, None);
        assert!(!asks(&world, "S21-02"));
    }
    assert!(!asks(&world, "S21-03"));
    let one = world.present(AttendeeRole::Officer, Presence::Attended);
    let two = world.present(AttendeeRole::Officer, Presence::Attended);
    let family = world.present(AttendeeRole::AdultFamily, Presence::Attended);
    assert!(asks(&world, "S06-02"), "nobody of the village was told");
    let village = world.present(AttendeeRole::GrassRoots, Presence::Attended);
    assert!(!asks(&world, "S06-02"));
    world.line(LINE, &[]);
    let exempt = ActStep::Exempt {
        category: Exemption::None,
        line: LINE,
    };
    world.step(exempt, None);
    for (shot, line) in [("item", Some(LINE)), ("seal_in_place", None)] {
        let step = ActStep::Shot {
            evidence: StatementHash([0x51; 32]),
            line,
            shot: shot.to_owned(),
        };
        world.step(step, None);
    }
    let topic = "course".to_owned();
    world.step(ActStep::Note { topic }, Some("张贴封条"));
    assert!(!asks(&world, "S21-05"));
    world.at = moment("2020-03-20T11:00");
    world.step(ActStep::Ended {}, None);
    for rule in ["S06-03", "S06-04", "S21-05"] {
        assert!(
            asks(&world, rule),
            "{rule}: the act is over and nobody signed"
        );
    }
    for person in [one, two, village] {
        world.sign(person, &[SignedPaper::Record, SignedPaper::Inventory]);
    }
    assert!(asks(&world, "S06-04"));
    world.refuse(family, Refusal::Sign, Some(village));
    for rule in ["S06-03", "S06-04", "S21-05"] {
        assert!(!asks(&world, rule), "{rule}");
    }
    let facts = world.state.facts();
    assert_eq!(facts.of("record.refusal_noted").count(), 1);
    assert_eq!(facts.of("record.signed").count(), 0);
    let copy = ActStep::Handed {
        attendee: family,
        evidence: None,
        paper: "inventory_copy".into(),
    };
    world.step(copy, None);
    assert!(world.view().can_close, "{:#?}", world.view().missing);
    assert!(!asks(&world, "S06-10"));
    world.close(ActKind::Seal);
    let expiry = prompts(&world, "2020-03-20T12:00");
    let expiry = expiry.iter().find(|(id, _)| id == "S06-10");
    assert_eq!(
        expiry.and_then(|(_, due)| due.as_deref()),
        Some("2022-03-19"),
        "movables: two years at most"
    );
    assert!(
        !asks(&world, "S06-05"),
        "the seal was photographed in place"
    );
    let measures = world.state.facts().measures();
    assert_eq!(measures.len(), 1);
    assert_eq!(measures[0].until.to_string(), "2022-03-19");
}

#[test]
fn a_withdrawn_step_takes_its_node_back() {
    let mut world = World::with(ActKind::Inquiry);
    world.present(AttendeeRole::Officer, Presence::Attended);
    world.present(AttendeeRole::Asked, Presence::Attended);
    assert!(asks(&world, "S05-01"));
    let second = world.present(AttendeeRole::Officer, Presence::Attended);
    assert!(!asks(&world, "S05-01"));
    let said = world.said.last().expect("the second officer").hash;
    assert!(
        world
            .view()
            .attendees
            .iter()
            .any(|person| person.attendee == second.to_string())
    );
    world.step_instead_of(ActStep::Withdrawn {}, Some("登记错误"), &[said]);
    assert!(asks(&world, "S05-01"), "one officer is not two");
}

#[test]
fn eight_hours_of_a_compelled_attendance_are_a_prompt_until_the_person_is_let_go() {
    let mut world = World::with(ActKind::CompelledAttendance);
    let set = |world: &mut World, field: &str| {
        let step = ActStep::Set {
            field: field.to_owned(),
            value: NodeValue::Flag(true),
        };
        world.step(step, None);
    };
    set(&mut world, "brought_in");
    let due = |world: &World| {
        let prompts = prompts(world, "2020-03-20T12:00");
        let prompt = prompts.into_iter().find(|(id, _)| id == "S05-07");
        prompt.and_then(|(_, due)| due)
    };
    assert_eq!(due(&world).as_deref(), Some("2020-03-20T18:00:00+08:00"));
    set(&mut world, "complex");
    assert_eq!(due(&world).as_deref(), Some("2020-03-21T10:00:00+08:00"));
    set(&mut world, "inquiry_ended");
    assert_eq!(due(&world), None);
}

#[test]
fn a_leave_service_closes_the_prompt_it_was_opened_from() {
    let mut world = World::new();
    let subject = zhixing_protocol::ids::SubjectId([0x66; 16]);
    let refused = zhixing_protocol::statement::NodeRecord {
        corrects: None,
        fact: zhixing_protocol::statement::NodeRecorded {
            at: world.at,
            document: None,
            node: "service.refused".to_owned(),
            subject: Some(subject),
            values: BTreeMap::new(),
        },
    };
    world.say(&refused, &[]);
    assert!(asks(&world, "S16-02"));
    let start = zhixing_protocol::statement::ActStarted {
        about: Some(subject),
        act: ACT,
        at: world.at,
        kind: ActKind::LeaveService,
        party: None,
    };
    world.say(&start, &[]);
    assert!(asks(&world, "S16-02"), "begun is not done");
    world.close(ActKind::LeaveService);
    assert!(!asks(&world, "S16-02"));
}

#[test]
fn goods_moved_at_an_eviction_must_be_handed_over() {
    let mut world = World::with(ActKind::Eviction);
    world.line(LineId([0x31; 16]), &[]);
    assert!(asks(&world, "S09-03"));
    let owner = world.present(AttendeeRole::Respondent, Presence::Attended);
    let step = ActStep::Handed {
        attendee: owner,
        evidence: None,
        paper: "goods".into(),
    };
    world.step(step, None);
    assert!(!asks(&world, "S09-03"));
}

#[test]
fn cash_taken_on_site_is_to_be_handed_in_the_next_day() {
    let mut world = World::with(ActKind::Cash);
    let step = ActStep::Set {
        field: "amount_fen".into(),
        value: NodeValue::Number(500_000),
    };
    world.step(step, None);
    let prompts = prompts(&world, "2020-03-20T12:00");
    let prompt = prompts.iter().find(|(id, _)| id == "S10-05");
    assert_eq!(
        prompt.and_then(|(_, due)| due.as_deref()),
        Some("2020-03-23"),
        "the 21st is a Saturday"
    );
    assert_eq!(
        world
            .state
            .facts()
            .of("cash.taken")
            .next()
            .and_then(|fact| fact.field("amount_fen")),
        Some("500000")
    );
}
