//! The dates of a case filed on 2020-03-10, as worked out in the sources; pauses, corrections, conditions and years without a calendar.

use zhixing_protocol::rules::calendar::Calendar;
use zhixing_protocol::rules::deadline::DeadlineError;
use zhixing_protocol::rules::evaluate::{DutyPrompt, Evaluator, Standing, Verdict};
use zhixing_protocol::rules::pack::{Condition, RulePack};
use zhixing_protocol::statement::PartyRole;
use zhixing_protocol::time::Date;

use crate::history::{History, date, filed, node, noon};

fn prompt(history: &History, rule: &str, today: &str) -> Option<DutyPrompt<'static>> {
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    let prompts = evaluator.evaluate(&history.state, noon(date(today)));
    prompts.into_iter().find(|prompt| prompt.rule.id == rule)
}

fn due(history: &History, rule: &str, today: &str) -> Option<Date> {
    Some(prompt(history, rule, today)?.due?.date())
}

fn liang_v_peng() -> History {
    let mut history = History::default();
    history.node("application.received", "2020-03-10");
    history.add(
        date("2020-03-10"),
        &filed("（2020）川0811执123号", Some(2_000_000)),
    );
    history.party("2020-03-10", PartyRole::Applicant, "person");
    history.party("2020-03-10", PartyRole::Respondent, "person");
    history
}

#[test]
fn filed_on_10_march_2020() {
    let history = liang_v_peng();
    assert_eq!(
        due(&history, "S02-01", "2020-03-11"),
        Some(date("2020-03-17")),
        "assignment"
    );
    assert_eq!(
        due(&history, "S02-03", "2020-03-11"),
        Some(date("2020-03-20")),
        "notice"
    );
    assert_eq!(
        due(&history, "S02-09", "2020-03-11"),
        Some(date("2020-09-10")),
        "six months"
    );
    assert_eq!(
        due(&history, "S17-01", "2020-03-11"),
        Some(date("2020-06-11")),
        "earliest day of termination"
    );
    let gate = |today| prompt(&history, "S17-01", today).map(|prompt| prompt.standing);
    assert_eq!(gate("2020-06-10"), Some(Standing::Waiting));
    assert_eq!(gate("2020-06-11"), None);
}

#[test]
fn a_prompt_closes_by_an_event() {
    let mut history = liang_v_peng();
    assert!(prompt(&history, "S02-03", "2020-03-12").is_some());
    assert!(prompt(&history, "S03-01", "2020-03-12").is_none());
    history.node("notice.sent", "2020-03-12");
    assert!(prompt(&history, "S02-03", "2020-03-12").is_none());
    assert_eq!(
        due(&history, "S03-01", "2020-03-12"),
        Some(date("2020-03-12")),
        "together with the notice"
    );
    history.node("report_order.issued", "2020-03-12");
    assert!(prompt(&history, "S03-01", "2020-03-12").is_none());
}

#[test]
fn pauses_lengthen_the_six_months_and_not_a_freeze() {
    let mut history = liang_v_peng();
    history.pause(1, "appraisal", "2020-05-01", Some("2020-05-20"));
    // A shared day counts once.
    history.pause(2, "public_notice", "2020-05-20", Some("2020-05-30"));
    assert_eq!(
        due(&history, "S02-09", "2020-06-01"),
        Some(date("2020-10-10")),
        "thirty days later, a Saturday made a working day"
    );
    assert_eq!(
        due(&history, "S17-01", "2020-03-11"),
        Some(date("2020-06-11"))
    );
}

#[test]
fn a_pause_without_end_moves_the_date_every_day_and_says_so() {
    let mut history = liang_v_peng();
    history.pause(1, "suspension", "2020-05-01", None);
    let on = |today| prompt(&history, "S02-09", today).expect("open");
    let (first, second) = (on("2020-06-01"), on("2020-06-11"));
    assert!(first.pause_runs && second.pause_runs);
    assert!(first.due.map(|due| due.date()) < second.due.map(|due| due.date()));
    assert_eq!(
        on("2029-01-01").standing,
        Standing::Open,
        "nobody is late while the clock stands"
    );
}

#[test]
fn a_corrected_trigger_moves_its_date() {
    let mut history = liang_v_peng();
    let seq = history.node("case_file.received", "2020-03-12");
    assert_eq!(
        due(&history, "S02-02", "2020-03-13"),
        Some(date("2020-03-16")),
        "15 March was a Sunday"
    );
    let moved = node(
        "case_file.received",
        "2020-03-17".parse().expect("a day"),
        None,
        &[],
    );
    history.correct(date("2020-03-17"), &moved, Some(seq));
    assert_eq!(
        due(&history, "S02-02", "2020-03-18"),
        Some(date("2020-03-20"))
    );
}

#[test]
fn events_out_of_order_give_the_same_prompts() {
    let mut early = liang_v_peng();
    early.node("case_file.received", "2020-03-12");
    early.node("notice.sent", "2020-03-13");
    let mut late = liang_v_peng();
    late.node("notice.sent", "2020-03-13");
    late.node("case_file.received", "2020-03-12");
    let ids = |history: &History| -> Vec<(String, Option<Date>)> {
        let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
        let prompts = evaluator.evaluate(&history.state, noon(date("2020-03-20")));
        prompts
            .iter()
            .map(|prompt| (prompt.rule.id.clone(), prompt.due.map(|due| due.date())))
            .collect()
    };
    assert_eq!(ids(&early), ids(&late));
}

#[test]
fn conditions_are_those_of_the_case() {
    // No money, no property report order.
    let mut history = History::default();
    history.add(date("2024-03-11"), &filed("（2024）川0811执7号", None));
    history.node("notice.sent", "2024-03-12");
    assert!(prompt(&history, "S03-01", "2024-03-12").is_none());
    // Preservation cases have no six months.
    let preservation = History::filed(date("2024-03-11"), "（2024）川0811执保7号");
    assert!(prompt(&preservation, "S02-09", "2024-03-12").is_none());
    let first = History::filed(date("2024-03-11"), "（2024）川0811执7号");
    assert!(prompt(&first, "S02-09", "2024-03-12").is_some());
}

#[test]
fn a_year_without_calendar_gives_a_provisional_date() {
    // 2026 is the last year published; nobody knows the rest days of 2027.
    let history = History::filed(date("2026-09-01"), "（2026）川0811执9号");
    let six_months = prompt(&history, "S02-09", "2026-09-02").expect("open");
    assert!(six_months.provisional, "{six_months:?}");
    assert_eq!(
        six_months.due.map(|due| due.date()),
        Some(date("2027-03-01"))
    );
    let assignment = prompt(&history, "S02-01", "2026-09-02").expect("open");
    assert!(!assignment.provisional);
}

#[test]
fn a_leap_day_has_its_anniversary_on_the_last_of_february() {
    let mut history = History::filed(date("2024-01-02"), "（2024）川0811执1号");
    history.node_with("performance_period.ended", "2024-02-29", None, &[]);
    assert_eq!(
        due(&history, "S10-06", "2024-03-01"),
        None,
        "no time element"
    );
    history.node_with("settlement.period_ended", "2024-02-29", Some(1), &[]);
    // 28 February 2026 is a working Saturday.
    assert_eq!(
        due(&history, "S12-03", "2024-03-01"),
        Some(date("2026-02-28"))
    );
}

#[test]
fn promptly_is_a_soft_limit_that_the_court_sets() {
    let mut history = History::filed(date("2024-03-11"), "（2024）川0811执7号");
    history.node_with("report.received", "2024-03-12", Some(1), &[]);
    let verify = prompt(&history, "S03-04", "2024-03-13").expect("open");
    assert!(verify.soft_limit && verify.rule.hard && !verify.is_hard());
    assert_eq!(
        verify.due.map(|due| due.date()),
        Some(date("2024-03-19")),
        "five working days"
    );
}

#[test]
fn what_is_written_down_ahead_of_its_day_counts_from_its_day() {
    let mut history = History::filed(date("2024-01-02"), "（2024）川0811执1号");
    history.node_with("settlement.period_ended", "2024-06-03", Some(1), &[]);
    assert!(prompt(&history, "S12-03", "2024-06-02").is_none());
    assert!(prompt(&history, "S12-03", "2024-06-03").is_some());
}

/// The verdicts of one rule of a pack that was changed for a test.
fn with_rule(
    history: &History,
    rule: &str,
    today: &str,
    change: impl Fn(&mut zhixing_protocol::rules::pack::Rule),
) -> Vec<String> {
    let mut pack = RulePack::bundled().clone();
    let place = pack.rules.iter().position(|known| known.id == rule);
    change(&mut pack.rules[place.expect("a rule of the pack")]);
    let evaluator = Evaluator::new(&pack, Calendar::bundled());
    let rule = pack.rule(rule).expect("still there");
    let verdicts = evaluator.explain_rule(rule, &history.state, noon(date(today)));
    let code = |verdict: &Verdict<'_>| match verdict {
        Verdict::ConditionFails { .. } => "condition fails",
        Verdict::NotInForce { .. } => "not in force",
        Verdict::Closed { .. } => "closed",
        Verdict::Ended { .. } => "ended",
        Verdict::Prompts(_) => "prompts",
        Verdict::Passed(_) => "passed",
    };
    verdicts
        .iter()
        .map(|verdict| code(verdict).to_owned())
        .collect()
}

#[test]
fn a_case_keeps_the_law_of_its_time() {
    let history = liang_v_peng();
    for (from, to, verdict) in [
        (None, None, "prompts"),
        (Some("2020-03-10"), Some("2020-03-10"), "prompts"),
        (Some("2020-03-11"), None, "not in force"),
        (None, Some("2020-03-09"), "not in force"),
    ] {
        let found = with_rule(&history, "S02-09", "2020-03-11", |rule| {
            rule.valid_from = from.map(date);
            rule.valid_to = to.map(date);
        });
        assert_eq!(found, [verdict], "{from:?} to {to:?}");
    }
}

#[test]
fn conditions_on_number_and_respondent_hold_or_fail() {
    let history = liang_v_peng();
    for (condition, verdict) in [
        ("type:执", "prompts"),
        ("type:执恢", "condition fails"),
        ("respondent:person", "prompts"),
        ("respondent:organisation", "condition fails"),
        ("exists:notice.sent", "condition fails"),
    ] {
        let found = with_rule(&history, "S02-09", "2020-03-11", |rule| {
            let condition = Condition::try_from(condition.to_owned()).expect("known");
            rule.trigger.conditions = vec![condition];
        });
        assert_eq!(found, [verdict], "{condition}");
    }
}

#[test]
fn what_ends_a_duty_ends_it_from_its_day() {
    let mut history = History::filed(date("2020-01-06"), "（2020）川0811执5号");
    history.node("resumption.started", "2020-05-01");
    history.node("termination.ruled", "2020-06-15");
    let found = |history: &History| with_rule(history, "S17-07", "2021-01-01", |_| {});
    assert_eq!(
        found(&history),
        ["prompts"],
        "an older resumption ends nothing"
    );
    history.node("resumption.started", "2020-12-01");
    assert_eq!(found(&history), ["ended"]);
}

#[test]
fn a_fact_without_the_date_it_needs_says_so() {
    let mut history = History::filed(date("2024-01-02"), "（2024）川0811执1号");
    history.node_with(
        "auction.scheduled",
        "2024-03-12",
        Some(1),
        &[("round", "1"), ("target", "movable")],
    );
    let notice = prompt(&history, "S08-03", "2024-03-13").expect("it is asked for all the same");
    assert_eq!(
        (notice.due, notice.problem),
        (None, Some(DeadlineError::AnchorMissing))
    );
}
