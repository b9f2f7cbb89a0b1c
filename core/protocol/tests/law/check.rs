//! What a check of a pack finds: each finding has a pack that earns it.

use zhixing_protocol::rules::deadline::DeadlineKind;
use zhixing_protocol::rules::pack::{Condition, Confidence, Finding, Rule, RulePack, Severity};

use crate::history::date;

fn findings(change: impl FnOnce(&mut RulePack)) -> Vec<Finding> {
    let mut pack = RulePack::bundled().clone();
    change(&mut pack);
    let before = RulePack::bundled().check();
    let mut found = pack.check();
    found.retain(|finding| !before.contains(finding));
    found
}

fn of_rule(
    id: &str,
    change: impl FnOnce(&mut Rule),
) -> Vec<(Severity, &'static str, Option<String>)> {
    let found = findings(|pack| {
        let rule = pack.rules.iter_mut().find(|rule| rule.id == id);
        change(rule.expect("a rule of the pack"));
    });
    let found = found.into_iter();
    found
        .map(|finding| (finding.severity, finding.code, finding.rule))
        .collect()
}

#[test]
fn each_fault_of_a_rule_is_found_and_names_the_rule() {
    type Change = Box<dyn FnOnce(&mut Rule)>;
    let selector = |text: &str| text.parse().expect("a selector");
    let faults: Vec<(&str, Change)> = vec![
        (
            "unknown_stage",
            Box::new(|rule| rule.stage = "felling".into()),
        ),
        (
            "unknown_law",
            Box::new(|rule| {
                rule.basis
                    .iter_mut()
                    .for_each(|basis| basis.law = "CPX".into())
            }),
        ),
        ("no_trigger", Box::new(|rule| rule.trigger.on.clear())),
        ("no_action", Box::new(|rule| rule.action = "none".into())),
        (
            "unknown_code",
            Box::new(move |rule| rule.trigger.on.push(selector("notice.sung"))),
        ),
        (
            "unknown_code",
            Box::new(move |rule| rule.closed_by.push(selector("notice.sung"))),
        ),
        (
            "unknown_code",
            Box::new(move |rule| {
                rule.trigger
                    .conditions
                    .push(Condition::Exists(selector("notice.sung")));
            }),
        ),
        (
            "unknown_field",
            Box::new(move |rule| rule.ended_by.push(selector("notice.sent[loudly=true]"))),
        ),
        ("length_missing", Box::new(|rule| rule.deadline.n = None)),
        (
            "length_missing",
            Box::new(|rule| rule.deadline.kind = DeadlineKind::AsStatedInOrder),
        ),
        (
            "occurrences_missing",
            Box::new(|rule| rule.deadline.kind = DeadlineKind::Periodic),
        ),
        (
            "validity_reversed",
            Box::new(|rule| {
                rule.valid_from = Some(date("2026-02-01"));
                rule.valid_to = Some(date("2026-01-31"));
            }),
        ),
    ];
    for (code, change) in faults {
        let found = of_rule("S02-03", change);
        let expected = (Severity::Fault, code, Some("S02-03".to_owned()));
        assert!(found.contains(&expected), "{code}: {found:?}");
    }
    let found = of_rule("S02-03", |rule| {
        rule.closed_by.clear();
        rule.action = "paint:notice".into();
    });
    let fault = (Severity::Fault, "unknown_action", Some("S02-03".to_owned()));
    let warning = (Severity::Warning, "never_closed", Some("S02-03".to_owned()));
    assert!(
        found.contains(&fault) && found.contains(&warning),
        "{found:?}"
    );
}

#[test]
fn what_a_reviewer_should_see_is_a_warning() {
    let unsure = of_rule("S02-03", |rule| rule.confidence = Confidence::Low);
    let expected = (
        Severity::Warning,
        "hard_and_unsure",
        Some("S02-03".to_owned()),
    );
    assert_eq!(unsure, [expected]);
    let overlap = findings(|pack| {
        let mut twin = pack.rule("S02-03").expect("of the pack").clone();
        twin.id = "S02-99".to_owned();
        pack.rules.push(twin);
    });
    let codes = |found: &[Finding]| -> Vec<(Severity, &'static str)> {
        found
            .iter()
            .map(|finding| (finding.severity, finding.code))
            .collect()
    };
    assert_eq!(codes(&overlap), [(Severity::Warning, "overlap")]);
    assert!(overlap[0].detail.contains("S02-03"), "{overlap:?}");
    let unused = findings(|pack| {
        let node = pack.nodes.values().next().expect("a node").clone();
        pack.nodes.insert("moon.risen".to_owned(), node);
    });
    assert_eq!(codes(&unused), [(Severity::Warning, "node_unused")]);
    let empty = findings(|pack| {
        let mut stage = pack.stages[0].clone();
        stage.key = "dreaming".to_owned();
        pack.stages.push(stage);
    });
    assert_eq!(codes(&empty), [(Severity::Warning, "stage_empty")]);
}

/// Two versions of a rule with these dates.
fn versions(first: Option<&str>, second: Option<&str>) -> Vec<(Severity, &'static str)> {
    let found = findings(|pack| {
        let place = pack.rules.iter().position(|rule| rule.id == "S02-03");
        let place = place.expect("of the pack");
        let mut newer = pack.rules[place].clone();
        pack.rules[place].valid_to = first.map(date);
        newer.valid_from = second.map(date);
        pack.rules.push(newer);
    });
    let found = found.into_iter();
    found
        .map(|finding| (finding.severity, finding.code))
        .collect()
}

#[test]
fn versions_of_a_rule_neither_overlap_nor_leave_a_gap() {
    assert_eq!(versions(Some("2026-03-31"), Some("2026-04-01")), []);
    assert_eq!(
        versions(Some("2026-03-31"), Some("2026-04-03")),
        [(Severity::Warning, "gap")]
    );
    let twice = [(Severity::Fault, "id_twice")];
    assert_eq!(versions(Some("2026-04-01"), Some("2026-04-01")), twice);
    assert_eq!(versions(None, Some("2026-04-01")), twice);
    assert_eq!(versions(None, None), twice);
}

#[test]
fn a_pack_of_its_own_may_be_at_odds_with_itself() {
    let zero = findings(|pack| pack.promptly.n = 0);
    assert_eq!(
        zero.first().map(|finding| finding.code),
        Some("promptly_zero")
    );
    let reversed = findings(|pack| pack.effective_until = Some(date("2020-01-01")));
    assert_eq!(
        reversed.first().map(|finding| finding.code),
        Some("validity_reversed")
    );
}

#[test]
fn packs_that_follow_each_other_are_looked_at_together() {
    let pack = |version, from: &str, until: Option<&str>| RulePack {
        version,
        effective_from: date(from),
        effective_until: until.map(date),
        ..RulePack::bundled().clone()
    };
    let codes = |packs: &[&RulePack]| -> Vec<(Severity, &'static str)> {
        let found = RulePack::check_sequence(packs).into_iter();
        found
            .map(|finding| (finding.severity, finding.code))
            .collect()
    };
    let first = pack(1, "2026-01-01", None);
    let second = pack(2, "2027-01-01", None);
    assert_eq!(codes(&[&first, &second]), []);
    assert_eq!(
        codes(&[&first, &pack(1, "2027-01-01", None)]),
        [(Severity::Fault, "version_twice")]
    );
    assert_eq!(
        codes(&[&pack(2, "2026-01-01", None), &first]),
        [(Severity::Warning, "replaces")]
    );
    let ends = pack(1, "2026-01-01", Some("2026-11-30"));
    assert_eq!(codes(&[&ends, &second]), [(Severity::Warning, "gap")]);
    assert_eq!(codes(&[&ends, &pack(2, "2026-12-01", None)]), []);
    assert_eq!(codes(&[&ends]), [(Severity::Warning, "gap")]);
}
