//! The 107 timed rules, each of them: it fires on every one of its triggers, every one of its closing facts closes it, and it is missed; what has no closing
//! fact ends by its date alone; other lengths count where the trigger says so.

use std::collections::BTreeMap;

use zhixing_protocol::rules::calendar::Calendar;
use zhixing_protocol::rules::deadline::{DeadlineKind, Unit};
use zhixing_protocol::rules::evaluate::{DutyPrompt, Evaluator, Verdict};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::rules::pack::{Condition, Rule, RulePack, Selector};
use zhixing_protocol::time::{Date, UtcMillis};

use crate::history::{History, date, fact_for, filed, noon};

/// A Tuesday far from holidays.
const TRIGGER: &str = "2024-03-12";

fn at(rule: &Rule, day: Date) -> Moment {
    match rule.deadline.unit {
        Some(Unit::Hour) => Moment::Instant(noon(day)),
        _ => Moment::Day(day),
    }
}

/// A history in which `trigger` brings the rule about, with further fields.
fn fired_by(rule: &Rule, trigger: &Selector) -> History {
    let mut history = History::default();
    let mut codes = rule.closed_by.iter().chain([trigger]);
    if codes.all(|selector| selector.code() != "case.filed") {
        history.add(date("2024-01-02"), &filed("（2024）川0811执1号", Some(100)));
    }
    for condition in &rule.trigger.conditions {
        if let Condition::Exists(selector) = condition {
            let at = Moment::Day(date("2024-01-05"));
            history.add(at.date(), &fact_for(selector, rule, at, 5, None));
        }
    }
    // A renewal holds what the measure holds.
    if let Some(fields) = trigger.to_string().strip_prefix("measure.renewed") {
        let taken: Selector = format!("measure.taken{fields}")
            .parse()
            .expect("a selector");
        let before = date(TRIGGER).plus_days(-30);
        history.add(
            before,
            &fact_for(&taken, rule, Moment::Day(before), 5, None),
        );
    }
    let day = date(TRIGGER);
    let anchor = rule.trigger.anchor.as_deref();
    let anchor = anchor.map(|field| (field, day.plus_days(200)));
    let fact = fact_for(trigger, rule, at(rule, day), 5, anchor);
    history.add(day, &fact);
    history
}

fn verdicts(rule: &Rule, history: &History, now: UtcMillis) -> Vec<Verdict<'static>> {
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    let rule = RulePack::bundled().rule(&rule.id).expect("of this pack");
    evaluator.explain_rule(rule, &history.state, now)
}

/// What was said of the newest event.
fn of_newest(verdicts: &[Verdict<'_>], seq: u64) -> &'static str {
    let of = |verdict: &Verdict<'_>| match verdict {
        Verdict::ConditionFails { trigger_seq, .. } => (*trigger_seq, "condition"),
        Verdict::NotInForce { trigger_seq } => (*trigger_seq, "not in force"),
        Verdict::Closed { trigger_seq, .. } => (*trigger_seq, "closed"),
        Verdict::Ended { trigger_seq, .. } => (*trigger_seq, "ended"),
        Verdict::Prompts(prompt) => (prompt.trigger_seq, "prompts"),
        Verdict::Passed(prompt) => (prompt.trigger_seq, "passed"),
    };
    let mut all = verdicts.iter().map(of);
    all.find(|(of, _)| *of == seq)
        .map_or("nothing", |(_, verdict)| verdict)
}

fn timed() -> impl Iterator<Item = &'static Rule> {
    let rules = RulePack::bundled().rules.iter();
    rules.filter(|rule| rule.deadline.n.is_some())
}

#[test]
fn every_rule_fires_on_each_of_its_triggers() {
    let mut triggers = 0;
    for rule in &RulePack::bundled().rules {
        for trigger in &rule.trigger.on {
            triggers += 1;
            let history = fired_by(rule, trigger);
            let found = verdicts(rule, &history, noon(date(TRIGGER)));
            let newest = of_newest(&found, history.state.newest_seq());
            assert_eq!(newest, "prompts", "{} on {trigger}", rule.id);
        }
    }
    assert!(triggers > RulePack::bundled().rules.len(), "{triggers}");
}

#[test]
fn every_timed_rule_closes_by_each_closing_fact_of_each_trigger_or_ends_by_its_date() {
    let (mut closed, mut repeated, mut by_date) = (0, 0, Vec::new());
    for rule in timed() {
        let is_repeated = rule.deadline.kind == DeadlineKind::Periodic;
        if rule.closed_by.is_empty() {
            by_date.push(rule.id.as_str());
            continue;
        }
        for trigger in &rule.trigger.on {
            for closer in &rule.closed_by {
                let mut history = fired_by(rule, trigger);
                let seq = history.state.newest_seq();
                let later = date(TRIGGER).plus_days(1);
                let moment = at(rule, later);
                history.add(later, &fact_for(closer, rule, moment, 5, None));
                let found = verdicts(rule, &history, noon(later));
                let told = format!("{} on {trigger} by {closer}: {found:?}", rule.id);
                if is_repeated {
                    // The first of many is met; the second is asked for.
                    // Or what met it begins a new count, where only the newest counts.
                    let goes_on = found.iter().any(|verdict| match verdict {
                        Verdict::Prompts(prompt) => {
                            let begun_anew = rule.trigger.latest && prompt.trigger_seq > seq;
                            begun_anew || prompt.occurrence == Some(2)
                        }
                        _ => false,
                    });
                    assert!(goes_on, "{told}");
                    continue;
                }
                // Where only the newest trigger counts and the closing fact is one, it speaks of itself.
                let newest = of_newest(&found, seq);
                let taken_over = rule.trigger.latest && newest == "nothing";
                assert!(newest == "closed" || taken_over, "{told}");
            }
        }
        match is_repeated {
            true => repeated += 1,
            false => closed += 1,
        }
    }
    assert_eq!((closed, repeated, by_date.len()), (99, 2, 6), "{by_date:?}");
    // These wait or hold until a day, or are kept: nobody can do anything to end them before it.
    for id in by_date {
        let rule = RulePack::bundled().rule(id).expect("of the pack");
        let on = rule.trigger.on.first().expect("a trigger");
        let history = fired_by(rule, on);
        let seq = history.state.newest_seq();
        let far = noon(date("2099-01-05"));
        let found = verdicts(rule, &history, far);
        assert_eq!(of_newest(&found, seq), "passed", "{id}: {found:?}");
    }
}

fn only_prompt(rule: &Rule, history: &History) -> DutyPrompt<'static> {
    let found = verdicts(rule, history, noon(date(TRIGGER)));
    let mut prompts = found.into_iter().filter_map(|verdict| match verdict {
        Verdict::Prompts(prompt) => Some(*prompt),
        _ => None,
    });
    prompts.next().expect("it prompts")
}

#[test]
fn every_other_length_counts_where_its_trigger_says_so() {
    let mut seen = BTreeMap::new();
    for rule in &RulePack::bundled().rules {
        for alternative in &rule.trigger.alternatives {
            let trigger = rule.trigger.on.first().expect("a trigger").to_string();
            let with = match trigger.strip_suffix(']') {
                Some(open) => format!("{open},{}]", alternative.field_is),
                None => format!("{trigger}[{}]", alternative.field_is),
            };
            let with: Selector = with.parse().expect("a selector");
            let plain: Selector = trigger.parse().expect("a selector");
            let own = only_prompt(rule, &fired_by(rule, &plain)).deadline;
            let other = only_prompt(rule, &fired_by(rule, &with)).deadline;
            assert_eq!(
                (own.n, own.unit),
                (rule.deadline.n, rule.deadline.unit),
                "{}",
                rule.id
            );
            assert_eq!(
                (other.n, other.unit),
                (Some(alternative.n), Some(alternative.unit)),
                "{} with {with}",
                rule.id
            );
            *seen.entry(rule.id.as_str()).or_insert(0) += 1;
        }
    }
    assert_eq!((seen.len(), seen.values().sum::<i32>()), (6, 9), "{seen:?}");
}

#[test]
fn what_ends_a_rule_ends_it_and_does_not_close_it() {
    let mut ended = 0;
    for rule in &RulePack::bundled().rules {
        for end in &rule.ended_by {
            let mut history = fired_by(rule, rule.trigger.on.first().expect("a trigger"));
            let seq = history.state.newest_seq();
            let later = date(TRIGGER).plus_days(1);
            history.add(later, &fact_for(end, rule, at(rule, later), 5, None));
            let found = verdicts(rule, &history, noon(later));
            assert_eq!(of_newest(&found, seq), "ended", "{} by {end}", rule.id);
            ended += 1;
        }
    }
    assert!(ended > 0);
}
