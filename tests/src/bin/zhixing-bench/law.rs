//! What the law asks: one case with all rules.

use std::collections::BTreeMap;
use std::time::Instant;

use zhixing_protocol::case::CaseState;
use zhixing_protocol::event::{Event, EventBody, Visibility};
use zhixing_protocol::hash::{EventHash, StatementHash};
use zhixing_protocol::ids::{CaseId, SubjectId};
use zhixing_protocol::rules::calendar::Calendar;
use zhixing_protocol::rules::evaluate::Evaluator;
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::statement::{CaseFiled, NodeRecorded, Openings};
use zhixing_protocol::time::Date;

use crate::Setup;
use crate::report::Report;

/// Evaluations of one sample.
const REPEATS: u32 = 400;

/// A case in which so many nodes were reached, one after another through the catalogue.
fn case(nodes: usize, place: usize) -> CaseState {
    let filed: Date = Date::from_days(18_331); // 2020-03-10
    let codes: Vec<&String> = RulePack::bundled().nodes.keys().collect();
    let mut state = CaseState::default();
    let mut bodies = vec![EventBody::CaseFiled(CaseFiled {
        amount_fen: Some(2_000_000),
        cause: "loan".to_owned(),
        court: "川0811".parse().expect("a court"),
        number: "（2020）川0811执123号".parse().expect("a number"),
    })];
    for node in 0..nodes {
        let code = codes[(place * 7 + node * 5) % codes.len()];
        bodies.push(EventBody::NodeRecorded(NodeRecorded {
            at: Moment::Day(filed.plus_days(i64::try_from(node).expect("small"))),
            document: None,
            node: code.clone(),
            subject: Some(SubjectId([u8::try_from(node % 9).expect("small"); 16])),
            values: BTreeMap::new(),
        }));
    }
    for (seq, body) in (1..).zip(bodies) {
        let (kind, value) = body.write().expect("a known kind");
        let event = Event {
            at_ms: filed.shanghai_start(),
            body: value,
            case: CaseId([1; 16]),
            cause: StatementHash([2; 32]),
            corrects: None,
            hidden: BTreeMap::new(),
            kind: kind.to_owned(),
            occurred_on: filed,
            prev: EventHash::ZERO,
            seq,
            visibility: Visibility::Table,
            unknown: BTreeMap::new(),
        };
        state.apply(&event, &Openings::new());
    }
    state
}

/// One case, and 400 cases, with all rules.
pub fn evaluate(setup: &Setup, report: &mut Report) {
    let evaluator = Evaluator::new(RulePack::bundled(), Calendar::bundled());
    let now = Date::from_days(18_400).shanghai_start();
    let busy = case(60, 0);
    let prompts = evaluator.evaluate(&busy, now).len();
    let cases: Vec<CaseState> = (0..400).map(|place| case(40, place)).collect();
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..setup.rounds {
        let start = Instant::now();
        for _ in 0..REPEATS {
            std::hint::black_box(evaluator.evaluate(std::hint::black_box(&busy), now));
        }
        one.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(REPEATS));
        let start = Instant::now();
        for state in &cases {
            std::hint::black_box(evaluator.evaluate(state, now));
        }
        all.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let how = format!("61 events, {prompts} prompts, one core");
    report.rounds(
        "Evaluate one case with all rules",
        "≤ 200 µs",
        "µs",
        one,
        &how,
    );
    report.rounds(
        "Evaluate 400 cases",
        "≤ 50 ms",
        "ms",
        all,
        "41 events each, one core",
    );
}
