//! Every rule of the bundled pack: it fires on its trigger, closes on its closing fact, and is missed when its date passes.

use zhixing_protocol::rules::calendar::Calendar;
use zhixing_protocol::rules::deadline::{Counted, Deadline, DeadlineKind, Unit};
use zhixing_protocol::rules::evaluate::{Evaluator, Standing, Verdict};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::rules::pack::{Condition, Rule, RulePack};
use zhixing_protocol::time::{Date, UtcMillis};

use crate::history::{History, date, fact_for, filed, noon};

/// A Tuesday far from holidays, in a year whose calendar is published, with a year to go.
const TRIGGER: &str = "2024-03-12";

fn trigger_moment(rule: &Rule) -> Moment {
    let day = date(TRIGGER);
    match rule.deadline.unit {
        Some(Unit::Hour) => Moment::Instant(noon(day)),
        _ => Moment::Day(day),
    }
}

/// The history that brings a rule about, and nothing more than it needs.
fn fired(rule: &Rule) -> History {
    let mut history = History::default();
    let mut codes = rule.trigger.on.iter().chain(&rule.closed_by);
    let starts_with_filing = codes.any(|selector| selector.code() == "case.filed");
    if !starts_with_filing {
        history.add(date("2024-01-02"), &filed("（2024）川0811执1号", Some(100)));
    }
    for condition in &rule.trigger.conditions {
        if let Condition::Exists(selector) = condition {
            let at = Moment::Day(date("2024-01-05"));
            history.add(at.date(), &fact_for(selector, rule, at, 5, None));
        }
    }
    let on = rule.trigger.on.first().expect("a trigger");
    let at = trigger_moment(rule);
    let anchor = rule.trigger.anchor.as_deref();
    // Counted back from a day 200 days on.
    let anchor = anchor.map(|field| (field, at.date().plus_days(200)));
    history.add(at.date(), &fact_for(on, rule, at, 5, anchor));
    history
}

fn verdicts(rule: &Rule, history: &History, now: UtcMillis) -> Vec<String> {
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    let rule = RulePack::bundled().rule(&rule.id).expect("of this pack");
    let verdicts = evaluator.explain_rule(rule, &history.state, now);
    verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::ConditionFails { condition, .. } => format!("condition {condition:?}"),
            Verdict::NotInForce { .. } => "not in force".to_owned(),
            Verdict::Closed { late, .. } => format!("closed{}", if *late { " late" } else { "" }),
            Verdict::Ended { .. } => "ended".to_owned(),
            Verdict::Passed(_) => "passed".to_owned(),
            Verdict::Prompts(prompt) => match prompt.standing {
                Standing::Overdue => "overdue".to_owned(),
                _ => "prompts".to_owned(),
            },
        })
        .collect()
}

fn rules() -> &'static [Rule] {
    &RulePack::bundled().rules
}

#[test]
fn every_rule_fires_on_its_trigger_and_not_without() {
    for rule in rules() {
        let history = fired(rule);
        let at_once = noon(date(TRIGGER));
        assert_eq!(
            verdicts(rule, &history, at_once),
            ["prompts"],
            "{}",
            rule.id
        );
        let mut empty = History::default();
        empty.node("petition.noted", TRIGGER);
        assert!(verdicts(rule, &empty, at_once).is_empty(), "{}", rule.id);
    }
}

#[test]
fn every_rule_closes_on_each_of_its_closing_facts() {
    for rule in rules()
        .iter()
        .filter(|rule| rule.deadline.kind != DeadlineKind::Periodic)
    {
        for closer in &rule.closed_by {
            let mut history = fired(rule);
            let at = trigger_moment(rule);
            history.add(at.date(), &fact_for(closer, rule, at, 5, None));
            let now = noon(date(TRIGGER));
            let found = verdicts(rule, &history, now);
            // A measure that closes one duty may bring about another one of the same rule; none of them prompts.
            assert!(
                found.contains(&"closed".to_owned()) && !found.contains(&"prompts".to_owned()),
                "{} by {closer}: {found:?}",
                rule.id
            );
        }
    }
}

#[test]
fn what_closes_a_duty_about_one_thing_leaves_that_about_another_open() {
    use zhixing_protocol::rules::pack::Per;
    for rule in rules()
        .iter()
        .filter(|rule| rule.trigger.per == Per::Subject)
    {
        for closer in &rule.closed_by {
            if closer.code() == "case.assigned" || closer.code() == "case.filed" {
                continue;
            }
            let mut history = fired(rule);
            let at = trigger_moment(rule);
            history.add(at.date(), &fact_for(closer, rule, at, 6, None));
            let now = noon(date(TRIGGER));
            let found = verdicts(rule, &history, now);
            assert!(
                found.contains(&"prompts".to_owned()),
                "{} by {closer} about another thing: {found:?}",
                rule.id
            );
        }
    }
}

/// The last day (or instant) of a rule's limit from the counting that its own vectors prove.
fn last(rule: &Rule) -> Option<Moment> {
    let from = match &rule.trigger.anchor {
        Some(_) => Moment::Day(date(TRIGGER).plus_days(200)),
        None => trigger_moment(rule),
    };
    let mut deadline: Deadline = rule.deadline.deadline();
    if deadline.kind == DeadlineKind::Promptly {
        deadline = Deadline::new(DeadlineKind::WithinAfter, 5, Unit::WorkingDay);
    }
    if rule.trigger.length.is_some() {
        (deadline.n, deadline.unit) = (Some(20), Some(Unit::Day));
    }
    deadline.occurrence = rule.deadline.occurrences.map(|_| 1);
    let counted = deadline
        .count(from, &[], Calendar::bundled())
        .or_else(|_| deadline.count(from, &[], &Calendar::bundled().guessing()));
    match counted.expect("a rule of the pack can be counted") {
        Counted::Due(moment) | Counted::Earliest(moment) => Some(moment),
        Counted::LastDay(day) | Counted::ActBy(day) => Some(Moment::Day(day)),
        Counted::Window { act_by, .. } => Some(Moment::Day(act_by)),
        Counted::NoDate => None,
    }
}

fn shortly(moment: Moment, days: i64) -> UtcMillis {
    match moment {
        Moment::Day(day) => noon(day.plus_days(days)),
        Moment::Instant(at) => at.plus_ms(days * 1000),
    }
}

#[test]
fn every_timed_rule_is_in_time_on_its_last_day_and_missed_the_day_after() {
    let mut timed = 0;
    for rule in rules().iter().filter(|rule| rule.deadline.n.is_some()) {
        timed += 1;
        let history = fired(rule);
        let last = last(rule).expect("a timed rule has a date");
        let on_time = verdicts(rule, &history, shortly(last, 0));
        let after = verdicts(rule, &history, shortly(last, 1));
        use DeadlineKind as Kind;
        match rule.deadline.kind {
            // Waiting is over once the first day is there.
            Kind::NotBefore | Kind::DeemedAfter | Kind::MinimumDuration => {
                assert_eq!(on_time, ["passed"], "{}", rule.id);
                assert_eq!(
                    verdicts(rule, &history, shortly(last, -1)),
                    ["prompts"],
                    "{}",
                    rule.id
                );
            }
            Kind::RightAccrues => {
                assert_eq!(on_time, ["prompts"], "{}", rule.id);
                assert_eq!(after, ["prompts"], "{}", rule.id);
            }
            Kind::Grace | Kind::RightLasts | Kind::RetentionMin | Kind::WindowAfter => {
                assert_eq!(on_time, ["prompts"], "{}", rule.id);
                assert_eq!(after, ["passed"], "{}", rule.id);
            }
            _ => {
                assert_eq!(on_time, ["prompts"], "{} by {last}", rule.id);
                assert_eq!(after, ["overdue"], "{} after {last}", rule.id);
            }
        }
    }
    assert_eq!(timed, 107, "the timed rules of the pack");
}

#[test]
fn a_duty_done_after_its_date_is_closed_and_said_to_be_late() {
    for rule in rules().iter().filter(|rule| {
        rule.deadline.kind == DeadlineKind::WithinAfter && rule.deadline.unit == Some(Unit::Day)
    }) {
        let closer = rule.closed_by.first().expect("a deadline can be met");
        let last = last(rule).expect("a date").date();
        for (days, expected) in [(0, "closed"), (1, "closed late")] {
            let mut history = fired(rule);
            let at = Moment::Day(last.plus_days(days));
            history.add(at.date(), &fact_for(closer, rule, at, 5, None));
            let found = verdicts(rule, &history, noon(last.plus_days(30)));
            assert!(
                found.contains(&expected.to_owned()),
                "{}: {found:?}",
                rule.id
            );
        }
    }
}

#[test]
fn closing_the_case_ends_duties_unless_they_go_on() {
    let now = noon(date(TRIGGER));
    for rule in rules() {
        let mut history = fired(rule);
        history.node("case.closed", TRIGGER);
        let found = verdicts(rule, &history, now);
        let closes = rule
            .closed_by
            .iter()
            .any(|closer| closer.code() == "case.closed");
        let expected = match (closes, rule.survives_closing) {
            (true, _) => "closed",
            (false, true) => "prompts",
            (false, false) => "ended",
        };
        assert_eq!(
            found.first().map(String::as_str),
            Some(expected),
            "{}",
            rule.id
        );
    }
}

#[test]
fn a_repeated_duty_asks_for_each_date_in_turn() {
    let mut history = History::filed(date("2020-01-06"), "（2020）川0811执5号");
    history.node("termination.ruled", "2020-06-15");
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    let due = |history: &History, today: &str| {
        let prompts = evaluator.evaluate(&history.state, noon(date(today)));
        let prompt = prompts
            .into_iter()
            .find(|prompt| prompt.rule.id == "S17-07")?;
        Some((prompt.occurrence?, prompt.due?.to_string(), prompt.standing))
    };
    let later = Standing::Later;
    assert_eq!(
        due(&history, "2020-07-01"),
        Some((1, "2020-12-15".into(), later))
    );
    assert_eq!(
        due(&history, "2020-12-16"),
        Some((1, "2020-12-15".into(), Standing::Overdue))
    );
    // Late, yet it is the first of them.
    history.node_with("online_query.sent", "2020-12-20", Some(1), &[]);
    assert_eq!(
        due(&history, "2020-12-21"),
        Some((2, "2021-06-15".into(), later))
    );
    // Two in one half-year count once.
    history.node_with("online_query.sent", "2021-03-01", Some(2), &[]);
    history.node_with("online_query.sent", "2021-05-01", Some(3), &[]);
    assert_eq!(
        due(&history, "2021-05-02"),
        Some((3, "2021-12-15".into(), later))
    );
    for (place, day) in [
        "2021-12-01",
        "2022-06-01",
        "2022-12-01",
        "2023-06-01",
        "2023-12-01",
        "2024-06-01",
        "2024-12-01",
    ]
    .iter()
    .enumerate()
    {
        history.node_with(
            "online_query.sent",
            day,
            Some(10 + u8::try_from(place).expect("small")),
            &[],
        );
    }
    assert_eq!(
        due(&history, "2024-12-02"),
        Some((10, "2025-06-15".into(), later))
    );
    history.node_with("online_query.sent", "2025-06-15", Some(30), &[]);
    assert_eq!(due(&history, "2025-06-16"), None, "five years are over");
}

#[test]
fn hours_run_from_the_minute_and_depend_on_the_case() {
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    for (values, hours) in [(&[][..], 8), (&[("complex", "true")][..], 24)] {
        let mut history = History::filed(date("2024-01-02"), "（2024）川0811执1号");
        history.node_with(
            "person.brought_in",
            "2024-03-12T09:30:00+08:00",
            Some(1),
            values,
        );
        let begun: Moment = "2024-03-12T09:30:00+08:00".parse().expect("a time");
        let Moment::Instant(begun) = begun else {
            panic!("a time")
        };
        let standing = |ms| {
            let now = begun.plus_ms(ms);
            let prompts = evaluator.evaluate(&history.state, now);
            prompts
                .iter()
                .find(|prompt| prompt.rule.id == "S05-07")
                .map(|prompt| prompt.standing)
        };
        let end = hours * 60 * 60 * 1000;
        assert_eq!(standing(end), Some(Standing::Open));
        assert_eq!(standing(end + 1), Some(Standing::Overdue));
    }
}

#[test]
fn prompts_come_in_the_order_in_which_they_are_due() {
    let mut history = History::filed(date("2020-03-10"), "（2020）川0811执123号");
    history.node("application.received", "2020-03-10");
    history.node("case_file.received", "2020-03-16");
    history.node_with(
        "clue.received",
        "2020-03-17",
        Some(3),
        &[("specific", "true")],
    );
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    let prompts = evaluator.evaluate(&history.state, noon(date("2020-03-18")));
    let dates: Vec<Option<Date>> = prompts
        .iter()
        .filter(|prompt| prompt.standing == Standing::Open)
        .map(|prompt| prompt.due.map(Moment::date))
        .collect();
    let dated: Vec<Date> = dates.iter().copied().flatten().collect();
    assert!(dated.is_sorted() && dated.len() > 4, "{dated:?}");
    assert!(
        dates.iter().skip(dated.len()).all(Option::is_none),
        "without a date come last"
    );
    assert_eq!(
        prompts.first().map(|prompt| prompt.standing),
        Some(Standing::Overdue)
    );
}
