//! How contributions add up: in any order, from two devices, before and after the closing.

use proptest::prelude::*;
use zhixing_protocol::act::{ActStatus, Standing, record_fields};
use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Audience, Effect, Visibility, draft, visible_event};
use zhixing_protocol::ids::{AttendeeId, DeviceId, LineId};
use zhixing_protocol::statement::{
    ActCorrected, ActKind, ActStep, AttendeeRole, Exemption, NodeValue, Presence, SignedPaper,
    are_strokes,
};

use crate::world::{ACT, LINE, Said, World, admit, instant, plain_line};

/// Everything of a case that does not count events.
fn seen(state: &CaseState) -> serde_json::Value {
    let act = state.acts().get(ACT).expect("the act");
    let standing = Standing::of(ACT, act);
    let now = instant("2020-03-20T12:00");
    let view = zhixing_protocol::act::ActView::of(&standing, state, now);
    let facts: Vec<_> = state
        .facts()
        .iter()
        .map(|fact| {
            (
                fact.code.clone(),
                fact.at.to_string(),
                fact.subject.clone(),
                fact.fields.clone(),
            )
        })
        .collect();
    serde_json::json!({
        "view": view,
        "fields": record_fields(&standing, state, now),
        "facts": facts,
        "replaced": act.statements().into_iter().filter(|hash| act.is_replaced(*hash)).map(|hash| hash.to_string()).collect::<Vec<_>>(),
    })
}

/// What two judges without signal say of one seal, one contradiction among it.
fn two_judges() -> Vec<Said> {
    let mut world = World::with(ActKind::Seal);
    let first = world.line(LINE, &[]);
    let officer = world.present(AttendeeRole::Officer, Presence::Attended);
    world.device = DeviceId([2; 16]);
    let second_line = world.line(LineId([0x24; 16]), &[]);
    world.present(AttendeeRole::GrassRoots, Presence::Attended);
    world.line(LINE, &[first]);
    let note = ActStep::Note {
        topic: "course".into(),
    };
    world.step(note, Some("第二名法官的记载"));
    world.device = DeviceId([1; 16]);
    world.line(LINE, &[first]);
    let exempt = ActStep::Exempt {
        category: Exemption::None,
        line: LINE,
    };
    world.step(exempt, None);
    world.step_instead_of(ActStep::Withdrawn {}, Some("重复"), &[second_line]);
    let paper = ActStep::Shown {
        document: None,
        evidence: None,
        paper: "work_id".into(),
    };
    world.step(paper, None);
    world.step(ActStep::Ended {}, None);
    world.sign(officer, &[SignedPaper::Record, SignedPaper::Inventory]);
    world.close(ActKind::Seal);
    world.device = DeviceId([2; 16]);
    world.line(LineId([0x25; 16]), &[]);
    world.said
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn i5_contributions_in_any_order_give_the_same_act(order in Just((0..two_judges().len()).collect::<Vec<_>>()).prop_shuffle()) {
        let said = two_judges();
        let mut straight = CaseState::default();
        for one in &said {
            prop_assert_eq!(admit(&mut straight, one), Effect::Applied);
        }
        let mut shuffled = CaseState::default();
        for place in order {
            prop_assert_eq!(admit(&mut shuffled, &said[place]), Effect::Applied);
        }
        prop_assert_eq!(seen(&straight), seen(&shuffled));
    }
}

#[test]
fn i5_two_versions_of_one_line_are_both_kept_and_shown_until_one_replaces_both() {
    let mut world = World::with(ActKind::Seal);
    let first = world.line(LINE, &[]);
    let mut ones = plain_line(world.at, LINE, &[first]);
    ones.quantity_milli = 2000;
    let one = world.say(&ones, &[("name", "拖拉机")]);
    assert!(!world.lacks("conflict"));
    world.device = DeviceId([2; 16]);
    let other = world.line(LINE, &[first]);
    let missing = world.missing();
    let item = missing.iter().find(|item| item.requirement == "conflict");
    let mut about = item.expect("two versions").about.clone();
    about.sort();
    let mut both = vec![one.to_string(), other.to_string()];
    both.sort();
    assert_eq!(about, both);
    assert!(item.expect("two versions").hard);
    assert_eq!(world.view().lines[0].versions, 2);
    world.line(LINE, &[one, other]);
    assert!(!world.lacks("conflict"));
    let act = world.state.acts().get(ACT).expect("the act");
    assert_eq!(act.lines().count(), 4, "nothing is lost");
}

#[test]
fn contradicting_answers_are_a_conflict_and_equal_ones_are_not() {
    let mut world = World::with(ActKind::Search);
    let set = |world: &mut World, value: bool| {
        let step = ActStep::Set {
            field: "outsiders_excluded".into(),
            value: NodeValue::Flag(value),
        };
        world.step(step, None)
    };
    let one = set(&mut world, true);
    set(&mut world, true);
    assert!(!world.lacks("conflict"));
    let other = set(&mut world, false);
    assert!(world.lacks("conflict"));
    let step = ActStep::Withdrawn {};
    world.step_instead_of(step, Some("记错"), &[other]);
    assert!(!world.lacks("conflict") && !world.lacks("outsiders_out"));
    let act = world.state.acts().get(ACT).expect("the act");
    assert!(act.is_replaced(other) && !act.is_replaced(one));
}

#[test]
fn people_exemptions_and_ends_that_contradict_are_conflicts_too() {
    let present = |presence| ActStep::Present {
        attendee: AttendeeId([0x41; 16]),
        female: None,
        party: None,
        presence,
        roles: vec![AttendeeRole::Respondent],
        staff: None,
    };
    let exempt = |category| ActStep::Exempt {
        category,
        line: LINE,
    };
    let pairs = [
        (present(Presence::Attended), present(Presence::Declined)),
        (exempt(Exemption::None), exempt(Exemption::Medical)),
        (ActStep::Ended {}, ActStep::Ended {}),
    ];
    for (one, other) in pairs {
        let mut world = World::with(ActKind::Seal);
        world.line(LINE, &[]);
        world.step(one, None);
        assert!(!world.lacks("conflict"));
        world.device = DeviceId([2; 16]);
        world.step(other.clone(), None);
        assert!(world.lacks("conflict"), "{other:?}");
    }
}

#[test]
fn a_closed_record_is_never_changed_and_what_comes_later_is_shown_beside_it() {
    let mut world = World::with(ActKind::Seal);
    let line = world.line(LINE, &[]);
    world.close(ActKind::Seal);
    let record = world.record();
    let before = world.view().lines;
    world.device = DeviceId([2; 16]);
    world.line(LineId([0x24; 16]), &[]);
    let mut changed = plain_line(world.at, LINE, &[line]);
    changed.quantity_milli = 9000;
    world.say(&changed, &[("name", "改过的")]);
    let view = world.view();
    assert_eq!(view.status, ActStatus::ClosedAndMore);
    assert_eq!((world.record(), view.lines), (record, before));
    assert_eq!(view.late.len(), 2);
    assert!(world.lacks("late"));
    // Closed anew with everything, the new record stands beside the old one.
    world.device = DeviceId([1; 16]);
    let act = world.state.acts().get(ACT).expect("the act");
    let mut again = world.closing(ActKind::Seal);
    again.covers = act.content().into_iter().collect();
    again.record = zhixing_protocol::act::record_hash(ACT, &act.content());
    world.say(&again, &[]);
    assert_eq!(world.view().status, ActStatus::Closed);
    assert_ne!(world.record(), record);
    assert_eq!(
        world.state.facts().measures().len(),
        1,
        "the measure is taken once"
    );
}

#[test]
fn a_correction_is_added_to_the_record_it_names() {
    let mut world = World::with(ActKind::Inquiry);
    let correct = |world: &World| ActCorrected {
        act: ACT,
        at: world.at,
        line: None,
        record: world.record(),
    };
    let early = correct(&world);
    let early = world.make(&early, &[("text", "早")]);
    let effect = world.admit(&early);
    assert!(matches!(effect, Effect::Conflict { .. }), "{effect:?}");
    world.close(ActKind::Inquiry);
    let record = world.record();
    let said = correct(&world);
    world.say(&said, &[("text", "第三行姓名应为彭某")]);
    let view = world.view();
    assert_eq!(view.corrections.len(), 1);
    assert_eq!(view.corrections[0].1.as_deref(), Some("第三行姓名应为彭某"));
    assert_eq!((view.record, view.status), (record, ActStatus::Closed));
}

#[test]
fn a_closing_that_does_not_fit_what_it_covers_is_held() {
    let mut world = World::with(ActKind::Inquiry);
    let mut closing = world.closing(ActKind::Inquiry);
    closing
        .covers
        .push(zhixing_protocol::hash::StatementHash([0xff; 32]));
    let said = world.make(&closing, &[]);
    assert_eq!(world.admit(&said), Effect::held("malformed_body"));
    let closing = world.closing(ActKind::Inquiry);
    let first = world.make(&closing, &[]);
    assert_eq!(world.admit(&first), Effect::Applied);
    let second = world.make(&closing, &[]);
    assert_eq!(
        world.admit(&second),
        Effect::Duplicate,
        "two judges close the same version"
    );
    let start = world.said[0].clone();
    assert_eq!(world.admit(&start), Effect::Duplicate);
}

#[test]
fn steps_that_hold_words_instead_of_codes_are_held() {
    let mut world = World::with(ActKind::Inquiry);
    let bad = [
        ActStep::Note {
            topic: "张三".into(),
        },
        ActStep::Set {
            field: "place".into(),
            value: NodeValue::Code("方山村".into()),
        },
        ActStep::Present {
            attendee: AttendeeId([1; 16]),
            female: None,
            party: None,
            presence: Presence::Attended,
            roles: Vec::new(),
            staff: None,
        },
    ];
    for step in bad {
        let fact = zhixing_protocol::statement::ActStepRecorded {
            act: ACT,
            at: world.at,
            replaces: Vec::new(),
            step,
        };
        let said = world.make(&fact, &[]);
        assert_eq!(world.admit(&said), Effect::held("malformed_body"));
    }
    for quantity in [0, -1, i64::MAX >> 11] {
        let mut line = plain_line(world.at, LINE, &[]);
        line.quantity_milli = quantity;
        let said = world.make(&line, &[]);
        assert_eq!(
            world.admit(&said),
            Effect::held("malformed_body"),
            "{quantity}"
        );
    }
}

#[test]
fn i8_parties_see_nothing_of_an_act_before_it_is_closed_and_nothing_of_an_inquiry_at_all() {
    for kind in ActKind::ALL {
        let mut world = World::with(kind);
        world.line(LINE, &[]);
        world.close(kind);
        for said in &world.said {
            let today = "2020-03-20".parse().expect("a date");
            let empty = CaseState::default();
            let (_, drafts) = draft(&said.statement, said.hash, Some(&empty), &|_| None, today);
            for drafted in drafts {
                let (_, mut event) = crate::facts::filing(1);
                event.kind = drafted.kind;
                event.body = drafted.body;
                event.hidden = drafted.hidden;
                event.visibility = drafted.visibility;
                let shown = [Audience::Applicant, Audience::Respondent, Audience::Grid]
                    .map(|audience| visible_event(&event, audience));
                let closes = event.kind == "act.closed";
                assert_eq!(
                    shown[0].is_some(),
                    closes && kind.is_told_to_parties(),
                    "{kind:?} {}",
                    event.kind
                );
                assert!(shown[2].is_none());
                assert!(closes || event.visibility == Visibility::Table);
                if let Some(shown) = &shown[1] {
                    let body = serde_json::to_string(&shown.body).expect("writes");
                    assert!(
                        !body.contains("covers") && !body.contains("device"),
                        "{body}"
                    );
                    assert!(shown.hidden.contains_key("inventory"));
                }
            }
        }
    }
}

#[test]
fn strokes_are_points_inside_the_canvas_in_the_order_of_time() {
    let read = |text: &str| {
        let value = zhixing_protocol::canonical::parse(text.as_bytes()).expect("canonical");
        are_strokes(&value)
    };
    assert_eq!(read("[[[120,80,0,500],[130,90,12,510]]]"), Some(2));
    assert_eq!(read("[[[0,0,0,0]],[[10000,10000,0,1000]]]"), Some(2));
    for bad in [
        "[]",
        "[[[1,2]]]",
        "[[[1,2,3,4]]]",
        "[[[1,1,5,0],[1,1,4,0]]]",
        "[[[10001,1,0,0],[1,1,1,0]]]",
        "[[[1,1,0,1001],[1,1,1,0]]]",
        "[[[-1,1,0,0],[1,1,1,0]]]",
        "[[1,2],[3,4]]",
        "{}",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn the_fields_of_a_record_say_what_was_recorded() {
    let mut world = World::with(ActKind::Seal);
    let (_, event) = crate::facts::filing(2_000_000);
    world
        .state
        .apply(&event, &zhixing_protocol::statement::Openings::new());
    let officer = world.present(AttendeeRole::Officer, Presence::Attended);
    world.present(AttendeeRole::GrassRoots, Presence::Told);
    world.line(LINE, &[]);
    world.sign(officer, &[SignedPaper::Record]);
    let act = world.state.acts().get(ACT).expect("the act");
    let standing = Standing::of(ACT, act);
    let fields = record_fields(&standing, &world.state, instant("2020-03-20T12:00"));
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(|value| value.as_text())
            .unwrap_or("?")
            .to_owned()
    };
    assert_eq!(text("record_title"), "查封笔录");
    assert_eq!(text("case_number"), "（2020）川0811执123号");
    assert_eq!(text("place"), "方山村4组12号");
    assert_eq!(text("record_hash"), world.record().to_string());
    let json = serde_json::to_value(&fields).expect("writes");
    assert_eq!(json["officers"][0]["name"], "第1人");
    assert_eq!(json["told"][0]["presence"], "已通知未到场");
    assert_eq!(json["inventory"][0]["name"], "拖拉机");
    assert_eq!(json["inventory"][0]["quantity"], "1");
    assert_eq!(json["estimate_total_fen"], 1_200_000);
    assert!(
        json["signatures"][0]["how"]
            .as_str()
            .expect("text")
            .contains("非《电子签名法》")
    );
}
