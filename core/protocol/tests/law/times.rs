//! Law of its time: each trigger is judged by the rules of its own day, whenever one looks.

use std::sync::Arc;

use zhixing_protocol::rules::calendar::Calendar;
use zhixing_protocol::rules::evaluate::Evaluator;
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::rules::pack::{Overlay, OverlayError, OverlayRule, RulePack};
use zhixing_protocol::rules::view::{PromptView, rule_verdicts};

use crate::history::{History, date, fact_for, node, noon};

/// The bundled pack as version `version` from a day on, with another length of the notice (S02-03) in it.
fn pack(version: u32, from: &str, until: Option<&str>, days: u32) -> Arc<RulePack> {
    let mut pack = RulePack::bundled().clone();
    pack.version = version;
    pack.effective_from = date(from);
    pack.effective_until = until.map(date);
    for rule in pack.rules.iter_mut().filter(|rule| rule.id == "S02-03") {
        rule.deadline.n = Some(days);
    }
    Arc::new(pack)
}

fn law(packs: &[Arc<RulePack>]) -> Law {
    Law::of_packs(packs.to_vec(), &[], Calendar::bundled().clone())
}

fn received(on: &str) -> (History, u64) {
    let mut history = History::filed(date("2024-01-02"), "（2024）川0811执1号");
    let seq = history.node("application.received", on);
    (history, seq)
}

/// Version of the pack, date, and number of the trigger of the duty to send the notice.
fn notice(law: &Law, history: &History, today: &str) -> Option<(u32, String, u64)> {
    let today = date(today);
    let prompts = Evaluator::of(law).evaluate(&history.state, noon(today));
    let views = prompts
        .iter()
        .map(|prompt| PromptView::new(prompt, law, today));
    let mut found = views.filter(|view| view.rule == "S02-03");
    let view = found.next()?;
    assert!(found.next().is_none(), "one duty, not one for each pack");
    let due = view.due.map(|due| due.to_string()).unwrap_or_default();
    Some((view.pack_version, due, view.computation.trigger_seq))
}

#[test]
fn a_trigger_keeps_the_pack_of_its_day() {
    let law = law(&[
        pack(1, "2020-01-01", None, 10),
        pack(2, "2024-04-01", None, 5),
    ]);
    for (on, version, due) in [
        ("2024-03-31", 1, "2024-04-10"),
        ("2024-04-01", 2, "2024-04-07"), // five days end on a working Sunday after the holiday
        ("2019-05-05", 1, "2019-05-15"), // before the first pack the first goes back
    ] {
        let (history, seq) = received(on);
        let expected = Some((version, due.to_owned(), seq));
        assert_eq!(notice(&law, &history, "2024-04-02"), expected, "{on}");
        // Looking later does not bring newer law over it.
        assert_eq!(notice(&law, &history, "2025-01-01"), expected, "{on}");
    }
}

#[test]
fn a_correction_moves_a_trigger_into_the_law_of_another_time() {
    let law = law(&[
        pack(1, "2020-01-01", None, 10),
        pack(2, "2024-04-01", None, 5),
    ]);
    let (mut history, seq) = received("2024-03-29");
    assert_eq!(
        notice(&law, &history, "2024-04-02"),
        Some((1, "2024-04-08".to_owned(), seq))
    );
    let moment = |text: &str| text.parse().expect("a moment");
    let body = node("application.received", moment("2024-04-02"), None, &[]);
    let over = history.correct(date("2024-04-02"), &body, Some(seq));
    assert_eq!(
        notice(&law, &history, "2024-04-02"),
        Some((2, "2024-04-07".to_owned(), over))
    );
    let body = node("application.received", moment("2024-03-28"), None, &[]);
    let back = history.correct(date("2024-03-28"), &body, Some(over));
    assert_eq!(
        notice(&law, &history, "2024-04-02"),
        Some((1, "2024-04-07".to_owned(), back))
    );
}

#[test]
fn a_pack_with_a_date_ahead_waits_for_its_day() {
    let law = law(&[
        pack(1, "2020-01-01", None, 10),
        pack(2, "2024-04-01", None, 5),
    ]);
    let (mut history, seq) = received("2024-03-30");
    let before = notice(&law, &history, "2024-03-31");
    assert_eq!(before, Some((1, "2024-04-09".to_owned(), seq)));
    // What is written down ahead of its day triggers nothing, of neither pack.
    let (ahead, _) = received("2024-04-01");
    assert_eq!(notice(&law, &ahead, "2024-03-31"), None);
    history.node("notice.sent", "2024-04-01");
    assert_eq!(
        notice(&law, &history, "2024-04-01"),
        None,
        "closed across the change"
    );
}

#[test]
fn a_pack_that_ends_leaves_its_place_to_the_one_before_and_a_correction_of_the_past_replaces_it() {
    // A trial rule for one month, then the old law again; and a later pack that takes the whole place of the first.
    let packs = [
        pack(1, "2020-01-01", None, 10),
        pack(2, "2024-03-01", Some("2024-03-31"), 5),
        pack(3, "2020-01-01", None, 9),
    ];
    let trial = law(&packs[..2]);
    let version = |law: &Law, day: &str| law.on(date(day)).pack.version;
    assert_eq!(
        ["2024-02-29", "2024-03-01", "2024-03-31", "2024-04-01"].map(|day| version(&trial, day)),
        [1, 2, 2, 1]
    );
    let all = law(&packs);
    assert_eq!(
        ["2019-01-01", "2024-03-15"].map(|day| version(&all, day)),
        [1, 3]
    );
    // A gap: the pack that took effect last goes on.
    let gap = law(&[
        pack(1, "2020-01-01", Some("2020-12-31"), 10),
        pack(2, "2022-01-01", None, 5),
    ]);
    assert_eq!(
        ["2021-06-01", "2022-01-01"].map(|day| version(&gap, day)),
        [1, 2]
    );
    for law in [&trial, &all, &gap] {
        let periods = law.periods();
        assert_eq!(periods.first().map(|period| period.from), Some(None));
        assert_eq!(periods.last().map(|period| period.until), Some(None));
        for (one, next) in periods.iter().zip(periods.iter().skip(1)) {
            let follows = one.until.map(|until| until.plus_days(1));
            assert_eq!(follows, next.from);
        }
    }
}

#[test]
fn before_every_pack_the_first_one_published_holds() {
    // The second was published to hold from before the first one's own day.
    let law = law(&[
        pack(1, "2026-11-23", None, 10),
        pack(2, "2024-04-01", None, 5),
    ]);
    let version = |day: &str| law.on(date(day)).pack.version;
    assert_eq!(
        ["2024-03-31", "2024-04-01", "2026-12-01"].map(version),
        [1, 2, 2]
    );
}

#[test]
fn versions_of_one_rule_in_one_pack_follow_each_other() {
    let mut pack = RulePack::bundled().clone();
    let place = pack
        .rules
        .iter()
        .position(|rule| rule.id == "S02-03")
        .expect("of the pack");
    let mut newer = pack.rules[place].clone();
    pack.rules[place].valid_to = Some(date("2024-03-31"));
    newer.valid_from = Some(date("2024-04-01"));
    newer.deadline.n = Some(5);
    pack.rules.insert(place + 1, newer);
    let text = serde_json::to_string(&pack).expect("JSON");
    let pack = RulePack::from_json(&text).expect("versions are no fault");
    let law = law(&[Arc::new(pack)]);
    for (on, due) in [("2024-03-31", "2024-04-10"), ("2024-04-01", "2024-04-07")] {
        let (history, seq) = received(on);
        let expected = Some((1, due.to_owned(), seq));
        assert_eq!(notice(&law, &history, "2024-04-02"), expected, "{on}");
    }
}

#[test]
fn an_explanation_names_the_version_that_judged() {
    let law = law(&[
        pack(1, "2020-01-01", None, 10),
        pack(2, "2024-04-01", None, 5),
    ]);
    let (history, seq) = received("2024-03-31");
    let now = noon(date("2024-05-01"));
    let verdicts = rule_verdicts(&Evaluator::of(&law).explain(&history.state, now), &law);
    let of = |rule: &str| {
        let found = verdicts.iter().filter(|verdict| verdict.rule == rule);
        let found: Vec<_> = found
            .map(|verdict| (verdict.verdict, verdict.trigger_seq, verdict.pack_version))
            .collect();
        found
    };
    assert_eq!(of("S02-03"), [("prompts", Some(seq), 1)]);
    // Nothing brought this one about under any law: today's says so.
    assert_eq!(of("S08-03"), [("not_triggered", None, 2)]);
    let rules: std::collections::BTreeSet<&str> = verdicts
        .iter()
        .map(|verdict| verdict.rule.as_str())
        .collect();
    assert_eq!(
        rules.len(),
        182,
        "every rule of cases is explained once at least"
    );
}

fn overlay(from: &str, rules: &[(&str, OverlayRule)]) -> Overlay {
    let rules = rules
        .iter()
        .map(|(rule, set)| ((*rule).to_owned(), set.clone()));
    Overlay {
        rules: rules.collect(),
        ..Overlay::empty("川0811", date(from))
    }
}

#[test]
fn a_courts_settings_hold_from_their_day_and_are_marked() {
    let stricter = OverlayRule {
        n: Some(6),
        ..OverlayRule::default()
    };
    let first = overlay("2024-03-01", &[("S02-03", stricter)]);
    let taken_back = overlay("2024-06-01", &[]);
    let law = Law::of_packs(
        vec![pack(1, "2020-01-01", None, 10)],
        &[(1, &first), (2, &taken_back)],
        Calendar::bundled().clone(),
    );
    let seen = |on: &str| {
        let (history, _) = received(on);
        let today = date(on);
        let prompts = Evaluator::of(&law).evaluate(&history.state, noon(today));
        let views = prompts
            .iter()
            .map(|prompt| PromptView::new(prompt, &law, today));
        let mut found = views.filter(|view| view.rule == "S02-03");
        found
            .next()
            .map(|view| (view.computation.n, view.overlay_version))
    };
    assert_eq!(seen("2024-02-29"), Some((Some(10), None)));
    assert_eq!(seen("2024-03-01"), Some((Some(6), Some(1))));
    assert_eq!(seen("2024-06-01"), Some((Some(10), None)));
}

#[test]
fn a_local_rule_is_soft_names_what_the_pack_knows_and_prompts() {
    let mut local = RulePack::bundled()
        .rule("S02-06")
        .expect("of the pack")
        .clone();
    local.id = "L01".to_owned();
    local.hard = false;
    local.deadline.n = Some(2);
    let with = |local: &zhixing_protocol::rules::pack::Rule| Overlay {
        local: vec![local.clone()],
        ..Overlay::empty("川0811", date("2020-01-01"))
    };
    let laid = RulePack::bundled()
        .with_overlay(&with(&local))
        .expect("fits");
    assert_eq!(laid.rules.len(), RulePack::bundled().rules.len() + 1);
    let law = Law::of_packs(
        vec![Arc::new(RulePack::bundled().clone())],
        &[(4, &with(&local))],
        Calendar::bundled().clone(),
    );
    let mut history = History::filed(date("2024-01-02"), "（2024）川0811执1号");
    let at = "2024-03-12".parse().expect("a moment");
    let trigger = local.trigger.on.first().expect("a trigger");
    history.add(date("2024-03-12"), &fact_for(trigger, &local, at, 5, None));
    let today = date("2024-03-12");
    let prompts = Evaluator::of(&law).evaluate(&history.state, noon(today));
    let views: Vec<PromptView> = prompts
        .iter()
        .map(|prompt| PromptView::new(prompt, &law, today))
        .collect();
    let marks = |rule: &str| {
        let found = views.iter().find(|view| view.rule == rule);
        found.map(|view| (view.hard, view.overlay_version))
    };
    assert_eq!(marks("L01"), Some((false, Some(4))));
    assert_eq!(marks("S02-06").map(|(_, overlay)| overlay), Some(None));
    let refused = |change: &dyn Fn(&mut zhixing_protocol::rules::pack::Rule)| {
        let mut local = local.clone();
        change(&mut local);
        RulePack::bundled()
            .with_overlay(&with(&local))
            .expect_err("refused")
    };
    assert_eq!(
        refused(&|rule| rule.hard = true),
        OverlayError::LocalHard("L01".into())
    );
    assert_eq!(
        refused(&|rule| rule.id = "S02-06".into()),
        OverlayError::LocalId("S02-06".into())
    );
    let fault = refused(&|rule| rule.stage = "felling".into());
    assert!(
        fault.to_string().contains("L01") && fault.to_string().contains("felling"),
        "{fault}"
    );
}

#[test]
fn a_court_is_reminded_of_hard_rules_earlier_not_later_and_gives_at_least_one_day() {
    let pack = RulePack::bundled();
    let mut rules = pack.rules.iter();
    let hard = rules.find(|rule| rule.hard && rule.remind_days.is_some_and(|days| days > 1));
    let hard = hard.expect("a hard rule with a reminder");
    let days = hard.remind_days.unwrap_or_default();
    let set = |days| OverlayRule {
        remind_days: Some(days),
        ..OverlayRule::default()
    };
    let laid = |set| pack.with_overlay(&overlay("2024-01-01", &[(hard.id.as_str(), set)]));
    assert!(laid(set(days + 1)).is_ok());
    assert_eq!(
        laid(set(days - 1)),
        Err(OverlayError::LaterReminder(hard.id.clone()))
    );
    let none = OverlayRule {
        n: Some(0),
        ..OverlayRule::default()
    };
    assert_eq!(
        pack.with_overlay(&overlay("2024-01-01", &[("S02-01", none)])),
        Err(OverlayError::Zero("S02-01".into()))
    );
}
