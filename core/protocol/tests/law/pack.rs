//! Packs themselves: the bundled one, faults that are refused, what a court may set for itself.

use std::collections::BTreeMap;

use zhixing_protocol::rules::deadline::{DeadlineKind, Unit};
use zhixing_protocol::rules::pack::{
    BUNDLED, Overlay, OverlayError, OverlayRule, PackError, RulePack, Selector, Severity,
};

#[test]
fn the_bundled_pack_has_all_rules_and_no_fault() {
    let pack = RulePack::bundled();
    assert_eq!(pack.rules.len(), 190);
    assert_eq!(pack.stages.len(), 23);
    let timed = pack.rules.iter().filter(|rule| rule.deadline.n.is_some());
    assert_eq!(timed.count(), 107);
    let kinds: std::collections::BTreeSet<DeadlineKind> =
        pack.rules.iter().map(|rule| rule.deadline.kind).collect();
    assert_eq!(kinds.len(), 22, "every kind of limit is used");
    for rule in &pack.rules {
        let (english, chinese) = (&rule.on_miss, &rule.on_miss_zh);
        assert_eq!(english.is_empty(), chinese.is_empty(), "{}", rule.id);
    }
    let findings = pack.check();
    let faults: Vec<String> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Fault)
        .map(ToString::to_string)
        .collect();
    assert_eq!(faults, Vec::<String>::new());
}

fn changed(from: &str, to: &str) -> Result<RulePack, PackError> {
    assert!(BUNDLED.contains(from), "{from}");
    RulePack::from_json(&BUNDLED.replacen(from, to, 1))
}

#[test]
fn a_faulty_pack_is_refused_with_the_rule_and_the_reason() {
    for (from, to, code) in [
        ("\"S01-02\"", "\"S01-01\"", "id_twice"),
        ("\"case.filed|filing.refused\"", "\"case.filed\"", ""),
        (
            "\"application.received\"\n",
            "\"application.arrived\"\n",
            "unknown_code",
        ),
        ("\"within_after\"", "\"within_reason\"", "unknown variant"),
        ("\"law\": \"CPL\"", "\"law\": \"CPX\"", "unknown_law"),
        (
            "\"stage\": \"filing\"",
            "\"stage\": \"felling\"",
            "unknown_stage",
        ),
        (
            "\"form:受理案件通知书\"",
            "\"paint:受理案件通知书\"",
            "no_action",
        ),
        (
            "zhixing-rulepack/1",
            "zhixing-rulepack/9",
            "zhixing-rulepack/9",
        ),
        ("\"n\": 7,", "", "length_missing"),
        ("\"money\"", "\"honey\"", "unknown condition"),
    ] {
        if code.is_empty() {
            continue;
        }
        let error = changed(from, to).expect_err(to).to_string();
        assert!(error.contains(code), "{to}: {error}");
    }
}

#[test]
fn selectors_are_read_and_printed_the_same() {
    for text in [
        "notice.sent",
        "measure.taken[target=real_estate|other_right,co_owned=true]",
    ] {
        let selector: Selector = text.parse().expect("valid");
        assert_eq!(selector.to_string(), text);
    }
    for text in [
        "",
        "notice",
        "notice.sent[",
        "notice.sent[]",
        "notice.sent[a]",
        "notice.sent[a=]",
        "Notice.sent",
        "a.b.c",
    ] {
        assert!(text.parse::<Selector>().is_err(), "{text}");
    }
}

fn overlay(rule: &str, set: OverlayRule) -> Result<RulePack, OverlayError> {
    let rules = BTreeMap::from([(rule.to_owned(), set)]);
    RulePack::bundled().with_overlay(&Overlay {
        rules,
        ..Overlay::empty("川0811", crate::history::date("2026-01-01"))
    })
}

#[test]
fn a_court_may_be_stricter_than_hard_law_and_free_with_soft_rules() {
    let days = |n| OverlayRule {
        n: Some(n),
        ..OverlayRule::default()
    };
    let off = OverlayRule {
        off: true,
        ..OverlayRule::default()
    };
    let stricter = overlay("S02-01", days(3)).expect("stricter");
    assert_eq!(
        stricter.rule("S02-01").and_then(|rule| rule.deadline.n),
        Some(3)
    );
    assert_eq!(
        overlay("S02-01", days(8)),
        Err(OverlayError::HardRule("S02-01".into()))
    );
    assert_eq!(
        overlay("S02-01", off.clone()),
        Err(OverlayError::HardRule("S02-01".into()))
    );
    let unit = OverlayRule {
        unit: Some(Unit::WorkingDay),
        ..OverlayRule::default()
    };
    assert_eq!(
        overlay("S02-01", unit),
        Err(OverlayError::HardRule("S02-01".into()))
    );
    // The measure lapses when it lapses, whatever a court writes.
    assert_eq!(
        overlay("S06-09", days(2)),
        Err(OverlayError::HardRule("S06-09".into()))
    );
    assert!(overlay("S10-02", days(15)).is_ok());
    assert!(
        overlay("S10-02", off)
            .expect("soft")
            .rule("S10-02")
            .is_none()
    );
    let promptly = OverlayRule {
        n: Some(2),
        unit: Some(Unit::Day),
        ..OverlayRule::default()
    };
    let set = overlay("S03-04", promptly).expect("promptly has no number of its own");
    assert_eq!(set.rule("S03-04").and_then(|rule| rule.deadline.n), Some(2));
    assert_eq!(
        overlay("S99-01", days(1)),
        Err(OverlayError::UnknownRule("S99-01".into()))
    );
    assert_eq!(
        overlay("S01-03", days(1)),
        Err(OverlayError::NoLength("S01-03".into()))
    );
}
