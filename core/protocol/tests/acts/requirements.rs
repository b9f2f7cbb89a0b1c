//! Every requirement of every kind: missing, given, and then the act closes.

use zhixing_protocol::act::{ActBook, ActStatus, Check, LineCheck, Requirement};
use zhixing_protocol::ids::{AttendeeId, DocumentId};
use zhixing_protocol::statement::{
    ActCountersigned, ActKind, ActStep, AttendeeRole, Exemption, NodeValue, Presence, SignedPaper,
};

use crate::world::{ACT, LINE, World, instant, moment, plain_line};

/// Does what a requirement asks for.
fn give(world: &mut World, check: &Check) {
    match check {
        Check::Any { needs } => give(world, needs.first().expect("a choice")),
        Check::Attended { roles, n } => {
            let role = *roles.first().expect("a role");
            for _ in 0..*n {
                world.present(role, Presence::Attended);
            }
        }
        Check::Told { roles } => {
            world.present(*roles.first().expect("a role"), Presence::Declined);
        }
        Check::Shown { papers } => shown(world, papers.first().expect("a paper"), None),
        Check::Shot { shot } => {
            let step = ActStep::Shot {
                evidence: zhixing_protocol::hash::StatementHash([0x55; 32]),
                line: None,
                shot: shot.clone(),
            };
            world.step(step, None);
        }
        Check::Note { topics, .. } => {
            let topic = topics.first().expect("a topic").clone();
            world.step(ActStep::Note { topic }, Some("写明"));
        }
        Check::Answered { field } => set(world, field, NodeValue::Flag(true)),
        Check::Answer { field, value } => set(world, field, value.clone()),
        Check::Positive { field } => set(world, field, NodeValue::Number(500_000)),
        Check::AtMost { field, n } => set(world, field, NodeValue::Number(*n)),
        Check::DatePassed { field } => set(world, field, NodeValue::Code("2020-03-19".into())),
        Check::Recorders { n } => {
            for number in 0..*n {
                let step = ActStep::Recorder {
                    recorder: format!("DSJ-{number}"),
                    recording: None,
                };
                world.step(step, None);
            }
        }
        Check::Lines => {
            world.line(LINE, &[]);
        }
        Check::EachLine { has } => give_line(world, *has),
        Check::Ended => {
            world.step(ActStep::Ended {}, None);
        }
        Check::ReadBack { .. } => {
            for attendee in about(world) {
                let record = world.record();
                let step = ActStep::ReadBack {
                    attendee,
                    aloud: true,
                    record,
                };
                world.step(step, None);
            }
        }
        Check::Signed { paper, .. } => {
            for attendee in about(world) {
                world.sign(attendee, &[*paper]);
            }
        }
        Check::Handed { papers, roles } => {
            let attendee = somebody(world, roles);
            let step = ActStep::Handed {
                attendee,
                evidence: None,
                paper: papers.first().expect("a paper").clone(),
            };
            world.step(step, None);
        }
        Check::Fact { node } => {
            let fact = zhixing_protocol::statement::NodeRecord {
                corrects: None,
                fact: zhixing_protocol::statement::NodeRecorded {
                    at: world.at,
                    document: None,
                    node: node.clone(),
                    subject: None,
                    values: std::collections::BTreeMap::new(),
                },
            };
            world.say(&fact, &[]);
        }
        other => panic!("nothing gives {other:?}"),
    }
}

fn shown(world: &mut World, paper: &str, document: Option<DocumentId>) {
    let step = ActStep::Shown {
        document,
        evidence: None,
        paper: paper.to_owned(),
    };
    world.step(step, Some("（2020）川0811执123号"));
}

fn set(world: &mut World, field: &str, value: NodeValue) {
    let step = ActStep::Set {
        field: field.to_owned(),
        value,
    };
    world.step(step, None);
}

fn give_line(world: &mut World, has: LineCheck) {
    match has {
        LineCheck::Photo => {
            let step = ActStep::Shot {
                evidence: zhixing_protocol::hash::StatementHash([0x56; 32]),
                line: Some(LINE),
                shot: "item".into(),
            };
            world.step(step, None);
        }
        LineCheck::ExemptChecked => {
            let step = ActStep::Exempt {
                category: Exemption::None,
                line: LINE,
            };
            world.step(step, Some("营运车辆，非生活必需"));
        }
        other => panic!("the line of the test has {other:?} from the start"),
    }
}

/// Whom the last missing signature or reading is about.
fn about(world: &World) -> Vec<AttendeeId> {
    let missing = world.missing();
    let item = missing
        .iter()
        .find(|item| {
            matches!(
                item.group.as_str(),
                "read_back" | "signatures" | "inventory_signed" | "receipt_signed"
            )
        })
        .expect("somebody has to sign");
    item.about
        .iter()
        .map(|id| id.parse().expect("an id of a person"))
        .collect()
}

fn somebody(world: &mut World, roles: &[AttendeeRole]) -> AttendeeId {
    let view = world.view();
    let names: Vec<String> = roles
        .iter()
        .map(|role| {
            serde_json::to_value(role)
                .expect("a role")
                .as_str()
                .expect("text")
                .to_owned()
        })
        .collect();
    let found = view
        .attendees
        .iter()
        .find(|person| person.roles.iter().any(|role| names.contains(role)));
    match found {
        Some(person) => person.attendee.parse().expect("an id"),
        None => panic!("nobody of {names:?} is there"),
    }
}

/// Requirements that are not missing from the start, but when something is wrong; each has a test of its own below.
const WRONGS: &[&str] = &[
    "conflict",
    "late",
    "no_exempt_line",
    "essential_home",
    "line_keeper",
    "line_estimate",
    "not_excessive",
    "engine_number",
    "woman_officer",
    "search_by_day",
    "compel_limit",
    "detention_approved_after",
    "countersigned",
];

fn asked(kind: ActKind) -> Vec<(&'static str, &'static Requirement)> {
    ActBook::bundled().requirements(kind).collect()
}

#[test]
fn each_requirement_of_each_kind_is_missing_until_it_is_given_and_then_the_act_closes() {
    for kind in ActKind::ALL {
        let mut world = World::with(kind);
        // People of these kinds sign or receive something, so that nothing is met for want of anybody.
        if matches!(
            kind,
            ActKind::Eviction | ActKind::Seal | ActKind::Seizure | ActKind::Search
        ) {
            world.present(AttendeeRole::AdultFamily, Presence::Attended);
        }
        if kind == ActKind::Inspection {
            world.present(AttendeeRole::Respondent, Presence::Attended);
        }
        if kind == ActKind::Detention {
            world.present(AttendeeRole::Police, Presence::Attended);
        }
        if kind == ActKind::HomeVisit {
            world.present(AttendeeRole::Occupant, Presence::Attended);
        }
        for (code, requirement) in asked(kind) {
            if WRONGS.contains(&code) {
                continue;
            }
            let already = match (code, kind) {
                // Told by the family member that came.
                ("debtor_told_256" | "debtor_told_search" | "debtor_told_evict", _) => true,
                ("parties_told_inspect", _) => true,
                ("who_answered", ActKind::HomeVisit) => true,
                _ => false,
            };
            assert_eq!(
                world.lacks(code),
                !already,
                "{kind:?} {code}: {:#?}",
                world
                    .missing()
                    .iter()
                    .map(|m| &m.requirement)
                    .collect::<Vec<_>>()
            );
            if !already {
                assert!(
                    !world.view().can_close || !requirement.hard,
                    "{kind:?} could be closed without {code}"
                );
                give(&mut world, &requirement.need);
            }
            assert!(!world.lacks(code), "{kind:?} {code} was given");
        }
        let view = world.view();
        assert!(view.can_close, "{kind:?}: {:#?}", view.missing);
        world.close(kind);
        let view = world.view();
        assert_eq!(view.status, ActStatus::Closed, "{kind:?}");
        assert_eq!(view.next.as_deref(), Some("countersigned"), "{kind:?}");
    }
}

#[test]
fn requirements_carry_the_law_they_rest_on() {
    let table: &[(ActKind, &str, &str, &str)] = &[
        (ActKind::Inquiry, "two_investigators", "CPL", "133"),
        (ActKind::Inquiry, "read_back_133", "CPL", "133"),
        (ActKind::Inspection, "grass_roots_inspect", "CPL", "83"),
        (ActKind::Inspection, "inspect_sketch", "EVID", "43"),
        (ActKind::Seal, "debtor_told_256", "CPL", "256"),
        (ActKind::Seal, "ended_18", "SEIZE", "18"),
        (ActKind::Seal, "line_exempt", "SEIZE", "3-5"),
        (ActKind::Seizure, "inventory", "CPL", "256"),
        (ActKind::Seizure, "engine_number", "SEIZE", "9"),
        (ActKind::Search, "warrant_signed", "CPL", "259"),
        (ActKind::Search, "woman_officer", "JI-CPL", "495"),
        (ActKind::Search, "sign_search", "JI-CPL", "497-498"),
        (ActKind::Eviction, "evict_notice_signed", "CPL", "261"),
        (ActKind::Eviction, "goods_handed", "CPL", "261"),
        (ActKind::Delivery, "delivery_handed", "CPL", "260"),
        (ActKind::LeaveService, "leave_witness", "JI-CPL", "130-131"),
        (
            ActKind::CompelledAttendance,
            "compel_limit",
            "JI-CPL",
            "482",
        ),
        (ActKind::Detention, "detention_days", "CPL", "118"),
        (ActKind::Detention, "family_told", "JI-CPL", "180"),
        (ActKind::Cash, "receipt_given", "FUND", "8-9"),
        (ActKind::HomeVisit, "visit_findings", "JI-CPL", "97"),
    ];
    for (kind, code, law, article) in table {
        let asked = asked(*kind);
        let found = asked.iter().find(|(name, _)| name == code);
        let (_, requirement) = found.unwrap_or_else(|| panic!("{kind:?} does not ask for {code}"));
        let rests = requirement
            .basis
            .iter()
            .any(|basis| basis.law == *law && basis.article == *article);
        assert!(rests, "{code} rests on {:?}", requirement.basis);
    }
    let laws = &zhixing_protocol::rules::pack::RulePack::bundled().laws;
    for (code, requirement) in &ActBook::bundled().requirements {
        for basis in &requirement.basis {
            assert!(laws.contains_key(&basis.law), "{code} names {}", basis.law);
        }
    }
}

#[test]
fn an_exempt_thing_keeps_the_act_open_until_it_is_taken_from_the_list() {
    for category in Exemption::ALL {
        let mut world = World::with(ActKind::Seal);
        let line = world.line(LINE, &[]);
        let step = ActStep::Exempt {
            category,
            line: LINE,
        };
        world.step(step, Some("核对"));
        assert_eq!(
            world.lacks("no_exempt_line"),
            !category.may_be_taken(),
            "{category:?}"
        );
        assert_eq!(
            world.lacks("essential_home"),
            category == Exemption::EssentialHome
        );
        world.step_instead_of(ActStep::Withdrawn {}, Some("留给被执行人"), &[line]);
        assert!(!world.lacks("no_exempt_line"));
        assert!(world.lacks("inventory"), "no line is left");
    }
}

#[test]
fn what_a_line_lacks_is_named_with_the_line() {
    let mut world = World::with(ActKind::Seizure);
    let mut bare = plain_line(world.at, LINE, &[]);
    bare.keeper = None;
    bare.estimate_fen = None;
    bare.unregistered_vehicle = true;
    let first = world.say(&bare, &[("name", "三轮车")]);
    for code in [
        "line_keeper",
        "line_estimate",
        "engine_number",
        "line_photo",
        "line_exempt",
    ] {
        let missing = world.missing();
        let item = missing.iter().find(|item| item.requirement == code);
        let item = item.unwrap_or_else(|| panic!("{code} is missing"));
        assert_eq!(item.about, vec![LINE.to_string()], "{code}");
    }
    world.present(AttendeeRole::Keeper, Presence::Attended);
    let mut whole = plain_line(world.at, LINE, &[first]);
    whole.unregistered_vehicle = true;
    world.say(&whole, &[("name", "三轮车"), ("serial", "发动机号77")]);
    for code in ["line_keeper", "line_estimate", "engine_number", "conflict"] {
        assert!(!world.lacks(code), "{code}");
    }
}

#[test]
fn what_is_worth_clearly_more_than_the_claim_is_warned_of() {
    let mut world = World::with(ActKind::Seal);
    world.line(LINE, &[]);
    assert!(!world.lacks("not_excessive"), "no claim is known");
    let (_, event) = crate::facts::filing(1_000_000);
    world
        .state
        .apply(&event, &zhixing_protocol::statement::Openings::new());
    assert!(
        !world.lacks("not_excessive"),
        "a fifth more is not clearly more"
    );
    let mut dear = plain_line(world.at, zhixing_protocol::ids::LineId([0x23; 16]), &[]);
    dear.estimate_fen = Some(100);
    world.say(&dear, &[("name", "锄头")]);
    let missing = world.missing();
    let item = missing
        .iter()
        .find(|item| item.requirement == "not_excessive");
    assert!(!item.expect("now it is").hard);
}

#[test]
fn a_woman_is_searched_by_a_woman_officer_only() {
    let mut world = World::with(ActKind::Search);
    assert!(!world.lacks("woman_officer"));
    set(&mut world, "woman_searched", NodeValue::Flag(true));
    assert!(world.lacks("woman_officer"));
    world.present(AttendeeRole::Officer, Presence::Attended);
    assert!(world.lacks("woman_officer"));
    let step = ActStep::Present {
        attendee: AttendeeId([0x40; 16]),
        female: Some(true),
        party: None,
        presence: Presence::Attended,
        roles: vec![AttendeeRole::Bailiff],
        staff: None,
    };
    world.step(step, None);
    assert!(!world.lacks("woman_officer"));
}

#[test]
fn a_search_at_night_asks_for_its_reason() {
    let mut world = World::new();
    world.at = moment("2020-03-20T22:00");
    world.start(ActKind::Search);
    assert!(world.lacks("search_by_day"));
    let topic = "night_reason".to_owned();
    world.step(ActStep::Note { topic }, Some("正在转移财产"));
    assert!(!world.lacks("search_by_day"));
    let mut day = World::new();
    day.at = moment("2020-03-20T21:59");
    day.start(ActKind::Search);
    assert!(!day.lacks("search_by_day"));
}

#[test]
fn nobody_is_evicted_before_the_date_of_the_notice_has_passed() {
    for (date, passed) in [("2020-03-19", true), ("2020-03-20", false), ("x", false)] {
        let mut world = World::with(ActKind::Eviction);
        set(&mut world, "vacate_by", NodeValue::Code(date.into()));
        assert_eq!(!world.lacks("evict_date_passed"), passed, "{date}");
    }
}

#[test]
fn a_compelled_attendance_may_last_eight_hours_and_twenty_four_where_it_is_complex() {
    let cases = [
        (false, "2020-03-20T18:00", false),
        (false, "2020-03-20T18:01", true),
        (true, "2020-03-20T18:01", false),
        (true, "2020-03-21T10:00", false),
        (true, "2020-03-21T10:01", true),
    ];
    for (complex, until, over) in cases {
        let mut world = World::with(ActKind::CompelledAttendance);
        set(&mut world, "brought_in", NodeValue::Flag(true));
        if complex {
            set(&mut world, "complex", NodeValue::Flag(true));
        }
        let now = instant(until);
        let lacks = |world: &World| {
            let missing = world.missing_at(now);
            missing
                .iter()
                .any(|item| item.requirement == "compel_limit")
        };
        assert_eq!(
            lacks(&world),
            over,
            "still inside at {until}, complex {complex}"
        );
        world.at = moment(until);
        set(&mut world, "inquiry_ended", NodeValue::Flag(true));
        assert_eq!(lacks(&world), over, "let go at {until}, complex {complex}");
        if over {
            let topic = "overtime_reason".to_owned();
            world.step(ActStep::Note { topic }, Some("车辆故障"));
            assert!(!lacks(&world));
        }
        let act = world.state.acts().get(ACT).expect("the act");
        let standing = zhixing_protocol::act::Standing::of(ACT, act);
        let later = zhixing_protocol::act::timers(&standing, instant("2020-04-01"));
        assert_eq!(later[0].over, over, "a stopped clock stands");
        assert_eq!(later[0].stopped_ms, Some(now));
    }
}

#[test]
fn the_clocks_of_a_detention_run_from_its_beginning() {
    let mut world = World::with(ActKind::Detention);
    let timers = |world: &World, now: &str| {
        let act = world.state.acts().get(ACT).expect("the act");
        zhixing_protocol::act::timers(&zhixing_protocol::act::Standing::of(ACT, act), instant(now))
    };
    assert!(timers(&world, "2020-03-20T11:00").is_empty());
    set(&mut world, "days", NodeValue::Number(3));
    set(&mut world, "detention_begun", NodeValue::Flag(true));
    let running = timers(&world, "2020-03-20T11:00");
    assert_eq!(running.len(), 2);
    assert_eq!(
        (running[0].timer.as_str(), running[0].due_ms),
        ("family", instant("2020-03-21T10:00"))
    );
    assert_eq!(
        (running[1].timer.as_str(), running[1].due_ms),
        ("detained", instant("2020-03-23T10:00"))
    );
    assert!(!running[0].warns && timers(&world, "2020-03-21T06:00")[0].warns);
    set(&mut world, "family_unreachable", NodeValue::Flag(true));
    let told = timers(&world, "2020-03-22T10:00");
    assert_eq!(told[0].timer, "detained");
    assert!(told[1].stopped_ms.is_some() && !told[1].over);
    assert!(!world.lacks("family_told"));
    assert!(timers(&world, "2020-03-23T10:01")[0].over);
}

#[test]
fn an_urgent_detention_asks_for_the_decision_afterwards() {
    let mut world = World::with(ActKind::Detention);
    assert!(world.lacks("detention_decision_shown") && !world.lacks("detention_approved_after"));
    set(&mut world, "urgent", NodeValue::Flag(true));
    assert!(!world.lacks("detention_decision_shown") && world.lacks("detention_approved_after"));
    shown(&mut world, "detention_decision", None);
    assert!(!world.lacks("detention_approved_after"));
    for (days, fits) in [(0, false), (1, true), (15, true), (16, false)] {
        let mut world = World::with(ActKind::Detention);
        set(&mut world, "days", NodeValue::Number(days));
        assert_eq!(!world.lacks("detention_days"), fits, "{days} days");
    }
}

#[test]
fn a_second_officer_confirms_from_a_device_of_his_own() {
    let mut world = World::with(ActKind::Inquiry);
    world.close(ActKind::Inquiry);
    let said = ActCountersigned {
        act: ACT,
        at: world.at,
        record: world.record(),
    };
    let own = world.make(&said, &[]);
    let effect = world.admit(&own);
    assert_eq!(
        effect,
        zhixing_protocol::event::Effect::rejected("countersigned_by_the_same_device")
    );
    assert!(world.lacks("countersigned"));
    world.device = zhixing_protocol::ids::DeviceId([2; 16]);
    let other = ActCountersigned {
        record: zhixing_protocol::hash::ActRecordHash([9; 32]),
        ..said.clone()
    };
    world.say(&other, &[]);
    assert!(world.lacks("countersigned"), "another version");
    world.say(&said, &[]);
    assert!(!world.lacks("countersigned"));
}

#[test]
fn a_refusal_counts_with_a_witness_who_is_not_of_the_court() {
    let mut world = World::with(ActKind::Cash);
    let payer = world.present(AttendeeRole::Payer, Presence::Attended);
    let officer = world.present(AttendeeRole::Officer, Presence::Attended);
    let absent = world.present(AttendeeRole::Witness, Presence::Told);
    let witness = world.present(AttendeeRole::GrassRoots, Presence::Attended);
    world.sign(officer, &[SignedPaper::Record]);
    for nobody in [None, Some(officer), Some(payer), Some(absent)] {
        world.refuse(payer, zhixing_protocol::statement::Refusal::Sign, nobody);
        assert!(world.lacks("sign_cash"), "{nobody:?}");
    }
    world.refuse(
        payer,
        zhixing_protocol::statement::Refusal::Sign,
        Some(witness),
    );
    assert!(!world.lacks("sign_cash"));
}

#[test]
fn a_signature_holds_for_the_version_it_was_given_for() {
    let mut world = World::with(ActKind::Cash);
    let payer = world.present(AttendeeRole::Payer, Presence::Attended);
    world.sign(payer, &[SignedPaper::Record]);
    assert!(!world.lacks("sign_cash"));
    set(&mut world, "amount_fen", NodeValue::Number(100));
    assert!(
        world.lacks("sign_cash"),
        "the record changed after it was signed"
    );
    assert!(world.view().marks.iter().all(|mark| !mark.current));
    world.sign(payer, &[SignedPaper::Record]);
    let handed = ActStep::Handed {
        attendee: payer,
        evidence: None,
        paper: "receipt".into(),
    };
    world.step(handed, None);
    assert!(
        !world.lacks("sign_cash"),
        "handing over comes after the record"
    );
}
