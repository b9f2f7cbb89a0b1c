//! Checklists before termination and completion: each item open, proved by its event, or not called for.

use zhixing_protocol::event::EventBody;
use zhixing_protocol::ids::MeasureId;
use zhixing_protocol::rules::checklist::{Checklist, Item, ItemStanding, Step};
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::statement::{MeasureKind, MeasureReleased, MeasureTaken, MeasureTarget};

use crate::history::{History, date, filed, noon};

fn list(history: &History, step: Step, today: &str) -> Checklist {
    Checklist::new(step, &history.state, Law::bundled(), noon(date(today)))
}

fn item(history: &History, step: Step, rule: &str, today: &str) -> Item {
    let items = list(history, step, today).items;
    let found = items.into_iter().find(|item| item.rule == rule);
    found.unwrap_or_else(|| panic!("the list has no item of {rule}"))
}

fn case() -> History {
    let mut history = History::default();
    let filing = filed("（2020）川0811执123号", Some(2_000_000));
    history.add(date("2020-03-10"), &filing);
    history
}

/// Everything that a plain money case needs before termination.
const PLAIN: [(&str, &str); 6] = [
    ("S02-03", "notice.sent"),
    ("S03-01", "report_order.issued"),
    ("S04-01", "online_query.sent"),
    ("S17-03", "investigation.completed"),
    ("S11-01", "consumption.restricted"),
    ("S17-04", "interview.held"),
];

#[test]
fn every_item_names_a_rule_and_nodes_that_the_pack_knows() {
    for step in Step::ALL {
        let history = case();
        let found = list(&history, step, "2020-07-01");
        let asked = match step {
            Step::Termination => 13,
            Step::Completion => 6,
        };
        assert_eq!(
            found.items.len(),
            asked,
            "an item names no rule of the pack"
        );
        for item in &found.items {
            assert!(!item.basis.is_empty(), "{}", item.rule);
        }
    }
    let pack = RulePack::bundled();
    for node in ["termination.ruled", "completion.recorded"] {
        assert!(pack.nodes.contains_key(node), "{node}");
        assert!(Step::of_node(node).is_some());
    }
}

#[test]
fn termination_waits_for_three_months_and_each_item_for_its_event() {
    let mut history = case();
    let waiting = item(&history, Step::Termination, "S17-01", "2020-06-10");
    assert_eq!(waiting.standing, ItemStanding::Open);
    assert_eq!(waiting.earliest, Some(date("2020-06-11")));
    let over = item(&history, Step::Termination, "S17-01", "2020-06-11");
    assert_eq!((over.standing, over.earliest), (ItemStanding::Met, None));
    for (rule, node) in PLAIN {
        let before = item(&history, Step::Termination, rule, "2020-07-01");
        assert_eq!(before.standing, ItemStanding::Open, "{rule}");
        assert!(before.is_in_the_way(), "{rule}");
        let seq = history.node(node, "2020-05-01");
        let after = item(&history, Step::Termination, rule, "2020-07-01");
        assert_eq!(
            (after.standing, after.by),
            (ItemStanding::Met, vec![seq]),
            "{rule}"
        );
        // What is written down ahead of its day proves nothing yet.
        let early = item(&history, Step::Termination, rule, "2020-04-30");
        assert_eq!(early.standing, ItemStanding::Open, "{rule}");
    }
    let list = list(&history, Step::Termination, "2020-07-01");
    assert_eq!(list.in_the_way().count(), 0);
}

#[test]
fn what_turned_up_in_the_case_must_have_been_dealt_with_one_by_one() {
    let pairs = [
        ("S03-04", "report.received", "report.verified"),
        ("S04-03", "clue.received", "clue.checked"),
        ("S11-05", "default_ground.found", "defaulter.listed"),
        ("S05-08", "whereabouts.unknown", "locating.requested"),
        ("S03-05", "report.violated", "sanction.waived"),
    ];
    for (rule, opened, closed) in pairs {
        let mut history = case();
        let standing = |history: &History| item(history, Step::Termination, rule, "2020-07-01");
        assert_eq!(
            standing(&history).standing,
            ItemStanding::NotNeeded,
            "{rule}"
        );
        history.node_with(opened, "2020-04-01", Some(1), &[]);
        history.node_with(opened, "2020-04-02", Some(2), &[]);
        history.node_with(closed, "2020-04-03", Some(1), &[]);
        let half = standing(&history);
        assert_eq!(half.standing, ItemStanding::Open, "{rule}");
        assert_eq!(half.open_about.len(), 1, "{rule}");
        history.node_with(closed, "2020-04-04", Some(2), &[]);
        assert_eq!(standing(&history).standing, ItemStanding::Met, "{rule}");
    }
}

#[test]
fn approval_is_asked_for_where_the_applicant_does_not_sign() {
    let mut history = case();
    let standing =
        |history: &History| item(history, Step::Termination, "S17-05", "2020-07-01").standing;
    history.node_with(
        "termination.proposed",
        "2020-06-20",
        None,
        &[("applicant_signs", "true")],
    );
    assert_eq!(standing(&history), ItemStanding::NotNeeded);
    history.node_with(
        "termination.proposed",
        "2020-06-21",
        None,
        &[("applicant_signs", "false")],
    );
    assert_eq!(standing(&history), ItemStanding::Open);
    history.node("termination.approved", "2020-06-22");
    assert_eq!(standing(&history), ItemStanding::Met);
}

#[test]
fn a_case_that_is_not_about_money_is_asked_for_no_property() {
    let mut history = History::default();
    history.add(date("2020-03-10"), &filed("（2020）川0811执123号", None));
    for rule in ["S03-01", "S04-01", "S17-03", "S11-01"] {
        let found = item(&history, Step::Termination, rule, "2020-07-01");
        assert_eq!(found.standing, ItemStanding::NotNeeded, "{rule}");
    }
}

#[test]
fn completion_waits_until_everything_is_released() {
    let mut history = case();
    let pairs = [
        ("S11-04", "consumption.restricted", "consumption.released"),
        ("S11-07", "defaulter.listed", "defaulter.deleted"),
        ("S11-10", "exit_ban.decided", "exit_ban.lifted"),
        ("S10-01", "funds.confirmed", "funds.paid_out"),
    ];
    for (rule, taken, released) in pairs {
        let standing =
            |history: &History| item(history, Step::Completion, rule, "2020-07-01").standing;
        assert_eq!(standing(&history), ItemStanding::NotNeeded, "{rule}");
        history.node_with(taken, "2020-04-01", Some(1), &[]);
        assert_eq!(standing(&history), ItemStanding::Open, "{rule}");
        history.node_with(released, "2020-06-01", Some(1), &[]);
        assert_eq!(standing(&history), ItemStanding::Met, "{rule}");
    }
    let held = |history: &History, today| item(history, Step::Completion, "S06-16", today);
    let measure = MeasureId([9; 16]);
    let taken = EventBody::MeasureTaken(MeasureTaken {
        at: Moment::Day(date("2020-04-01")),
        document: None,
        kind: MeasureKind::Freeze,
        measure,
        rank: 1,
        target: MeasureTarget::BankDeposit,
        until: date("2021-03-31"),
        values: std::collections::BTreeMap::new(),
    });
    history.add(date("2020-04-01"), &taken);
    let open = held(&history, "2020-07-01");
    assert_eq!(open.standing, ItemStanding::Open);
    assert_eq!(open.open_about, [measure.to_string()]);
    // What has lapsed holds nothing any more.
    assert_eq!(held(&history, "2021-04-01").standing, ItemStanding::Met);
    let released = EventBody::MeasureReleased(MeasureReleased {
        at: Moment::Day(date("2020-06-30")),
        document: None,
        measure,
        reason: "performed".to_owned(),
    });
    let seq = history.add(date("2020-06-30"), &released);
    assert_eq!(held(&history, "2020-07-01").by, [seq]);
    let performed = item(&history, Step::Completion, "S18-03", "2020-07-01");
    assert!(performed.is_in_the_way());
    history.node("obligation.performed", "2020-06-30");
    assert_eq!(
        list(&history, Step::Completion, "2020-07-01")
            .in_the_way()
            .count(),
        0
    );
}
